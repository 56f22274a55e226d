"""The page for users of scikit-learn: its cells run from top to bottom."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

pytestmark = pytest.mark.thorough

PAGE = Path(__file__).parents[2] / "docs" / "do" / "from_scikit_learn.md"


def test_the_cells_run(capsys) -> None:
    cells = re.findall(r"```\{code-cell\} ipython3\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    assert len(cells) == 7
    names: dict[str, object] = {}
    with warnings.catch_warnings():
        for cell in cells:
            exec(compile(cell, str(PAGE), "exec"), names)
    printed = capsys.readouterr().out
    accuracies = [float(each) for each in re.findall(r"accuracy (\d\.\d+)", printed)]
    assert len(accuracies) == 3
    assert min(accuracies) > 0.9  # a guess is right in .1
    apart = float(re.search(r"^(\d\S*e-\d+)$", printed, re.M).group(1))
    assert apart < 1e-9
