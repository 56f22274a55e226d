"""Moving averages of the weights, and gradients gathered over batches, in training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import backend, optimizers
from minidl.layers import Dense, Input
from tests.playing import counting

RANDOM = np.random.default_rng(7)
X, Y = RANDOM.normal(size=(60, 5)), RANDOM.normal(size=(60, 2))

MADE: dict[str, Callable[[], optimizers.Optimizer]] = {
    "Adamax": lambda: optimizers.Adamax(0.01),
    "Adadelta": lambda: optimizers.Adadelta(1.0),
    "Lion": lambda: optimizers.Lion(0.002),
    "Ftrl": lambda: optimizers.Ftrl(0.05, l1_regularization_strength=0.01, beta=0.1),
    "average": lambda: optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8),
    "overwritten": lambda: optimizers.SGD(0.05, use_ema=True, ema_overwrite_frequency=5),
    "gathered": lambda: optimizers.Adam(0.01, gradient_accumulation_steps=4),
    "gathered, clipped, averaged": lambda: optimizers.RMSprop(
        0.01,
        gradient_accumulation_steps=2,
        global_clipnorm=0.5,
        weight_decay=0.1,
        use_ema=True,
        ema_overwrite_frequency=3,
        exclude_from_weight_decay=["bias"],
    ),
}


def fitted(optimizer: Any, epochs: int = 6, dtype: str = "float64") -> minidl.Sequential:
    minidl.utils.set_random_seed(4)
    model = minidl.Sequential([Input((5,)), Dense(6, "tanh"), Dense(2)], dtype=dtype)
    model.compile(optimizer, "mse")
    model.fit(X, Y, 6, epochs, verbose=0)
    return model


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MADE)
def test_every_executor_trains_to_the_same_bits(name: str, dtype: str) -> None:
    """Ten steps an epoch, six epochs: recorded steps, each update among them, and a flush."""
    found = {}
    for executor in ("python", "blocks", "compiled"):
        with backend.use("numpy", executor=executor), counting() as played:
            model = fitted(MADE[name](), epochs=7, dtype=dtype)
        assert bool(played) == (executor == "compiled")
        found[executor] = [model.theta, *model.optimizer.state.values()]
    for executor in ("blocks", "compiled"):
        for one, other in zip(found["python"], found[executor], strict=True):
            np.testing.assert_array_equal(one, other, strict=True)


def test_gathered_gradients_are_one_step_on_all_rows() -> None:
    """Three batches of two rows, and the six rows at once: the same mean gradients.

    Sums in another order: some roundings of 1e-16.
    """
    few, all_rows = [minidl.Sequential([Input((5,)), Dense(2)], dtype="float64") for _ in range(2)]
    few.compile(optimizers.Adam(0.01, gradient_accumulation_steps=3), "mse")
    all_rows.compile(optimizers.Adam(0.01), "mse")
    all_rows.build()
    few.set_weights(all_rows.get_weights())
    for model, rows in ((few, 2), (all_rows, 6)):
        model.fit(X, Y, rows, 4, shuffle=False, verbose=0)
    assert few.optimizer.batches == 3 * all_rows.optimizer.batches == 120
    assert few.optimizer.iterations == all_rows.optimizer.iterations == 40
    np.testing.assert_allclose(few.theta, all_rows.theta, rtol=1e-12)


def test_weights_stay_until_enough_is_gathered() -> None:
    """And the sum is 0 again after the step, whatever it was."""
    optimizer, theta = optimizers.SGD(1.0, gradient_accumulation_steps=3), np.zeros(2)
    for k, expected in enumerate([0, 0, -2, -2, -2, -4]):
        optimizer.update(theta, np.full(2, k % 3 + 1.0))
        np.testing.assert_array_equal(theta, expected)
    np.testing.assert_array_equal(optimizer.state["gradient_sum"], 0)
    with np.errstate(invalid="ignore"):
        for value in (np.inf, np.nan, 1.0):
            optimizer.update(theta, np.full(2, value))
    np.testing.assert_array_equal(optimizer.state["gradient_sum"], 0)


def test_the_number_of_batches_is_not_changed_while_gradients_are_gathered() -> None:
    optimizer, theta = optimizers.SGD(1.0, gradient_accumulation_steps=3), np.zeros(2)
    optimizer.update(theta, np.ones(2))
    with pytest.raises(AttributeError, match="expected 2 more batches before, received 1 of 3"):
        optimizer.gradient_accumulation_steps = 2
    optimizer.update(theta, np.ones(2))
    optimizer.update(theta, np.ones(2))
    optimizer.gradient_accumulation_steps = None
    optimizer.update(theta, np.ones(2))
    np.testing.assert_array_equal(theta, -2)


def test_a_schedule_counts_batches_as_in_keras() -> None:
    rates: list[int] = []
    optimizer = optimizers.SGD(
        lambda step: rates.append(step) or 0.5, gradient_accumulation_steps=2
    )
    for _ in range(6):
        optimizer.update(np_theta, np.ones(2))
    assert rates == [1, 3, 5]


np_theta = np.zeros(2)


@pytest.mark.parametrize("frequency", [None, 5])
def test_the_average_becomes_the_weights_at_the_end_of_fit(frequency: int | None) -> None:
    """Weights go 1, 0.9, 0.81; their average is 0.9, then 0.9 · 0.9 + 0.1 · 0.81.

    So it is in Keras's ``finalize_variable_values``, whatever the frequency of overwriting is.
    """
    model = minidl.Sequential(
        [Input((1,)), Dense(2, use_bias=False, kernel_initializer="ones")], dtype="float64"
    )
    optimizer = optimizers.SGD(
        0.1, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=frequency
    )
    model.compile(optimizer, "mse")
    model.fit(np.ones((1, 1)), np.zeros((1, 2)), epochs=2, verbose=0)
    np.testing.assert_allclose(model.theta, 0.891, rtol=1e-14)
    np.testing.assert_array_equal(model.optimizer.state["moving_average"], model.theta)


def test_an_interrupted_fit_keeps_the_weights() -> None:
    """Training may go on from there."""

    class Stop(minidl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            raise RuntimeError("stop")

    model = minidl.Sequential([Input((5,)), Dense(2)], dtype="float64")
    model.compile(optimizers.SGD(0.1, use_ema=True), "mse")
    with pytest.raises(RuntimeError, match="stop"):
        model.fit(X, Y, 6, 1, verbose=0, callbacks=Stop())
    assert (model.optimizer.state["moving_average"] != model.theta).all()


def test_an_average_that_is_asked_for_later_begins_with_the_weights_of_then() -> None:
    optimizer, theta = optimizers.SGD(1.0), np.array([4.0])
    optimizer.update(theta, np.ones(1))
    optimizer.use_ema, optimizer.ema_momentum = True, 0.5
    optimizer.update(theta, np.ones(1))
    np.testing.assert_array_equal(optimizer.state["moving_average"], 2.5)
    optimizer.finish(theta)
    np.testing.assert_array_equal(theta, 2.5)
