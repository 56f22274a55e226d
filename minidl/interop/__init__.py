"""Models of other packages, in and out: each format in a module of its own, loaded when used."""

from __future__ import annotations

import importlib
from typing import Any

#: Public name -> the module of this package that has it.
_PLACES = {
    "from_sklearn": "sklearn",
    "to_sklearn": "sklearn",
}

__all__ = [*_PLACES]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
