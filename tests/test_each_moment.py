"""At each moment of a training: an interrupt, or a handler that uses the model."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

import minidl
from minidl.backend import use
from tests import moments
from tests.campaigns.interrupts import BATCH, CLASSES, COLUMNS, network, state

# These take long.
pytestmark = pytest.mark.thorough

BATCHES = 5
# So many moments of each work are tried, others with each action.
TRIED = 12 if settings.default.max_examples < 1000 else 1000  # type: ignore[union-attr]

X = np.tile(np.random.default_rng(0).standard_normal((BATCH, COLUMNS)), (BATCHES, 1))
X = X.astype(np.float32)
Y = np.tile(np.random.default_rng(1).integers(0, CLASSES, BATCH), BATCHES)


def fit(model: minidl.Sequential, epochs: int = 1) -> None:
    model.fit(X, Y, BATCH, epochs, 0, shuffle=False)


@pytest.fixture(scope="module", params=["compiled", "blocks"])
def states(request: pytest.FixtureRequest) -> dict[int, bytes]:
    """What an undisturbed training comes to after so many steps; under each executor.

    And what is predicted at the moment when :func:`trained` hands over a model.
    """
    use("numpy", executor=request.param)
    model = network(0)
    model.optimizer.build(model.theta, model.parameters)
    found = {0: state(model)}
    note = minidl.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: found.update({model.step: state(model)})
    )
    model.fit(X, Y, BATCH, 20, 0, note, shuffle=False)
    found["executor"] = request.param  # type: ignore[index, assignment]
    found["predicted"] = trained(found).predict(X)  # type: ignore[index, assignment]
    return found


def trained(states: Any) -> minidl.Sequential:
    use("numpy", executor=states["executor"])
    model = network(0)
    # To just before the step after which small numbers are flushed, that is made in parts.
    fit(model, 12)
    return model


def interrupt() -> None:
    raise KeyboardInterrupt


def saved(model: minidl.Sequential) -> Any:
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    return minidl.models.load_model(file)


def predicting() -> bool:
    """True while predict computes rows, which it does again where a handler changes the weights."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code is not minidl.Sequential._predict.__code__:
        frame = frame.f_back
    return frame is not None


def right(model: minidl.Sequential, states: Any) -> bool:
    return state(model) == states[model.step]


WORKS: dict[str, Callable[[minidl.Sequential], Any]] = {
    "fit": fit,
    "predict": lambda model: model.predict(X),
    "evaluate": lambda model: model.evaluate(X, Y, verbose=0),
    "save": saved,
}


def disturbed(
    model: minidl.Sequential, what: str, action: str, moment: int, states: Any, history: Any
) -> None:
    """Work with a model while something happens at a moment; then look at everything."""
    seen: list[Any] = []
    found: list[Any] = []
    predicted = [states["predicted"]]

    def train() -> None:
        if predicting():
            predicted.clear()
        fit(model)

    actions: dict[str, Callable[[], None]] = {
        "predict": lambda: seen.append(model.predict(X).shape == (len(X), CLASSES)),
        "save": lambda: seen.append(right(saved(model), states)),
        "fit": train,
    }
    try:
        moments.at(moment, actions.get(action, interrupt), lambda: found.append(WORKS[what](model)))
    except KeyboardInterrupt:
        if action == "interrupt twice":
            with pytest.raises(KeyboardInterrupt):
                moments.at(moment % 40, interrupt, lambda: fit(model))
    where = what, action, moment
    assert right(model, states), where
    assert all(seen), where
    if what == "fit" and action in ("predict", "save"):
        assert model.history is not None
        assert model.history.history == history, where
    if found and what == "save":
        assert right(found[0], states), where
    if found and what == "predict":
        # A handler that trains may come before the result is there, or after.
        predicted.append(model.predict(X))
        assert any(np.array_equal(found[0], each) for each in predicted), where
    fit(model)
    assert right(model, states), where


@pytest.mark.filterwarnings("ignore:fit continues")
@pytest.mark.parametrize("what", WORKS)
@pytest.mark.parametrize("action", ["interrupt", "interrupt twice", "predict", "save", "fit"])
def test_at_each_moment(what: str, action: str, states: Any) -> None:
    """The model is at one of its states, and what was looked at belongs to one."""
    first = trained(states)
    WORKS[what](first)  # with nothing left to be imported or compiled
    history = first.history and first.history.history
    model = trained(states)
    total = moments.count(lambda: WORKS[what](model))
    chance = np.random.default_rng(len(what) + 7 * len(action))
    for moment in chance.choice(total, min(TRIED, total), replace=False).tolist():
        disturbed(trained(states), what, action, moment, states, history)
