"""Calling a student's backward: what it is given, what it gives back, and how that can fail.

Nothing here knows a right gradient. Whatever a backward does is said in a sentence; only an
interrupt passes through.
"""

from __future__ import annotations

import copy
import inspect
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl.teaching.kernel import Evaluation, Kernel
from minidl.teaching.verdict import ROUNDING, Finding, Unusable, listed

_MORE, _MORE_NAMES = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD

# The outputs by name, each an array or what is the matter with it; or the exception in words.
Results = dict[str, Any] | str


class Call(NamedTuple):
    """A backward and the names of its arguments: those given in order, those given by name."""

    backward: Callable[..., Any]
    positional: tuple[str, ...]
    named: tuple[str, ...] = ()

    def __call__(self, inputs: Evaluation) -> Results:
        """The outputs of the backward.

        Raises:
            Unusable: the backward changes an argument, or returns something else than the outputs.
        """
        given = {name: copy.copy(inputs[name]) for name in (*self.positional, *self.named)}
        try:
            with np.errstate(all="ignore"):
                returned = self.backward(
                    *(given[name] for name in self.positional),
                    **{name: given[name] for name in self.named},
                )
        except Exception as error:  # whatever a student's code raises becomes a sentence
            return _describe(error)
        results = _outputs(inputs.kernel, returned)
        for name, value in given.items():
            if not np.array_equal(value, inputs[name]):
                raise Unusable(
                    "in place",
                    f"the backward changes its argument {name} in place, which others still "
                    f"need: compute into a new array ({name} = {name} * …, not {name} *= …).",
                )
        return results


def bind(backward: Callable[..., Any], kernel: Kernel) -> Call:
    """How to call ``backward``: by name, or in order where its names are its own.

    Raises:
        Unusable: it takes other arguments; the text says which are missing or unknown.
    """
    try:
        signature = inspect.signature(backward)
    except ValueError:  # some functions in C have none to look at
        return Call(backward, kernel.signature)
    kinds = {name: p.kind for name, p in signature.parameters.items()}
    known = (*kernel.signature, *kernel.extras)
    own = [name for name, kind in kinds.items() if kind not in (_MORE, _MORE_NAMES)]
    named = tuple(name for name in known if name in own or _MORE_NAMES in kinds.values())
    missing = [n for n in kernel.signature if n not in named and n not in kernel.optional]
    in_order, by_name = (
        _bound(signature, *kernel.signature),
        _bound(signature, **dict(zip(named, named))),
    )
    by_name = None if missing or _MORE in kinds.values() else by_name
    # In order a parameter whose name is known has to stand where that argument stands.
    fits = in_order is not None and all(a == b or a not in known for a, b in in_order.items())
    if by_name is not None and (set(own) <= set(known) or not fits):
        return Call(backward, (), named)
    if fits:
        return Call(backward, kernel.signature)
    unknown = [
        n
        for n in own
        if n not in known and signature.parameters[n].default is inspect.Parameter.empty
    ]
    parts = [
        f"{listed(some)} {'is' if len(some) == 1 else 'are'} {what}"
        for some, what in ((missing, "missing"), (unknown, "unknown"))
        if some
    ]
    extras = f", by name also {listed(kernel.extras)}" if kernel.extras else ""
    raise Unusable(
        "signature",
        f"expected the arguments of {kernel.call()}{extras}, received "
        f"{getattr(backward, '__name__', type(backward).__name__)}({', '.join(own)}): "
        f"{' and '.join(parts) or 'in another order'}.",
    )


def _bound(signature: inspect.Signature, *given: str, **named: str) -> dict[str, Any] | None:
    """The argument of each parameter, by name; None where Python refuses the call."""
    try:
        return signature.bind(*given, **named).arguments
    except TypeError:
        return None


def _outputs(kernel: Kernel, returned: Any) -> dict[str, Any]:
    names = tuple(kernel.outputs)
    expected = f"{len(names)} outputs, ({', '.join(names)})" if len(names) > 1 else names[0]
    received = ""
    if returned is None:
        received = "None: is the return statement missing?"
    elif len(names) == 1:
        returned = returned if isinstance(returned, tuple) and len(returned) == 1 else (returned,)
    elif not isinstance(returned, tuple | list):
        received = f"{_kind(returned)}."
    elif len(returned) != len(names):
        received = f"{len(returned)}."
    if received:
        raise Unusable("outputs", f"expected {expected}, received {received}")
    return {name: _array(value) for name, value in zip(names, returned, strict=True)}


def _array(value: Any) -> Any:
    """A copy of an output as an array, or what is the matter with it."""
    if value is None:
        return Finding(("None",), "None.")
    try:
        array = np.array(value)
    except (ValueError, TypeError):
        return Finding(("no array",), f"no array of numbers but {_kind(value)}.")
    if array.dtype.kind in "iub":
        text = "gradients are real numbers, and an array of integers cuts them off when they are"
        return Finding(("integers",), f"of dtype {array.dtype}: {text} written into it.")
    if array.dtype.kind != "f":
        return Finding(("no array",), f"no array of real numbers: its dtype is {array.dtype}.")
    return array.astype(np.float64)


def differing(one: Results, other: Results) -> tuple[str, ...]:
    """The outputs in which two calls with the same arguments differ."""
    if isinstance(one, str):
        return () if isinstance(other, str) else tuple(other)
    if isinstance(other, str):
        return tuple(one)
    return tuple(name for name in one if not _equal(one[name], other[name]))


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, Finding) or isinstance(second, Finding):
        return type(first) is type(second)
    same = first.shape == second.shape
    return same and bool(np.allclose(first, second, rtol=0, atol=ROUNDING, equal_nan=True))


def _describe(error: Exception) -> str:
    """The exception, and the line of the student's file in which it arose."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    message = f"{type(error).__name__}: {error}"
    if not frames:
        return message
    frame = [f for f in frames if f.filename == frames[0].filename][-1]
    return f"{message}, in line {frame.lineno} of {frame.name}" + (
        f" ({frame.line})" if frame.line else ""
    )


def _kind(value: Any) -> str:
    shape = f" of shape {value.shape}" if isinstance(value, np.ndarray) else ""
    return f"a {type(value).__name__}{shape}"
