"""Constraints: against Keras alone and in training, held after each step, exchanged, refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import constraints, layers, optimizers, regularizers
from minidl.backend import to_host
from minidl.models import Network
from tests import oracle
from tests.fitting import compiled, same_weights
from tests.specs import Spec, spec

CONSTRAINTS = [
    spec("constraints.NonNeg"),
    spec("constraints.MaxNorm"),
    spec("constraints.MaxNorm", max_value=0.5),
    spec("constraints.MaxNorm", max_value=0.5, axis=1),
    spec("constraints.MaxNorm", max_value=0.5, axis=[0, 1]),
    spec("constraints.UnitNorm"),
    spec("constraints.UnitNorm", axis=-1),
    spec("constraints.MinMaxNorm", min_value=0.6, max_value=0.9),
    spec("constraints.MinMaxNorm", min_value=0.6, max_value=0.9, rate=0.25, axis=1),
]


@pytest.mark.parametrize("item", CONSTRAINTS, ids=str)
@pytest.mark.usefixtures("executor")
def test_a_projection_is_keras_s(item: Spec) -> None:
    """Of a matrix with a column and a row of zeros; more than 128 rows."""
    W = np.random.default_rng(2).normal(size=(150, 7))
    W[:, 3] = W[5] = 0
    made = item.make(minidl)
    found = made(minidl.backend.to_device(W))
    oracle.assert_agrees(to_host(found), oracle.constrained(item, W))


@pytest.mark.parametrize("item", CONSTRAINTS, ids=str)
def test_training_agrees_with_keras(item: Spec) -> None:
    """Weights after each of six steps; a constraint follows the update.

    Tolerance: some thousand roundings of 1e-16.
    """
    bias = spec("constraints.NonNeg") if item.options.get("axis") else item
    made = [
        spec("layers.Dense", units=6, activation="tanh", kernel_constraint=item,
             bias_constraint=bias),
        spec("layers.BatchNormalization", gamma_constraint=bias, beta_constraint="non_neg"),
        spec("layers.Dense", units=3, activation="softmax", kernel_constraint=item),
    ]  # fmt: skip
    optimizer = spec("optimizers.Adam", learning_rate=0.05, weight_decay=0.01)
    loss = spec("losses.CategoricalCrossentropy")
    random = np.random.default_rng(4)
    x, y = random.normal(size=(12, 4)), np.eye(3)[np.arange(12) % 3]
    network = Network([layer.make(minidl) for layer in made], dtype="float64")
    network.build((4,))
    reference = oracle.Network(made, (4,), loss, optimizer)
    reference.set_weights(network.get_weights())
    value, update = loss.make(minidl).joined_to(network), optimizer.make(minidl)
    for _ in range(6):
        reference.step(x, y)
        minidl.train_step(network, value, update, x, y)
        for one, other in zip(network.get_weights(), reference.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


@given(st.integers(1, 5), st.integers(1, 5), st.floats(0.1, 3), st.sampled_from([0, 1, [0, 1]]))
def test_norms_are_bounded_and_directions_kept(rows: int, columns: int, most: float, axis: Any):
    W = np.random.default_rng(rows + 10 * columns).normal(size=(rows, columns))
    found = constraints.MaxNorm(most, axis)(W)
    along = tuple(axis) if isinstance(axis, list) else axis
    before, after = (np.sqrt(np.sum(m * m, along, keepdims=True)) for m in (W, found))
    assert (after <= most).all()
    # Keras's epsilon of 1e-7 beside a norm above .01
    np.testing.assert_allclose(found, W * np.minimum(1, most / before), rtol=1e-5)


@pytest.mark.usefixtures("executor")
def test_every_step_of_fit_ends_within() -> None:
    """Of a recorded step, too; the first weights are left alone."""
    largest = []

    class Look(minidl.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            W = to_host(self.model.layers[0].W)
            largest.append(np.sqrt((W * W).sum(0)).max())

    hidden = [spec("layers.Dense", units=6, kernel_constraint=spec("constraints.MaxNorm",
                                                                   max_value=0.3))]  # fmt: skip
    model, task = compiled("integers", hidden, optimizers.SGD(0.5))
    model.build()
    assert np.sqrt((to_host(model.layers[0].W) ** 2).sum(0)).max() > 0.5
    model.fit(task.x, task.y, 5, 4, verbose=0, callbacks=Look())
    assert len(largest) == 20
    assert max(largest) <= 0.3


@pytest.mark.filterwarnings("ignore:fit continues")
@pytest.mark.usefixtures("executor")
def test_another_constraint_acts_from_the_next_step() -> None:
    """And none again."""
    model, task = compiled("values", [spec("layers.Dense", units=6)], "sgd")
    layer = model.layers[0]
    model.fit(task.x, task.y, 5, 2, verbose=0)
    assert to_host(layer.W).min() < 0
    layer.kernel_constraint = "non_neg"
    model.fit(task.x, task.y, 5, 2, verbose=0)
    assert to_host(layer.W).min() == 0
    layer.kernel_constraint = None
    model.fit(task.x, task.y, 5, 2, verbose=0)
    assert to_host(layer.W).min() < 0


def fitted(executor: str, hidden: Any, optimizer: Any) -> Any:
    with minidl.backend.use("numpy", executor=executor):
        model, task = compiled("integers", hidden(), optimizer())
        model.fit(task.x, task.y, 5, 5, verbose=0)
    return model


class Halved(constraints.Constraint):
    """As a program for Keras writes one."""

    def __call__(self, w: Any) -> Any:
        return w * np.where(np.abs(w) > 0.2, 0.5, 1.0)


class Clipped(constraints.Constraint):
    """In place."""

    def project(self, W: Any, work: Any) -> None:
        np.clip(W, -0.2, 0.2, out=W)


@pytest.mark.parametrize("own", [Halved, Clipped])
def test_one_s_own_constraint_trains_alike_on_every_executor(own: type) -> None:
    def hidden() -> list[Any]:
        return [Made(layers.Dense(6, "tanh", kernel_constraint=own(), bias_constraint="non_neg"))]

    results = [fitted(name, hidden, lambda: "adam") for name in ("python", "blocks", "compiled")]
    assert np.abs(results[0].layers[0].W).max() <= 0.2
    for other in results[1:]:
        same_weights(results[0], other)


@pytest.mark.parametrize(
    ("returned", "received"),
    [(lambda w: None, "None"), (lambda w: 0.5, r"shape \(\)"), (lambda w: w[0], r"shape \(3,\)")],
)
def test_what_is_not_of_the_weights_shape_is_refused(returned: Any, received: str) -> None:
    """NumPy would take it for all the weights: None for NaN."""

    class Wrong(constraints.Constraint):
        def __call__(self, w: Any) -> Any:
            return returned(w)

    made = minidl.Sequential([layers.Input((4,)), layers.Dense(3, kernel_constraint=Wrong())])
    made.compile("sgd", "mse")
    with pytest.raises(ValueError, match=rf"Wrong: expected .* \(4, 3\), received {received}"):
        made.fit(np.ones((5, 4)), np.ones((5, 3)), verbose=0)
    assert np.isfinite(made.layers[0].W).all()


class Threshold(regularizers.Regularizer):
    """A soft threshold of one's own, which comes before the projection."""

    proximal = True

    def forward(self, W: Any, out: Any) -> Any:
        return np.multiply(np.abs(W), 0.3, out=out)

    def add_gradient(self, W: Any, dW: Any) -> None:
        pass

    def proximal_step(self, W: Any, step: Any) -> None:
        W[...] = np.sign(W) * np.maximum(np.abs(W) - 0.3 * step, 0)


def test_a_foreign_step_before_a_projection_keeps_its_place() -> None:
    """The step is called, because a recorded one would project first."""

    def hidden() -> list[Any]:
        made = layers.Dense(
            6, "tanh", kernel_regularizer=Threshold(), kernel_constraint="unit_norm"
        )
        return [Made(made)]

    results = [
        fitted(name, hidden, lambda: optimizers.RMSprop(0.01))
        for name in ("python", "blocks", "compiled")
    ]
    for other in results[1:]:
        same_weights(results[0], other)
    assert "between two parts of the update" in results[2].recording


class Made:
    """A layer in the place of its spec."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def make(self, package: Any) -> Any:
        return self.layer


def test_a_step_with_constraints_is_compiled() -> None:
    hidden = [spec("layers.Dense", units=6, kernel_constraint=c, bias_constraint="unit_norm")
              for c in CONSTRAINTS]  # fmt: skip
    with minidl.backend.use("numpy", executor="compiled"):
        model, task = compiled("integers", hidden)
        model.fit(task.x, task.y, 5, 3, verbose=0)
    assert "called" not in model.recording


def test_names() -> None:
    """Keras's, in all spellings."""
    for name, kind in [
        ("max_norm", "MaxNorm"),
        ("non_neg", "NonNeg"),
        ("unit_norm", "UnitNorm"),
        ("min_max_norm", "MinMaxNorm"),
    ]:
        found = constraints.get(name)
        assert type(found).__name__ == kind
        assert type(constraints.get(kind)) is type(found) is getattr(constraints, name)
        assert constraints.get(found) is found
    assert constraints.get(None) is None


def test_a_constraint_that_defines_nothing() -> None:
    with pytest.raises(NotImplementedError, match=r"must define project\(W, work\)"):
        constraints.Constraint()(np.ones(3))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: constraints.MaxNorm(-1), ValueError, "max_value: expected"),
        (lambda: constraints.MaxNorm(axis="x"), TypeError, "axis: expected an integer"),
        (lambda: constraints.MinMaxNorm(0.5, 0.2), ValueError, "max_value: expected"),
        (lambda: constraints.get("maxnrom"), ValueError, "mean 'max_norm'"),
        (lambda: constraints.get(3), TypeError, "constraint: expected a name"),
        (
            lambda: layers.Dense(2, input_dim=3, bias_constraint=constraints.MaxNorm(axis=1)),
            ValueError,
            "expected axes of the tensor, which has 1, received axis=1",
        ),
    ],
)
def test_errors(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Network([make()]).build()


def test_an_axis_that_is_set_later_is_checked() -> None:
    layer = layers.Dense(2)
    Network([layer]).build((3,))
    with pytest.raises(ValueError, match="which has 1, received axis=1"):
        layer.bias_constraint = constraints.UnitNorm(axis=1)
    assert layer.bias_constraint is None
