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
