"""Whatever a callback, a schedule or a caller changes takes effect, played or called."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest

import minidl
from minidl import losses, metrics
from minidl.backend import use
from minidl.callbacks import Callback, LambdaCallback, LearningRateScheduler
from minidl.constraints import Constraint
from minidl.layers import Activation, BatchNormalization, Dense, Dropout, Input, LeakyReLU
from minidl.network import Network
from minidl.network.penalties import Penalties
from minidl.optimizers import SGD, Adam, Optimizer, schedules
from minidl.regularizers import L1, L2
from tests import playing
from tests.playing import arrays, both, counting, the_same

RANDOM = np.random.default_rng(3)
X, Y = RANDOM.normal(size=(20, 4)), RANDOM.normal(size=(20, 3))
BATCH, STEPS, EPOCHS = 5, 4, 4
same_products = playing.same_products


@pytest.fixture(autouse=True)
def _compiled(same_products: None) -> None:
    use("numpy", executor="compiled")


def model(optimizer: Callable[[], Any] = lambda: Adam(0.02), penalty: Any = None) -> Any:
    minidl.utils.set_random_seed(6)
    layers = [
        Input((4,)),
        Dense(5, "elu", kernel_regularizer=L2(0.01) if penalty is None else penalty),
        BatchNormalization(momentum=0.9),
        LeakyReLU(0.1),
        Dropout(0.3),
        Dense(3),
    ]
    made = minidl.Sequential(layers, dtype="float64")
    made.compile(
        optimizer(),
        losses.MeanSquaredError(),
        metrics=[metrics.LossMetric(losses.MeanSquaredError(), "own")],
    )
    return made


def fit(made: Any, told: Any = None, epochs: int = EPOCHS) -> dict[str, Any]:
    return made.fit(X, Y, BATCH, epochs, 0, told).history


def compare(train: Callable[[], Any], plays: int | None = None) -> Any:
    played, called = both(train, plays)
    for one, other in zip(played, called, strict=True):
        the_same(one, other)
    return played


# Methods replaced


class Counting:
    """Stands in the place of a function, and counts."""

    def __init__(self, right: Callable[..., Any]) -> None:
        self.right, self.calls = right, 0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        return self.right(*arguments, **named)


def plain(count: Counting) -> Any:
    def own(*arguments: Any, **named: Any) -> Any:
        return count(*arguments, **named)

    return own


def wrapped(count: Counting) -> Any:
    return functools.wraps(count.right)(plain(count))


def renamed(count: Counting) -> Any:
    """With all the names of the right one, and none of what ``wraps`` leaves behind."""
    own = wrapped(count)
    del own.__wrapped__
    return own


MANNERS: dict[str, Callable[[Counting], Any]] = {
    "plain": plain,
    "wraps": wrapped,
    "renamed": renamed,
    "object": lambda count: count,
    "partial": lambda count: functools.partial(count),
    "mock": lambda count: mock.Mock(side_effect=count),
}
ON_CLASSES = {
    **{name: MANNERS[name] for name in ("plain", "wraps", "renamed")},
    "partialmethod": lambda count: functools.partialmethod(plain(count)),
    "object": lambda count: _told(count),
}


class _told:  # noqa: N801 - in the place of a function
    def __init__(self, count: Counting) -> None:
        self.count = count

    def __get__(self, thing: Any, kind: Any = None) -> Any:
        return functools.partial(self.count, thing)


PLACES: dict[str, tuple[Callable[[Any], Any], str, int]] = {
    # What a step calls: where, how often in an epoch of four steps.
    "first layer": (lambda model: model.layers[0], "forward", STEPS),
    "its activation": (lambda model: model.layers[0].activation, "backward", STEPS),
    "last layer": (lambda model: model.layers[-1], "logits_backward", STEPS),
    "dropout": (lambda model: model.layers[3], "backward", STEPS),
    "network": (lambda model: model, "backward", STEPS),
    "penalties": (lambda model: model.penalties, "add_gradients", STEPS),
    "their sum": (lambda model: model.penalties, "forward", STEPS),
    "penalty": (lambda model: model.layers[0].kernel_regularizer, "add_gradient", STEPS),
    "loss": (lambda model: model._loss, "row_gradients", STEPS),
    "metric": (lambda model: model._metrics[0], "_count", STEPS),
    "optimizer": (lambda model: model.optimizer, "update", STEPS),
    "its step": (lambda model: model.optimizer, "step", STEPS),
    "learning rate": (lambda model: model.optimizer, "current_learning_rate", STEPS),
}


@pytest.mark.parametrize("when", ["before", "train begin", "epoch begin", "epoch end"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("manner", MANNERS)
def test_a_method_replaced_on_an_object_is_called(manner: str, place: str, when: str) -> None:
    where, name, often = PLACES[place]
    made, counts = model(), []

    def replace(made: Any = made) -> None:
        if not counts:
            thing = where(made)
            counts.append(Counting(getattr(thing, name)))
            setattr(thing, name, MANNERS[manner](counts[0]))

    made.build()
    told, epochs = None, EPOCHS
    if when == "before":
        replace()
    elif when == "train begin":
        told = LambdaCallback(on_train_begin=lambda logs: replace())
    elif when == "epoch begin":
        told, epochs = LambdaCallback(on_epoch_begin=lambda k, _: k == 2 and replace()), 2
    else:
        told, epochs = LambdaCallback(on_epoch_end=lambda k, _: k == 1 and replace()), 2
    fit(made, told)
    assert counts[0].calls == epochs * often


@pytest.mark.parametrize("when", ["before", "between"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("manner", ON_CLASSES)
def test_a_method_replaced_on_a_class_is_called(
    manner: str, place: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, name, often = PLACES[place]
    made = model()
    made.build()
    kind = type(where(made))
    count = Counting(getattr(kind, name))
    # On the class that has it, which may be one that the object's derives from.
    owner = next(known for known in kind.__mro__ if name in vars(known))
    replace = functools.partial(monkeypatch.setattr, owner, name, ON_CLASSES[manner](count))
    if when == "before":
        replace()
    told = LambdaCallback(on_epoch_end=lambda k, _: k == 1 and when == "between" and replace())
    layers = sum(
        owner in type(each).__mro__ and name in dir(type(each))
        for each in [*made.layers, made.layers[0].activation]
    )
    fit(made, told)
    epochs = EPOCHS if when == "before" else 2
    assert count.calls >= epochs * often
    assert count.calls == epochs * often * max(1, layers if place not in PER_STEP else 1)


#: Places whose class has one object in the network, or whose calls do not come by layers.
PER_STEP = {"network", "penalties", "their sum", "penalty", "loss", "metric"} | {
    "optimizer",
    "its step",
    "learning rate",
}


def test_a_method_put_in_front_of_an_inherited_one_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count = Counting(LeakyReLU.forward)
    monkeypatch.setattr(LeakyReLU, "forward", plain(count), raising=False)
    fit(model())
    assert count.calls == EPOCHS * STEPS


def test_other_code_in_a_function_is_another_function(monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(self: Any, x: Any, training: bool = False, step: int = 0) -> Any:
        raise KeyError("own")

    monkeypatch.setattr(Dropout.forward, "__code__", forward.__code__)
    with pytest.raises(KeyError, match="own"):
        fit(model())


def test_what_is_put_back_is_played_again(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Dense.forward
    Dense.forward = functools.wraps(right)(lambda self, *a, **k: right(self, *a, **k))  # type: ignore
    try:
        fit(model())
    finally:
        Dense.forward = right  # type: ignore[method-assign]
    with counting() as played:
        fit(model())
    assert len(played) == EPOCHS * STEPS - 2


def test_a_callback_that_gets_a_method_is_called() -> None:
    told, calls = minidl.callbacks.History(), []

    def begin(logs: Any) -> None:
        told.on_train_batch_end = lambda batch, logs: calls.append(batch)  # type: ignore

    fit(model(), [told, LambdaCallback(on_train_begin=begin)])
    assert calls == [0, 1, 2, 3] * EPOCHS


@pytest.mark.parametrize("manner", MANNERS)
def test_what_stands_for_a_layer_is_told_the_step(manner: str) -> None:
    """Dropout's mask is that of the step, in whatever manner ``forward`` is called."""

    def replace(k: int, made: Any) -> None:
        if k == 1:
            drop = made.layers[3]
            drop.forward = MANNERS[manner](Counting(drop.forward))

    def train() -> Any:
        made = model()
        return fit(made, LambdaCallback(on_epoch_end=lambda k, _: replace(k, made))), arrays(made)

    compare(train)


@pytest.mark.parametrize("name", ["get_config", "logits", "forward"])
def test_the_last_activation_may_have_a_method_replaced(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its class's: the network still ends in an activation, and the loss takes the logits."""
    monkeypatch.setattr(Activation, name, plain(Counting(getattr(Activation, name))))

    def train() -> Any:
        minidl.utils.set_random_seed(6)
        made = minidl.Sequential([Input((4,)), Dense(5, "elu"), Dense(3, "softmax")])
        made.compile(SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return made.fit(X, np.argmax(Y, axis=1), BATCH, EPOCHS, 0).history, arrays(made)

    compare(train)


@pytest.mark.parametrize("proximal", [False, True])
def test_a_projection_of_one_s_own_is_called_once_a_step(proximal: bool) -> None:
    """Beside a soft threshold too, whose numbers differ from step to step."""

    class Grows(Constraint):
        calls = 0

        def project(self, W: Any, work: Any) -> None:
            self.calls += 1
            W *= 1.01

    def train() -> Any:
        minidl.utils.set_random_seed(6)
        held, penalty = Grows(), L1(0.01, proximal=proximal)
        last = Dense(3, bias_regularizer=penalty)
        made = minidl.Sequential([Input((4,)), Dense(5, kernel_constraint=held), last])
        made.compile(Adam(0.02), "mse")
        history = made.fit(X, Y, BATCH, EPOCHS, 0).history
        assert held.calls == EPOCHS * STEPS
        return history, arrays(made)

    compare(train, plays=0 if proximal else None)


# Another optimizer, loss, metrics


def at(epoch: int, change: Callable[[Any], None]) -> Callable[[], Callback]:
    """Makes a callback that does something at the end of an epoch."""

    class Own(Callback):
        def on_epoch_end(self, now: int, logs: Any) -> None:
            if now == epoch:
                change(self.model)

    return Own


def in_batch(epoch: int, batch: int, change: Callable[[Any], None]) -> Callable[[], Callback]:
    """The same after a batch."""

    class Own(Callback):
        def on_epoch_begin(self, now: int, logs: Any) -> None:
            self.epoch = now

        def on_train_batch_end(self, now: int, logs: Any) -> None:
            if (self.epoch, now) == (epoch, batch):
                change(self.model)

    return Own


def test_another_dictionary_of_attributes_is_seen() -> None:
    def change(made: Any) -> None:
        layer = made.layers[3]
        layer.__dict__ = {**vars(layer), "scale": 3.0}

    def train() -> Any:
        made = model()
        history = fit(made, in_batch(1, 2, change)())
        return history, arrays(made)

    history, _ = compare(train)
    assert history["loss"] != fit(model())["loss"]


NEW: dict[str, Callable[[], Optimizer]] = {
    "another": lambda: SGD(0.05, momentum=0.5),
    "of the same class": lambda: Adam(0.2),
    "that clips each tensor": lambda: SGD(0.05, clipnorm=0.1),
    "with a schedule": lambda: SGD(schedules.ExponentialDecay(0.1, 2, 0.5)),
}


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("compiles", [False, True], ids=["set", "compile"])
def test_another_optimizer_acts_from_the_next_step(name: str, compiles: bool) -> None:
    def change(made: Any) -> None:
        new = NEW[name]()
        if compiles:
            made.compile(new, made._loss, metrics=made._metrics)
        else:
            made.optimizer = new

    def train() -> Any:
        made = model()
        history = fit(made, at(1, change)())
        assert made.optimizer.iterations == 2 * STEPS
        return history, arrays(made)

    found = compare(train)
    # The same as two fits.
    made = model()
    first = fit(made, epochs=2)
    change(made)
    second = made.fit(X, Y, BATCH, EPOCHS, 0, initial_epoch=2).history
    the_same(found[1], arrays(made))
    the_same(found[0], {key: first[key] + second[key] for key in first})


def test_another_optimizer_within_an_epoch() -> None:
    made = model()
    first = made.optimizer
    fit(made, in_batch(1, 1, lambda m: setattr(m, "optimizer", SGD(0.05, clipnorm=1.0)))())
    assert first.iterations == STEPS + 2
    assert made.optimizer.iterations == 3 * STEPS - 2


def test_an_optimizer_is_an_optimizer() -> None:
    made = model()
    made.optimizer = "sgd"
    assert type(made.optimizer) is SGD
    with pytest.raises(ValueError, match="did you mean 'sgd'"):
        made.optimizer = "sdg"
    with pytest.raises(TypeError, match="expected a name or an object of Optimizer"):
        made.optimizer = 3


class Halved(losses.MeanSquaredError):
    """Half of it."""

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        super().row_losses(predictions, t, out)
        minidl.kernels.sums.scale(out, 0.5, out=out)


def test_another_loss_acts_from_the_next_epoch() -> None:
    def change(made: Any) -> None:
        made.compile(made.optimizer, Halved(), metrics=made._metrics)

    def train() -> Any:
        made = model(penalty=L2(0.0))
        return fit(made, at(1, change)()), arrays(made)

    history, _ = compare(train)
    for loss, whole in [*zip(history["data_loss"], history["own"], strict=True)][2:]:
        np.testing.assert_allclose(loss, whole / 2, rtol=1e-12)
    np.testing.assert_allclose(history["data_loss"][1], history["own"][1], rtol=1e-12)
    # Within an epoch the same.
    made = model(penalty=L2(0.0))
    history = fit(made, in_batch(1, 0, change)())
    np.testing.assert_allclose(history["data_loss"][1], history["own"][1], rtol=1e-12)
    np.testing.assert_allclose(history["data_loss"][2], history["own"][2] / 2, rtol=1e-12)


@pytest.mark.parametrize(
    ("loss", "named"),
    [("mse", ["mse"]), ("mse", []), ("categorical_crossentropy", [])],
)
def test_what_fit_cannot_follow_is_refused(loss: str, named: list[str]) -> None:
    made = model()
    change = at(1, lambda made: made.compile("sgd", loss, metrics=named))
    with pytest.raises(ValueError, match=r"while fit goes on.*stop_training"):
        fit(made, change())
    assert len(made.history.epoch) == 2


def test_a_loss_s_method_replaced_within_an_epoch_acts_from_the_next() -> None:
    made, counts = model(), []

    def change(made: Any) -> None:
        counts.append(Counting(made._loss.row_gradients))
        made._loss.row_gradients = counts[0]

    fit(made, in_batch(1, 0, change)())
    assert counts[0].calls == 2 * STEPS


# Learning rates


def reading_gradients(made: Any) -> Callable[[int], float]:
    return lambda step: 0.1 / (1 + float(np.abs(made.grad).max()))


def annealing(made: Any) -> Callable[[int], float]:
    def rate(step: int) -> float:
        made.layers[0].kernel_regularizer.l2 = 0.1 / (1 + step)
        return 0.05

    return rate


def now_and_then(change: Callable[[Any, int], None]) -> Callable[[Any], Callable[[int], float]]:
    def make(made: Any) -> Callable[[int], float]:
        def rate(step: int) -> float:
            if step in (1, 2, 6, 9):
                change(made, step)
            return 0.05

        return rate

    return make


RATES: dict[str, Callable[[Any], Callable[[int], float]]] = {
    "reads gradients": reading_gradients,
    "reads the step": lambda made: lambda step: 0.1 / (1 + made.step),
    "reads outputs": lambda made: lambda step: 0.1 / (1 + float(made.layers[0].y.max())),
    "changes a penalty": annealing,
    "changes gradients": lambda made: lambda step: made.grad.__imul__(0.5) is None or 0.1,
    "dropout": now_and_then(lambda made, step: setattr(made.layers[3], "rate", 0.05 * step)),
    "penalty": now_and_then(
        lambda made, step: setattr(made.layers[0], "kernel_regularizer", L1(0.1 / step))
    ),
    "proximal": now_and_then(
        lambda made, step: setattr(made.layers[0], "kernel_regularizer", L1(0.1 / step, True))
    ),
    "slope": now_and_then(lambda made, step: setattr(made.layers[2], "negative_slope", 1 / step)),
    "momentum": now_and_then(
        lambda made, step: setattr(made.layers[1], "momentum", 1 / (1 + step))
    ),
    "its own momentum": now_and_then(
        lambda made, step: setattr(made.optimizer, "momentum", 0.9 - 0.1 * step)
    ),
    "clipping": now_and_then(
        lambda made, step: setattr(made.optimizer, "global_clipnorm", 0.1 * step)
    ),
    "method": now_and_then(
        lambda made, step: setattr(made.layers[-1], "backward", doubling(made.layers[-1].backward))
    ),
    "optimizer": now_and_then(
        lambda made, step: step == 6 and setattr(made, "optimizer", Adam(0.02))
    ),
    "predicts": now_and_then(lambda made, step: made.predict(X[:3]) is None),
}


def doubling(right: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda dy: right(2 * dy)


@pytest.mark.parametrize("name", RATES)
def test_a_learning_rate_may_read_and_change_anything(name: str) -> None:
    """As in the explicit loop, where it is called after the backward pass."""

    def train() -> Any:
        made = model(lambda: SGD(0.1, momentum=0.5))
        made.optimizer.learning_rate = RATES[name](made)
        return fit(made), arrays(made)

    # What changes too often is called.
    found = compare(train, plays=0 if name == "changes a penalty" else None)
    made = model(lambda: SGD(0.1, momentum=0.5))
    rate = RATES[name](made)
    made.optimizer.learning_rate = rate
    by_hand(made)
    if name != "optimizer":  # the loop by hand keeps the one that it has
        np.testing.assert_allclose(found[1]["theta"], made.theta, rtol=1e-12, atol=1e-14)


def by_hand(made: Any) -> None:
    """The explicit loop, on the rows in the order of ``fit``."""
    from minidl.backend.random import SHUFFLE, generator

    loss, optimizer = losses.MeanSquaredError(), made.optimizer
    made.build()
    optimizer.build(made.theta, made.parameters)
    for _ in range(EPOCHS):
        order = generator(made.seed, SHUFFLE, 0, made.step).permutation(len(X))
        for start in range(0, len(X), BATCH):
            rows = order[start : start + BATCH]
            loss.forward(made.forward(X[rows], training=True), Y[rows])
            made.backward(loss.backward())
            made.penalties.add_gradients(made.theta, made.grad)
            optimizer.update(made.theta, made.grad)
            made.penalties.proximal_step(made.theta, optimizer)


def test_an_optimizer_of_one_s_own_may_change_anything() -> None:
    class Own(SGD):
        def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
            super().step(theta, grad, learning_rate, t)
            made.layers[3].rate = 0.5 / t

    made: Any = None

    def train() -> Any:
        nonlocal made
        made = model(lambda: Own(0.05))
        return fit(made), arrays(made)

    played, called = train(), None
    with playing.calling():
        called = train()
    for one, other in zip(played, called, strict=True):
        the_same(one, other)


# A scheduler's function


SCHEDULED: dict[str, Callable[[Any, int], Any]] = {
    "optimizer's momentum": lambda made, k: setattr(made.optimizer, "momentum", 0.2 * k),
    "nesterov": lambda made, k: setattr(made.optimizer, "nesterov", k % 2),
    "decay": lambda made, k: setattr(made.optimizer, "weight_decay", 0.1 * k),
    "clipnorm": lambda made, k: setattr(made.optimizer, "clipnorm", 0.1 * k or None),
    "dropout": lambda made, k: setattr(made.layers[3], "rate", 0.2 * k),
    "seed": lambda made, k: setattr(made.layers[3], "seed", k),
    "model's seed": lambda made, k: setattr(made, "seed", k),
    "penalty": lambda made, k: setattr(made.layers[0], "kernel_regularizer", L2(0.1 * k)),
    "a first penalty": lambda made, k: setattr(made.layers[-1], "bias_regularizer", L2(0.1 * k)),
    "no penalty": lambda made, k: setattr(made.layers[0], "kernel_regularizer", None),
    "penalty's number": lambda made, k: setattr(made.layers[0].kernel_regularizer, "l2", 0.1 * k),
    "batch momentum": lambda made, k: setattr(made.layers[1], "momentum", 0.2 * k),
    "epsilon": lambda made, k: setattr(made.layers[1], "epsilon", 0.1 * (k + 1)),
    "slope": lambda made, k: setattr(made.layers[2], "negative_slope", 0.2 * k),
}


@pytest.mark.parametrize("name", SCHEDULED)
def test_a_scheduler_s_function_may_change_other_numbers(name: str) -> None:
    def train() -> Any:
        made = model(lambda: SGD(0.05, momentum=0.5))

        def schedule(epoch: int) -> float:
            SCHEDULED[name](made, epoch)
            return 0.05

        return fit(made, LearningRateScheduler(schedule)), arrays(made)

    _, found = compare(train)
    made = model(lambda: SGD(0.05, momentum=0.5))
    fit(made)
    plain = arrays(made)
    assert any(not np.array_equal(found[key], plain[key]) for key in ("theta", "statistics"))


def test_a_schedule_is_not_thrown_away() -> None:
    made = model(lambda: SGD(schedules.ExponentialDecay(0.1, 2, 0.5)))
    with pytest.raises(ValueError, match=r"LearningRateScheduler: expected .* a number"):
        fit(made, LearningRateScheduler(lambda epoch: 0.1))


def test_penalties_that_come_later_are_told_apart() -> None:
    """The history's lists stay of one length."""
    made = minidl.Sequential([Input((4,)), Dense(3)], dtype="float64")
    made.compile(SGD(0.01), "mse")
    change = in_batch(1, 1, lambda m: setattr(m.layers[0], "kernel_regularizer", L2(0.5)))
    history = fit(made, change())
    assert {*map(len, history.values())} == {EPOCHS}
    whole = np.array(history["data_loss"]) + history["penalty"]
    np.testing.assert_allclose(history["loss"], whole, rtol=1e-12)
    assert history["penalty"][0] == 0 < history["penalty"][1] < history["penalty"][2]
    # And those that go.
    history = made.fit(
        X, Y, BATCH, 2, 0, at(0, lambda m: setattr(m.layers[0], "kernel_regularizer", None))()
    ).history
    assert history["penalty"][0] > history["penalty"][1] == 0


def test_the_layers_of_a_network_are_added_and_taken_away() -> None:
    made: Any = Network([Input((4,)), Dense(3), Dense(2)])
    with pytest.raises(AttributeError, match=r"add\(layer\) and pop\(\)"):
        made.layers = [Dense(1)]
    with pytest.raises(AttributeError):
        made.layers.append(Dense(1))
    last = made.pop()
    assert last.units == 2
    assert Network([Dense(1), last]).layers[-1] is last
    made.add(Dense(7))
    made.build()
    assert made.output_shape == (None, 7)
    kept = made.get_weights()[:2]
    made.pop()
    made.build()
    for now, before in zip(made.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(now, before)
    with pytest.raises(ValueError, match="pop: expected a network with a layer"):
        Network().pop()


def test_penalties_of_a_network_are_what_its_layers_say() -> None:
    made = model()
    made.build()
    assert isinstance(made.penalties, Penalties)
    made.layers[0].kernel_regularizer = "l1"
    (only,) = made.penalties.regularizers
    assert type(only) is L1
    made.layers[0].kernel_regularizer = None
    assert len(made.penalties) == 0
