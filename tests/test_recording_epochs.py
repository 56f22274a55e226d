"""What happens between and in played steps has the effect that it has where steps are called."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import optimizers
from minidl.accelerator.record import recording
from minidl.accelerator.record.tape import Tape
from minidl.backend import use
from minidl.callbacks import (
    Callback,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from minidl.layers import BatchNormalization, Dense, Dropout, Input, LeakyReLU, Rescaling
from minidl.optimizers import SGD, Adam, schedules
from minidl.regularizers import L2
from tests import playing
from tests.playing import arrays, both, calling, counting, the_same

RANDOM = np.random.default_rng(8)
X, Y = RANDOM.normal(size=(20, 4)), RANDOM.normal(size=(20, 3))
BATCH, STEPS = 5, 4
same_products = playing.same_products


@pytest.fixture(autouse=True)
def _compiled(same_products: None) -> None:
    use("numpy", executor="compiled")


def model(optimizer: Any = "adam", rate: float = 0.5) -> minidl.Sequential:
    minidl.utils.set_random_seed(6)
    made = minidl.Sequential(
        [
            Input((4,)),
            Rescaling(0.5),
            Dense(5, "elu", kernel_regularizer=L2(0.01)),
            BatchNormalization(momentum=0.9, center=False),
            LeakyReLU(0.1),
            Dropout(rate),
            Dense(3),
        ],
        dtype="float64",
    )
    made.compile(optimizer() if callable(optimizer) else optimizer, "mse", metrics=["mse"])
    return made


def fit(
    made: minidl.Sequential,
    epochs: int = 4,
    told: Any = None,
    x: Any = X,
    y: Any = Y,
    **options: Any,
) -> dict[str, Any]:
    return made.fit(x, y, BATCH, epochs, 0, told, **options).history


def trained(
    told: Callable[[], Any] = lambda: None, make: Callable[[], Any] = model, **options: Any
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """History and arrays of a model that was fitted."""
    made = make()
    history = fit(made, told=told(), **options)
    return history, arrays(made)


def compare(train: Callable[[], Any], plays: int | None = None) -> Any:
    """Assert that a training gives the same with and without playing; what it gives."""
    played, called = both(train, plays)
    for one, other in zip(played, called, strict=True):
        the_same(one, other)
    return played


def at_end(change: Callable[[Any, int], None]) -> Callable[[], Callback]:
    """Makes a callback that does something to the model at the end of each epoch."""

    class Own(Callback):
        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            change(self.model, epoch)

    return Own


def at_begin(change: Callable[[Any, int], None]) -> Callable[[], Callback]:
    """The same at its beginning."""

    class Own(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any) -> None:
            change(self.model, epoch)

    return Own


# Changes between epochs


def _drop(model: Any, rate: float) -> None:
    model.layers[4].threshold = round(rate * 2**16)
    model.layers[4].scale = 1 / (1 - rate)


CHANGES: dict[str, Callable[[Any, int], None]] = {
    "momentum": lambda model, epoch: setattr(model.layers[2], "momentum", 0.5 / (1 + epoch)),
    "epsilon": lambda model, epoch: setattr(model.layers[2], "epsilon", 0.1 * (1 + epoch)),
    "dropout": lambda model, epoch: _drop(model, 0.2 * epoch),
    "slope": lambda model, epoch: setattr(model.layers[3], "negative_slope", 0.2 * epoch),
    "rescaling": lambda model, epoch: setattr(model.layers[0], "scale", 1.0 + epoch),
    "penalty": lambda model, epoch: setattr(model.layers[1].kernel_regularizer, "l2", 0.1 * epoch),
    # Once, late: the only thing that is there and was not there before.
    "penalty's gradient": lambda model, epoch: (
        epoch == 1
        and setattr(model.layers[1].kernel_regularizer, "add_gradient", lambda W, dW: None)
    ),
    "activation": lambda model, epoch: setattr(
        model.layers[1].activation, "function", minidl.activations.tanh
    ),
    "activation's function": lambda model, epoch: setattr(
        model.layers[1].activation,
        "function",
        minidl.activations.elu if epoch % 2 else minidl.activations.leaky_relu,
    ),
    "weights": lambda model, epoch: model.set_weights([0.5 * w for w in model.get_weights()]),
    "a weight": lambda model, epoch: model.layers[-1].W.fill(0.25),
    "optimizer": lambda model, epoch: setattr(model.optimizer, "beta_1", 0.5 / (1 + epoch)),
    "moments": lambda model, epoch: model.optimizer.state["m"].fill(0.1),
    "rate": lambda model, epoch: setattr(model.optimizer, "learning_rate", 0.1 / (1 + epoch)),
    "step": lambda model, epoch: setattr(model, "step", model.step + 3),
    "method": lambda model, epoch: setattr(
        model.layers[-1], "dummy", functools.partial(print, "not a method")
    ),
    "constant": lambda model, epoch: setattr(model.layers[2], "beta", np.full(5, 0.5 + epoch)),
    "pass": lambda model, epoch: model.forward(X[:3], training=True),
    "longer pass": lambda model, epoch: model.forward(np.tile(X, (2, 1)), training=True),
    "buffers": lambda model, epoch: model.layers[1].bind(BATCH, model.backend, model.dtype),
    "predict": lambda model, epoch: model.predict(np.tile(X, (1 + epoch, 1))),
    "evaluate": lambda model, epoch: model.evaluate(X, Y, verbose=0),
    "fit of another": lambda _, epoch: fit(model(), 1),
}


@pytest.mark.parametrize("when", [at_begin, at_end], ids=["begin", "end"])
@pytest.mark.parametrize("rows", [20, 18])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_between_epochs_is_honoured(name: str, rows: int, when: Any) -> None:
    some = {"x": X[:rows], "y": Y[:rows]}
    found = compare(lambda: trained(when(CHANGES[name]), **some))[1]
    plain = trained(**some)[1]
    idle = ("method", "buffers", "predict", "evaluate", "fit of another")
    same = all(np.array_equal(found[key], plain[key]) for key in ("theta", "statistics"))
    assert same == (name in idle)


def test_a_change_by_a_function_is_honoured() -> None:
    """LambdaCallback."""

    def train() -> Any:
        made = model()
        told = LambdaCallback(on_epoch_end=lambda epoch, logs: _drop(made, 0.1 * epoch))
        return fit(made, told=told), arrays(made)

    history, _ = compare(train, 4 * (STEPS - 2))  # recorded anew in each epoch
    assert history["loss"] != trained()[0]["loss"]


def test_a_change_of_the_data_is_honoured() -> None:
    def train() -> Any:
        x, y, weight = X.copy(), Y.copy(), np.ones(20)
        made = model()

        def change(model: Any, epoch: int) -> None:
            x[...] *= -1.1
            y[...] += 1

        return fit(made, told=at_end(change)(), x=x, y=y, sample_weight=weight), arrays(made)

    history, _ = compare(train)
    assert history["loss"] != trained()[0]["loss"]


def test_methods_replaced_between_epochs_are_recorded_as_they_are() -> None:
    """Too late to be called at each step, but not to be there."""

    def change(model: Any, epoch: int) -> None:
        layer = model.layers[-1]
        layer.forward = functools.partial(type(layer).forward, model.layers[-1])

    compare(lambda: trained(at_end(change)))


def test_an_optimizer_s_method_may_be_replaced_between_epochs() -> None:
    """By one that looks at the gradients itself: from then on it finds those of its step."""

    def change(model: Any, epoch: int) -> None:
        optimizer = model.optimizer
        step = optimizer.step

        def clipped(theta: Any, grad: Any, learning_rate: float, t: int) -> None:
            grad /= max(1.0, 10 * float(np.abs(grad).max()))
            step(theta, grad, learning_rate, t)

        optimizer.step = clipped

    history, _ = compare(lambda: trained(at_end(change)))
    assert history["loss"] != trained()[0]["loss"]


@pytest.mark.parametrize("validation", [False, True])
@pytest.mark.parametrize("rows", [20, 18, 7])
def test_layers_show_the_last_step(rows: int, validation: bool) -> None:
    """At the end of each epoch and of training; after validation, its last rows."""
    options: dict[str, Any] = {"validation_data": (X[:13], Y[:13])} if validation else {}

    def train(own: bool) -> Any:
        made = model()
        seen: list[dict[str, np.ndarray]] = []
        told = at_end(lambda model, _: seen.append(arrays(model)))() if own else None
        history = fit(made, told=told, x=X[:rows], y=Y[:rows], **options)
        return history, arrays(made), *seen

    for own in (False, True):
        if rows == 7:  # one whole batch, never twice in a row
            with counting() as played:
                found = train(own)
            assert not played
        else:
            found = compare(functools.partial(train, own))
        names = [name.partition(".")[2] for name in found[1]]
        assert {"W", "dW", "x", "y", "z", "x_hat", "dgamma", "moving_mean", "bits"} <= {*names}


def test_a_shorter_last_batch_is_played() -> None:
    """Of four steps an epoch: called, recorded, played, called; called, played, played, recorded;
    called, played, played, played; and from then on all are played.
    """
    compare(lambda: trained(x=X[:18], y=Y[:18], epochs=6), plays=1 + 2 + 3 + 3 * 4)


@pytest.mark.parametrize(("epochs", "played"), [(3, []), (4, [2, 3]), (8, range(2, 8))])
def test_a_shorter_last_batch_that_comes_seldom_is_called(
    epochs: int, played: Sequence[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording takes as long as eight calls: of four such batches, and of the steps after."""
    monkeypatch.setattr(recording, "FEW", 8)
    with counting() as steps:
        trained(x=X[:18], y=Y[:18], epochs=epochs)
    assert [step // 4 for step in steps if step % 4 == 3] == list(played)


@pytest.mark.filterwarnings("ignore:fit continues")
def test_a_shorter_last_batch_that_was_recorded_in_an_unusual_step_is_recorded_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The recorded one is the 64th step, in which the optimizer flushes small numbers."""
    in_pieces: list[int] = []
    play = Tape._play_in_pieces

    def noting(tape: Tape, step: int, *arguments: Any) -> bool:
        in_pieces.append(step)
        return play(tape, step, *arguments)

    monkeypatch.setattr(Tape, "_play_in_pieces", noting)

    def train() -> Any:
        made = model()
        fit(made, x=X[:5], y=Y[:5], epochs=optimizers.base.FLUSH_EVERY - 8)
        fit(made, x=X[:18], y=Y[:18], epochs=8)
        return arrays(made)

    the_same(*both(train))
    first = optimizers.base.FLUSH_EVERY
    assert [step for step in in_pieces if step >= first] == [first + 3, first + 7]


def test_gradients_are_those_of_the_last_step() -> None:
    """With which the optimizer made its last update: that of the weights before it."""
    made = model(lambda: SGD(0.5), rate=0.0)
    before: list[np.ndarray] = []
    right = made.compile

    def rate(step: int) -> float:
        before.append(made.theta.copy())
        return 0.5

    right(SGD(rate), "mse")
    with counting() as played:
        fit(made, 3)
    assert played[-1] == 3 * STEPS - 1
    assert len(before) == 3 * STEPS
    # One rounding of the product and one of the sum.
    np.testing.assert_allclose(made.theta, before[-1] - 0.5 * made.grad, rtol=1e-15, atol=1e-16)


# Learning rates


def _rates() -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    def no() -> None: ...

    return {
        "schedule": (lambda: SGD(schedules.ExponentialDecay(0.1, 5, 0.5)), no),
        "steps": (lambda: Adam(schedules.PiecewiseConstantDecay([3, 6], [0.1, 0.01, 0.2])), no),
        "function": (lambda: SGD(lambda step: 0.1 / (1 + step), momentum=0.9), no),
        "scheduler": (
            lambda: Adam(0.1),
            lambda: LearningRateScheduler(lambda epoch, rate: rate * (0.5 if epoch else 1)),
        ),
        "plateau": (
            lambda: SGD(0.1),
            lambda: ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=1e9),
        ),
        "clipped": (lambda: SGD(lambda step: 1.0 + step, clipnorm=0.1), no),
        "decay": (lambda: minidl.optimizers.AdamW(lambda step: 0.1 / (1 + step)), no),
    }


@pytest.mark.parametrize("name", _rates())
def test_learning_rates_are_asked_for_at_each_step(name: str) -> None:
    optimizer, told = _rates()[name]
    history, _ = compare(lambda: trained(told, lambda: model(optimizer)), plays=4 * STEPS - 2)
    assert len({*history["loss"]}) == 4


def test_small_numbers_are_flushed_as_without_playing() -> None:
    """Every 64 steps, in a played one, whose formula was not there when it was recorded."""

    def train() -> Any:
        made = model(lambda: SGD(1e-3, momentum=0.1))
        made.layers[0].scale = 0.0  # no gradient at the first weights: their velocity decays
        made.build()
        made.optimizer.build(made.theta, made.parameters)
        made.optimizer.state["velocity"][:20] = 1e-250
        history = fit(made, 17)
        return history, arrays(made)

    _, found = compare(train, 17 * STEPS - 2)
    assert (found["optimizer velocity"][:3] != 1e-250).all()


# Ends


def test_early_stopping_restores_the_best_weights() -> None:
    def train() -> Any:
        made = model()
        told = EarlyStopping("loss", patience=2, restore_best_weights=True)
        rates = LearningRateScheduler(lambda epoch: 0.01 if epoch < 3 else 2.0)
        history = fit(made, 30, [told, rates])
        assert 0 < told.best_epoch < len(history["loss"]) - 1
        return history, arrays(made), {"best": [told.best_epoch, told.stopped_epoch]}

    compare(train)


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_resumed_training_is_the_whole_one(first: int) -> None:
    """With what it records anew in the middle."""
    whole = model()
    history = fit(whole, 4)
    parts = model()
    with counting() as played:
        a = fit(parts, first)
        b = fit(parts, 4, initial_epoch=first)
    assert played == [
        s for s in range(4 * STEPS) if s not in (0, 1, first * STEPS, first * STEPS + 1)
    ]
    the_same({k: a[k] + b[k] for k in a}, history)
    the_same(arrays(parts), arrays(whole))


@pytest.mark.filterwarnings("ignore:fit continues")
def test_fits_of_one_model_follow_each_other() -> None:
    """On other rows, other losses, other optimizers."""

    def train() -> Any:
        made = model()
        found = [fit(made, 2), fit(made, 2, x=X[:10], y=Y[:10]), fit(made, 2, x=X[5:], y=Y[5:])]
        made.compile(SGD(0.1), minidl.losses.MeanSquaredError(), metrics=[])
        return *found, fit(made, 2), arrays(made)

    compare(train, (8 - 2) + (4 - 2) + (6 - 2) + (8 - 2))


@pytest.mark.filterwarnings("ignore:fit continues")
def test_models_trained_in_turn_do_not_disturb_each_other() -> None:
    alone = [trained(make=lambda: model("sgd")), trained(make=model)]
    one, other = model("sgd"), model()
    for epoch in range(4):
        for made in (one, other):
            fit(made, epoch + 1, initial_epoch=epoch)
    the_same(arrays(one), alone[0][1])
    the_same(arrays(other), alone[1][1])


def test_a_fit_within_another_is_one_of_its_own() -> None:
    """In a callback, in the middle of an epoch of the outer one."""
    inner: list[Any] = []

    class Own(Callback):
        def on_train_batch_end(self, batch: int, logs: Any) -> None:
            if batch == 2:
                inner.append(trained())

    outer = trained(Own)
    with calling():
        the_same(outer[1], trained(Own)[1])
    the_same(inner[0][1], inner[-1][1])


def test_a_fit_within_a_played_step_is_one_of_its_own() -> None:
    """In a learning rate, of all places."""
    found = []

    def rate(step: int) -> float:
        if step == 9:
            found.append(trained())
        return 0.1

    with counting() as played:
        outer = trained(make=lambda: model(lambda: SGD(rate)))
    assert 9 in played
    the_same(found[0][1], trained()[1])
    the_same(outer[1], trained(make=lambda: model(lambda: SGD(0.1)))[1])


@pytest.mark.parametrize("step", [0, 1, 2, 6, 7])
def test_a_step_can_be_the_last(step: int) -> None:
    """A learning rate says so, from within the step."""

    def train() -> Any:
        made = model()

        def rate(now: int) -> float:
            made.stop_training = now == step
            return 0.1

        made.compile(SGD(rate), "mse", metrics=["mse"])
        history = fit(made, 4)
        assert made.step == made.optimizer.iterations == step + 1
        assert len(history["loss"]) == 1 + step // STEPS
        return history, arrays(made)

    compare(train, max(0, step - 1))


def test_training_stops_in_the_batch_that_gives_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def train() -> Any:
        made = model(lambda: SGD(1e30))
        with np.errstate(all="ignore"):
            history = fit(made, 9, TerminateOnNaN())
        assert 2 < made.step < 9 * STEPS
        return {"loss": history["loss"]}, {"step": [made.step, made.optimizer.iterations]}

    compare(train)


@pytest.mark.filterwarnings("ignore:fit continues")
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interruption_within_a_played_step_leaves_a_usable_model(error: Any) -> None:
    """The model as after the step before, but for statistics and gradients; what was finished."""
    made = model()

    def rate(step: int) -> float:
        if step == 9:
            raise error
        return 0.1

    made.compile(SGD(rate), "mse", metrics=["mse"])
    with counting() as played, pytest.raises(error):
        fit(made, 4)
    assert played == [*range(2, 9)]
    assert made.history is not None
    assert made.history.epoch == [0, 1]
    whole = model()
    whole.compile(SGD(0.1), "mse", metrics=["mse"])
    history = fit(whole, 2)
    the_same(made.history.history, history)
    assert made.optimizer is not None
    assert made.optimizer.iterations == 9
    whole.compile(SGD(0.1), "mse", metrics=["mse"])
    fit(
        whole,
        3,
        LambdaCallback(on_train_batch_end=lambda *_: setattr(whole, "stop_training", True)),
    )
    np.testing.assert_array_equal(made.theta, whole.theta)
    assert np.isfinite(made.evaluate(X, Y, verbose=0)).all()
    assert made.predict(X).shape == (20, 3)
    made.optimizer.learning_rate = 0.1
    assert np.isfinite(fit(made, 4, initial_epoch=2)["loss"]).all()
