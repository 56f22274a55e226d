"""Lookup: the class, the function or the new object that a name stands for.

A class is found by the name in files, or by "Scale" or "scale" alone, in any case of letters. The
reader of a file may hand over further classes (:mod:`minidl.names.in_files`).
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

from minidl import checks
from minidl.backend.recorder import replaced
from minidl.names.register import Entry, base_of, class_of, entries, foreign, is_class, kinds
from minidl.names.user_classes import constructed, refuse_unheard

T = TypeVar("T")

#: Classes and functions handed over by the reader of a file, by name; None while none is read.
handed: ContextVar[Mapping[str, Any] | None] = ContextVar("handed", default=None)


#: Classes and functions that a program hands over for good, as Keras's get_custom_objects() does.
custom_objects: dict[str, Any] = {}


def find(name: str, *bases: type) -> Any:
    """The class, or the function, of a name and of one of the kinds, in any case of letters.

    Raises:
        ValueError: an unknown name, with the nearest right one; or a name in several packages.
    """
    return search(
        name,
        kinds[bases[0]],
        lambda entry: entry.base in bases,
        lambda: [each for base in bases for each in known(base)],
    )


def get(base: type[T], identifier: Any) -> T:
    """``identifier``, an object of a kind; for a class or a name, a new object of the class.

    Args:
        base: the base class of the kind.
        identifier: an object, a class, a name, or {"class_name": ..., "config": {...}}.

    Raises:
        ValueError: unknown name.
        TypeError: an object of another kind, an object that has not called the base's
            ``__init__``, or an object with a formula that minidl would never call.
    """
    if isinstance(identifier, base):
        given: T = replaced(identifier)
        if "__init__" in vars(base):
            constructed(given)
        refuse_unheard(given, base)
        return given
    if isinstance(identifier, Mapping) and "class_name" in identifier:
        made: T = from_dictionary(identifier, base)
        return made
    if isinstance(identifier, str):
        identifier = find(identifier, base)
    if isinstance(identifier, type) and issubclass(identifier, base):
        return _made(identifier)
    raise TypeError(
        f"{kinds[base]}: expected a name or an object of {base.__name__}, received "
        f"{described(identifier, base)}"
    )


def described(thing: object, base: type) -> str:
    """The class of an object, for messages; a namesake of one of minidl's with its package."""
    kind = thing if isinstance(thing, type) else type(thing)
    name = kind.__name__
    if not is_namesake(thing, base):
        return type(thing).__name__
    package = kind.__module__.partition(".")[0]
    return f"{name} of the package {package}; import minidl's {name}"


def is_namesake(thing: object, base: type) -> bool:
    """True for an object of another package's class that has the name of one of minidl's."""
    kind = thing if isinstance(thing, type) else type(thing)
    names = (entry.full for entry in entries if entry.base is base)
    return not issubclass(kind, base) and kind.__name__ in names


def from_dictionary(config: Mapping[str, Any], *bases: type) -> Any:
    """The object of {"class_name": ..., "config": {...}}; dictionaries within become objects, too.

    Args:
        config: the dictionary.
        bases: of the kinds that the object may have.

    Raises:
        ValueError: an unknown class, or a dictionary of another form.
        TypeError: arguments that the class does not take.
    """
    arguments = config.get("config", {})
    if not isinstance(arguments, Mapping):
        raise ValueError(f"expected {{'class_name': ..., 'config': ...}}, received {config!r}")
    known = _class_of(config["class_name"], bases)
    inner = {
        name: from_dictionary(value, *kinds)
        if isinstance(value, Mapping) and "class_name" in value
        else value
        for name, value in arguments.items()
    }
    return known.from_config(inner) if hasattr(known, "from_config") else known(**inner)


def _class_of(name: Any, bases: tuple[type, ...]) -> Any:
    """The class with this name in files; if there is none, the class that :func:`find` finds."""
    exact = [e.thing for e in entries if e.full == name and e.base in bases and is_class(e.thing)]
    return exact[0] if len(exact) == 1 else find(name, *bases)


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


def known(base: type) -> dict[str, Any]:
    """Classes, or activation functions, of one kind, by the names in messages.

    Args:
        base: the base class of the kind, for example ``minidl.layers.Layer``.
    """
    found = {}
    for entry in entries:
        if entry.base is base:
            names = (entry.full,) if foreign(entry.full) else entry.short
            found.update(dict.fromkeys(names, entry.thing))
    return found


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


def search(
    name: str,
    what: str,
    suits: Callable[[Entry], bool],
    names: Callable[[], list[str]],
    files: bool = False,
) -> Any:
    """The thing of this name among the entries that suit.

    Args:
        name: in any case of letters.
        what: the kind, for messages.
        suits: called with an entry.
        names: gives the names for messages.
        files: True if only the name in files counts.

    Raises:
        ValueError: an unknown name, or a name in several packages.
    """
    folded, given = name.casefold(), handed.get()
    custom = {known.casefold(): class_of(thing) for known, thing in custom_objects.items()}
    custom |= given or {}
    found = [
        entry
        for entry in entries
        if (entry.full.casefold() == folded if files else folded in entry.names) and suits(entry)
    ]
    found = [entry for entry in found if not foreign(entry.full)] or found
    if custom and not (found and not foreign(name)):
        for each in (folded, folded.rpartition(">")[2]):
            thing = custom.get(each)
            if thing is not None and suits(Entry(thing, base_of(thing) or object, each, ())):
                return thing
    if len(found) == 1:
        return found[0].thing
    if found:
        full = " or ".join(repr(entry.full) for entry in found)
        raise ValueError(f"{what} {name!r}: expected {full}, received a name that means both")
    if given is None:
        raise checks.unknown(what, name, names())
    # A name with a package never stands for one of minidl's.
    hint = checks.hint(name, [each for each in names() if foreign(each) == foreign(name)])
    raise ValueError(
        f"unknown {what} in the file {name!r}{hint} (of your own? Decorate it "
        f"with @minidl.register before, or call load_model(..., custom_objects={{{name!r}: ...}}))"
    )
