"""Optimizers: each one update of the parameter vector, and learning-rate schedules."""

from __future__ import annotations

from typing import Any

from minidl.names.lookup import get as of_kind
from minidl.names.lookup import offered
from minidl.optimizers import schedules
from minidl.optimizers.adadelta import Adadelta
from minidl.optimizers.adagrad import Adagrad
from minidl.optimizers.adam import Adam
from minidl.optimizers.adamax import Adamax
from minidl.optimizers.adamw import AdamW
from minidl.optimizers.base import Optimizer
from minidl.optimizers.configuration import deserialize, serialize
from minidl.optimizers.ftrl import Ftrl
from minidl.optimizers.lion import Lion
from minidl.optimizers.nadam import Nadam
from minidl.optimizers.rmsprop import RMSprop
from minidl.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

# For names that no line above imports; type checkers need the lines above.
__getattr__ = offered(__name__, Optimizer)


def get(identifier: str | dict[str, Any] | Optimizer) -> Optimizer:
    """An optimizer by name, in any case of letters, or of a dictionary, or the one that is given.

    Raises:
        ValueError: unknown name.
        TypeError: neither a name nor an optimizer.
    """
    return of_kind(
        Optimizer, deserialize(identifier) if isinstance(identifier, dict) else identifier
    )
