"""docs/do/bring_your_keras_model.md: its cells run, beside the file that Keras has written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "do" / "bring_your_keras_model.md"


@pytest.mark.filterwarnings("ignore:fit continues")
def test_the_cells_run(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(PAGE.parent)
    cells = re.findall(r"```\{code-cell\} ipython3\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    names: dict[str, Any] = {}
    for cell in cells:
        exec(compile(cell, str(PAGE), "exec"), names)
    shown = capsys.readouterr().out
    assert "(Dropout)" in shown
    # Of ten classes: far from chance, as after a training.
    assert names["accuracy"] > 0.8
    # 1437 rows in batches of 32 are 45 steps an epoch.
    assert re.findall(r"(\d+) steps made", shown) == ["450", "675"]
    assert names["history"]["loss"][-1] < names["history"]["loss"][0]
