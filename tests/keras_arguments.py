"""The arguments of a call in Keras and in minidl, compared by looking and by asking.

An argument is looked up in the signature. A class or a function that only computes is asked, too:
it is called with another value than Keras's default, and what it says is the answer.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minidl.activations import ActivationFunction

#: Answers: nothing differs, there is none.
HERE, ABSENT = "", "absent"
#: Between a default or a place here, and Keras's.
IN_KERAS = ", in Keras "

_REST = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
#: Modules whose functions do nothing but compute.
_CALLED = ("minidl.layers", "minidl.losses", "minidl.metrics")
#: Arguments without which a call says nothing of others; of methods, only these are asked.
_GIVEN: dict[str, dict[str, Any]] = {
    "compile": {"loss": "mse"},
    "Input": {"shape": (3,)},
    "InputLayer": {"shape": (3,)},
    "schedules.PiecewiseConstantDecay": {"boundaries": [1], "values": [0.2, 0.1]},
    "sparse_categorical_crossentropy": {"y_true": [0, 1], "y_pred": np.full((2, 3), 1 / 3)},
}
#: Values for arguments that have no default; those that are taken together are used.
_VALUES = [3, 0.5, np.ones((2, 3)), (3,), "relu", len]


def parameters(thing: Any) -> dict[str, inspect.Parameter]:
    """Arguments by name, those of the bases that get a class's options included."""
    if not inspect.isclass(thing):
        given = inspect.signature(thing).parameters.values()
        return {each.name: each for each in given if each.kind not in _REST}
    known: dict[str, inspect.Parameter] = {}
    for kind in thing.__mro__:
        if "__init__" not in vars(kind) or kind is object:
            continue
        _, *given = inspect.signature(vars(kind)["__init__"]).parameters.values()
        own = {each.name: each for each in given if each.kind not in _REST}
        if (
            known
        ):  # a base takes its arguments out of the options, by name; what it needs it is given
            own = {
                name: each.replace(kind=each.KEYWORD_ONLY)
                for name, each in own.items()
                if each.default is not each.empty
            }
        known.update({name: own[name] for name in own if name not in known})
        if all(each.kind is not each.VAR_KEYWORD for each in given):
            break
    return known


def compared(name: str, theirs: Any, ours: Any) -> Iterator[tuple[str, str]]:
    """Arguments of Keras's with what is otherwise here."""
    try:
        their, our = parameters(theirs), parameters(ours)
    except (TypeError, ValueError):  # no signature
        return
    module = getattr(ours, "__module__", "")
    asked = inspect.isclass(ours) or isinstance(ours, ActivationFunction) or name in _GIVEN
    asked = asked or (inspect.isfunction(ours) and module.startswith(_CALLED))
    for argument, parameter in their.items():
        if argument not in our:
            said = _said(name, ours, parameter, "") if asked else ABSENT
            # What is taken among options has no place.
            placed = parameter.kind is not parameter.KEYWORD_ONLY
            yield argument, "by name only" if said == HERE and placed else said
        elif not _same(our[argument].default, parameter.default):
            yield argument, f"{_shown(our[argument].default)}{IN_KERAS}{_shown(parameter.default)}"
        elif asked and parameter.default is not parameter.empty:
            yield argument, _said(name, ours, parameter, f"expected {parameter.default!r}(?! or)")
    places = _in_order(our)
    for place, argument in enumerate(_in_order(their), start=1):
        if argument in places and places.index(argument) != place - 1:
            yield argument, f"argument {places.index(argument) + 1}{IN_KERAS}{place}"
            return
        if argument in our and argument not in places:
            yield argument, "by name only"
            return


def _in_order(known: Mapping[str, inspect.Parameter]) -> list[str]:
    return [name for name, each in known.items() if each.kind is not each.KEYWORD_ONLY]


def _same(one: Any, other: Any) -> bool:
    """True of equal defaults; "zeros" and Zeros are one, and so are None and an empty list."""
    if inspect.Parameter.empty in (one, other):
        return one is other
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    nothing = all(each is None or (not each and hasattr(each, "__len__")) for each in (one, other))
    return one == other if numbers else nothing or _shown(one).lower() == _shown(other).lower()


def _shown(default: Any) -> str:
    """A default value in words."""
    if default is inspect.Parameter.empty:
        return "needed"
    return f"`{getattr(default, '__name__', None) or repr(default)}`"


def _said(name: str, call: Any, parameter: inspect.Parameter, only: str) -> str:
    """What a call says to another value of an argument than Keras's default.

    Args:
        only: a pattern of the sentences that count, besides that the argument changes nothing.
    """
    given, value = _needed(call, name), _other(parameter.default)
    try:
        said = next(iter(warned(call, **{**given, parameter.name: value})), "")
        only = ".*changes? nothing"
    except Exception as error:
        said = re.sub(rf"[,;] received {re.escape(repr(value))}", "", str(error))
    said = re.sub(r"^(\w+: )?(no argument '\w+' here; )?", "", said)
    if re.match("unknown argument|.*(unexpected keyword argument|takes no arguments)", said):
        return ABSENT
    found = re.sub(r"^\w+ changes? nothing", "changes nothing", said)
    return found if re.match(only, said) else HERE


@functools.cache
def _needed(call: Any, name: str) -> dict[str, Any]:
    """Values of the arguments that have no default, and of those that are needed all the same."""
    given = _GIVEN.get(name, {})
    known = parameters(call)
    wanted = [n for n, each in known.items() if each.default is each.empty and n not in given]
    for values in itertools.product(_VALUES, repeat=len(wanted)):
        tried = {**given, **dict(zip(wanted, values, strict=True))}
        if not raises(functools.partial(warned, call, **tried)):
            return tried
    raise ValueError(f"{name}: expected values for {wanted} in _GIVEN, received none that it takes")


def _other(default: Any) -> Any:
    """Another value of the same kind as a default."""
    if isinstance(default, bool):
        return not default
    if isinstance(default, int | float):
        return default + 1
    return f"{default}_" if isinstance(default, str) else 2


def raises(call: Callable[..., Any], *given: Any) -> bool:
    try:
        call(*given)
    except Exception:
        return True
    return False


def warned(call: Callable[..., Any], *given: Any, **named: Any) -> list[str]:
    """The warnings of a call."""
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        call(*given, **named)
    return [str(each.message) for each in noted]
