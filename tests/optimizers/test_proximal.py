"""Step sizes, and the proximal steps of L1 that they scale: where every optimizer ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import backend
from minidl.layers import Dense
from minidl.models import Network
from minidl.optimizers import Optimizer
from minidl.regularizers import L1
from tests.fitting import equal
from tests.specs import Spec, spec

L1_STRENGTH = 0.5


def rule(name: str, **options: Any) -> Spec:
    return spec(f"optimizers.{name}", **options)


SGD = [
    rule("SGD", learning_rate=0.1),
    rule("SGD", learning_rate=0.1, momentum=0.8),
    rule("SGD", learning_rate=0.1, momentum=0.8, nesterov=True),
]
ADAPTIVE = [
    rule("RMSprop", learning_rate=0.05),
    # At the optimum the gradient is constant and its variance 0: epsilon is all that is left.
    rule("RMSprop", learning_rate=0.05, centered=True, epsilon=0.1),
    rule("Adam", learning_rate=0.05),
    # Forgetful enough for the largest average to be one of the first.
    rule("Adam", learning_rate=0.05, amsgrad=True, beta_2=0.8),
    rule("AdamW", learning_rate=0.05, weight_decay=0.0),
    rule("Nadam", learning_rate=0.05),
    rule("Adagrad", learning_rate=1.0),
    rule("Adamax", learning_rate=0.05),
]
GATHERING = [
    rule("RMSprop", learning_rate=0.02, rho=0.8, momentum=0.7),
    rule("RMSprop", learning_rate=0.02, rho=0.8, momentum=0.7, centered=True, epsilon=0.1),
]


def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Q, c and the w that minimises w Q w / 2 - c w + l1 Σ |w|.

    It was chosen first. Where w is not 0 the gradient Q w - c has to be -l1 sign(w), elsewhere
    anything of at most l1: c follows.
    """
    factor = np.random.default_rng(3).normal(size=(6, 6))
    Q = factor @ factor.T / 6 + 0.5 * np.eye(6)
    w = np.array([1.5, 0.0, -0.5, 0.0, 0.8, 0.0])
    subgradient = np.array([1.0, 0.5, -1.0, -0.9, 1.0, 0.0])
    return Q, Q @ w + L1_STRENGTH * subgradient, w


def network(regularizer: L1 | None, start: Any) -> Network:
    """One unit without a bias: theta is w, and the gradient is set by hand."""
    made = Network(
        [Dense(1, use_bias=False, kernel_regularizer=regularizer, input_shape=(len(start),))],
        dtype="float64",
    )
    made.theta[...] = backend.to_device(np.asarray(start))
    return made


def step(model: Network, optimizer: Optimizer, grad: np.ndarray) -> None:
    """The explicit loop's, from the gradient of the loss on."""
    model.grad[...] = backend.to_device(grad)
    model.penalties.add_gradients(model.theta, model.grad)
    optimizer.update(model.theta, model.grad)
    model.penalties.proximal_step(model.theta, optimizer)


@pytest.mark.parametrize("wanted", [*SGD, *ADAPTIVE, *GATHERING], ids=str)
def test_every_optimizer_ends_at_the_minimum(wanted: Spec) -> None:
    """With exact zeros, before and after a flush of what is nearly subnormal.

    All converge linearly here; 1e-9 is the rounding of Q w - c over what is left of the rate.
    """
    Q, c, w = problem()
    optimizer = wanted.make(minidl)
    model = network(L1(L1_STRENGTH, proximal=True), [0.3, 0.3, -1, 0.7, 0, -0.1])
    for k in range(3000):
        step(model, optimizer, Q @ model.theta - c)
        if k >= 2800:
            np.testing.assert_array_equal(model.theta == 0, w == 0)
    np.testing.assert_allclose(model.theta, w, rtol=0, atol=1e-9)


@pytest.mark.parametrize("wanted", [SGD[0], ADAPTIVE[2]], ids=str)
def test_a_subgradient_does_not_end_there(wanted: Spec) -> None:
    """What the proximal step is for: no weight is 0, however long it takes."""
    Q, c, w = problem()
    optimizer = wanted.make(minidl)
    model = network(L1(L1_STRENGTH), [0.3, 0.3, -1, 0.7, 0, -0.1])
    for _ in range(3000):
        step(model, optimizer, Q @ model.theta - c)
    assert (model.theta != 0).all()
    np.testing.assert_allclose(model.theta, w, atol=0.1)


@pytest.mark.parametrize("wanted", SGD, ids=str)
def test_while_no_weight_reaches_zero_it_is_descent_on_the_whole(wanted: Spec) -> None:
    """From the first step on, at changing rates: the same path as with the penalty's gradient.

    The two add the same numbers in another order, 40 times.
    """
    Q, c, _ = problem()
    start = [3.0, -3, 3, -3, 3, 3]
    models = [network(L1(0.02, proximal=flag), start) for flag in (False, True)]
    optimizers = [wanted.make(minidl) for _ in models]
    for k in range(40):
        for model, optimizer in zip(models, optimizers, strict=True):
            optimizer.learning_rate = 0.01 * 0.95**k if k % 3 else 0.004
            step(model, optimizer, 0.1 * (Q @ model.theta - c))
        assert (models[1].theta * start > 0).all()
        np.testing.assert_allclose(models[1].theta, models[0].theta, rtol=1e-13)
    moved = np.abs(models[0].theta - network(None, start).theta)
    assert (moved > 0.01).all()


@pytest.mark.parametrize("wanted", [*SGD, *ADAPTIVE, *GATHERING], ids=str)
@pytest.mark.usefixtures("executor")
def test_the_step_size_is_what_a_constant_gradient_is_multiplied_by(wanted: Spec) -> None:
    """At every step, at rates that change; where steps of other sizes are gathered, in the end.

    The difference of two thetas of size 1 to 30 has an error of 1e-14, of steps above 1e-4.
    """
    grad = np.array([0.5, -0.25, 2.0, 1.0])
    optimizer, steps = wanted.make(minidl), 6 if wanted not in GATHERING else 200
    theta, g = backend.to_device(np.zeros(4)), backend.to_device(grad)
    rate = float(optimizer.current_learning_rate())
    for k in range(steps):
        before = backend.to_host(theta).copy()
        optimizer.learning_rate = rate * (1 if k % 3 else 0.9**k)
        optimizer.update(theta, g)
        if wanted in GATHERING and k < steps - 6:
            continue
        moved = before - backend.to_host(theta)
        for part in (slice(0, 4), slice(1, 3)):
            size = optimizer.step_size(part, backend.to_device(np.full(4, np.nan)[part]))
            size = size if isinstance(size, float) else backend.to_host(size)
            np.testing.assert_allclose(size * grad[part], moved[part], rtol=1e-9)


@pytest.mark.parametrize("wanted", [SGD[1], ADAPTIVE[0], ADAPTIVE[2]], ids=str)
def test_clipping_and_decay_act_before_the_threshold(wanted: Spec) -> None:
    """On the gradient of the loss alone and on the weights, as the docstring says."""
    grad, start = np.array([3.0, -3.0, 0.1]), [1.0, -1.0, 0.01]
    made = Spec(wanted.path, {**wanted.options, "clipvalue": 0.5, "weight_decay": 0.1})
    optimizer, twin = made.make(minidl), made.make(minidl)
    model, alone = network(L1(0.2, proximal=True), start), network(None, start)
    step(model, optimizer, grad)
    step(alone, twin, grad)
    limit = 0.2 * np.asarray(twin.step_size(slice(0, 3), np.empty(3)))
    w = alone.theta
    expected = np.sign(w) * np.maximum(np.abs(w) - limit, 0)
    np.testing.assert_allclose(model.theta, expected, rtol=1e-15)


def test_a_clip_below_l1_holds_what_is_zero() -> None:
    """The clipped gradient never reaches the threshold."""
    model = network(L1(0.2, proximal=True), [0.0, 0.0])
    optimizer = minidl.optimizers.SGD(0.1, clipvalue=0.19)
    for _ in range(50):
        step(model, optimizer, np.array([5.0, -5.0]))
    assert not model.theta.any()


def test_other_tensors_stay() -> None:
    """Only the slice of the penalised tensor is thresholded."""
    layer = Dense(2, kernel_regularizer=L1(0.5, proximal=True), input_shape=(3,))
    model = Network([layer, Dense(2)], dtype="float64")
    model.theta[...] = 0.01
    optimizer = minidl.optimizers.SGD(0.1)
    model.grad[...] = 0
    optimizer.update(model.theta, model.grad)
    model.penalties.proximal_step(model.theta, optimizer)
    assert not layer.W.any()
    np.testing.assert_array_equal(model.theta[layer.W.size :], 0.01)


@pytest.mark.parametrize("name", ["SGD", "RMSprop"])
def test_a_momentum_of_one_is_refused(name: str) -> None:
    """Before the first step, with the reason; without a proximal penalty it is legal."""
    for proximal in (True, False):
        model = minidl.Sequential(
            [Dense(1, kernel_regularizer=L1(0.1, proximal), input_shape=(2,))]
        )
        model.compile(rule(name, momentum=1.0).make(minidl), "mse")
        x, y = np.ones((4, 2)), np.ones(4)
        if not proximal:
            model.fit(x, y, verbose=0)
            continue
        before = model.theta.copy()
        with pytest.raises(ValueError, match=r"learning_rate / \(1 - momentum\): expected a mom"):
            model.fit(x, y, verbose=0)
        np.testing.assert_array_equal(model.theta, before)


def test_an_optimizer_without_step_sizes_says_so() -> None:
    """One of the user's own; it trains without a proximal penalty."""

    class Plain(Optimizer):
        def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
            theta -= learning_rate * grad

    step(network(L1(0.1), [1.0]), Plain(0.1), np.ones(1))
    with pytest.raises(NotImplementedError, match="Plain must define step_size"):
        step(network(L1(0.1, proximal=True), [1.0]), Plain(0.1), np.ones(1))


def test_fit_is_the_explicit_loop(executor: str) -> None:
    """The loop of the documentation, with its proximal step, gives fit's weights."""
    random = np.random.default_rng(4)
    x, y = random.normal(size=(12, 3)), random.normal(size=(12, 1))
    weights = []
    for explicit in (True, False):
        minidl.utils.set_random_seed(5)
        layer = Dense(1, kernel_regularizer=L1(0.3, proximal=True), input_shape=(3,))
        model = minidl.Sequential([layer], dtype="float64")
        optimizer = minidl.optimizers.RMSprop(0.01, momentum=0.5)
        if explicit:
            loss = minidl.losses.MeanSquaredError()
            for _ in range(20):
                loss.forward(model.forward(x, training=True), y)
                model.backward(loss.backward())
                model.penalties.add_gradients(model.theta, model.grad)
                optimizer.update(model.theta, model.grad)
                model.penalties.proximal_step(model.theta, optimizer)
        else:
            model.compile(optimizer, "mse")
            model.fit(x, y, 12, 20, verbose=0, shuffle=False)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        equal(one, other, executor)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (rule("Adadelta"), "the last step, which Adadelta has replaced by that of the next"),
        (rule("Lion"), "expected another optimizer, or proximal=False, received Lion"),
        (rule("Ftrl"), "expected l1_regularization_strength in place of a proximal penalty"),
        (
            rule("SGD", gradient_accumulation_steps=2),
            "expected gradient_accumulation_steps of None",
        ),
    ],
    ids=str,
)
def test_optimizers_whose_steps_a_penalty_cannot_follow(made: Spec, words: str) -> None:
    """Refused when the state is made; also where the penalty comes later."""
    model = network(L1(L1_STRENGTH, proximal=True), [0.3])
    with pytest.raises(ValueError, match=words):
        made.make(minidl).build(model.theta, model.parameters)
    model = network(None, [0.3])
    optimizer = made.make(minidl)
    step(model, optimizer, np.ones(1))
    model.layers[0].kernel_regularizer = L1(L1_STRENGTH, proximal=True)
    with pytest.raises(ValueError, match=words):
        step(model, optimizer, np.ones(1))
