"""Cells of the documentation's pages, run by tests that look at what they leave."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

DO = Path(__file__).parents[1] / "docs" / "do"


def cells(page: Path) -> list[str]:
    """The code of a page's cells, in order."""
    return re.findall(r"```\{code-cell\} ipython3\n(.*?)```", page.read_text("utf-8"), re.S)


def run(page: Path) -> dict[str, Any]:
    """The names after all cells have run, from top to bottom."""
    names: dict[str, Any] = {}
    for cell in cells(page):
        exec(compile(cell, str(page), "exec"), names)
    return names
