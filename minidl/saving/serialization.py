"""Keras's names for the register of :mod:`minidl.names.register`, and objects as dictionaries.

``register_keras_serializable`` decorates a class as :func:`minidl.register` does;
``custom_object_scope`` and ``get_custom_objects`` hand classes over without a register.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from minidl.activations import ActivationFunction
from minidl.names.in_files import function_name_of, name_of, reading
from minidl.names.lookup import custom_objects, from_dictionary, handed
from minidl.names.register import base_of, kinds, register


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[Any], Any]:
    """A decorator: a class gets a place in the register, as by :func:`minidl.register`.

    A function, such as a metric, is found by its name where a file or a configuration has it.

    Args:
        package: of the names by which :func:`get_registered_object` finds the thing.
        name: default that of the class or of the function.
    """

    def decorate(thing: Any) -> Any:
        plain = name or getattr(thing, "__name__", "") or thing.name
        if base_of(thing) is not None:
            register(thing, *([] if plain == getattr(thing, "__name__", plain) else [plain]))
        custom_objects[f"{package}>{plain}"] = thing
        custom_objects.setdefault(plain, thing)
        return thing

    return decorate


def get_custom_objects() -> dict[str, Any]:
    """The dictionary of things that are found by their names; a program may add to it."""
    return custom_objects


@contextlib.contextmanager
def custom_object_scope(objects: Mapping[str, Any] | None) -> Iterator[None]:
    """A context in which classes and functions are found by the names given here.

    Args:
        objects: {name: class, or activation function, or function of a metric}.

    Raises:
        TypeError: no such mapping.
    """
    outer = handed.get() or {}
    with reading(objects):
        token = handed.set({**outer, **(handed.get() or {})})
        try:
            yield
        finally:
            handed.reset(token)


def get_registered_name(obj: Any) -> str:
    """The name under which :func:`register_keras_serializable` knows a thing, or its own name."""
    names = (name for name, thing in custom_objects.items() if thing is obj and ">" in name)
    return next(names, getattr(obj, "__name__", str(obj)))


def get_registered_object(name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The thing of this name; None if there is none."""
    return {**get_custom_objects(), **(custom_objects or {})}.get(name)


def serialize_keras_object(obj: Any) -> Any:
    """``obj`` as JSON has it: a name, a number, or {"class_name": …, "config": …}.

    Objects among the arguments become dictionaries, too; functions become their names.

    Raises:
        TypeError: an object of no kind that is registered.
    """
    if obj is None or isinstance(obj, str | bool | int | float):
        return obj
    if isinstance(obj, list | tuple):
        return [serialize_keras_object(each) for each in obj]
    if isinstance(obj, Mapping):
        return {name: serialize_keras_object(each) for name, each in obj.items()}
    if isinstance(obj, ActivationFunction):
        return name_of(obj)
    if inspect.isroutine(obj):
        return function_name_of(obj).rpartition(">")[2]
    if base_of(type(obj)) is None:
        raise TypeError(
            f"expected an object of one of {', '.join(sorted(kinds.values()))}, received {obj!r}"
        )
    config = serialize_keras_object(obj.get_config())
    return {"class_name": name_of(type(obj)), "config": config}


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, **unknown: Any
) -> Any:
    """The object that :func:`serialize_keras_object` described.

    Args:
        config: the description; what is no {"class_name": …, "config": …} stays as it is.
        custom_objects: as for :func:`custom_object_scope`.
        unknown: nothing: no code is in a description, so that there is no ``safe_mode`` to leave.

    Raises:
        ValueError: an unknown class.
        TypeError: arguments that the class does not take.
    """
    for argument in unknown:
        raise TypeError(f"deserialize_keras_object: expected no argument {argument!r}")
    if custom_objects is not None:
        with custom_object_scope(custom_objects):
            return deserialize_keras_object(config)
    if isinstance(config, list | tuple):
        return [deserialize_keras_object(each) for each in config]
    described = isinstance(config, Mapping) and "class_name" in config
    return from_dictionary(config, *kinds) if described else config
