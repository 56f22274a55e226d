"""Five steps of every optimizer from shared weights, against Keras."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.backend import current, to_device, to_host
from minidl.initializers import Zeros
from minidl.parameters import ParameterVector, Specification
from tests import oracle, registered
from tests.oracle import COMMON_STATE, STATE
from tests.selection import few
from tests.specs import Spec, spec

STEPS = 5
SHAPES = [(4, 3), (3,), (3, 2), (1,)]
SCHEDULE = spec(
    "optimizers.schedules.PiecewiseConstantDecay", boundaries=[0, 2], values=[0.3, 0.1, 0.02]
)
WARMUP = spec(
    "optimizers.schedules.CosineDecay",
    initial_learning_rate=0.0,
    decay_steps=4,
    warmup_target=0.2,
    warmup_steps=2,
)


def optimizer(kind: str, **options: object) -> Spec:
    return spec(f"optimizers.{kind}", **options)


KINDS = [
    optimizer("SGD"),
    optimizer("SGD", learning_rate=0.1, momentum=0.9),
    optimizer("SGD", learning_rate=0.1, momentum=0.9, nesterov=True),
    optimizer("SGD", learning_rate=0.02, momentum=1.0),
    optimizer("SGD", learning_rate=0.1, nesterov=True),
    optimizer("RMSprop"),
    optimizer("RMSprop", learning_rate=0.1, rho=0.7, epsilon=1e-3),
    optimizer("RMSprop", learning_rate=0.1, momentum=0.6),
    optimizer("RMSprop", learning_rate=0.1, centered=True, epsilon=1e-4),
    optimizer("RMSprop", learning_rate=0.1, centered=True, momentum=0.6, rho=0.8, epsilon=1e-4),
    optimizer("Adam"),
    optimizer("Adam", learning_rate=0.1, beta_1=0.7, beta_2=0.9, epsilon=1e-2),
    optimizer("Adam", learning_rate=0.1, amsgrad=True, beta_2=0.5),
    optimizer("AdamW"),
    optimizer("AdamW", learning_rate=0.1, weight_decay=0.3, beta_1=0.8, epsilon=1e-3),
    optimizer("AdamW", learning_rate=0.1, amsgrad=True, beta_2=0.5),
    optimizer("Nadam"),
    optimizer("Nadam", learning_rate=0.1, beta_1=0.8, beta_2=0.9, epsilon=1e-2),
    optimizer("Adagrad"),
    optimizer("Adagrad", learning_rate=0.5, initial_accumulator_value=0.0, epsilon=1e-2),
    optimizer("Adamax"),
    optimizer("Adamax", learning_rate=0.1, beta_1=0.7, beta_2=0.9, epsilon=1e-2),
    optimizer("Adadelta"),
    optimizer("Adadelta", learning_rate=1.0, rho=0.7, epsilon=1e-2),
    optimizer("Lion"),
    optimizer("Lion", learning_rate=0.1, beta_1=0.7, beta_2=0.6),
    optimizer("Ftrl"),
    optimizer("Ftrl", learning_rate=0.5, l1_regularization_strength=0.3, beta=0.2),
    optimizer(
        "Ftrl",
        learning_rate=0.5,
        learning_rate_power=-0.3,
        initial_accumulator_value=0.5,
        l2_regularization_strength=0.2,
        l2_shrinkage_regularization_strength=0.1,
    ),
]
# The options that all optimizers have. Each clipping is one that acts on some tensors only.
COMMON: list[dict[str, object]] = [
    {"weight_decay": 0.3},
    {"clipnorm": 1.5},
    {"clipvalue": 0.5},
    {"global_clipnorm": 1.5},
    {"global_clipnorm": 100.0},
    {"weight_decay": 0.2, "clipnorm": 1.0},
    {"learning_rate": SCHEDULE},
    {"learning_rate": WARMUP, "weight_decay": 0.5},
    {"use_ema": True, "ema_momentum": 0.7},
    {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 2},
    {"gradient_accumulation_steps": 2},
    {
        "gradient_accumulation_steps": 2,
        "use_ema": True,
        "ema_momentum": 0.6,
        "ema_overwrite_frequency": 2,
        "weight_decay": 0.2,
        "clipnorm": 1.0,
        "learning_rate": SCHEDULE,
    },
]
CASES = [
    *KINDS,
    optimizer("SGD", learning_rate=SCHEDULE, momentum=0.9, nesterov=True),
    optimizer("RMSprop", learning_rate=SCHEDULE, momentum=0.9, clipnorm=1.0),
]
WITH_OPTIONS = [
    (kind, number)
    for kind in STATE
    for number, options in enumerate(COMMON)
    # Ftrl divides by the learning rate, and the warm-up begins at 0.
    if not (kind == "Ftrl" and options.get("learning_rate") is WARMUP)
]


def problem(seed: int = 1) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """Tensors, and gradients of each step: sizes from 1e-3 to 10, some exactly 0."""
    random = np.random.default_rng(seed)
    tensors = [random.normal(size=shape) for shape in SHAPES]
    steps = []
    for _ in range(STEPS):
        sizes = [10.0 ** random.integers(-3, 2, shape) for shape in SHAPES]
        gradients = [random.normal(size=size.shape) * size for size in sizes]
        gradients[0][0] = 0.0
        steps.append(gradients)
    steps[2][3][...] = 0.0
    return tensors, steps


def vector_of(tensors: list[np.ndarray]) -> ParameterVector:
    wanted = [("layer", Specification(f"w{k}", t.shape, Zeros())) for k, t in enumerate(tensors)]
    vector = ParameterVector(wanted, current(), np.dtype(np.float64))
    for entry, tensor in zip(vector, tensors, strict=True):
        vector.view(entry)[...] = to_device(tensor)
    return vector


def flat(tensors: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([tensor.ravel() for tensor in tensors])


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.usefixtures("executor")
def test_five_steps_agree_with_keras(case: Spec) -> None:
    """theta and every state vector after the fifth step.

    1e-12 of the value: a step is some ten operations of 1e-16 each, and 1 - beta ** t loses
    three digits of them for beta 0.999. Where theta has come near 0 by cancellation, the
    same share of its size before counts, hence ATOL.
    """
    agree_after_five_steps(case)


@pytest.mark.parametrize(("kind", "number"), few(WITH_OPTIONS))
@pytest.mark.usefixtures("executor")
def test_options_that_all_have_agree_with_keras(kind: str, number: int) -> None:
    """To the same share of the value."""
    agree_after_five_steps(optimizer(kind, **{"learning_rate": 0.1, **COMMON[number]}))


def agree_after_five_steps(case: Spec) -> None:
    """minidl and Keras, from one theta with the same gradients."""
    tensors, steps = problem()
    expected, expected_state = oracle.optimizer_steps(case, tensors, steps)
    vector, made = vector_of(tensors), case.make(minidl)
    made.build(vector.theta, vector)
    for gradients in steps:
        vector.grad[...] = to_device(flat(gradients))
        made.update(vector.theta, vector.grad)
    oracle.assert_agrees(to_host(vector.theta), flat(expected), "theta")
    names = {**STATE[case.path.rpartition(".")[2]], **COMMON_STATE}
    assert {names[name] for name in made.state} == set(expected_state)
    for name, state in made.state.items():
        oracle.assert_agrees(to_host(state), flat(expected_state[names[name]]), name)
    assert made.batches == STEPS
    assert made.iterations == STEPS // (made.gradient_accumulation_steps or 1)


def test_every_optimizer_is_compared() -> None:
    """The table has no other."""
    assert {case.path.rpartition(".")[2].lower() for case in KINDS} == set(registered.OPTIMIZERS)


@pytest.mark.parametrize("kind", STATE)
def test_defaults_are_kerass(kind: str) -> None:
    """Every argument that minidl has, with Keras's default (its learning rate in float32)."""
    ours = minidl.optimizers.get(kind).get_config()
    theirs = oracle.config(optimizer(kind))
    assert ours.pop("name") == kind.lower()  # Keras counts its names
    for name, value in ours.items():
        expected = theirs[name]
        assert value == (expected and pytest.approx(expected, rel=1e-7)), name


def test_clipnorm_of_a_vector_without_tensors_is_refused() -> None:
    """It would be the global norm in silence."""
    made, theta = minidl.optimizers.SGD(0.1, clipnorm=1.5), np.ones(2)
    with pytest.raises(ValueError, match=r"expected build\(model.theta, model.parameters\)"):
        made.update(theta, np.ones(2))
    np.testing.assert_array_equal(theta, [1, 1])


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_clipping_hides_no_infinite_gradient(bad: float) -> None:
    """Keras's global norm turns it into NaN too."""
    theta = np.ones(2)
    with np.errstate(invalid="ignore"):
        minidl.optimizers.SGD(0.1, global_clipnorm=1.0).update(theta, np.array([bad, 1.0]))
    assert np.isnan(theta).any()


def test_clipping_leaves_a_zero_gradient() -> None:
    """Its norm is 0: nothing is divided by it."""
    theta = np.ones(2)
    for options in ({"global_clipnorm": 1.0}, {"clipvalue": 1.0}):
        minidl.optimizers.SGD(0.1, **options).update(theta, np.zeros(2))
        np.testing.assert_array_equal(theta, [1, 1])
