"""A part that is not minidl's changes the model, or looks at it, in the midst of a step.

Steps that are played go on as if Python called each step; compare
``tests/test_changes_between_batches.py``.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import metrics
from minidl.backend import use
from minidl.constraints import Constraint
from minidl.layers import BatchNormalization, Dense, Dropout, LeakyReLU
from minidl.optimizers import SGD, Adam, Optimizer
from minidl.optimizers.schedules import ExponentialDecay
from minidl.regularizers import Regularizer
from tests.playing import counting

ROWS, BATCH, WHEN = 120, 4, 15  # 30 batches; the change comes when steps are played

X = np.random.default_rng(0).normal(size=(ROWS, 5))
Y = np.random.default_rng(1).integers(0, 3, ROWS)


class OwnError(Exception):
    """Raised by a part that is not minidl's."""


class Acting:
    """Acts upon a model at its ``WHEN``-th call, and notes what is seen there."""

    def __init__(self, act: Callable[[Any], Any]) -> None:
        self.act, self.calls = act, 0
        self.seen: list[Any] = []
        self.model: Any = None

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == WHEN:
            self.seen.append(self.act(self.model))


class Forward(Dense):
    """A layer that acts in its forward."""

    acting: Acting

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        y = super().forward(x, training, step)
        if training:
            self.acting()
        return y


class Backward(Dense):
    """A layer that acts in its backward."""

    acting: Acting

    def backward(self, dy: Any) -> Any:
        self.acting()
        return super().backward(dy)


class Bounds(Constraint):
    """A constraint that acts."""

    def __init__(self, acting: Acting) -> None:
        self.acting = acting

    def project(self, W: Any, work: Any) -> None:
        self.acting()
        np.clip(W, -0.3, 0.3, out=W)


class Hits(metrics.Metric):
    """A metric that acts before it counts the right answers."""

    acting: Acting

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        self.acting()
        out[...] = (predictions.argmax(axis=1) == y.ravel()).sum()


def trained(place: type, act: Callable[[Any], Any], optimizer: Any, batch: int = BATCH) -> Any:
    """Weights, statistics, counts, History and sights of a training with such a part."""
    minidl.utils.set_random_seed(3)
    acting = Acting(act)
    first = (place if issubclass(place, Dense) else Dense)(6, "relu")
    first.acting = acting
    if place is Bounds:
        first.kernel_constraint = Bounds(acting)
    hits = Hits(name="hits")
    hits.acting = acting if place is Hits else Acting(act)
    layers = [first, BatchNormalization(), Dropout(0.25), LeakyReLU(0.1), Dense(3, "softmax")]
    made = minidl.Sequential([minidl.Input((5,)), *layers], dtype="float64")
    made.compile(optimizer(), "sparse_categorical_crossentropy", metrics=[hits])
    made.build()
    acting.model = made
    if place is not Hits:
        hits.acting.calls = WHEN
    found = []
    for _ in range(2):
        try:
            found.append(made.fit(X, Y, batch, 1, 0, shuffle=False).history)
        except OwnError as error:
            found.append(str(error))
        found += [made.theta.copy(), made.statistics.theta.copy(), made.step]
        found.append(made.optimizer.batches)
    return [*found, acting.seen]


def compare(place: type, act: Callable[[Any], Any], optimizer: Any = SGD, **named: Any) -> Any:
    """Both executors come to the same bits; the training of Python's."""
    with use(executor="python"):
        right = trained(place, act, optimizer, **named)
    with use(executor="compiled"), counting() as played:
        found = trained(place, act, optimizer, **named)
    assert played
    np.testing.assert_equal(found, right)
    return right


def momentum() -> Any:
    return SGD(0.05, momentum=0.5)


OPTIMIZERS: dict[str, tuple[Any, str, Any]] = {
    "rate": (SGD, "learning_rate", 0.2),
    "no rate": (SGD, "learning_rate", 0.0),
    "schedule": (SGD, "learning_rate", ExponentialDecay(0.1, 5, 0.5)),
    "moment": (Adam, "beta_1", 0.3),
    "momentum": (momentum, "momentum", 0.8),
    "no momentum": (momentum, "momentum", 0.0),
    "decay": (Adam, "weight_decay", 0.3),
    "norm": (Adam, "clipnorm", 0.01),
    "whole norm": (SGD, "global_clipnorm", 0.01),
    "entries": (SGD, "clipvalue", 0.01),
    "count": (Adam, "iterations", 50),
}


@pytest.mark.parametrize("place", [Forward, Backward])
@pytest.mark.parametrize("change", OPTIMIZERS)
def test_a_number_of_the_optimizer_acts_in_the_same_step(place: type, change: str) -> None:
    optimizer, name, value = OPTIMIZERS[change]
    right = compare(place, lambda made: setattr(made.optimizer, name, value), optimizer)
    with use(executor="python"):
        still = trained(place, lambda made: None, optimizer)
    assert not np.array_equal(right[1], still[1])


@pytest.mark.parametrize("place", [Forward, Backward, Bounds, Hits])
def test_counts_are_those_of_the_moment(place: type) -> None:
    compare(place, lambda made: (made.step, made.optimizer.iterations, made.optimizer.batches))


def raise_own(made: Any) -> None:
    raise OwnError("own")


@pytest.mark.parametrize("place", [Forward, Backward, Bounds])
def test_an_error_leaves_no_step_half_done(place: type) -> None:
    """A constraint of one's own is called when the update is done, and the step is not."""
    assert compare(place, raise_own)[3] == WHEN - 1


@pytest.mark.parametrize("place", [Forward, Backward, Bounds])
def test_a_look_sees_the_model_between_two_steps(place: type) -> None:
    compare(place, lambda made: made.predict(X[:3], verbose=0))


@pytest.mark.parametrize("look", [
    lambda made: made.predict(X[:3], verbose=0),
    lambda made: np.array(made(X[:2])),
    lambda made: made.evaluate(X[:4], Y[:4], verbose=0),
], ids=["predict", "call", "evaluate"])  # fmt: skip
def test_a_look_by_a_metric_leaves_the_outputs_that_the_metric_counts(look: Any) -> None:
    def act(made: Any) -> None:
        look(made)

    compare(Hits, act)


@pytest.mark.parametrize("place", [Forward, Backward])
@pytest.mark.parametrize("fit", [
    lambda made: made.fit(X[:8], Y[:8], 4, 1, 0, shuffle=False).history,
    lambda made: made.train_on_batch(X[:4], Y[:4]),
    lambda made: made.set_weights([w / 2 for w in made.get_weights()]),
], ids=["fit", "batch", "weights"])  # fmt: skip
def test_a_step_is_made_again_after_another_training(place: type, fit: Any) -> None:
    """On fewer rows than the step's; the layers still show these when the step goes on."""
    compare(place, fit, batch=6)


@pytest.mark.parametrize("executor", ["python", "compiled"])
@pytest.mark.parametrize("place", [Forward, Bounds])
def test_a_step_that_is_undone_each_time_ends_with_an_error(place: type, executor: str) -> None:
    """Each attempt calls the part again, which sets weights again."""

    class Always(Acting):
        def __call__(self) -> None:
            self.calls += 1
            if self.calls >= WHEN:
                self.model.set_weights([w / 2 for w in self.model.get_weights()])

    minidl.utils.set_random_seed(3)
    acting = Always(lambda made: None)
    first = (Forward if place is Forward else Dense)(6, "relu")
    first.acting = acting
    first.kernel_constraint = Bounds(acting) if place is Bounds else None
    made = acting.model = minidl.Sequential([minidl.Input((5,)), first, Dense(3, "softmax")])
    made.compile(SGD(0.1), "sparse_categorical_crossentropy")
    made.build()
    with use(executor=executor), pytest.raises(RuntimeError, match="made 100 times in vain: code"):
        made.fit(X, Y, BATCH, 1, 0)
    assert made.step == made.optimizer.batches == WHEN - 1
    acting.calls = -1000
    made.fit(X, Y, BATCH, 1, 0)
    assert made.step == WHEN - 1 + ROWS // BATCH


def test_a_pass_that_is_disturbed_each_time_ends_with_an_error() -> None:
    class Setting(Dense):
        def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
            made.set_weights(made.get_weights())
            return super().forward(x, training, step)

    made = minidl.Sequential([minidl.Input((5,)), Setting(3)])
    for look in (made.predict, made):
        with pytest.raises(RuntimeError, match=r"a pass of inference through .* 100 times in vain"):
            look(X)


class Signs(Optimizer):
    """An optimizer of another package."""

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        theta -= learning_rate * np.sign(grad)


def test_a_method_may_be_wrapped_for_a_moment_at_each_step() -> None:
    """Also while the step is recorded, and minidl has put a stand-in in the method's place."""

    class Wrapping(Acting):
        def __call__(self) -> None:
            self.model.optimizer.update = lambda *arrays: None
            del self.model.optimizer.update

    def train() -> Any:
        minidl.utils.set_random_seed(3)
        first = Forward(6, "relu")
        first.acting = Wrapping(lambda made: None)
        made = minidl.Sequential([minidl.Input((5,)), first, Dense(3, "softmax")], dtype="float64")
        made.compile(Signs(ExponentialDecay(0.1, 5, 0.5)), "sparse_categorical_crossentropy")
        first.acting.model = made
        made.fit(X, Y, BATCH, 2, 0, shuffle=False)
        return made.theta.copy(), made.optimizer.batches

    with use(executor="python"):
        right = train()
    with use(executor="compiled"):
        np.testing.assert_equal(train(), right)


@pytest.mark.parametrize("on_class", [False, True], ids=["object", "class"])
def test_a_method_may_be_another_from_forward_to_backward(on_class: bool) -> None:
    """At each step: before and after, the layer is minidl's own."""

    class Around(Dense):
        def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
            place: Any = BatchNormalization if on_class else made.layers[1]
            self.real = BatchNormalization.forward

            def twice(*arguments: Any) -> Any:
                return 2 * self.real(*(arguments if on_class else (place, *arguments)))

            if training:
                place.forward = twice
            return super().forward(x, training, step)

        def backward(self, dy: Any) -> Any:
            if on_class:
                BatchNormalization.forward = self.real  # type: ignore[method-assign]
            else:
                del made.layers[1].forward
            return super().backward(dy)

    def train() -> Any:
        nonlocal made
        minidl.utils.set_random_seed(3)
        layers = [Around(6, "relu"), BatchNormalization(), Dense(3, "softmax")]
        made = minidl.Sequential([minidl.Input((5,)), *layers], dtype="float64")
        made.compile(SGD(0.1), "sparse_categorical_crossentropy")
        made.fit(X, Y, BATCH, 2, 0, shuffle=False)
        return made.theta.copy()

    made: Any = None
    with use(executor="python"):
        right = train()
    with use(executor="compiled"):
        np.testing.assert_array_equal(train(), right)


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("place", [0, -1])
def test_a_penalty_of_one_s_own_may_be_handed_on(place: int, always: bool) -> None:
    """Or in the second step, which is recorded: a stand-in is then in the penalty's place."""

    class Cubic(Regularizer):
        def forward(self, W: Any, out: Any) -> Any:
            return np.multiply(0.01, np.abs(W) ** 3, out=out)

        def add_gradient(self, W: Any, dW: Any) -> None:
            dW += 0.03 * W * np.abs(W)

    class Handing(Acting):
        def __call__(self) -> None:
            self.calls += 1
            first = self.model.layers[0]
            if always or self.calls == 2:
                self.model.layers[place].kernel_regularizer = first.kernel_regularizer

    def train() -> Any:
        minidl.utils.set_random_seed(3)
        first = Forward(6, "relu")
        first.acting = Handing(lambda made: None)
        layers = [Dense(5, kernel_regularizer=Cubic()), first, Dense(3, "softmax")]
        made = minidl.Sequential([minidl.Input((5,)), *layers], dtype="float64")
        made.compile(SGD(0.1), "sparse_categorical_crossentropy")
        first.acting.model = made
        made.fit(X, Y, BATCH, 2, 0, shuffle=False)
        assert type(made.layers[place].kernel_regularizer) is Cubic
        return made.theta.copy()

    with use(executor="python"):
        right = train()
    with use(executor="compiled"):
        np.testing.assert_array_equal(train(), right)


@minidl.register
class Fourth(Regularizer):
    """0.01 · Σ w⁴."""

    def forward(self, W: Any, out: Any) -> Any:
        return np.multiply(0.01, W**4, out=out)

    def add_gradient(self, W: Any, dW: Any) -> None:
        dW += 0.04 * W**3


LOOKS: dict[str, Callable[[Any], Any]] = {
    "file": lambda made: made.save("model.npz"),
    "pickle": lambda made: pickle.loads(pickle.dumps(made)).predict(X[:3], verbose=0),
    "copy": lambda made: copy.deepcopy(made).predict(X[:3], verbose=0),
    "clone": lambda made: repr(minidl.models.clone_model(made).layers[0].kernel_regularizer),
    "config": lambda made: [layer["config"] for layer in made.get_config()["layers"][::2]],
    "predictor": lambda made: made.predictor()(X[:3]),
    "text": lambda made: repr(made.layers[0].kernel_regularizer),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_copy_may_be_made_while_the_step_is_recorded(
    look: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the second step stand-ins are in the place of parts that are not minidl's."""
    monkeypatch.chdir(tmp_path)

    class Looking(Acting):
        def __call__(self) -> None:
            self.calls += 1
            if self.calls == 2:
                self.calls += 1
                self.seen.append(LOOKS[look](self.model))

    @minidl.register
    class Later(Forward):
        acting = Looking(lambda made: None)

    def train() -> Any:
        minidl.utils.set_random_seed(3)
        acting = Later.acting = Looking(lambda made: None)
        layers = [Dense(5, kernel_regularizer=Fourth(), name="a"), Later(6), Dense(3, name="c")]
        made = minidl.Sequential([minidl.Input((5,)), *layers], dtype="float64")
        loss = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
        made.compile(SGD(0.1), loss)
        acting.model = made
        made.fit(X, Y, BATCH, 1, 0, shuffle=False)
        seen = acting.seen
        if look == "file":
            seen = minidl.load_model("model.npz").get_weights()
        return made.theta.copy(), seen

    with use(executor="python"):
        right = train()
    (tmp_path / "model.npz").unlink(missing_ok=True)
    with use(executor="compiled"):
        np.testing.assert_equal(train(), right)
