"""benchmarks.serving: engines race in turn, and only if they agree."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from benchmarks import serving
from minidl.layers import Dense


def test_engines_race_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "SETTLE", 0)
    order: list[str] = []
    engines = {name: lambda x, name=name: order.append(name) for name in ("a", "b")}
    times = serving.race(engines, np.zeros(1), calls=2, rounds=3)
    assert order == ["a", "a", "b", "b"] * 4
    assert [len(each) for each in times.values()] == [3, 3]
    assert serving.summary([4.0, 6.0, 9.0], [2.0, 2.0, 9.0]) == {
        "median": 6.0,
        "least": 4.0,
        "ratio": 2.0,
    }


def test_an_engine_that_predicts_otherwise_is_found() -> None:
    model = minidl.Sequential(
        [minidl.Input((784,)), Dense(6, "relu"), Dense(5, "relu"), Dense(10, "softmax")]
    )
    x = np.random.default_rng(0).random((3, 784), np.float32)
    model.build()
    engines = {serving.OWN: model.predictor(), "sklearn": serving.sklearn(model, None)}
    serving.agree(engines, x)
    with pytest.raises(AssertionError, match="wrong"):
        serving.agree({**engines, "wrong": lambda rows: engines["sklearn"](rows) + 0.01}, x)
