"""The register: names of classes and of activation functions, for users and for saved files.

::

    @minidl.register
    class Scale(minidl.layers.Layer): ...

In a file a class of another package is "package>Scale", by the first part of the module's name; a
class of minidl is "Dense". Names of other packages never collide with minidl's. The functions
``get`` find a class by the name in files, or by "Scale" or "scale" alone, in any case of letters.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from minidl import checks

T = TypeVar("T")
B = TypeVar("B", bound=type)

_OWN = "minidl"
_kinds: dict[type, str] = {}
#: Everything that is registered.
entries: list[_Entry] = []
#: Classes and functions handed over by the reader of a file, by name; None while none is read.
handed: ContextVar[Mapping[str, Any] | None] = ContextVar("handed", default=None)


@dataclass(frozen=True)
class _Entry:
    """An entry of the register.

    Attributes:
        thing: a class, or an activation function.
        base: the base class of the kind.
        full: the name in files.
        short: further names; messages show these.
    """

    thing: Any
    base: type
    full: str
    short: tuple[str, ...]

    def called(self, folded: str) -> bool:
        """True if ``folded``, in small letters, is one of the names."""
        return folded in map(str.casefold, (self.full, *self.short, _plain(self.thing)))


def kind(what: str) -> Callable[[B], B]:
    """Decorate the base class of a kind of classes; ``what`` is the kind's name in messages."""

    def mark(base: B) -> B:
        _kinds[base] = what
        return base

    return mark


@overload
def register(thing: str, /, *names: str) -> Callable[[T], T]: ...


@overload
def register(thing: T, /, *names: str) -> T: ...


def register(thing: Any, /, *names: str) -> Any:
    """Make a class, or an :class:`~minidl.activations.ActivationFunction`, known by name.

    The class MeanSquaredError is known as such, and as "mean_squared_error".

    Args:
        thing: a class that derives from Layer, Loss, Metric, Optimizer, Initializer, Regularizer
            or LearningRateSchedule, or an activation function.
        names: further names. ``@register("mse")`` decorates as ``@register`` does.

    Returns:
        ``thing``.

    Raises:
        ValueError: another class has the name. The same class, made again in a notebook, is
            replaced.
        TypeError: the class is of no kind listed above.
    """
    if isinstance(thing, str):
        return lambda other: register(other, thing, *names)
    base = base_of(thing)
    if base is None or base is thing:
        raise TypeError(
            f"register: expected an activation function, or a class that derives from one of "
            f"{', '.join(sorted(each.__name__ for each in _kinds))}, received {thing!r}"
        )
    full, kept = full_name(thing), []
    for entry in entries:
        if entry.full.casefold() == full.casefold() and is_class(entry.thing) == is_class(thing):
            if _origin(entry.thing) != _origin(thing):
                raise ValueError(
                    f"expected one class of the name {full!r}, received {shown(thing)} beside "
                    f"{shown(entry.thing)}"
                )
        else:
            kept.append(entry)
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", _plain(thing)).lower()
    entries[:] = [*kept, _Entry(thing, base, full, (words, *names))]
    return thing


def offered(package: str, base: type) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package; all modules of the package are imported.

    Args:
        package: a name, "minidl.layers".
        base: the base class of a kind; the modules register classes of that kind.

    Returns:
        A function that finds a class by name, for ``minidl.layers.Dense``.
    """
    for module in pkgutil.iter_modules(sys.modules[package].__path__):
        importlib.import_module(f"{package}.{module.name}")

    def attribute(name: str) -> Any:
        for entry in entries:
            if entry.base is base and entry.full == name:
                return entry.thing
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return attribute


def known(base: type) -> dict[str, Any]:
    """Classes, or activation functions, of one kind, by the names in messages.

    Args:
        base: such as ``minidl.layers.Layer``.
    """
    found = {}
    for entry in entries:
        if entry.base is base:
            names = (entry.full,) if foreign(entry.full) else entry.short
            found.update(dict.fromkeys(names, entry.thing))
    return found


def find(name: str, *bases: type) -> Any:
    """The class, or the function, of this name and of one of these kinds, in any case of letters.

    Raises:
        ValueError: an unknown name, with the nearest right one; or a name in several packages.
    """
    names = [each for base in bases for each in known(base)]
    return search(name, _kinds[bases[0]], lambda entry: entry.base in bases, names)


def get(base: type[T], identifier: Any) -> T:
    """``identifier``, an object of a kind; for a class or a name, a new object of the class.

    Args:
        base: of the kind.
        identifier: an object, a class or a name.

    Raises:
        ValueError: unknown name.
        TypeError: another kind of object.
    """
    if isinstance(identifier, base):
        return identifier
    if isinstance(identifier, str):
        identifier = find(identifier, base)
    if isinstance(identifier, type) and issubclass(identifier, base):
        return _made(identifier)
    raise TypeError(
        f"{_kinds[base]}: expected a name or an object of {base.__name__}, received "
        f"{type(identifier).__name__}"
    )


@functools.lru_cache(256)  # a signature leaves garbage in cycles
def _needed(known: type) -> list[str]:
    """Names of the arguments that a class needs."""
    return [
        p.name
        for p in inspect.signature(known).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]


def _made(known: type[T]) -> T:
    """An object of a class, made without arguments.

    Raises:
        TypeError: the class needs arguments.
    """
    needed = _needed(known)  # type: ignore[arg-type]
    if needed:
        raise TypeError(
            f"{known.__name__} needs arguments: expected {known.__name__}({', '.join(needed)}) in "
            "place of its name"
        )
    return known()


def search(
    name: str,
    what: str,
    suits: Callable[[_Entry], bool],
    names: Any,
    files: bool = False,
) -> Any:
    """The thing of this name among the entries that suit.

    Args:
        name: in any case of letters.
        what: the kind, for messages.
        suits: called with an entry.
        names: for messages.
        files: True if the name in files is the only one.

    Raises:
        ValueError: an unknown name, or a name in several packages.
    """
    folded, custom = name.casefold(), handed.get()
    found = [
        entry
        for entry in entries
        if suits(entry) and (entry.full.casefold() == folded if files else entry.called(folded))
    ]
    found = [entry for entry in found if not foreign(entry.full)] or found
    if custom and not (found and not foreign(name)):
        for each in (folded, folded.rpartition(">")[2]):
            thing = custom.get(each)
            if thing is not None and suits(_Entry(thing, base_of(thing) or object, each, ())):
                return thing
    if len(found) == 1:
        return found[0].thing
    if found:
        full = " or ".join(repr(entry.full) for entry in found)
        raise ValueError(f"{what} {name!r}: expected {full}, received what is both")
    if custom is None:
        raise checks.unknown(what, name, names)
    raise ValueError(
        f"unknown {what} in the file {name!r}{checks.hint(name, names)} (of your own? Decorate it "
        f"with @minidl.register before, or call load_model(..., custom_objects={{{name!r}: ...}}))"
    )


def base_of(thing: Any) -> type | None:
    """The base class of the kind of a class, or of an activation function."""
    if not is_class(thing) and not hasattr(thing, "name"):
        return None
    known = thing if is_class(thing) else type(thing)
    return next((each for each in inspect.getmro(known) if each in _kinds), None)


def is_class(thing: Any) -> bool:
    """True for a class, False for an activation function."""
    return isinstance(thing, type)


def _plain(thing: Any) -> str:
    return str(thing.__name__ if is_class(thing) else thing.name)


def _origin(thing: Any) -> tuple[str, str]:
    """Module and qualified name."""
    return thing.__module__, thing.__qualname__ if is_class(thing) else thing.name


def full_name(thing: Any) -> str:
    """The name in files: with the package, but for minidl's own."""
    package, plain = _origin(thing)[0].partition(".")[0], _plain(thing)
    return plain if package == _OWN else f"{package}>{plain}"


def foreign(full: str) -> bool:
    """True for a name with a package in front."""
    return ">" in full


def shown(thing: Any) -> str:
    """Module and name, for messages."""
    return ".".join(_origin(thing))
