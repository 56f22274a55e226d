"""The parts of the house, and which of their lines are code."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from minidl.backend import use
from minidl.datasets import fashion_mnist, imdb, mnist
from tests.house import PARTS, READ_FIRST, ROOT, code_lines, count, longest, part_of
from tests.test_tutorials import FOLDER, images, reviews
from tests.tutorials import runner
from tests.tutorials.asked import CALLS

SOURCE = '''"""A module."""

from __future__ import annotations

import os  # a remark
from math import (
    pi,
)

# A constant.
TEXT = """one

two"""  # three lines


class A:
    """A class.

    Of several lines.
    """

    x = 1

    def f(self):
        """A function."""
        return (
            # Inside an expression.
            pi,
            os,
        )
'''


def test_code_is_neither_blank_nor_comment_docstring_or_import() -> None:
    assert code_lines(SOURCE) == 3 + 3 + 4
    assert code_lines("") == 0


def test_no_file_is_longer_than_three_hundred_lines() -> None:
    assert longest() == []


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("step.py", "book, read first"),
        ("kernels/dense.py", "book, read first"),
        ("kernels/margins.py", "book, the rest"),
        ("names/lookup.py", "book, the rest"),
        ("backend/__init__.py", "door"),
        ("accelerator/cpu/sparse/entries.py", "accelerator"),
        ("datasets/mnist.py", "beside the book"),
    ],
)
def test_a_file_stands_in_the_part_that_names_it_or_its_folder(file: str, part: str) -> None:
    assert part_of(ROOT / file) == part


def test_each_name_is_that_of_a_file_or_folder() -> None:
    names = [name for part in PARTS.values() for name in part]
    assert len(set(names)) == len(names)
    missing = [n for n in names if not (Path(ROOT, n).is_dir() or (ROOT / f"{n}.py").exists())]
    assert missing == []
    found = count()
    assert found["book, read first"].files == len(READ_FIRST)
    assert sum(part.files for part in found.values()) == len(list(ROOT.rglob("*.py")))


@pytest.mark.parametrize(
    "package",
    ["activations", "backend", "commands", "data", "finite", "model", "names", "network",
     "resuming", "saving", "training"],
)  # fmt: skip
def test_a_package_names_each_of_its_files(package: str) -> None:
    """In the lines above the imports."""
    text = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w/])(\w+)\.py\b", text.partition("\nfrom __future__")[0]))
    files = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"}
    beside = (
        {path.stem for path in ROOT.glob("kernels/*.py")} if package == "activations" else set()
    )
    assert (files - named, named - files - beside) == (set(), set())


def test_the_page_for_a_first_reader_lists_these_files() -> None:
    page = (ROOT.parent / "docs" / "understand" / "reading.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `minidl/(.+)\.py` \| (\d+) \|", page, flags=re.M)
    assert [name for name, _ in rows] == READ_FIRST
    lines = {name: len((ROOT / f"{name}.py").read_text().splitlines()) for name in READ_FIRST}
    assert [row for row in rows if abs(lines[row[0]] - int(row[1])) > lines[row[0]] / 10] == []


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")
def test_the_tutorials_run_a_function_of_each_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """But of the one that says what the letters mean."""
    called: set[str] = set()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            called.add(frame.f_code.co_filename)

    use("numpy", executor="python")
    for module in (fashion_mnist, mnist):
        monkeypatch.setattr(module, "load_data", images)
    monkeypatch.setattr(imdb, "load_data", reviews)
    sys.setprofile(note)
    try:
        reports = [runner.run_file(FOLDER / f"{name}.py") for name in CALLS]
    finally:
        sys.setprofile(None)
    assert [report.failure for report in reports] == [None] * len(CALLS)
    left = [name for name in READ_FIRST if str(ROOT / f"{name}.py") not in called]
    assert left == ["kernels/__init__"]
