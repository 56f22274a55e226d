"""What the tests of commands share; the fixture ``parts`` is that of all tests."""

from __future__ import annotations

import pytest

from minidl.accelerator.cpu.products import plan as products

#: Products of more multiplications are shared out here.
SMALL = 1 << 15


@pytest.fixture(autouse=True)
def small_products_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that those that are take no longer than the others."""
    monkeypatch.setattr(products, "SMALL", SMALL)
