"""Single steps by one call: the numbers of Keras and of fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests import oracle_training
from tests.fitting import HIDDEN, KINDS, compiled, network, same_weights


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_of_steps_is_an_epoch_of_fit(kind: str) -> None:
    """With weights: the same bits, and the mean of the losses."""
    model, task = compiled(kind)
    other, _ = compiled(kind)
    weight = np.linspace(0.5, 1.5, 20)
    x, y = task.x[:20], task.y[:20]
    history = model.fit(x, y, 5, shuffle=False, verbose=0, sample_weight=weight).history
    losses = []
    for start in range(0, 20, 5):
        part = slice(start, start + 5)
        losses.append(other.train_on_batch(x[part], y[part], sample_weight=weight[part]))
    same_weights(model, other)
    assert other.step == other.optimizer.iterations == 4
    # float64: a mean of means
    np.testing.assert_allclose(np.mean(losses), history["loss"][0], rtol=1e-12)


@pytest.mark.parametrize("weights", ["none", "rows", "classes"])
def test_as_in_keras(weights: str) -> None:
    """The values of a step, of a test and of a prediction."""
    model, task = compiled("integers", hidden=[], optimizer="sgd", metrics=["accuracy"])
    given: dict[str, Any] = {}
    if weights == "rows":
        given = {"sample_weight": np.linspace(0, 2, len(task.x))}
    elif weights == "classes":
        given = {"class_weight": {0: 0.5, 1: 1.0, 2: 3.0}}
    theirs = oracle_training.on_batch(
        [task.output], model.get_weights(), task.x, task.y, given,
        optimizer="sgd", loss=task.loss, metrics=["accuracy"],
    )  # fmt: skip
    step = model.train_on_batch(task.x, task.y, return_dict=True, **given)
    given.pop("class_weight", None)
    test = model.test_on_batch(task.x, task.y, return_dict=True, **given)
    for ours, expected in zip((step, test), theirs[:2], strict=True):
        assert ours.keys() == expected.keys()
        for name, value in expected.items():
            # float64: products are summed in another order.
            np.testing.assert_allclose(ours[name], value, rtol=1e-9)
    np.testing.assert_allclose(model.predict_on_batch(task.x), theirs[2], rtol=1e-9)
    found = model.test_on_batch(task.x, task.y, **given)
    assert found == list(test.values())


def test_weighted_metrics_are_weighted() -> None:
    """In a step as in a test of the same weights."""
    weight = np.linspace(0, 2, 23)
    found = []
    for method in ("test_on_batch", "train_on_batch"):
        model, task = compiled("integers", hidden=[])
        model.compile("sgd", task.loss, weighted_metrics=["accuracy"])
        found.append(getattr(model, method)(task.x, task.y, sample_weight=weight))
    # float64: the same sums
    np.testing.assert_allclose(*found, rtol=1e-12)
    assert found[0] != model.test_on_batch(task.x, task.y)


def test_a_model_without_metrics_gives_a_number() -> None:
    """And refuses targets that are missing, or a call before compile."""
    model, task = compiled("values")
    assert isinstance(model.train_on_batch(task.x, task.y), float)
    with pytest.raises(TypeError, match="y: expected targets"):
        model.train_on_batch(task.x)
    with pytest.raises(RuntimeError, match="expected compile"):
        network([*HIDDEN, task.output]).train_on_batch(task.x, task.y)
