"""Requirements on functions before a gradient check, and the verdict after the check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minidl.backend import backend_of
from minidl.gradient_check.compare import Comparison
from minidl.gradient_check.errors import (
    GradientDtypeError,
    GradientError,
    GradientShapeError,
    InPlaceError,
    KinkError,
    NondeterministicError,
    NotFiniteError,
)
from minidl.gradient_check.report import SHOWN, Failure, Result
from minidl.network import Network
from minidl.network.conversion import ShapeError


def on_host(what: str, array: Any) -> np.ndarray:
    """A copy of ``array`` as a NumPy array of float64, all finite.

    Raises:
        GradientDtypeError: the array has another type.
        NotFiniteError: the array holds NaN or infinity.
    """
    host = np.array(backend_of(array).to_host(array))
    if host.dtype != np.float64:
        raise GradientDtypeError(f"{what}: expected float64, received {host.dtype}")
    if not np.isfinite(host).all():
        place = np.argwhere(~np.isfinite(host))[0].tolist()
        raise NotFiniteError(
            f"{what}: expected finite numbers, received {host[tuple(place)]} at {place}"
        )
    return host


def forward(network: Network, *arguments: Any) -> Any:
    """The network's outputs.

    Raises:
        GradientShapeError: a layer's array does not have the shape that ``build`` gave.
    """
    try:
        return network.forward(*arguments)
    except ShapeError as error:
        raise GradientShapeError(str(error)) from None


def of_shape(what: str, array: np.ndarray, shape: tuple[int, ...], whose: str) -> np.ndarray:
    """``array``, after a check of the shape.

    Raises:
        GradientShapeError: the array has another shape.
    """
    if not hasattr(array, "shape"):
        received = f"a {type(array).__name__}"
        raise GradientShapeError(
            f"{what}: expected an array of shape {shape}, {whose}, received {received}"
        )
    if array.shape != shape:
        raise GradientShapeError(f"{what}: expected shape {shape}, {whose}, received {array.shape}")
    return array


def settled(
    what: str, call: Callable[[], Any], inputs: Callable[[], Mapping[str, np.ndarray]]
) -> Any:
    """The result of ``call()``, if a second call agrees and the inputs are unchanged.

    Args:
        what: name of the call for messages.
        call: returns new host arrays: one, or a mapping.
        inputs: returns copies of the current inputs.

    Raises:
        InPlaceError: an input has changed.
        NondeterministicError: the second call gave other numbers.
    """
    before = {name: np.array(x) for name, x in inputs().items()}
    first = call()
    for name, x in inputs().items():
        changed = ~((x == before[name]) | ((x != x) & (before[name] != before[name])))
        if changed.any():
            place = np.argwhere(changed)[0].tolist()
            raise InPlaceError(
                f"{what}: expected its input {name} as it was, received it changed in "
                f"{int(changed.sum())} of {changed.size} entries, the first at {place}"
            )
    second = call()
    firsts = first if isinstance(first, dict) else {"the result": first}
    seconds = second if isinstance(second, dict) else {"the result": second}
    for name, one in firsts.items():
        other = seconds[name]
        if one.shape != other.shape or not np.array_equal(one, other):
            apart = np.abs(one - other).max() if one.shape == other.shape else np.nan
            raise NondeterministicError(
                f"{what}: expected the same numbers from two calls with the same input, received "
                f"{name} up to {apart:.3g} apart; freeze what is random in it"
            )
    return first


def verdict(subject: str, found: Sequence[Comparison]) -> Result:
    """The result of all comparisons, if nothing is wrong.

    Raises:
        GradientError: a gradient is wrong.
        KinkError: no gradient is wrong, but the point lies at a kink.
    """
    checks = tuple(check for comparison in found for check in comparison.checks)
    failures = [failure for comparison in found for failure in comparison.failures]
    # Several tensors meet the same kink.
    kinks = list(dict.fromkeys(str(kink) for comparison in found for kink in comparison.kinks))
    if failures:
        head = f"gradients of {subject}: {len(failures)} of {len(checks)} are wrong"
        told = [str(failure) for failure in _once(failures)]
        raise GradientError("\n".join([head, *told, *_listed(kinks)]), failures)
    if kinks:
        head = (
            f"gradients of {subject}: the point lies at a kink, where there is no derivative; move "
            "it a little"
        )
        raise KinkError("\n".join([head, *_listed(kinks)]), kinks)
    avoided = [place for comparison in found for place in comparison.avoided]
    return Result(subject, checks, tuple(avoided))


def _once(failures: Sequence[Failure]) -> list[Failure]:
    """The failures; a failure that two modes share appears once, under both modes."""
    told: list[Failure] = []
    for failure in failures:
        for k, other in enumerate(told):
            if failure.like(other):
                modes = f"{other.check.mode} and {failure.check.mode}"
                told[k] = other._replace(check=other.check._replace(mode=modes))
                break
        else:
            told.append(failure)
    return told


def _listed(kinks: Sequence[str]) -> list[str]:
    lines = [f"  kink: {text}" for text in kinks[:SHOWN]]
    return lines + ([f"  ... and {len(kinks) - SHOWN} more"] if len(kinks) > SHOWN else [])
