"""The parts of the house, and which of their lines are code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import PARTS, READ_FIRST, ROOT, code_lines, count, part_of

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


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("step.py", "book, read first"),
        ("kernels/dense.py", "book, read first"),
        ("kernels/margins.py", "book, the rest"),
        ("lookup.py", "book, the rest"),
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
