"""The table of activation functions: kernels by name.

A new activation is a pair in ``kernels/activations.py`` and one line here. Each entry is
also a function on arrays: ``minidl.activations.relu(x)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from minidl import checks
from minidl.backend import current, floating
from minidl.kernels import activations as kernels


@dataclass(frozen=True)
class ActivationFunction:
    """An activation: forward, backward, and the constants that both take.

    Attributes:
        name: as layers and configurations give it.
        forward: kernel (x, *constants, out).
        backward: kernel (dy, y, *constants, out).
        constants: names and default values.
        rowwise: whether each row is one unit of work, with a work column (softmax).
    """

    name: str
    forward: Any
    backward: Any
    constants: dict[str, float] = field(default_factory=dict)
    rowwise: bool = False

    def __reduce_ex__(self, protocol: Any) -> Any:
        known = TABLE.get(self.name) is self
        return self.name if known else super().__reduce_ex__(protocol)

    def __call__(self, x: Any, **constants: float) -> Any:
        """y for an array ``x``, as a new array in the default floating type if x has none."""
        for constant in constants:
            if constant not in self.constants:
                raise checks.unknown(f"argument of {self.name}", constant, self.constants)
        backend = current()
        x = backend.to_device(x)
        if x.dtype.kind not in "biuf":
            raise TypeError(f"{self.name}: expected numbers, received {x.dtype}")
        if x.dtype.char not in "fd" or not x.dtype.isnative:
            x = x.astype(floating())
        y = backend.xp.empty(x.shape, dtype=x.dtype)
        if self.rowwise:
            row = backend.xp.empty((*x.shape[:-1], 1), dtype=x.dtype)
            flat = (-1, x.shape[-1])
            self.forward(x.reshape(flat), row.reshape(-1, 1), y.reshape(flat))
        else:
            values = {**self.constants, **constants}
            contiguous = backend.xp.ascontiguousarray(x)
            self.forward(contiguous, *values.values(), out=y)
        return y


linear = ActivationFunction("linear", kernels.linear_forward, kernels.linear_backward)
sigmoid = ActivationFunction("sigmoid", kernels.sigmoid_forward, kernels.sigmoid_backward)
tanh = ActivationFunction("tanh", kernels.tanh_forward, kernels.tanh_backward)
relu = ActivationFunction("relu", kernels.relu_forward, kernels.relu_backward)
leaky_relu = ActivationFunction(
    "leaky_relu",
    kernels.leaky_relu_forward,
    kernels.leaky_relu_backward,
    {"negative_slope": 0.2},
)
elu = ActivationFunction("elu", kernels.elu_forward, kernels.elu_backward, {"alpha": 1.0})
softmax = ActivationFunction(
    "softmax", kernels.softmax_forward, kernels.softmax_backward, rowwise=True
)

TABLE = {f.name: f for f in (linear, sigmoid, tanh, relu, leaky_relu, elu, softmax)}


def name_of(function: ActivationFunction) -> str:
    """The name under which :func:`get` finds the function.

    Raises:
        ValueError: it is not in the table.
    """
    if TABLE.get(function.name) is not function:
        raise ValueError(
            f"expected an activation of minidl's table, received {function.name!r}, which has no "
            "name that a file could hold"
        )
    return function.name


def get(identifier: str | ActivationFunction | None) -> ActivationFunction:
    """An activation by name, the one that is given, or linear for None.

    Raises:
        ValueError: unknown name.
        TypeError: neither a name nor an activation.
    """
    if identifier is None:
        return linear
    if isinstance(identifier, ActivationFunction):
        return identifier
    if isinstance(identifier, str):
        found: ActivationFunction = checks.lookup("activation", identifier, TABLE)
        return found
    raise TypeError(
        "activation: expected a name or a function of minidl.activations, received "
        f"{type(identifier).__name__}"
    )
