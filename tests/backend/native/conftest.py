"""Teams of one, two and three parts, whatever the machine and its environment say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from minidl.backend.native import products
from minidl.backend.native.team import team

#: Products of more multiplications are shared out here.
ALONE = 1 << 15


@pytest.fixture(autouse=True)
def small_products_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that those that are take no longer than the others."""
    monkeypatch.setattr(products, "ALONE", ALONE)


@pytest.fixture(params=[1, 2, 3])
def parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The process's team has so many parts during the test."""
    _forget_team()
    monkeypatch.setenv("OMP_NUM_THREADS", str(request.param))
    yield request.param
    _forget_team()


def _forget_team() -> None:
    """End its threads; the next that asks for a team makes one of the environment's size."""
    team().stop()
    team.cache_clear()
