"""Every kernel can be recorded: what a tape does not see would not be played."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest

import minidl.kernels
from minidl.backend.fused import Fused
from minidl.backend.kernel import is_kernel

# Functions of a number, and pieces of formulas.
OTHERS = {"dropout_threshold", "erfc", "_ftrl", "_deviation",
          "alpha_dropout_affine", "standard_normal"}  # fmt: skip


def functions() -> Iterator[Any]:
    for info in pkgutil.iter_modules(minidl.kernels.__path__):
        module = importlib.import_module(f"minidl.kernels.{info.name}")
        for name, value in vars(module).items():
            own = getattr(value, "__module__", "") == module.__name__
            if own and (inspect.isfunction(value) or isinstance(value, Fused)):
                yield pytest.param(value, id=f"{info.name}.{name}")


@pytest.mark.parametrize("function", list(functions()))
def test_a_tape_sees_it(function: Any) -> None:
    """A function without its decorator would run once, while the step is recorded."""
    seen = isinstance(function, Fused) or is_kernel(function)
    assert seen == (function.__name__ not in OTHERS)
