"""Optimizers: each one update of the parameter vector, and learning-rate schedules."""

from __future__ import annotations

from minidl import checks
from minidl.optimizers import schedules
from minidl.optimizers.adagrad import Adagrad
from minidl.optimizers.adam import Adam, AdamW, Nadam
from minidl.optimizers.base import Optimizer
from minidl.optimizers.rmsprop import RMSprop
from minidl.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "get",
    "schedules",
]

TABLE: dict[str, type[Optimizer]] = {
    kind.__name__.lower(): kind for kind in (SGD, RMSprop, Adam, AdamW, Nadam, Adagrad)
}


def get(identifier: str | Optimizer) -> Optimizer:
    """An optimizer by name, in any case of letters, or the one that is given.

    Raises:
        ValueError: unknown name.
        TypeError: neither a name nor an optimizer.
    """
    name = identifier.lower() if isinstance(identifier, str) else identifier
    found: Optimizer = checks.instance("optimizer", name, Optimizer, TABLE)
    return found
