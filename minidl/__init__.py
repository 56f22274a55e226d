"""minidl: a neural-network engine on NumPy and CuPy.

Public names follow Keras: ``minidl.Sequential``, ``minidl.layers``, ``minidl.optimizers``,
``minidl.losses``, ``minidl.datasets`` …; ``minidl.backend`` chooses the device of the arrays and
the executor of the formulas.

The formulas are in ``kernels``, and a training step is in ``step.py``. The passes through the
layers are in ``network``, the loop over batches is in ``training``, and the methods that a user
calls are in ``model``. The folder ``accelerator`` makes all of this fast. ``docs/design.md`` has a
plan of all packages.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from minidl import (
    activations,
    backend,
    callbacks,
    constraints,
    datasets,
    initializers,
    interop,
    layers,
    losses,
    metrics,
    models,
    nn,
    optimizers,
    regularizers,
    saving,
    utils,
)
from minidl.backend import floatx, set_floatx
from minidl.backend.array import Variable
from minidl.backend.bodies import remember
from minidl.finite import NonFiniteError
from minidl.finite.replaying import replay_failure
from minidl.layers import Input
from minidl.model.sequential import Sequential
from minidl.models import Model, load_model
from minidl.names import absent
from minidl.names.register import register
from minidl.saving import FileFormatError
from minidl.step import train_step

__version__ = "0.1.0"

remember()

__all__ = [
    "FileFormatError",
    "Input",
    "Model",
    "NonFiniteError",
    "Sequential",
    "Variable",
    "activations",
    "backend",
    "callbacks",
    "constraints",
    "datasets",
    "estimators",
    "floatx",
    "gradient_check",
    "initializers",
    "interop",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "models",
    "nn",
    "ops",
    "optimizers",
    "plotting",
    "register",
    "regularizers",
    "replay_failure",
    "saving",
    "set_floatx",
    "testing",
    "train_step",
    "utils",
]


def __getattr__(name: str) -> ModuleType:
    # Loaded when first used: matplotlib, scikit-learn, and modules that few programs need.
    if name in ("plotting", "estimators", "gradient_check", "testing", "ops"):
        return importlib.import_module(f"minidl.{name}")
    instead = absent.of_package(name)
    if instead is not None:
        raise AttributeError(f"{name} is none of minidl's names: {instead}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
