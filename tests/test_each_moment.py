"""At each moment of a training: an interrupt, or a handler that uses the model."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

import minidl
from minidl.backend import use
from tests import moments
from tests.campaigns.interrupts import BATCH, CLASSES, COLUMNS, network, state

BATCHES = 5
# So many moments of each work are tried, others with each action.
TRIED = 12 if settings.default.max_examples < 1000 else 1000  # type: ignore[union-attr]

X = np.tile(np.random.default_rng(0).standard_normal((BATCH, COLUMNS)), (BATCHES, 1))
X = X.astype(np.float32)
Y = np.tile(np.random.default_rng(1).integers(0, CLASSES, BATCH), BATCHES)


def fit(model: minidl.Sequential, epochs: int = 1) -> None:
    model.fit(X, Y, BATCH, epochs, 0, shuffle=False)


@pytest.fixture(scope="module", params=["numba", "blocks"])
def states(request: pytest.FixtureRequest) -> dict[int, bytes]:
    """What an undisturbed training comes to after so many steps; under each executor."""
    use("numpy", executor=request.param)
    model = network(0)
    model.optimizer.build(model.theta, model.parameters)
    found = {0: state(model)}
    note = minidl.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: found.update({model.step: state(model)})
    )
    model.fit(X, Y, BATCH, 20, 0, note, shuffle=False)
    found["executor"] = request.param  # type: ignore[index, assignment]
    return found


def trained(states: Any) -> minidl.Sequential:
    use("numpy", executor=states["executor"])
    model = network(0)
    # To just before the step after which small numbers are flushed, that is made in parts.
    fit(model, 12)
    return model


def interrupt() -> None:
    raise KeyboardInterrupt


def interrupted(error: BaseException | None) -> bool:
    """Whether an interrupt is at the bottom of an error."""
    return error is not None and (
        isinstance(error, KeyboardInterrupt) or interrupted(error.__context__)
    )


def saved(model: minidl.Sequential) -> Any:
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    return minidl.models.load_model(file)


def right(model: minidl.Sequential, states: Any) -> bool:
    return state(model) == states[model.step]


@pytest.mark.filterwarnings("ignore:fit continues")
@pytest.mark.parametrize("what", ["fit", "predict", "evaluate", "save"])
@pytest.mark.parametrize("action", ["interrupt", "interrupt twice", "predict", "save", "fit"])
def test_at_each_moment(what: str, action: str, states: Any) -> None:
    """The model is at one of its states, and what was looked at belongs to one."""
    predictions: dict[int, np.ndarray] = {}
    work = {
        "fit": lambda: fit(model),
        "predict": lambda: model.predict(X),
        "evaluate": lambda: model.evaluate(X, Y, verbose=0),
        "save": lambda: saved(model),
    }
    actions = {
        "predict": lambda: seen.append(model.predict(X)),
        "save": lambda: seen.append(right(saved(model), states)),
        "fit": lambda: fit(model),
    }
    model = trained(states)
    work[what]()
    model = trained(states)
    total = moments.count(work[what])
    chance = np.random.default_rng(len(what) + 7 * len(action))
    begun = model
    for moment in np.sort(chance.choice(total, min(TRIED, total), replace=False)).tolist():
        model, seen, found = trained(states) if begun is None else begun, [], []  # type: ignore[var-annotated]
        begun = None
        do = actions.get(action, interrupt)

        def looking() -> None:
            found.append(work[what]())

        try:
            assert moments.at(moment, do, looking) or action.startswith("interrupt")
        except (KeyboardInterrupt, ValueError) as error:
            assert interrupted(error)  # the archive's own end may fail, too
            if action == "interrupt twice":
                with pytest.raises(KeyboardInterrupt):
                    moments.at(moment % 40, interrupt, lambda: fit(model))
        assert right(model, states), (what, action, moment)
        for each in seen:
            assert np.all(each) if action == "save" else each.shape == (len(X), CLASSES)
        if found and what == "save":
            assert right(found[0], states), (what, action, moment)
        if found and what == "predict" and action in ("interrupt", "fit"):
            step = model.step
            if step not in predictions:
                predictions[step] = model.predict(X)
            np.testing.assert_array_equal(found[0], predictions[step])
        fit(model)
        assert right(model, states)
