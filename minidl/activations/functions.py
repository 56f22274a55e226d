"""Activation functions: pairs of kernels under a name.

A pair ``NAME_forward``, ``NAME_backward`` of ``kernels/activations.py``, ``gated.py``,
``piecewise.py``, ``rowwise.py`` or ``smooth.py`` is the function ``minidl.activations.NAME``,
which takes arrays: ``minidl.activations.relu(x)``. Layers take the name, ``Dense(16, "relu")``.

An activation of another package is made in the same way::

    def cube_forward(x, scale=1.0, *, out):
        return np.multiply(scale, x**3, out=out)

    def cube_backward(dy, x, scale, *, out):
        return np.multiply(dy, 3 * scale * x**2, out=out)

    cube = minidl.register(ActivationFunction("cube", cube_forward, cube_backward))
"""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

from minidl.activations import as_keras
from minidl.activations.pairs import Pair
from minidl.kernels import activations, gated, piecewise, rowwise, smooth
from minidl.names.lookup import find, known
from minidl.names.register import kind, register


@kind("activation")
class ActivationFunction(Pair):
    """An activation.

    A kernel gets the arguments that its signature names. ``forward(x, ..., out=)`` writes y into
    ``out``. ``backward(dy, ..., out=)`` takes ``x`` or ``y`` or both, and writes dx into ``out``.
    Both kernels may take constants, with default values in ``forward``. They may also take the work
    space ``row`` and ``total``, (N, 1): x is then (N, K), and each row is one unit of work.

    Args:
        name: for layers, configurations and messages.
        forward, backward: the kernels.

    Attributes:
        constants: names and default values.
        rowwise: True if the kernels take work space.
        keeps_x, keeps_y: True if ``backward`` takes x, or y, respectively.
        dx_over_dy: True if ``backward`` may write dx into the memory of dy.

    Raises:
        TypeError: an argument has another name, or a kernel has no signature.
    """

    def __repr__(self) -> str:
        return f"<activation {self.name}>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        for name, function in known(ActivationFunction).items():
            if function is self:
                return get, (name,)
        return super().__reduce_ex__(protocol)

    def __call__(self, x: Any, *places: Any, **arguments: Any) -> Any:
        """y for an array ``x``, as a new array in the default floating type if x has none.

        Args:
            places, arguments: constants, by position or by name; where Keras has a function of
                this name, the arguments of Keras's function.

        Raises:
            TypeError, ValueError: no numbers, or constants that the function does not take.
        """
        return as_keras.call(self, x, places, arguments)

    @property
    def __signature__(self) -> inspect.Signature:
        return as_keras.signature(self)


_ALSO = {"silu": ("swish",), "hard_silu": ("hard_swish",)}


def _register_pairs(module: ModuleType) -> None:
    """Make an activation of each pair of kernels."""
    for full, forward in vars(module).items():
        name, _, end = full.rpartition("_")
        if end == "forward":
            backward = getattr(module, f"{name}_backward")
            register(ActivationFunction(name, forward, backward), *_ALSO.get(name, ()))


for _module in (activations, gated, piecewise, rowwise, smooth):
    _register_pairs(_module)


def get(identifier: str | ActivationFunction | None) -> ActivationFunction:
    """An activation by name, the given activation, or linear for None.

    Raises:
        ValueError: unknown name.
        TypeError: neither a name nor an activation.
    """
    if isinstance(identifier, ActivationFunction):
        return identifier
    name = "linear" if identifier is None else identifier
    if not isinstance(name, str) or name in as_keras.ABSENT:
        raise as_keras.refusal(name, known(ActivationFunction))
    found: ActivationFunction = find(name, ActivationFunction)
    return found
