"""Activations as functions of arrays, called with the arguments of Keras's functions."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from minidl import checks
from minidl.activations.pairs import COLUMNS
from minidl.backend import current
from minidl.backend.floatx import in_floats
from minidl.kernels.activations import relu_forward, softmax_forward
from minidl.kernels.gated import gelu_forward
from minidl.kernels.rowwise import log_softmax_forward
from minidl.names.lookup import find
from minidl.names.register import base_of

#: Activations of Keras that minidl lacks, with the reason.
ABSENT = {
    "glu": "it halves the features, and an activation keeps their number; write a layer",
    "sparsemax": "it sorts each row; write softmax, or an ActivationFunction of your own",
    "threshold": "it has no usual threshold; write layers.ReLU(threshold=...)",
}


def relu(
    negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> tuple[str, dict[str, Any]]:
    """Name and constants of the function that equals Keras's relu with the given arguments.

    Raises:
        ValueError, TypeError: an unsuitable number.
    """
    slope = checks.real("negative_slope", negative_slope, 0)
    start = checks.real("threshold", threshold, 0)
    if max_value is None and not start:
        return ("leaky_relu", {"negative_slope": slope}) if slope else ("relu", {})
    end = math.inf if max_value is None else checks.real("max_value", max_value, 0)
    return "bounded_relu", {"negative_slope": slope, "max_value": end, "threshold": start}


def gelu(approximate: bool = False) -> tuple[str, dict[str, Any]]:
    """Name and constants of the function that equals Keras's gelu with the given argument."""
    return "gelu_tanh" if approximate else "gelu", {}


# By the kernel: another package may have functions of the same names.
_ARGUMENTS: dict[Any, Callable[..., tuple[str, dict[str, Any]]]] = {
    relu_forward: relu,
    gelu_forward: gelu,
}
_ALONG_AXIS = (softmax_forward, log_softmax_forward)


def signature(function: Any) -> inspect.Signature:
    """The signature of a call of an activation: x, and constants or Keras's arguments by name."""
    x, word = (inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in "xc")
    constants = {"axis": -1} if function.forward in _ALONG_AXIS else function.constants
    own = [word.replace(name=n, default=v) for n, v in constants.items()]
    if function.forward in _ARGUMENTS:
        own = [*inspect.signature(_ARGUMENTS[function.forward]).parameters.values()]
    return inspect.Signature([x, *own])


def call(function: Any, x: Any, places: Sequence[Any], arguments: Mapping[str, Any]) -> Any:
    """y for an array ``x``, as a new array in the default floating type if x has none.

    Args:
        function: an activation.
        x: of any shape; functions of whole rows, for example softmax, take the last axis.
        places, arguments: the arguments of :func:`signature` after x, by position or by name.

    Raises:
        TypeError, ValueError: no numbers, one number for a function of whole rows, or arguments
            that the function does not take.
    """
    if places:
        _, *order = signature(function).parameters
        if len(places) > len(order):
            raise TypeError(f"{function.name}: expected up to {len(order)} constants")
        arguments = {**arguments, **dict(zip(order, places, strict=False))}
    if function.forward in _ALONG_AXIS:
        return _along(function, x, **arguments)
    if function.forward in _ARGUMENTS:
        name, constants = _ARGUMENTS[function.forward](**arguments)
        if name != function.name:
            function = find(name, base_of(function) or object)
        return _whole(function, x, constants)
    for constant in arguments:
        if constant not in function.constants:
            raise checks.unknown(f"argument of {function.name}", constant, function.constants)
    return _whole(function, x, {**function.constants, **arguments})


def _along(function: Any, x: Any, axis: Any = -1) -> Any:
    """y, with rows along an axis, or along several."""
    xp, x = current().xp, current().to_device(x)
    axes = tuple(axis) if isinstance(axis, list | tuple) else (axis,)
    if not x.ndim or not x.size or axes in ((-1,), (x.ndim - 1,)):
        return _whole(function, x, {})
    last = tuple(range(-len(axes), 0))
    moved = xp.moveaxis(x, axes, last)
    y = _whole(function, moved.reshape(*moved.shape[: -len(axes)], -1), {}).reshape(moved.shape)
    return xp.moveaxis(y, last, axes)


def _whole(function: Any, x: Any, constants: Mapping[str, Any]) -> Any:
    """y, with rows along the last axis."""
    backend = current()
    x = in_floats(backend.to_device(checks.array(function.name, x)))
    y = backend.xp.empty(x.shape, dtype=x.dtype)
    x, out = backend.xp.ascontiguousarray(x).reshape(x.shape), y  # of one number, too
    columns = {}
    if function.rowwise:
        if not x.ndim:
            raise ValueError(f"{function.name}: expected at least one axis, received one number")
        if not x.size:
            return y
        x, out = x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1])
        columns = {name: backend.xp.empty((len(x), 1), dtype=x.dtype) for name in COLUMNS}
    function.run_forward({"x": x, **constants, **columns}, out)
    return y


def refusal(identifier: Any, names: Collection[str]) -> Exception:
    """The error for a wrong identifier of an activation: a name of :data:`ABSENT`, or no name.

    Args:
        identifier: what was given.
        names: minidl's activations; a function of one of these names is perhaps another package's.
    """
    if isinstance(identifier, str):
        return ValueError(f"{identifier!r} is none of minidl's activations: {ABSENT[identifier]}")
    given, remedies = type(identifier).__name__, []
    name = getattr(identifier, "__name__", "")
    if name in names:
        remedies.append(f"write {name!r} for minidl's")
    if inspect.isroutine(identifier):
        given = f"the function {name} without its derivative"
        name = name if name.isidentifier() else "my_activation"
        remedies.append(
            f"write {name}_backward(dy, x), or (dy, y), which returns dx, both functions with "
            f"@minidl.backend.fused, and pass minidl.activations.ActivationFunction({name!r}, "
            f"{name}, {name}_backward)"
        )
    return TypeError(
        "activation: expected a name or a function of minidl.activations, received "
        + "; ".join([given, " or ".join(remedies)] if remedies else [given])
    )


def no_attribute(module: str, name: str) -> str:
    """The message for an activation that ``module`` lacks."""
    if name in ABSENT:
        return f"{name} is none of minidl's activations: {ABSENT[name]}"
    return f"module {module!r} has no attribute {name!r}"
