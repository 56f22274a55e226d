"""A failure says which fused kernels ran before it; of the others the test's name does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from minidl.backend.fused import Fused

_called = pytest.StashKey[dict[str, None]]()


@pytest.fixture(autouse=True)
def _names_are_kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    called = request.node.stash[_called] = {}
    right = Fused.__call__

    def call(self: Fused, *arguments: Any, out: Any) -> Any:
        called.setdefault(self.formula.__name__)
        return right(self, *arguments, out=out)

    monkeypatch.setattr(Fused, "__call__", call)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: Any = yield
    if report.failed and (names := item.stash.get(_called, None)):
        report.sections.append(("Kernels called", ", ".join(names)))
    return report
