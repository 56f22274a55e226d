"""A failure says which kernels ran before it."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import minidl.kernels
from minidl.backend.fused import Fused

_MODULES = [
    importlib.import_module(f"minidl.kernels.{info.name}")
    for info in pkgutil.iter_modules(minidl.kernels.__path__)
]
_called = pytest.StashKey[dict[str, None]]()


@pytest.fixture(autouse=True)
def _names_are_kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    called = request.node.stash[_called] = {}

    def noting(kernel: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(kernel)
        def call(*arguments: Any, **options: Any) -> Any:
            called.setdefault(name)
            return kernel(*arguments, **options)

        return call

    right = Fused.__call__

    def fused(self: Fused, *arguments: Any, **options: Any) -> Any:
        called.setdefault(self.formula.__name__)
        return right(self, *arguments, **options)

    monkeypatch.setattr(Fused, "__call__", fused)
    for module in (*_MODULES, request.module):
        for name, value in list(vars(module).items()):
            if inspect.isfunction(value) and value.__module__.startswith("minidl.kernels"):
                monkeypatch.setattr(module, name, noting(value, value.__name__))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: Any = yield
    if report.failed and (names := item.stash.get(_called, None)):
        report.sections.append(("Kernels called", ", ".join(names)))
    return report
