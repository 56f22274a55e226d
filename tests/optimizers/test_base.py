"""What all optimizers share: rates, sizes, subnormal numbers, configurations and errors."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import numpy as np
import pytest

from minidl import optimizers
from minidl.backend import to_device, to_host
from minidl.layers import Dense
from minidl.models import Network
from minidl.optimizers import SGD, Adam, base, schedules
from tests import moments, registered

KINDS = sorted(registered.OPTIMIZERS)
# Each with the state that its options can give it.
FULL: list[tuple[str, dict[str, Any]]] = [
    ("sgd", {"momentum": 0.9}),
    ("rmsprop", {"momentum": 0.9, "centered": True}),
    ("adam", {"amsgrad": True}),
    ("adamw", {}),
    ("nadam", {}),
    ("adagrad", {"initial_accumulator_value": 0.0}),
    ("adamax", {}),
    ("adadelta", {}),
    ("lion", {}),
    ("ftrl", {"initial_accumulator_value": 0.0}),
    ("sgd", {"use_ema": True}),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kind", "options"), [each for each in FULL if each[0] != "ftrl"])
@pytest.mark.usefixtures("executor")
def test_numbers_next_to_subnormal_are_flushed_every_64_steps(
    kind: str, options: dict[str, Any], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In theta and every state vector; what is not below 10^8 times the smallest stays.

    A twin that does not flush says what theta and state are before the flush.
    """
    info = np.finfo(dtype)
    limit = 1e8 * float(info.tiny)
    sizes = [0, limit, limit * 1.01, 4 * limit, 1e-3, 1]
    sizes += [limit * 0.99, limit / 4, float(info.tiny), float(info.smallest_subnormal)]
    start = np.array([*sizes, *(-size for size in sizes)], dtype)

    def vectors(last: int) -> dict[str, np.ndarray]:
        optimizer = registered.OPTIMIZERS[kind](0.0, **options)
        theta, grad = to_device(np.zeros_like(start)), to_device(np.zeros_like(start))
        for _ in range(last - 1):
            optimizer.update(theta, grad)
        theta[...] = to_device(start)
        for name, vector in optimizer.state.items():
            signed = name in ("m", "velocity")
            vector[...] = to_device(start / 2 if signed else np.abs(start) * 2)
        optimizer.update(theta, grad)
        return {"theta": to_host(theta), **{n: to_host(v) for n, v in optimizer.state.items()}}

    one_before, flushed = vectors(63), vectors(64)
    monkeypatch.setattr(base, "FLUSH_EVERY", 10**9)
    for steps, actual in ((63, one_before), (64, flushed)):
        for name, values in vectors(steps).items():
            small = np.abs(values) < limit
            assert 0 < (small & (values != 0)).sum() < len(values)
            expected = np.where(small, 0, values) if steps == 64 else values
            np.testing.assert_array_equal(actual[name], expected, err_msg=f"{name}, {steps} steps")


def test_a_forgotten_weights_moments_never_become_subnormal() -> None:
    """A pixel that lights once: its averages decay to exactly 0, and stay."""
    optimizer, theta = Adam(beta_2=0.9), np.ones(2, np.float32)
    optimizer.update(theta, np.array([1, 1], np.float32))
    tiny = float(np.finfo(np.float32).tiny)
    for _ in range(1280):
        optimizer.update(theta, np.array([0, 1], np.float32))
        for vector in optimizer.state.values():
            assert vector[0] == 0 or vector[0] >= tiny
    assert optimizer.state["m"][0] == optimizer.state["v"][0] == 0
    assert (optimizer.state["m"][1] > 0.9).all()


@pytest.mark.parametrize("kind", KINDS)
def test_learning_rate_can_be_set_between_updates(kind: str) -> None:
    """A number or a function; the next update uses it, and the state stays."""
    optimizer = optimizers.get(kind)
    twin = registered.OPTIMIZERS[kind](lambda step: [0.5, 0.125, 0.25][step])
    theta, other = np.ones(3), np.ones(3)
    for rate in (0.5, 0.125, lambda step: 0.25):
        optimizer.learning_rate = rate
        found = optimizer.learning_rate
        assert found.schedule is rate if callable(rate) else found == rate
        for one, vector in ((optimizer, theta), (twin, other)):
            one.update(vector, np.array([1.0, -2.0, 0.5]))
    np.testing.assert_array_equal(theta, other)
    assert optimizer.iterations == 3


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "ftrl"])
def test_a_rate_of_zero_moves_nothing(kind: str) -> None:
    """It is a legal rate, for example before a warm-up."""
    theta = np.array([1.0, -2.0])
    registered.OPTIMIZERS[kind](0.0).update(theta, np.array([3.0, 0.0]))
    np.testing.assert_array_equal(theta, [1, -2])


def test_ftrl_divides_by_the_learning_rate() -> None:
    """Keras's comes to NaN there."""
    theta = np.array([1.0, -2.0])
    with pytest.raises(ValueError, match="learning_rate: Ftrl divides by it"):
        optimizers.Ftrl(0.0).update(theta, np.ones(2))
    np.testing.assert_array_equal(theta, [1, -2])


@pytest.mark.parametrize(("kind", "options"), FULL)
def test_state_is_made_once_and_updated_in_place(kind: str, options: dict[str, Any]) -> None:
    """Vectors of theta's size and type; a step allocates none."""
    optimizer, theta = registered.OPTIMIZERS[kind](**options), np.ones(4, np.float32)
    optimizer.update(theta, np.ones(4, np.float32))
    vectors = dict(optimizer.state)
    assert vectors
    assert all(v.shape == (4,) and v.dtype == np.float32 for v in vectors.values())
    for _ in range(3):
        optimizer.update(theta, np.ones(4, np.float32))
    assert all(optimizer.state[name] is vector for name, vector in vectors.items())


def test_build_starts_the_state_and_may_be_repeated() -> None:
    """A second build for the same theta keeps what is there."""
    optimizer, theta = optimizers.Adagrad(), np.zeros(3)
    optimizer.build(theta)
    np.testing.assert_array_equal(optimizer.state["accumulator"], [0.1, 0.1, 0.1])
    optimizer.update(theta, np.ones(3))
    optimizer.build(theta)
    np.testing.assert_array_equal(optimizer.state["accumulator"], [1.1, 1.1, 1.1])


def test_nadam_goes_on_from_any_iteration() -> None:
    """Its product of momenta follows from the step alone: after a resume, and set back."""
    grads = np.random.default_rng(1).normal(size=(8, 3))
    whole, theta = optimizers.Nadam(0.1), np.ones(3)
    for k, grad in enumerate(grads):
        if k == 5:
            middle = theta.copy(), {n: v.copy() for n, v in whole.state.items()}
        whole.update(theta, grad)
    end = theta.copy()
    resumed, other = optimizers.Nadam(0.1), np.zeros(3)
    resumed.build(other)
    for optimizer, vector in ((resumed, other), (whole, theta)):
        vector[...] = middle[0]
        for name, values in middle[1].items():
            optimizer.state[name][...] = values
        optimizer.iterations = 5
        for grad in grads[5:]:
            optimizer.update(vector, grad)
        np.testing.assert_allclose(vector, end, rtol=1e-14)


@pytest.mark.parametrize("beta_1", [0.0, 0.9, 0.999, 1 - 1e-12])
def test_nadam_goes_on_from_a_late_iteration(beta_1: float) -> None:
    """To the last bit as if it had made them all; and at once where a file says it has made 2⁵³."""
    product = 1.0
    for t in range(1, 2003):
        product *= beta_1 * (1 - 0.5 * 0.96**t)
        if t in (1, 2, 998, 999, 1000, 1001, 2001, 2002):
            assert optimizers.Nadam(beta_1=beta_1).momentum_product(t) == product
    nadam, theta = optimizers.Nadam(beta_1=beta_1), np.ones(3)
    nadam.iterations = 2**53 - 1
    nadam.update(theta, np.ones(3))
    assert np.isfinite(theta).all()


@pytest.mark.parametrize(("kind", "options"), FULL)
def test_configuration_makes_an_equal_optimizer(kind: str, options: dict[str, Any]) -> None:
    """With a schedule, weight decay and clipping too."""
    schedule = schedules.ExponentialDecay(0.1, 10, 0.5)
    extra = {"learning_rate": schedule, "weight_decay": 0.125, "global_clipnorm": 2.0}
    made = registered.OPTIMIZERS[kind](**options, **extra)
    config = made.get_config()
    for name, value in {**options, **extra}.items():
        assert config[name] == value, name
    again = type(made)(**config)
    assert again.get_config() == config
    theta, other = np.ones(3), np.ones(3)
    for _ in range(3):
        made.update(theta, np.array([1.0, 5.0, -2.0]))
        again.update(other, np.array([1.0, 5.0, -2.0]))
    np.testing.assert_array_equal(theta, other)


def test_a_function_of_ones_own_has_no_configuration() -> None:
    """It cannot be saved; the message says what can."""
    with pytest.raises(ValueError, match="expected a number or a schedule of minidl"):
        SGD(lambda step: 0.1).get_config()


@pytest.mark.parametrize("kind", KINDS)
def test_get(kind: str) -> None:
    """Names in any case of letters, classes and objects."""
    made = optimizers.get(kind)
    assert type(made) is registered.OPTIMIZERS[kind]
    assert type(optimizers.get(kind.upper())) is type(made)
    assert type(optimizers.get(type(made).__name__)) is type(made)
    assert type(optimizers.get(type(made))) is type(made)
    assert optimizers.get(made) is made


def test_one_optimizer_serves_one_network() -> None:
    """Its state belongs to one theta, also where the other has the same size."""
    optimizer = SGD()
    networks = [Network([Dense(2, input_shape=(3,))]) for _ in range(2)]
    optimizer.update(networks[0].theta, networks[0].grad)
    optimizer.update(networks[0].theta, networks[0].grad)
    with pytest.raises(ValueError, match=r"expected a new optimizer for each model, .* of 8 par"):
        optimizer.update(networks[1].theta, networks[1].grad)
    with pytest.raises(ValueError, match="expected a new optimizer for each model"):
        optimizer.build(np.zeros(9))


@pytest.mark.parametrize("size", [2, 4])
def test_a_gradient_of_another_size(size: int) -> None:
    """It is found before theta moves."""
    theta = np.ones(3)
    with pytest.raises(ValueError, match=rf"a gradient of shape \(3,\), received \({size},\)"):
        SGD().update(theta, np.ones(size))
    np.testing.assert_array_equal(theta, 1)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"learning_rate": -0.1}, ValueError, r"learning_rate: expected a number in \[0, inf\)"),
        ({"learning_rate": NAN}, ValueError, "learning_rate: .* received nan"),
        ({"learning_rate": INF}, ValueError, "learning_rate: .* received inf"),
        ({"learning_rate": "fast"}, TypeError, "learning_rate: .* received 'fast'"),
        ({"weight_decay": -0.1}, ValueError, "weight_decay: .* received -0.1"),
        ({"weight_decay": NAN}, ValueError, "weight_decay: .* received nan"),
        ({"clipnorm": 0.0}, ValueError, r"clipnorm: expected a number in \(0, inf\), received 0"),
        ({"clipvalue": -1.0}, ValueError, "clipvalue: .* received -1.0"),
        ({"global_clipnorm": NAN}, ValueError, "global_clipnorm: .* received nan"),
        (
            {"clipnorm": 1.0, "clipvalue": 2.0},
            ValueError,
            "expected at most one way of clipping, received {'clipnorm': 1.0, 'clipvalue': 2.0}",
        ),
        ({"clipvalue": 1.0, "global_clipnorm": 2.0}, ValueError, "at most one way of clipping"),
    ],
    ids=str,
)
def test_bad_arguments_of_all(
    kind: str, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    """Each raises in the constructor and says what was expected."""
    with pytest.raises(error, match=words):
        registered.OPTIMIZERS[kind](**options)


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("sgd", {"momentum": -0.1}, r"momentum: expected .* received -0.1"),
        ("sgd", {"momentum": 1.5}, "momentum: .* received 1.5"),
        ("sgd", {"momentum": NAN}, "momentum: .* received nan"),
        ("rmsprop", {"rho": 1.0}, r"rho: expected a number in \[0, 1\), received 1.0"),
        ("rmsprop", {"momentum": -1.0}, "momentum: .* received -1.0"),
        ("rmsprop", {"epsilon": 0.0}, r"epsilon: expected a number in \(0, inf\)"),
        ("adam", {"beta_1": 1.0}, "beta_1: .* received 1.0"),
        ("adam", {"beta_2": -0.1}, "beta_2: .* received -0.1"),
        ("adam", {"epsilon": -1e-7}, "epsilon: .* received -1e-07"),
        ("nadam", {"beta_1": NAN}, "beta_1: .* received nan"),
        ("adamw", {"beta_2": 2.0}, "beta_2: .* received 2.0"),
        ("adagrad", {"initial_accumulator_value": -0.1}, "initial_accumulator_value: .* -0.1"),
        ("adagrad", {"epsilon": NAN}, "epsilon: .* received nan"),
        ("adamax", {"beta_1": 1.0}, "beta_1: .* received 1.0"),
        ("adadelta", {"rho": 1.0}, "rho: .* received 1.0"),
        ("adadelta", {"epsilon": 0.0}, "epsilon: .* received 0.0"),
        ("lion", {"beta_1": 0.0}, r"beta_1: expected a number in \(0, 1\], received 0.0"),
        ("lion", {"beta_2": 1.5}, "beta_2: .* received 1.5"),
        ("ftrl", {"learning_rate_power": 0.5}, r"learning_rate_power: .*, 0\], received 0.5"),
        ("ftrl", {"l1_regularization_strength": -1.0}, "l1_reg.*: .* received -1.0"),
        ("ftrl", {"initial_accumulator_value": -1.0}, "initial_acc.*: .* received -1.0"),
        ("sgd", {"ema_momentum": 1.5}, "ema_momentum: .* received 1.5"),
        ("sgd", {"ema_overwrite_frequency": 0}, "at least 1, received 0"),
        ("sgd", {"gradient_accumulation_steps": 1}, "at least 2, received 1"),
    ],
    ids=str,
)
def test_bad_arguments_of_one(kind: str, options: dict[str, float], words: str) -> None:
    """Each raises in the constructor and says what was expected."""
    with pytest.raises(ValueError, match=words):
        registered.OPTIMIZERS[kind](**options)


@pytest.mark.parametrize(
    ("identifier", "error", "words"),
    [
        ("adm", ValueError, "unknown optimizer 'adm'; did you mean 'adam'"),
        ("RMSprob", ValueError, "did you mean 'rmsprop'"),
        (
            None,
            TypeError,
            "optimizer: expected a name or an object of Optimizer, received NoneType",
        ),
        (0.01, TypeError, "received float"),
    ],
)
def test_unknown(identifier: Any, error: type[Exception], words: str) -> None:
    """The nearest right name, or what may be given."""
    with pytest.raises(error, match=words):
        optimizers.get(identifier)


def test_setting_a_bad_learning_rate_leaves_the_old_one() -> None:
    """The error comes at once."""
    optimizer = SGD(0.25)
    for rate in (-1.0, NAN):
        with pytest.raises(ValueError, match="learning_rate: expected a number"):
            optimizer.learning_rate = rate
    assert optimizer.learning_rate == 0.25


def test_an_optimizer_must_define_its_step() -> None:
    """The base class says which method is missing."""

    class Unfinished(optimizers.Optimizer):
        pass

    with pytest.raises(NotImplementedError, match=r"Unfinished must define step\(theta, grad, "):
        Unfinished(0.1).update(np.ones(1), np.ones(1))


@pytest.mark.parametrize(
    ("done", "jump"), [(1, 0), (2, 0), (5, 0), (4, -2), (4, -1), (4, 1), (4, 2)]
)
@pytest.mark.parametrize(("kind", "options"), FULL)
def test_a_new_optimizer_goes_on_from_anothers_state(
    kind: str, options: dict[str, Any], done: int, jump: int
) -> None:
    """State and step number are all that it needs, also where the number was set by hand."""
    gradients = np.random.default_rng(1).normal(size=(done + 2, 3))
    used, theta = registered.OPTIMIZERS[kind](**options), np.ones(3)
    for gradient in gradients[:done]:
        used.update(theta, gradient.copy())
    used.iterations += jump
    fresh, copied = registered.OPTIMIZERS[kind](**options), theta.copy()
    fresh.build(copied)
    fresh.iterations = used.iterations
    for name, vector in used.state.items():
        fresh.state[name][...] = vector
    for gradient in gradients[done:]:
        used.update(theta, gradient.copy())
        fresh.update(copied, gradient.copy())
    np.testing.assert_allclose(copied, theta, rtol=1e-15)


def test_every_optimizer_is_exported() -> None:
    """``from minidl.optimizers import *``."""
    wanted = {kind.__name__ for kind in registered.OPTIMIZERS.values()}
    assert set(optimizers.__all__) == wanted | {
        "Optimizer", "schedules", "get", "serialize", "deserialize"
    }  # fmt: skip


def test_nadam_begins_anew_with_its_iterations() -> None:
    """Its product of momenta is that of the steps that are counted."""
    gradient = np.array([1.0, -2.0, 0.5])
    used, new = optimizers.Nadam(0.1), optimizers.Nadam(0.1)
    theta, fresh = np.zeros(3), np.zeros(3)
    for _ in range(3):
        used.update(theta, gradient.copy())
    used.iterations = 0
    for vector in (theta, *used.state.values()):
        vector[...] = 0
    for _ in range(2):
        used.update(theta, gradient.copy())
        new.update(fresh, gradient.copy())
    np.testing.assert_array_equal(theta, fresh)


def test_another_beta_1_is_that_of_all_momenta():
    """Nadam's product of momenta is made anew, as in an optimizer that had it from the start."""
    used, new = optimizers.Nadam(0.1), optimizers.Nadam(0.1, beta_1=0.5)
    theta = np.ones(3)
    for _ in range(4):
        used.update(theta, np.array([1.0, -2.0, 0.5]))
    used.beta_1 = 0.5
    other = theta.copy()
    new.build(other)
    new.iterations = used.iterations
    for name, vector in used.state.items():
        new.state[name][:] = vector
    for _ in range(3):
        used.update(theta, np.array([0.2, 0.1, -1.0]))
        new.update(other, np.array([0.2, 0.1, -1.0]))
    np.testing.assert_array_equal(theta, other)


def test_an_interrupted_build_is_made_again() -> None:
    theta, grad = np.ones(3), np.full(3, 0.5)
    expected = theta.copy()
    Adam().update(expected, grad.copy())

    def interrupt() -> None:
        raise KeyboardInterrupt

    for moment in range(moments.count(lambda: Adam().build(theta.copy()))):
        optimizer, moved = Adam(), theta.copy()
        with contextlib.suppress(KeyboardInterrupt):
            moments.at(moment, interrupt, functools.partial(optimizer.build, moved))
        optimizer.update(moved, grad.copy())
        assert np.array_equal(moved, expected), moment
