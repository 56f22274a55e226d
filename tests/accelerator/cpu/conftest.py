"""What the tests of commands share; the fixture ``parts`` is that of all tests."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from minidl.accelerator.cpu.products import plan as products

#: Products of more multiplications are shared out here.
SMALL = 1 << 15


@pytest.fixture(autouse=True)
def small_products_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that those that are take no longer than the others."""
    monkeypatch.setattr(products, "SMALL", SMALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for machine code that is not there yet, in the home of the user."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return home / "cache" / "commands"
