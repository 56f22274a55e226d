"""Two objectives of one model do not disturb each other."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.callbacks import LambdaCallback
from minidl.layers import BatchNormalization, Dense, Dropout


def fitted(**hooks):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(40, 5)), random.integers(0, 3, 40)
    minidl.utils.set_random_seed(3)
    model = minidl.Sequential(
        [Dense(8, "relu"), BatchNormalization(), Dropout(0.3), Dense(3, "softmax")],
        dtype="float64",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    def look(*_):
        model.evaluate(x[:7], y[:7], verbose=0)
        model.predict(x[:3])

    callback = LambdaCallback(**dict.fromkeys(hooks, look))
    history = model.fit(
        x, y, 16, 3, verbose=0, validation_split=0.25, callbacks=callback if hooks else None
    )
    return history.history, np.array(model.theta)


@pytest.mark.parametrize("moment", ["on_epoch_end", "on_train_batch_begin", "on_train_batch_end"])
def test_evaluating_while_training_changes_nothing(moment):
    """On fewer rows than a batch has, between steps and between epochs."""
    plain, theta = fitted()
    watched, watched_theta = fitted(**{moment: True})
    assert watched == plain
    np.testing.assert_array_equal(watched_theta, theta)


def test_an_evaluation_that_is_disturbed_adds_each_batch_once():
    """A metric sets the weights once, as a signal's handler may: that look is repeated."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(12, 5)), random.integers(0, 3, 12)
    seen = []

    class Disturbing(minidl.metrics.Mean):
        def update(self, predictions, y, weight=None):
            seen.append(len(predictions))
            if len(seen) == 2:
                model.set_weights(model.get_weights())
            self.add(float(predictions.sum()), len(predictions))

    model = minidl.Sequential([Dense(3, "softmax", input_shape=(5,))], dtype="float64")
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy", Disturbing("all")])
    first = model.evaluate(x, y, batch_size=4, verbose=0)
    assert seen == [4, 4, 4, 4]  # the second batch twice
    assert model.evaluate(x, y, batch_size=4, verbose=0) == first
