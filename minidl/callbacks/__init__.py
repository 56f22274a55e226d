"""Callbacks: actions between the steps of ``fit``, such as stopping, saving, logging, schedules."""

from minidl.callbacks.backup import BackupAndRestore
from minidl.callbacks.base import Callback, History, LambdaCallback, Logs
from minidl.callbacks.checkpoint import ModelCheckpoint
from minidl.callbacks.health import LayerHealth
from minidl.callbacks.monitors import EarlyStopping, Monitor, ReduceLROnPlateau
from minidl.callbacks.running import CSVLogger, LearningRateScheduler, TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LayerHealth",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "Monitor",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
