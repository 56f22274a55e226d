"""Means of testing networks, for other projects too: Hypothesis strategies, and a pytest plugin.

``networks()``, ``layers()``, ``activations()`` and ``tensors(...)`` are strategies and need
Hypothesis (``pip install 'minidl[testing]'``). The plugin, ``minidl.testing.plugin``, is found by
pytest where minidl is installed and offers the fixture ``gradcheck``. See
``docs/do/gradient_tests.md``.
"""

from __future__ import annotations

import importlib
from typing import Any

# Loaded when first used: what does not need Hypothesis works without it.
_HOMES = {
    "NetworkCase": "minidl.testing.strategies",
    "activations": "minidl.testing.strategies",
    "layers": "minidl.testing.strategies",
    "networks": "minidl.testing.strategies",
    "off_zero": "minidl.testing.axes",
    "positive": "minidl.testing.axes",
    "probability": "minidl.testing.axes",
    "smooth": "minidl.testing.axes",
    "tensors": "minidl.testing.axes",
    "diagnose": "minidl.teaching",
}

__all__ = [
    "NetworkCase",
    "activations",
    "diagnose",
    "layers",
    "networks",
    "off_zero",
    "positive",
    "probability",
    "smooth",
    "tensors",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise ModuleNotFoundError(
            f"minidl.testing.{name} needs hypothesis; install it with "
            "pip install 'minidl[testing]'",
            name="hypothesis",
        ) from error
