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
    times = serving.race(engines, 2, 3, np.zeros(1))
    assert order == ["a", "a", "b", "b"] * 4
    assert [len(each) for each in times.values()] == [3, 3]
    assert serving.summary([4.0, 6.0, 9.0], [2.0, 2.0, 9.0]) == {
        "median": 6.0,
        "least": 4.0,
        "ratio": 2.0,
    }


def test_an_engine_that_comes_to_other_numbers_is_found() -> None:
    model = minidl.Sequential(
        [minidl.Input((784,)), Dense(6, "relu"), Dense(5, "relu"), Dense(10, "softmax")]
    )
    random = np.random.default_rng(0)
    x, y = random.random((30, 784), np.float32), random.integers(0, 10, 30)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.build()
    others = serving.peers(model)
    assert {"ONNX Runtime", "scikit-learn"} <= others.keys()
    predictions = {"predictor": model.predictor()} | {k: p for k, (p, _) in others.items()}
    evaluations = {"minidl": serving.own_evaluate(model)} | {k: e for k, (_, e) in others.items()}
    serving.agree(predictions, x)
    serving.agree(evaluations, x, y)
    with pytest.raises(AssertionError, match="wrong"):
        serving.agree({**predictions, "wrong": lambda rows: model.predict(rows) + 0.01}, x)
    with pytest.raises(AssertionError, match="wrong"):
        serving.agree({**evaluations, "wrong": lambda x, y: (2.5, 0.1)}, x, y)
