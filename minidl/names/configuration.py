"""Configuration of an object: the constructor's arguments, read from the object's attributes."""

from __future__ import annotations

import functools
import inspect
import reprlib
from collections.abc import Mapping
from typing import Any


class Configured:
    """An object that the constructor's arguments describe: a layer, a loss, an optimizer, ….

    A class keeps each argument of the constructor in an attribute, or in a property, of the same
    name. Nothing else is needed::

        class Scale(Layer):
            def __init__(self, factor=1.0, **options):
                super().__init__(**options)
                self.factor = factor

    The configuration of a Scale has "factor". It also has the arguments of :class:`Layer`, because
    the constructor passes ``options`` on; without ``options`` it would end with "factor". It holds
    all arguments with their present values, defaults and None included. Tuples and arrays become
    lists.

    A class defines ``get_config`` if an argument is kept under another name or in another form: the
    method adds the argument to ``super().get_config()``. A class also defines ``get_config`` if
    the constructor fixes an argument of the base, because a caller cannot give it again::

        class Gate(Dense):
            def __init__(self, units, **options):
                super().__init__(units, activation="sigmoid", **options)

            def get_config(self):
                config = super().get_config()
                del config["activation"]
                return config
    """

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal object; see :class:`Configured`.

        Raises:
            ValueError: no attribute has the name of an argument, and the class that takes the
                argument does not define ``get_config``.
        """
        kind = type(self)
        config: dict[str, Any] = {}
        for name, owner in _owners(kind).items():  # type: ignore[arg-type]
            try:
                config[name] = _plain(getattr(self, name))
            except AttributeError as error:
                if not _says(kind, owner):
                    raise ValueError(
                        f"{kind.__name__}: the constructor takes {name!r}, and there is no "
                        f"attribute {name!r}; expected self.{name} = {name} in "
                        f"{owner.__name__}.__init__, or a get_config that returns {name!r}"
                    ) from error
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """A new object of the arguments that ``get_config`` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        """The class, and the arguments that have other values than their defaults."""
        kind = type(self).__name__
        try:
            config = changed(self)
            if str(config.get("name")).casefold() == kind.casefold():
                del config["name"]
            shown = [f"{name}={_short.repr(value)}" for name, value in config.items()]
        except Exception:  # a user's class may not keep the arguments
            return f"{kind}(...)"
        return f"{kind}({', '.join(shown)})"


#: Long lists are cut short; strings and the texts of objects are not.
_short = reprlib.Repr()
_short.maxother = _short.maxstring = 1000


def arguments_of(kind: type) -> dict[str, inspect.Parameter]:
    """The arguments of a class's constructor, by name.

    A constructor that ends in ``**options`` also takes the arguments of the next constructor in the
    class's ``__mro__``.
    """
    return {name: _constructor(owner)[name] for name, owner in _owners(kind).items()}


def changed(thing: Configured) -> dict[str, Any]:
    """The configuration without arguments that have their default values."""
    known = arguments_of(type(thing))
    return {
        name: value
        for name, value in thing.get_config().items()
        if name not in known or known[name].default != value
    }


@functools.lru_cache(256)
def _constructor(kind: type) -> Mapping[str, inspect.Parameter]:
    """The parameters of the constructor that a class itself defines, without ``self``."""
    _, *parameters = inspect.signature(vars(kind)["__init__"]).parameters.values()
    return {each.name: each for each in parameters}


@functools.lru_cache(256)
def _owners(kind: type) -> Mapping[str, type]:
    """Argument of a class, by name -> the class that lists the argument in ``__init__``."""
    found: dict[str, type] = {}
    for each in kind.__mro__:
        if each is object or "__init__" not in vars(each):
            continue
        parameters = _constructor(each).values()
        named = (p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
        found = {**dict.fromkeys(named, each), **found}
        if all(p.kind is not p.VAR_KEYWORD for p in parameters):
            break
    return found


def _says(kind: type, owner: type) -> bool:
    """True if ``owner``, or a class between ``owner`` and ``kind``, defines ``get_config``."""
    between = kind.__mro__[: kind.__mro__.index(owner) + 1]
    return any("get_config" in vars(each) for each in between)


def _plain(value: Any) -> Any:
    """A value for JSON: tuples and arrays become lists, NumPy's numbers become Python's."""
    if isinstance(value, tuple):
        return list(value)
    is_array = hasattr(value, "tolist") and not isinstance(value, type)
    return value.tolist() if is_array else value
