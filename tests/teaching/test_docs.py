"""docs/look_up/diagnosis.md: examples print what stands there, tables are the catalogue's."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minidl.teaching.catalogue import KERNELS, MISTAKES
from minidl.teaching.catalogue.__main__ import table

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "look_up" / "diagnosis.md").read_text(encoding="utf-8")


def test_the_examples_print_what_is_documented():
    pairs = re.findall(r"```python\n(.*?)```(?:(?!```).)*?```text\n(.*?)```", PAGE, flags=re.S)
    assert len(pairs) == PAGE.count("```python") - 1 == 4
    names: dict[str, object] = {}
    for code, documented in pairs:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "docs/look_up/diagnosis.md", "exec"), names)
        # How a sum is rounded is the processor's affair.
        number = r"\d\.\de-1\d"
        assert re.sub(number, "…", printed.getvalue()) == re.sub(number, "…", documented)


def test_the_row_that_is_shown_is_one_of_the_catalogue():
    row = re.findall(r"```python\n(\(.*?)```", PAGE, flags=re.S)[0]
    assert ast.literal_eval(row) in MISTAKES


def test_the_tables_are_those_of_the_catalogue():
    assert PAGE.split("<!-- tables -->\n\n")[1] == table() + "\n"


def test_the_command_prints_the_tables():
    printed = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "minidl.teaching.catalogue"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert printed.stdout == table() + "\n"


def test_every_cell_is_one():
    """A bar within a cell would end it."""
    rows = [line for line in table().splitlines() if line.startswith("|")]
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {5}


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_every_mistake_has_a_formula_and_an_explanation(kernel):
    for mistake in kernel.mistakes:
        assert mistake.name
        assert re.fullmatch(r"[^.].{20,}\.", mistake.why)
        assert "  " not in mistake.why + mistake.text


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_every_kernel_has_its_section(kernel):
    assert f"### {kernel.name}\n\n`{kernel.function}({', '.join(kernel.signature)})`" in PAGE
