"""Callbacks: actions between the steps of ``fit``, such as stopping, saving, logging, schedules."""

from minidl.callbacks.backup import BackupAndRestore
from minidl.callbacks.base import Callback, Logs
from minidl.callbacks.checkpoint import ModelCheckpoint
from minidl.callbacks.container import CallbackList
from minidl.callbacks.csv_log import CSVLogger
from minidl.callbacks.early_stopping import EarlyStopping
from minidl.callbacks.functions import LambdaCallback
from minidl.callbacks.health import LayerHealth
from minidl.callbacks.history import History
from minidl.callbacks.monitor import Monitor
from minidl.callbacks.nan import TerminateOnNaN
from minidl.callbacks.plateau import ReduceLROnPlateau
from minidl.callbacks.progress import ProgressBar
from minidl.callbacks.rates import LearningRateScheduler
from minidl.callbacks.tensorboard import TensorBoard

#: Keras's name of the bar that ``fit(..., verbose=1)`` shows by itself.
ProgbarLogger = ProgressBar

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LayerHealth",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "Monitor",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
]
