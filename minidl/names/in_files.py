"""Names of classes in files; classes handed over by the reader of a file."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from minidl.names.lookup import custom_objects, handed, search
from minidl.names.register import (
    base_of,
    class_of,
    entries,
    foreign,
    full_name,
    is_class,
    shown,
)

# Things without @register in a model that is written, by name; None while none is written.
_unregistered: ContextVar[dict[str, Any] | None] = ContextVar("unregistered", default=None)


def name_of(thing: Any) -> str:
    """The name, in a file, of a class or of an activation function.

    Raises:
        ValueError: another class has the name.
    """
    for entry in entries:
        if entry.thing is thing:
            return entry.full
    full = full_name(thing)
    for entry in entries:
        if entry.full.casefold() == full.casefold() and is_class(entry.thing) == is_class(thing):
            raise ValueError(
                f"{full!r} is the name of {shown(entry.thing)}; expected another name for "
                f"{shown(thing)}"
            )
    if not foreign(full):
        raise ValueError(f"expected a class with @register, received {shown(thing)}")
    noted = _unregistered.get()
    if noted is not None and noted.setdefault(full.casefold(), thing) is not thing:
        raise ValueError(f"expected one class of the name {full!r}, received two")
    return full


def function_name_of(function: Any) -> str:
    """The name, in a file, of a user's function: "package>function".

    Raises:
        ValueError: another function of the model has the name.
    """
    package, plain = _origin_of(function)
    full = f"{package}>{plain}"
    noted = _unregistered.get()
    if noted is not None and noted.setdefault(full.casefold(), function) is not function:
        raise ValueError(f"expected one function of the name {full!r}, received two")
    return full


def _origin_of(function: Any) -> tuple[str, str]:
    plain = getattr(function, "__name__", type(function).__name__)
    return str(getattr(function, "__module__", "") or "").partition(".")[0], str(plain)


def find_function(full: str) -> Any:
    """The function of this name in a file, from the functions that the reader has handed over.

    Raises:
        ValueError: an unknown function.
    """
    given = {name.casefold(): thing for name, thing in custom_objects.items()}
    given |= handed.get() or {}
    plain = full.rpartition(">")[2]
    for name in (full.casefold(), plain.casefold()):
        if callable(given.get(name)) and not is_class(given[name]):
            return given[name]
    raise ValueError(
        f"unknown function in the file {full!r}: call load_model(..., custom_objects="
        f"{{{plain!r}: ...}})"
    )


def find_class(name: str) -> Any:
    """The class, of any kind, that has this name in files.

    Raises:
        ValueError: an unknown name.
    """
    return search(
        name,
        "class",
        lambda entry: is_class(entry.thing),
        lambda: [entry.full for entry in entries if is_class(entry.thing)],
        files=True,
    )


@contextlib.contextmanager
def noting() -> Iterator[dict[str, Any]]:
    """A context that yields a dictionary of the unregistered things that :func:`name_of` names."""
    noted: dict[str, Any] = {}
    token = _unregistered.set(noted)
    try:
        yield noted
    finally:
        _unregistered.reset(token)


@contextlib.contextmanager
def reading(custom_objects: Mapping[str, Any] | None) -> Iterator[None]:
    """A context in which names come from a file.

    Args:
        custom_objects: name in the file, with or without the package -> class, an object of the
            class, activation function or function of a metric; an addition to the register.

    Raises:
        TypeError: another kind of mapping.
    """
    given = {} if custom_objects is None else custom_objects
    if not isinstance(given, Mapping) or not all(
        isinstance(name, str) and (base_of(thing) is not None or inspect.isroutine(thing))
        for name, thing in given.items()
    ):
        raise TypeError(
            "custom_objects: expected a dictionary from names to classes of layers, losses and so "
            f"on, or to activation functions, received {custom_objects!r}"
        )
    token = handed.set({name.casefold(): class_of(thing) for name, thing in given.items()})
    try:
        yield
    finally:
        handed.reset(token)
