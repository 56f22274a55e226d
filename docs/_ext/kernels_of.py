"""Links from a layer, a loss, an optimizer to the kernels that are called there."""

import inspect
import re
import sys
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any

HOMES = re.compile(r"minidl\.(layers|losses|optimizers|regularizers|constraints)\b")


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _kernel(home: ModuleType | None, name: str) -> str | None:
    place = getattr(vars(home).get(name), "__module__", None) or "" if home else ""
    return f"{place}.{name}" if place.startswith("minidl.kernels.") else None


def kernels_of(kind: type) -> list[str]:
    """Full names of the kernels that methods and attributes of the class name.

    Methods that all layers or all optimizers have from a class of ``base.py`` do not count.
    """
    found: dict[str, None] = {}
    bases = [each for each in kind.__mro__[1:] if each.__module__.endswith(".base")]
    common = {each for base in bases for each in base.__mro__}
    for each in kind.__mro__[::-1]:
        if not each.__module__.startswith("minidl.") or each in common:
            continue
        module = sys.modules[each.__module__]
        for value in vars(each).values():
            value = getattr(value, "__func__", value)
            value = inspect.unwrap(value) if callable(value) else value
            if not inspect.isfunction(value):
                continue
            if _kernel(sys.modules.get(value.__module__), value.__name__):
                found[f"{value.__module__}.{value.__name__}"] = None
                continue
            names = list(_names(value.__code__))
            homes = [vars(module).get(name) for name in names]
            for home in (module, *filter(inspect.ismodule, homes)):
                found |= {full: None for name in names if (full := _kernel(home, name))}
    return list(found)


def add_links(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """A line at the end of a class's text."""
    if what == "class" and inspect.isclass(thing) and HOMES.match(thing.__module__):
        links = [f":func:`~{each}`" for each in kernels_of(thing)]
        if links:
            lines += ["", "Kernels: " + ", ".join(links) + ".", ""]


def setup(app: Any) -> dict[str, bool]:
    """Have the line added after napoleon has read the sections."""
    app.connect("autodoc-process-docstring", add_links, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
