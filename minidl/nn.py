"""Activation functions, under the names that programs write after ``tf.nn``.

Every function of :mod:`minidl.activations` is here: ``Dense(16, activation=minidl.nn.relu)``, or
``minidl.nn.relu(x)`` of an array.
"""

from __future__ import annotations

from minidl.activations import ActivationFunction
from minidl.names.lookup import known


def __getattr__(name: str) -> ActivationFunction:
    functions = known(ActivationFunction)
    if name not in functions:
        names = ", ".join(sorted(functions))
        raise AttributeError(f"minidl.nn has activation functions, and no {name!r}: {names}")
    found: ActivationFunction = functions[name]
    return found


def __dir__() -> list[str]:
    return sorted(known(ActivationFunction))
