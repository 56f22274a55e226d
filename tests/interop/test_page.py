"""Pages of docs/do: their cells run, and show what the text says."""

from __future__ import annotations

import re
from typing import Any

import pytest

import minidl
from tests import pages


def run(page: str, monkeypatch: Any, capsys: Any) -> tuple[dict[str, Any], str]:
    """Names after the cells of a page, and the text that the cells print."""
    monkeypatch.chdir(pages.DO)  # where the pages find their files
    return pages.run(pages.DO / page), capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:fit continues")
def test_bring_your_keras_model(monkeypatch: Any, capsys: Any) -> None:
    minidl.utils.set_random_seed(0)  # with some seeds the loss of one epoch is above the first
    names, shown = run("bring_your_keras_model.md", monkeypatch, capsys)
    assert "(Dropout)" in shown
    # Of ten classes: far from chance, as after a training.
    assert names["accuracy"] > 0.8
    # 1437 rows in batches of 32 are 45 steps an epoch.
    assert re.findall(r"(\d+) steps made", shown) == ["450", "675"]
    assert names["history"]["loss"][-1] < names["history"]["loss"][0]


def test_serve_predictions(monkeypatch: Any, capsys: Any) -> None:
    names, shown = run("serve_predictions.md", monkeypatch, capsys)
    assert re.search(r"\d is a \d", shown)
    assert names["right"] > 0.8
