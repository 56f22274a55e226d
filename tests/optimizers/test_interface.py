"""What programs written for Keras ask of an optimizer: rates, counts, variables, answers."""

from __future__ import annotations

import functools
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import optimizers
from minidl.backend import get_value, set_value
from minidl.layers import Dense, Input
from minidl.optimizers import SGD, Adam, schedules
from tests import registered


def test_a_learning_rate_reads_as_its_number() -> None:
    rate = SGD(0.25).learning_rate
    assert (float(rate), rate.value, rate.numpy(), rate) == (0.25, 0.25, 0.25, 0.25)
    assert isinstance(rate.numpy(), np.floating)
    assert (f"{rate:.1f}", f"{rate}", repr(rate), str(rate)) == ("0.2", "0.25", "0.25", "0.25")
    assert (2 * rate, rate / 2, 1 - rate, rate**2, -rate, round(rate, 1)) == (
        0.5, 0.125, 0.75, 0.0625, -0.25, 0.2,
    )  # fmt: skip
    assert 0.2 < rate <= 0.25
    assert bool(rate)
    assert rate + rate == 0.5
    assert hash(rate) == hash(0.25)
    np.testing.assert_array_equal(np.array([1.0, 2.0]) * rate, [0.25, 0.5])
    np.testing.assert_array_equal(np.multiply(rate, [1, 2]), [0.25, 0.5])
    assert np.float64(rate) == np.asarray(rate) == 0.25


def test_a_learning_rate_is_the_optimizers() -> None:
    """It is set through either, and read as of now."""
    optimizer = Adam(0.25)
    rate = optimizer.learning_rate
    rate.assign(0.5)
    assert (rate, optimizer.learning_rate, optimizer.get_config()["learning_rate"]) == (0.5,) * 3
    optimizer.learning_rate = rate * 0.5
    assert float(rate) == 0.25
    with pytest.raises(ValueError, match=r"learning_rate: expected a number in \[0, inf\)"):
        rate.assign(-1)
    assert float(rate) == 0.25


def test_a_scheduled_rate_is_that_of_the_next_step() -> None:
    schedule = schedules.PiecewiseConstantDecay([0], [1.0, 0.25])
    optimizer, theta = SGD(schedule), np.zeros(1)
    rate = optimizer.learning_rate
    assert (float(rate), f"{rate:.2f}", rate.schedule, rate(5)) == (1.0, "1.00", schedule, 0.25)
    optimizer.update(theta, np.ones(1))
    assert rate.numpy() == 0.25
    with pytest.raises(TypeError, match="follows a schedule and cannot be assigned"):
        rate.assign(0.1)
    optimizer.learning_rate = 0.5
    other = SGD(rate)
    assert other.learning_rate.schedule is schedule


def test_a_function_without_arguments_is_a_learning_rate() -> None:
    optimizer, theta = SGD(lambda: 0.25), np.zeros(1)
    optimizer.update(theta, np.ones(1))
    assert (theta[0], float(optimizer.learning_rate)) == (-0.25, 0.25)


def test_a_schedule_may_begin_with_a_learning_rate() -> None:
    optimizer = Adam(0.25)
    optimizer.learning_rate = schedules.PolynomialDecay(optimizer.learning_rate, 4)
    assert float(optimizer.learning_rate) == 0.25


def test_counts_of_steps() -> None:
    optimizer, theta = SGD(0.1), np.zeros(1)
    for k in range(3):
        assert (optimizer.iterations, optimizer.iterations.numpy()) == (k, k)
        assert optimizer.iterations.value == k
        optimizer.update(theta, np.ones(1))


def test_get_value_and_set_value() -> None:
    model = minidl.Sequential([Input((2,)), Dense(2)])
    model.compile("sgd", "mse")
    model.build()
    rate = model.optimizer.learning_rate
    set_value(rate, 0.125)
    assert (get_value(rate), get_value(model.optimizer.iterations), get_value(3.0)) == (0.125, 0, 3)
    set_value(model.layers[0].b, [1, 2])
    kept = get_value(model.layers[0].b)
    set_value(model.layers[0].b, 0)
    np.testing.assert_array_equal(kept, [1, 2])
    with pytest.raises(ValueError, match=r"expected a value of shape \(2,\), received \(3,\)"):
        set_value(model.layers[0].b, [1, 2, 3])
    with pytest.raises(TypeError, match="expected an array or a learning rate, received float"):
        set_value(0.1, 0.2)


def test_variables_are_views_tensor_by_tensor() -> None:
    """As in Keras: count, learning rate, then each tensor's parts of the state."""
    model = minidl.Sequential([Input((2,)), Dense(3)])
    model.compile(Adam(0.5), "mse")
    model.fit(np.ones((2, 2)), np.ones((2, 3)), epochs=2, verbose=0)
    found = model.optimizer.variables
    assert [array.shape for array in found] == [(), (), (2, 3), (2, 3), (3,), (3,)]
    assert (found[0], found[1]) == (2, 0.5)
    np.testing.assert_array_equal(found[4], model.optimizer.state["m"][6:])
    other = minidl.Sequential([Input((2,)), Dense(3)])
    other.compile(Adam(), "mse")
    with pytest.raises(ValueError, match="expected build"):
        other.optimizer.set_weights(found)
    other.optimizer.build(other.theta, other.parameters)
    other.optimizer.set_weights(found)
    for one, array in zip(other.optimizer.variables, found, strict=True):
        np.testing.assert_array_equal(one, array)
    with pytest.raises(ValueError, match="expected arrays of shapes"):
        other.optimizer.set_weights(found[:-1])
    vector = SGD(schedules.ExponentialDecay(0.1, 2, 0.5), momentum=0.5)
    vector.build(np.zeros(4))
    assert [array.shape for array in vector.variables] == [(), (4,)]


@pytest.mark.parametrize("kind", sorted(registered.OPTIMIZERS))
def test_configurations_and_copies(kind: str) -> None:
    """Through from_config, dictionaries and pickles."""
    made = optimizers.get({"class_name": kind, "config": {"weight_decay": 0.25, "name": "mine"}})
    assert (made.weight_decay, made.name) == (0.25, "mine")
    made.learning_rate = schedules.ExponentialDecay(0.1, 3, 0.5)
    again = optimizers.deserialize(optimizers.serialize(made))
    assert optimizers.serialize(again) == optimizers.serialize(made)
    copies = type(made).from_config(made.get_config()), pickle.loads(pickle.dumps(made))
    for copy in copies:
        assert optimizers.serialize(copy) == optimizers.serialize(made)
    assert optimizers.get(kind).name == type(made).__name__.lower()


def test_what_is_no_configuration() -> None:
    with pytest.raises(ValueError, match=r"expected {'class_name': ..., 'config': ...}, received"):
        optimizers.get({"config": {}})
    with pytest.raises(ValueError, match="unknown optimizer 'adm'; did you mean 'adam'"):
        optimizers.get({"class_name": "adm", "config": {}})
    with pytest.raises(TypeError, match="expected an optimizer or a schedule, received float"):
        optimizers.serialize(0.1)


@pytest.mark.parametrize("kind", sorted(registered.OPTIMIZERS))
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lr": 0.5}, r"lr: expected learning_rate=0.5, received lr=0.5"),
        (
            {"learning_rate": 0.5, "decay": 1e-6},
            r"InverseTimeDecay\(0.5, decay_steps=1, decay_rate=1e-06\), which is what it meant",
        ),
        ({"loss_scale_factor": 8.0}, "loss_scale_factor: expected None, .* received 8.0"),
        ({"weight_dacay": 0.1}, "'weight_dacay'; did you mean 'weight_decay'"),
    ],
)
def test_arguments_that_are_answered(kind: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        registered.OPTIMIZERS[kind](**options)


def test_arguments_that_ask_for_nothing() -> None:
    assert SGD(decay=0.0, loss_scale_factor=None).get_config() == SGD().get_config()


def test_decay_means_what_the_answer_says() -> None:
    """learning_rate / (1 + decay · step), as older versions of Keras had it."""
    made = schedules.InverseTimeDecay(0.5, decay_steps=1, decay_rate=0.25)
    assert [made(step) for step in range(3)] == [0.5 / (1 + 0.25 * step) for step in range(3)]


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("lr", "expected learning_rate"),
        ("minimize", "expected minidl"),
    ],
)
def test_attributes_that_there_are_not(name: str, instead: str) -> None:
    """Neither read nor set, and a program that asks is told so."""
    optimizer = SGD()
    assert not hasattr(optimizer, name)
    for ask in (lambda: getattr(optimizer, name), lambda: setattr(optimizer, name, 0.5)):
        with pytest.raises(AttributeError, match=f"an optimizer has no {name}: {instead}"):
            ask()


def test_gradients_are_applied_to_arrays_of_ones_own() -> None:
    """As to one vector, with clipping by tensor, decay and excluded arrays."""
    random = np.random.default_rng(3)
    shapes = [(3, 2), (2,)]
    starts = [random.normal(size=shape) for shape in shapes]
    arrays = [minidl.Variable(start) for start in starts]
    optimizer = Adam(0.1, weight_decay=0.5, clipnorm=0.25)
    optimizer.exclude_from_weight_decay(var_list=[arrays[1]])
    network = minidl.Sequential([Input((3,)), Dense(2)], dtype="float64")
    network.set_weights(starts)
    other = Adam(0.1, weight_decay=0.5, clipnorm=0.25)
    other.exclude_from_weight_decay(var_names=["bias"])
    for step in range(3):
        gradients = [random.normal(size=shape) for shape in shapes]
        if step == 1:
            optimizer.apply(gradients, arrays)
        else:
            assert optimizer.apply_gradients(zip(gradients, arrays, strict=True)) == step + 1
        network.grad[...] = np.concatenate([g.ravel() for g in gradients])
        other.build(network.theta, network.parameters)
        other.update(network.theta, network.grad)
        for array, weight in zip(arrays, network.get_weights(), strict=True):
            np.testing.assert_array_equal(array, weight)


def test_a_training_loop_of_ones_own_moves_the_weights_of_a_layer() -> None:
    layer = Dense(1, use_bias=False)
    layer.build((None, 2))
    before = layer.get_weights()[0]
    SGD(0.5).apply_gradients(zip([np.ones((2, 1))], layer.trainable_weights, strict=True))
    np.testing.assert_array_equal(layer.W, before - 0.5)


def test_applying_refuses() -> None:
    array, optimizer = minidl.Variable([1.0, 2.0]), SGD()
    with pytest.raises(ValueError, match="expected arrays to move"):
        optimizer.apply_gradients([])
    with pytest.raises(ValueError, match="a gradient for each of 1 arrays, received None"):
        optimizer.apply([None], [array])
    with pytest.raises(ValueError, match=r"gradients of shapes \[\(2,\)\], received \[\(3,\)\]"):
        optimizer.apply([np.ones(3)], [array])
    with pytest.raises(ValueError, match="expected the arrays of the call before"):
        optimizer.apply([np.ones(3)], [np.ones(3)])
    np.testing.assert_array_equal(array, [1, 2])


@pytest.mark.parametrize(
    "schedule",
    [
        lambda epoch: 0.25,
        lambda epoch, rate: rate / 2,
        lambda epoch, rate=0.5: rate / 2,
        lambda epoch, *, factor=0.5: 0.5 * factor,
        lambda epoch, **named: 0.25,
        lambda *given: given[1] / 2,
        functools.partial(lambda epoch, base: base / 2, base=0.5),
        functools.partial(lambda base, epoch: base / 2, 0.5),
        lambda epoch: np.array(0.25),
        lambda epoch: np.float32(0.25),
        lambda epoch, rate: np.array(rate / 2),
    ],
)
def test_functions_of_the_epoch_in_all_forms(schedule: Any) -> None:
    """Arguments that are given by their places count, and an array of one number is a number."""
    model = minidl.Sequential([Input((2,)), Dense(1)])
    model.compile(SGD(0.5), "mse")
    listener = minidl.callbacks.LearningRateScheduler(schedule)
    model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0, callbacks=listener)
    assert model.optimizer.learning_rate == 0.25


def test_a_scheduler_does_not_throw_away_a_schedule() -> None:
    model = minidl.Sequential([Input((2,)), Dense(1)])
    model.compile(SGD(schedules.ExponentialDecay(0.1, 5, 0.5)), "mse")
    for listener in (
        minidl.callbacks.LearningRateScheduler(lambda epoch: 0.1),
        minidl.callbacks.ReduceLROnPlateau("loss"),
    ):
        with pytest.raises(ValueError, match="with a number as learning rate, received"):
            model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0, callbacks=listener)


def test_clipping_that_is_asked_for_after_a_fit() -> None:
    """Each way clips; two at once are refused, and nothing of the second is kept."""
    for name in ("clipnorm", "clipvalue", "global_clipnorm"):
        model = minidl.Sequential([Input((2,)), Dense(1, use_bias=False)], dtype="float64")
        model.compile(SGD(1.0), "mse")
        x, y = np.ones((2, 2)), np.full((2, 1), 1e9)
        model.fit(x, y, verbose=0)
        setattr(model.optimizer, name, 0.5)
        before = model.theta.copy()
        model.fit(x, y, initial_epoch=1, epochs=2, verbose=0)
        moved = np.abs(model.theta - before)
        assert 0 < np.linalg.norm(moved) < 0.71
        other = "clipvalue" if name != "clipvalue" else "clipnorm"
        with pytest.raises(ValueError, match="expected at most one way of clipping"):
            setattr(model.optimizer, other, 0.5)
        assert getattr(model.optimizer, other) is None


def test_gradients_whose_squares_overflow_are_clipped() -> None:
    """Features in nanoseconds, float32: training goes on."""
    model = minidl.Sequential([Input((2,)), Dense(1)])
    model.compile(SGD(0.5, global_clipnorm=1.0), "mse")
    model.build()
    before = model.theta.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of features that are not scaled
        model.fit(np.full((4, 2), 1e18), np.zeros((4, 1)), verbose=0)
    assert np.linalg.norm(model.theta - before) == pytest.approx(0.5, rel=1e-5)
