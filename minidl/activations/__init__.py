"""Activation functions: pairs of kernels under a name.

``minidl.activations.relu(x)`` takes arrays; layers take an activation by name,
``Dense(16, "relu")``. :class:`ActivationFunction` makes one of any pair of kernels.

A new activation is a pair ``NAME_forward``, ``NAME_backward`` in ``kernels/activations.py``,
``smooth.py``, ``piecewise.py``, ``gated.py`` or ``rowwise.py``. In this package ``functions.py``
finds the pairs, ``pairs.py`` reads the arguments of a pair's kernels, and ``as_keras.py`` calls an
activation with the arguments of Keras's function.
"""

from __future__ import annotations

from minidl.activations.as_keras import no_attribute
from minidl.activations.functions import ActivationFunction, get
from minidl.names.lookup import known

__all__ = ["ActivationFunction", "get"]


def __getattr__(name: str) -> ActivationFunction:
    functions = known(ActivationFunction)
    if name not in functions:
        raise AttributeError(no_attribute(__name__, name))
    found: ActivationFunction = functions[name]
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *known(ActivationFunction)})
