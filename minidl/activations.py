"""Activation functions: pairs of kernels under a name.

A pair ``NAME_forward``, ``NAME_backward`` of ``kernels/activations.py``, ``gated.py``,
``piecewise.py``, ``rowwise.py`` or ``smooth.py`` is the function ``minidl.activations.NAME``,
which takes arrays: ``minidl.activations.relu(x)``. Layers take it by name, ``Dense(16, "relu")``.

An activation of another package is made in the same way::

    def cube_forward(x, scale=1.0, *, out):
        return np.multiply(scale, x**3, out=out)

    def cube_backward(dy, x, scale, *, out):
        return np.multiply(dy, 3 * scale * x**2, out=out)

    cube = minidl.register(ActivationFunction("cube", cube_forward, cube_backward))
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

from minidl import checks
from minidl.backend import current, floating
from minidl.kernels import activations, gated, piecewise, rowwise, smooth
from minidl.lookup import find, known
from minidl.register import kind, register

#: Arguments of kernels that are work space, one number a row.
COLUMNS = ("row", "total")


@kind("activation")
class ActivationFunction:
    """An activation.

    Names of arguments say what a kernel needs. ``forward(x, ..., out=)`` writes y into ``out``.
    ``backward(dy, ..., out=)`` takes ``x`` or ``y`` or both, and writes dx into ``out``. Both
    kernels may take constants, with default values in ``forward``, and the work space ``row`` and
    ``total``, (N, 1): x is then (N, K), and each row is one unit of work.

    Args:
        name: for layers, configurations and messages.
        forward, backward: the kernels.

    Attributes:
        constants: names and default values.
        rowwise: True if the kernels take work space.
        keeps_x, keeps_y: True if ``backward`` takes x; if it takes y.

    Raises:
        TypeError: an argument has another name, or a kernel has no signature.
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    constants: dict[str, Any]
    keeps_x: bool
    keeps_y: bool
    rowwise: bool
    _forward: tuple[str, ...]
    _backward: tuple[str, ...]

    def __init__(
        self, name: str, forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> None:
        given, back = _parameters(name, forward), _parameters(name, backward)
        constants = {k: v for k, v in given.items() if v is not inspect.Parameter.empty}
        _check(name, "forward", given, ("x", *constants, *COLUMNS))
        _check(name, "backward", back, ("dy", "x", "y", *constants, *COLUMNS))
        vars(self).update(
            # The caller's package is a part of the name in files; namedtuple does the same.
            __module__=sys._getframe(1).f_globals.get("__name__", "__main__"),
            name=name,
            forward=forward,
            backward=backward,
            constants=constants,
            keeps_x="x" in back,
            keeps_y="y" in back,
            rowwise=not {*given, *back}.isdisjoint(COLUMNS),
            _forward=tuple(given),
            _backward=tuple(back),
        )

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"{name} of {self!r} cannot be set; expected a new ActivationFunction in its place"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ActivationFunction) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"<activation {self.name}>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        for name, function in known(ActivationFunction).items():
            if function is self:
                return get, (name,)
        return super().__reduce_ex__(protocol)

    def _key(self) -> tuple[Any, ...]:
        return self.name, self.forward, self.backward

    @property
    def __signature__(self) -> inspect.Signature:
        """Of a call: x, and the arguments of :meth:`chosen` by name."""
        x, word = (inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in "xc")
        every = inspect.signature(self.chosen).parameters.values()
        own = [p for p in every if p.default is not p.empty]
        made = [word.replace(name=n, default=v) for n, v in self.constants.items()]
        return inspect.Signature([x, *(own or made)])

    def run(self, values: Mapping[str, Any], out: Any) -> Any:
        """y, written into ``out``; ``values`` are the arguments by name."""
        return self.forward(*[values[name] for name in self._forward], out=out)

    def run_back(self, values: Mapping[str, Any], out: Any) -> Any:
        """dx, written into ``out``; ``values`` are the arguments by name."""
        return self.backward(*[values[name] for name in self._backward], out=out)

    def chosen(self, **arguments: Any) -> tuple[ActivationFunction, dict[str, Any]]:
        """The function that these arguments mean, and its constants.

        Raises:
            ValueError: an unknown argument.
        """
        for constant in arguments:
            if constant not in self.constants:
                raise checks.unknown(f"argument of {self.name}", constant, self.constants)
        return self, {**self.constants, **arguments}

    def __call__(self, x: Any, *places: Any, **arguments: Any) -> Any:
        """y for an array ``x``, as a new array in the default floating type if x has none.

        Args:
            places, arguments: constants, in their order or by their names.

        Raises:
            TypeError, ValueError: no numbers, or constants that the function has not.
        """
        if places:
            _, *order = self.__signature__.parameters
            arguments |= dict(zip(order, places, strict=False))
            if len(places) > len(order):
                raise TypeError(f"{self.name}: expected up to {len(order)} constants")
        function, constants = self.chosen(**arguments)
        backend = current()
        x = backend.to_device(x)
        if x.dtype.kind not in "biuf":
            raise TypeError(f"{self.name}: expected numbers, received {x.dtype}")
        if x.dtype.char not in "fd" or not x.dtype.isnative:
            x = x.astype(floating())
        y = backend.xp.empty(x.shape, dtype=x.dtype)
        x, out = backend.xp.ascontiguousarray(x).reshape(x.shape), y  # of one number, too
        columns = {}
        if function.rowwise:
            x, out = x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1])
            columns = {name: backend.xp.empty((len(x), 1), dtype=x.dtype) for name in COLUMNS}
        function.run({"x": x, **constants, **columns}, out)
        return y


def _parameters(name: str, kernel: Callable[..., Any]) -> dict[str, Any]:
    """Names and default values of a kernel's arguments, but for ``out``."""
    try:
        found = inspect.signature(kernel).parameters.values()
    except (TypeError, ValueError):
        found = None
    if found is None or any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in found):
        raise TypeError(
            f"activation {name!r}: expected kernels whose arguments have names, received {kernel!r}"
        )
    return {p.name: p.default for p in found if p.name != "out"}


def _check(name: str, which: str, given: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    for argument in given:
        if argument not in allowed:
            raise TypeError(
                f"activation {name!r}, {which}: expected arguments called {', '.join(allowed)}, "
                f"or, in forward, constants with default values; received {argument!r}"
            )
    if next(iter(given), None) != allowed[0]:
        raise TypeError(f"activation {name!r}, {which}: expected {allowed[0]} first")


class _Relu(ActivationFunction):
    """Keras's relu takes arguments, which mean other functions."""

    def chosen(  # type: ignore[override]
        self,
        negative_slope: float = 0.0,
        max_value: float | None = None,
        threshold: float = 0.0,
    ) -> tuple[ActivationFunction, dict[str, Any]]:
        slope = checks.real("negative_slope", negative_slope, 0)
        start = checks.real("threshold", threshold, 0)
        if max_value is None and not start:
            return (get("leaky_relu"), {"negative_slope": slope}) if slope else (self, {})
        end = math.inf if max_value is None else checks.real("max_value", max_value, 0)
        constants = {"negative_slope": slope, "max_value": end, "threshold": start}
        return get("bounded_relu"), constants


class _Gelu(ActivationFunction):
    """Keras's gelu takes an argument, which means another function."""

    def chosen(  # type: ignore[override]
        self, approximate: bool = False
    ) -> tuple[ActivationFunction, dict[str, Any]]:
        return get("gelu_tanh") if approximate else self, {}


class _AlongAxis(ActivationFunction):
    """Keras's softmax takes an axis where it takes an array."""

    __signature__ = inspect.signature(lambda x, axis=-1: x)

    def __call__(self, x: Any, axis: Any = -1) -> Any:
        x = current().to_device(x)
        axes = tuple(axis) if isinstance(axis, list | tuple) else (axis,)
        if not x.ndim or axes in ((-1,), (x.ndim - 1,)):
            return super().__call__(x)
        last = tuple(range(-len(axes), 0))
        moved = current().xp.moveaxis(x, axes, last)
        y = super().__call__(moved.reshape(*moved.shape[: -len(axes)], -1)).reshape(moved.shape)
        return current().xp.moveaxis(y, last, axes)


_CLASSES = {"relu": _Relu, "gelu": _Gelu, "softmax": _AlongAxis, "log_softmax": _AlongAxis}
_ALSO = {"silu": ("swish",), "hard_silu": ("hard_swish",)}


def _register_pairs(kernels: Mapping[str, Any]) -> None:
    """Make an activation of each pair of kernels."""
    for name in [each.removesuffix("_forward") for each in kernels if each.endswith("_forward")]:
        made = _CLASSES.get(name, ActivationFunction)
        pair = kernels[f"{name}_forward"], kernels[f"{name}_backward"]
        register(made(name, *pair), *_ALSO.get(name, ()))


for _module in (activations, gated, piecewise, rowwise, smooth):
    _register_pairs(vars(_module))

#: Activations of Keras that are none here, and why.
_ABSENT = {
    "glu": "it halves the features, and an activation keeps their number; write a layer",
    "sparsemax": "it sorts each row; write softmax, or an ActivationFunction of your own",
    "threshold": "it has no usual threshold; write layers.ReLU(threshold=...)",
}


def get(identifier: str | ActivationFunction | None) -> ActivationFunction:
    """An activation by name, the one that is given, or linear for None.

    Raises:
        ValueError: unknown name.
        TypeError: neither a name nor an activation.
    """
    if isinstance(identifier, ActivationFunction):
        return identifier
    if identifier is None or isinstance(identifier, str):
        if identifier in _ABSENT:
            raise ValueError(
                f"{identifier!r} is none of minidl's activations: {_ABSENT[identifier]}"
            )
        found: ActivationFunction = find(
            "linear" if identifier is None else identifier, ActivationFunction
        )
        return found
    given = type(identifier).__name__
    if inspect.isroutine(identifier):
        given = (
            f"the function {identifier.__name__}, whose derivative ActivationFunction takes, too"
        )
    raise TypeError(
        f"activation: expected a name or a function of minidl.activations, received {given}"
    )


def __getattr__(name: str) -> ActivationFunction:
    functions = known(ActivationFunction)
    if name in _ABSENT:
        raise AttributeError(f"{name} is none of minidl's activations: {_ABSENT[name]}")
    if name not in functions:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: ActivationFunction = functions[name]
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *known(ActivationFunction)})
