"""The README's Python runs as it stands there."""

from __future__ import annotations

import inspect
import math
import re
import textwrap
from pathlib import Path

import pytest

import minidl
from tests.house import count
from tests.registered import forgotten  # noqa: F401 - a fixture

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.usefixtures("forgotten")
def test_the_python_blocks_run_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.S)
    assert len(blocks) == 2
    names: dict[str, object] = {}
    minidl.utils.set_random_seed(1)  # after five epochs beginnings still differ: .75 to .9
    for block in blocks:
        exec(compile(block, str(README), "exec"), names)
    assert (tmp_path / "digits.npz").exists()
    assert 0.8 < names["accuracy"] <= 1
    printed = float(re.search(r"loss (\d+\.\d+)\n$", capsys.readouterr().out).group(1))
    # From ln 10 = 2.3 at the start; a wrong gradient does not get there.
    assert printed < 0.2


def test_the_step_is_the_one_that_training_calls():
    (quoted,) = re.findall(
        r"<!-- source: minidl.train_step -->\n\n```py\n(.*?)```", README.read_text(), flags=re.S
    )
    source = inspect.getsource(minidl.train_step)
    body = textwrap.dedent(source.rpartition('"""')[2])
    *lines, returned = body.strip().splitlines()
    assert returned == "return value, penalty, predictions"
    assert quoted.splitlines() == lines


def test_the_lines_are_counted():
    """To the next hundred."""
    ((lines, code),) = re.findall(r"([\d,]+) lines,\s+([\d,]+) of code", README.read_text())
    found = count()["book, read first"]
    assert int(lines.replace(",", "")) == 100 * math.ceil(found.lines / 100)
    assert int(code.replace(",", "")) == 100 * math.ceil(found.code / 100)


def test_links_lead_to_files():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text())
    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []
