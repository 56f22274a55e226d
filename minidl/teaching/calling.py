"""Calling a student's backward: the arguments, the outputs, and the ways to fail.

Nothing here knows a right gradient. An exception of the student's code becomes a sentence; only an
interrupt passes through.
"""

from __future__ import annotations

import copy
import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minidl.teaching.kernel import Evaluation, Kernel
from minidl.teaching.verdict import ROUNDING, Finding, Unusable, listed

# Where frames are none of the student's.
OWN = Path(__file__).parent

# Arrays by the outputs' names, a finding in place of a bad array; or the exception in words.
Results = dict[str, Any] | str


class Call(NamedTuple):
    """A backward, and the names of arguments given in order and given by name."""

    backward: Callable[..., Any]
    positional: tuple[str, ...]
    named: tuple[str, ...] = ()

    def __call__(self, inputs: Evaluation) -> Results:
        """The outputs of the backward.

        Raises:
            Unusable: the backward changes an argument, or returns another number of outputs.
        """
        given = {name: copy.copy(inputs[name]) for name in (*self.positional, *self.named)}
        try:
            with np.errstate(all="ignore"):
                returned = self.backward(
                    *(given[name] for name in self.positional),
                    **{name: given[name] for name in self.named},
                )
        except Unusable:
            raise
        except Exception as error:  # any exception becomes a sentence
            return f"{_describe(error)}{_to_ask_for(error, inputs.kernel)}"
        results = _outputs(tuple(inputs.kernel.outputs), returned)
        for name, value in given.items():
            if not np.array_equal(value, inputs[name]):
                text = f"the function changes its argument {name} in place, which others"
                better = f"compute a new array, or begin with a copy, {name} = {name}.copy()"
                raise Unusable("in place", f"{text} still need: {better}.")
        return results


def bind(backward: Callable[..., Any], kernel: Kernel) -> Call:
    """A call of ``backward`` by name, or in order where the parameters have names of their own.

    Raises:
        Unusable: the parameters do not fit; the text names the missing and the unknown.
    """
    try:
        signature = inspect.signature(backward)
    except ValueError:  # some functions in C have no signature
        return Call(backward, kernel.signature)
    parameters = signature.parameters.values()
    rest = [p.kind for p in parameters if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    own = {p.name: p.default is p.empty for p in parameters if p.kind not in rest}
    known = (*kernel.signature, *kernel.extras)
    named = tuple(n for n in known if n in own or inspect.Parameter.VAR_KEYWORD in rest)
    missing = [n for n in kernel.signature if n not in (*named, *kernel.optional)]
    by_name = not missing and inspect.Parameter.VAR_POSITIONAL not in rest
    by_name = by_name and _bound(signature, **dict.fromkeys(named, "")) is not None
    # In order, a parameter of a known name has to stand where the argument of this name stands.
    places = _bound(signature, *kernel.signature)
    in_order = places is not None and all(a == b or a not in known for a, b in places.items())
    if by_name and (set(own) <= set(known) or not in_order):
        return Call(backward, (), named)
    if in_order:
        return Call(backward, kernel.signature)
    unknown = [name for name, needed in own.items() if needed and name not in known]
    what = " and ".join(
        f"{listed(some)} {'is' if len(some) == 1 else 'are'} {state}"
        for some, state in ((missing, "missing"), (unknown, "unknown"))
        if some
    )
    extras = f", by name also {listed(kernel.extras)}" if kernel.extras else ""
    name = getattr(backward, "__name__", type(backward).__name__)
    raise Unusable(
        "signature",
        f"expected the arguments of {kernel.call()}{extras}, received {name}({', '.join(own)}): "
        f"{what or 'in another order'}.",
    )


def _bound(signature: inspect.Signature, *given: str, **named: str) -> dict[str, Any] | None:
    """The argument of each parameter; None where Python refuses the call."""
    try:
        return signature.bind(*given, **named).arguments
    except TypeError:
        return None


def _outputs(names: tuple[str, ...], returned: Any) -> dict[str, Any]:
    if len(names) == 1 and returned is not None:
        returned = returned if isinstance(returned, tuple) and len(returned) == 1 else (returned,)
    if returned is None:
        received = "None: is the return statement missing?"
    elif not isinstance(returned, tuple | list):
        received = f"{_kind(returned)}."
    else:
        received = f"{len(returned)}."
        if len(returned) == len(names):
            return {name: _array(value) for name, value in zip(names, returned, strict=True)}
    wanted = f"{len(names)} outputs, ({', '.join(names)})" if len(names) > 1 else names[0]
    raise Unusable("outputs", f"expected {wanted}, received {received}")


def _array(value: Any) -> Any:
    """A copy of an output as an array, or the reason why there is none."""
    if value is None:
        return Finding(("None",), "None.")
    try:
        array = np.array(value)
    except (ValueError, TypeError):
        return Finding(("no array",), f"no array of numbers but {_kind(value)}.")
    if array.dtype.kind in "iub":
        text = f"of dtype {array.dtype}: gradients are real numbers. Is a factor missing, such as"
        text += " dy, or does an array of integers cut off what is written into it?"
        return Finding(("integers",), text)
    if array.dtype.kind != "f":
        return Finding(("no array",), f"no array of real numbers: its dtype is {array.dtype}.")
    return array.astype(np.float64)


def differing(one: Results, other: Results) -> tuple[str, ...]:
    """The outputs in which two calls with the same arguments differ."""
    if isinstance(one, str):
        return () if isinstance(other, str) else tuple(other)
    return tuple(n for n in one if isinstance(other, str) or not _equal(one[n], other[n]))


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, Finding) or isinstance(second, Finding):
        return type(first) is type(second)
    same = first.shape == second.shape
    return same and bool(np.allclose(first, second, rtol=0, atol=ROUNDING, equal_nan=True))


def _describe(error: Exception) -> str:
    """The exception, and the line of the student's file where the exception arose."""
    every = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in every if OWN not in Path(frame.filename).parents]
    frame = next((f for f in reversed(frames) if f.filename == frames[0].filename), None)
    line = f" ({frame.line})" if frame and frame.line else ""
    where = f", in line {frame.lineno} of {frame.name}{line}" if frame else ""
    return f"{type(error).__name__}{f': {error}' if str(error) else ''}{where}"


def _to_ask_for(error: Exception, kernel: Kernel) -> str:
    """A hint, if the name that is missing is an argument that the function may ask for."""
    name = error.name if type(error) is NameError else ""
    if name not in (*kernel.signature, *kernel.extras):
        return ""
    arguments = ", ".join(dict.fromkeys((*kernel.signature, name)))
    return f"; {name} is there for a function that asks for it, {kernel.function}({arguments})"


def _kind(value: Any) -> str:
    shape = f" of shape {value.shape}" if isinstance(value, np.ndarray) else ""
    return f"a {type(value).__name__}{shape}"
