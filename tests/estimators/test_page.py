"""The page for users of scikit-learn: its cells run from top to bottom."""

from __future__ import annotations

import re
import warnings

import pytest

from tests import pages

pytestmark = pytest.mark.thorough

PAGE = pages.DO / "from_scikit_learn.md"


def test_the_cells_run(capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)  # where a cell writes a file
    assert len(pages.cells(PAGE)) == 9
    with warnings.catch_warnings():
        pages.run(PAGE)
    printed = capsys.readouterr().out
    accuracies = [float(each) for each in re.findall(r"accuracy (\d\.\d+)", printed)]
    assert len(accuracies) == 3
    assert min(accuracies) > 0.9  # a guess is right in .1
    apart = float(re.search(r"^(\d\S*e-\d+)$", printed, re.M).group(1))
    assert apart < 1e-9
