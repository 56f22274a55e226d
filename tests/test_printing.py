"""What is printed is there at once, and on every terminal."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from minidl.printing import say, shown

ROOT = Path(__file__).parents[1]

ENDED = """
import os, sys
import numpy as np
import minidl
model = minidl.Sequential([minidl.layers.Dense(1, input_shape=(2,), name="größe 中…")])
model.compile("sgd", "mse")
class End(minidl.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs):
        if epoch == 1:
            os._exit(3)
model.summary()
stop = minidl.callbacks.LearningRateScheduler(lambda epoch: 0.5, verbose=1)
model.fit(np.ones((4, 2)), np.ones(4), verbose=2, epochs=2, callbacks=[stop, End()])
"""


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "größe 中…"),
        ("latin-1", r"größe \u4e2d..."),
        ("cp437", r"größe \u4e2d..."),
        ("ascii", r"gro\xdfe \u4e2d..."),
        ("gbk", r"gro\xdfe 中…"),
    ],
)
def test_lines_of_a_process_that_ends_at_once(encoding: str, name: str, tmp_path: Path) -> None:
    """In a file, which Python would write when its buffer is full."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
    path = tmp_path / "out.txt"
    with open(path, "wb") as file:
        ended = subprocess.run(
            [sys.executable, "-c", ENDED], env=environment, stdout=file, stderr=subprocess.PIPE
        )
    assert (ended.returncode, ended.stderr) == (3, b"")
    text = path.read_bytes().decode(encoding)
    assert "Epoch 1: learning rate 0.5" in text
    assert "Epoch 1/2 - 1 steps" in text
    assert "Epoch 2: learning rate 0.5" in text
    assert name in text


@pytest.mark.parametrize(
    ("text", "encoding", "plain"),
    [
        ("x² × 3 … → ≥", "ascii", "x2 x 3 ... -> >="),
        ("x² × 3 … → ≥", "latin-1", "x² × 3 ... -> >="),
        ("x² × 3 … → ≥", "utf-8", "x² × 3 … → ≥"),
        ("é 中 \U0001f600", "ascii", r"e \u4e2d \U0001f600"),
        ("é…", None, "é…"),
    ],
)
def test_plain_characters_where_others_are_missing(
    text: str, encoding: str | None, plain: str
) -> None:
    assert shown(text, encoding) == plain


def test_streams_of_all_kinds(monkeypatch: Any) -> None:
    """Those without an encoding take all characters; a process without a stream prints nothing."""
    stream = io.StringIO()
    say("1 … 3", stream)
    assert stream.getvalue() == "1 … 3\n"
    monkeypatch.setattr(sys, "stdout", None)
    say("nothing")
