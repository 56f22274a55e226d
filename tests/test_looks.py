"""How often ``fit`` looks at the parts of a step: once a while, or each epoch where it has to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl.accelerator.record import recording
from minidl.callbacks import Callback, ReduceLROnPlateau
from minidl.layers import Dense, Input
from minidl.training.whole_step import WholeStep

EPOCHS = 8
X = np.random.default_rng(0).standard_normal((40, 3))
Y = X.sum(axis=1)


class Freezing(Callback):
    """Changes the network from epoch 4 on: somebody else's code."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 3:
            self.model.layers[0].trainable = False
            self.kept = self.model.layers[0].W.copy()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A value for each look."""
    found: list[bool] = []
    look = WholeStep.look

    def noted(self: Any, parts: Any, movers: Any = (), within: bool = False) -> None:
        if parts:  # not the one at the beginning, when there is nothing to see
            found.append(within)
        look(self, parts, movers, within)

    monkeypatch.setattr(WholeStep, "look", noted)
    return found


def fitted(callbacks: Any) -> minidl.Sequential:
    model = minidl.Sequential([Input((3,)), Dense(4, "relu"), Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, Y, 10, EPOCHS, 0, callbacks)
    return model


@pytest.mark.parametrize(("seconds", "expected"), [(1e9, 1), (0.0, EPOCHS)])
def test_one_look_holds_for_a_while(
    looks: list[bool], monkeypatch: pytest.MonkeyPatch, seconds: float, expected: int
) -> None:
    monkeypatch.setattr(recording, "HOLDS", seconds)
    if minidl.backend.executor != "compiled":
        expected = EPOCHS  # each step is called, and may call anything
    fitted([ReduceLROnPlateau("loss")])
    assert len([within for within in looks if not within]) == expected


def test_a_change_by_somebody_elses_callback_acts_at_once(
    looks: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "HOLDS", 1e9)
    freezing = Freezing()
    model = fitted([freezing])
    assert len([within for within in looks if not within]) == EPOCHS
    np.testing.assert_array_equal(model.layers[0].W, freezing.kept)
