"""The register: names of classes and of activation functions, for users and for saved files.

::

    @minidl.register
    class Scale(minidl.layers.Layer): ...

In a file a class of another package is "package>Scale", by the first part of the module's name; a
class of minidl is "Dense". Names of other packages never collide with minidl's.
:mod:`minidl.names.lookup` finds a class by the name in files, or by "Scale" or "scale" alone.
"""

from __future__ import annotations

import functools
import inspect
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from minidl.backend.sparse import outside

T = TypeVar("T")
B = TypeVar("B", bound=type)

_OWN = "minidl"
#: The base classes of the kinds, and the kinds' names in messages.
kinds: dict[type, str] = {}
#: Everything that is registered.
entries: list[Entry] = []


@dataclass(frozen=True)
class Entry:
    """An entry of the register.

    Attributes:
        thing: a class, or an activation function.
        base: the base class of the kind.
        full: the name in files.
        short: further names, for messages.
    """

    thing: Any
    base: type
    full: str
    short: tuple[str, ...]

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """All names, in small letters."""
        return frozenset(map(str.casefold, (self.full, *self.short, _plain(self.thing))))


def kind(what: str) -> Callable[[B], B]:
    """Decorate the base class of a kind of classes; ``what`` is the kind's name in messages."""

    def mark(base: B) -> B:
        kinds[base] = what
        return base

    return mark


@overload
def register(thing: str, /, *names: str) -> Callable[[T], T]: ...


@overload
def register(thing: T, /, *names: str) -> T: ...


def register(thing: Any, /, *names: str) -> Any:
    """Make a class, or an :class:`~minidl.activations.ActivationFunction`, known by name.

    The class MeanSquaredError is known as "MeanSquaredError" and as "mean_squared_error".

    Args:
        thing: a class that derives from Layer, Loss, Metric, Optimizer, Initializer, Regularizer,
            Constraint or LearningRateSchedule, or an activation function; an object stands for its
            class.
        names: further names. ``@register("mse")`` decorates as ``@register`` does.

    Returns:
        ``thing``.

    Raises:
        ValueError: another class has the name. The same class, made again in a notebook, is
            replaced.
        TypeError: the class is of no kind listed above.

    Warns:
        UserWarning: a class of minidl has the name, and keeps the name.
    """
    if isinstance(thing, str):
        return lambda other: register(other, thing, *names)
    if class_of(thing) is not thing:
        register(type(thing), *names)
        return thing
    base = base_of(thing)
    if base is None or base is thing:
        raise TypeError(
            f"register: expected an activation function, or a class that derives from one of "
            f"{', '.join(sorted(each.__name__ for each in kinds))}, received {thing!r}"
        )
    full, kept = full_name(thing), []
    if not foreign(full) and any(e.full == full and e.base is not base for e in entries):
        full = f"{thing.__module__.split('.')[1]}.{full}"  # a metric called as a loss is
    for entry in entries:
        if entry.full.casefold() == full.casefold() and is_class(entry.thing) == is_class(thing):
            if _origin(entry.thing) != _origin(thing):
                raise ValueError(
                    f"expected one class of the name {full!r}, received {shown(thing)} beside "
                    f"{shown(entry.thing)}"
                )
        else:
            kept.append(entry)
    # TopKAccuracy: top_k_accuracy; LeakyReLU: leaky_relu.
    ends = r"(?<=[a-z0-9])(?=[A-Z]{1,2}[a-z])|(?<=[a-z0-9][A-Z])(?=[A-Z][a-z])"
    words = re.sub(ends, "_", _plain(thing)).lower()
    entry = Entry(thing, base, full, (words, *names))
    if foreign(full):
        _warn_of_namesakes(entry)
    entries[:] = [*kept, entry]
    return thing


def _warn_of_namesakes(entry: Entry) -> None:
    """Warn if a name of the entry already belongs to minidl, and stays with minidl."""
    own = [each for each in entries if each.base is entry.base and not foreign(each.full)]
    for name in dict.fromkeys((_plain(entry.thing), *entry.short)):
        if any(name.casefold() in each.names for each in own):
            warnings.warn(
                f"register: {name!r} is the name of one of minidl's, too, and goes on to mean "
                f"minidl's; write {entry.full!r}, or hand over {_plain(entry.thing)} itself, or "
                "choose another name",
                stacklevel=outside(),
            )
            return


def base_of(thing: Any) -> type | None:
    """The base class of the kind of a class, or of an activation function."""
    if not is_class(thing) and not hasattr(thing, "name"):
        return None
    known = thing if is_class(thing) else type(thing)
    return next((each for each in inspect.getmro(known) if each in kinds), None)


def class_of(thing: Any) -> Any:
    """The class of an object; a class, or an activation function, itself."""
    base = base_of(thing)
    found = thing if is_class(thing) else type(thing)
    return thing if base is None or kinds[base] == "activation" else found


def is_class(thing: Any) -> bool:
    """True for a class, False for an activation function."""
    return isinstance(thing, type)


def _plain(thing: Any) -> str:
    return str(thing.__name__ if is_class(thing) else thing.name)


def _origin(thing: Any) -> tuple[str, str]:
    """Module and qualified name."""
    return thing.__module__, thing.__qualname__ if is_class(thing) else thing.name


def full_name(thing: Any) -> str:
    """The name in files: with the package in front, except for a class of minidl."""
    package, plain = _origin(thing)[0].partition(".")[0], _plain(thing)
    return plain if package == _OWN else f"{package}>{plain}"


def foreign(full: str) -> bool:
    """True for a name with a package in front."""
    return ">" in full


def shown(thing: Any) -> str:
    """Module and name, for messages."""
    return ".".join(_origin(thing))
