"""Copies of functions' sources, with the numbers and functions named in the sources."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
import types
from typing import Any

import numpy as np

from minidl.interop.calls import plain
from minidl.interop.errors import ConversionError


class Quotation:
    """Modules, constants and functions for a file, by name.

    Args:
        reserved: pattern of the names that the file keeps for itself.

    Attributes:
        modules: name in the file -> name of the module.
        constants: name -> number, or tuple of numbers.
        functions: name -> source, after the functions that the source calls.
    """

    def __init__(self, reserved: str) -> None:
        self._reserved = re.compile(reserved)
        self.modules: dict[str, str] = {}
        self.constants: dict[str, Any] = {}
        self.functions: dict[str, str] = {}
        self._known: dict[str, Any] = {}

    def add(self, function: Any, owner: Any) -> str:
        """Quote a function and return the name.

        Args:
            function: a formula, a kernel, or any function with a source.
            owner: the layer, for messages.

        Raises:
            ConversionError: the function has no source, or refers to an object that is neither a
                number nor a function nor a module of the standard library or NumPy.
        """
        inner = plain(function)
        name = getattr(inner, "__name__", repr(inner))
        if not self._is_new(name, inner, owner):
            return str(name)
        try:
            source = textwrap.dedent(inspect.getsource(inner))
        except (OSError, TypeError) as error:
            raise ConversionError(f"{owner}: no source of {name} is there to copy") from error
        definition = ast.parse(source).body[0]
        if not isinstance(definition, ast.FunctionDef) or inner.__closure__:
            raise ConversionError(
                f"{owner}: expected a function that stands in a module by itself, because its "
                f"source is copied, received {name}"
            )
        for key in _names(definition, inner.__code__):
            if key in inner.__globals__:
                self._refer(key, inner.__globals__[key], owner)
        self.functions[name] = "".join(source.splitlines(True)[definition.lineno - 1 :]).rstrip()
        return str(name)

    def _refer(self, name: str, value: Any, owner: Any) -> None:
        if isinstance(value, types.ModuleType) and (value is np or _is_standard(value)):
            if self._is_new(name, value, owner):
                self.modules[name] = value.__name__
        elif _is_number(value) or (isinstance(value, tuple) and all(map(_is_number, value))):
            if self._is_new(name, value, owner):
                self.constants[name] = value
        elif callable(value) and getattr(plain(value), "__name__", None) == name:
            self.add(value, owner)
        else:
            raise ConversionError(
                f"{owner}: expected functions that refer to numbers, functions and modules alone, "
                f"because their source is copied, received {name} = {value!r}"
            )

    def _is_new(self, name: str, thing: Any, owner: Any) -> bool:
        if self._reserved.fullmatch(name):
            raise ConversionError(f"{owner}: expected another name than {name}, which the file has")
        if name in self._known:
            if self._known[name] is not thing and self._known[name] != thing:
                raise ConversionError(f"{owner}: expected one meaning of {name}, received two")
            return False
        self._known[name] = thing
        return True


def _names(definition: ast.FunctionDef, code: types.CodeType) -> list[str]:
    """Names in a function that may come from the module; names in annotations are left out."""
    given = definition.args
    parts = [*definition.body, *given.defaults, *(each for each in given.kw_defaults if each)]
    found = [n.id for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)]
    return [name for name in dict.fromkeys(found) if name not in code.co_varnames]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _is_standard(module: types.ModuleType) -> bool:
    """True for a module of Python's standard library."""
    return module.__name__.partition(".")[0] in sys.stdlib_module_names
