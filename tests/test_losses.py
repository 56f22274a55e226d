"""Losses: against Keras, with weights and ragged batches, and errors."""

from __future__ import annotations

import inspect
import tracemalloc
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import losses
from minidl.backend import to_device, to_host
from tests import oracle
from tests.specs import Spec, spec

ROWS, CLASSES = 7, 4
SPARSE = "losses.SparseCategoricalCrossentropy"
CATEGORICAL = "losses.CategoricalCrossentropy"
BINARY = "losses.BinaryCrossentropy"
SQUARED = spec("losses.MeanSquaredError")


def softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def batch(random: np.random.Generator) -> dict[str, np.ndarray]:
    """Predictions and targets of every kind; one row's logits are far apart."""
    logits = random.normal(size=(ROWS, CLASSES)) * 3
    logits[0] = [300, -300, 0, 1]
    labels = random.integers(0, CLASSES, ROWS)
    soft = random.uniform(0.1, 1, size=(ROWS, CLASSES))
    probabilities = random.uniform(0.01, 0.99, size=(ROWS, CLASSES))
    probabilities[0] = [0.0, 1.0, 1e-8, 1 - 1e-8]
    return {
        "logits": logits,
        "softmax": softmax(random.normal(size=(ROWS, CLASSES)) * 3),
        "values": logits / 10,
        "labels": labels,
        "one_hot": np.eye(CLASSES)[labels],
        "soft": soft / soft.sum(axis=1, keepdims=True),
        "binary": random.integers(0, 2, (ROWS, CLASSES)),
        "shares": random.uniform(size=(ROWS, CLASSES)),
        "probabilities": probabilities,
    }


CASES = [
    (spec(SPARSE, from_logits=True), "labels", "logits"),
    (spec(SPARSE), "labels", "softmax"),
    (spec(CATEGORICAL, from_logits=True), "one_hot", "logits"),
    (spec(CATEGORICAL, from_logits=True), "soft", "logits"),
    (spec(BINARY, from_logits=True), "binary", "logits"),
    (spec(BINARY, from_logits=True), "shares", "logits"),
    (spec(BINARY), "binary", "probabilities"),
    (spec(BINARY), "shares", "probabilities"),
    (SQUARED, "shares", "values"),
]
IDS = [f"{s}-{y}-{p}" for s, y, p in CASES]
WEIGHTS = [None, np.array([0, 1, 0.5, 2, 0.25, 3, 1.5])]


def run(loss: losses.Loss, y: Any, p: Any, weight: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Value and gradient, through the executor in use."""
    weight = None if weight is None else to_device(weight)
    value = to_host(loss.forward(to_device(p), to_device(y), weight)).copy()
    return value, to_host(loss.backward()).copy()


@pytest.mark.parametrize("weight", WEIGHTS, ids=["plain", "weighted"])
@pytest.mark.parametrize(("loss", "target", "prediction"), CASES, ids=IDS)
@pytest.mark.usefixtures("executor")
def test_value_and_gradient_agree_with_keras(
    loss: Spec, target: str, prediction: str, weight: np.ndarray | None
) -> None:
    """(1/N) Σ w L: divided by the number of rows, whatever the weights sum to."""
    data = batch(np.random.default_rng(1))
    y, p = data[target], data[prediction]
    expected, gradient = oracle.loss(loss, y, p, weight)
    value, d = run(loss.make(minidl), y, p, weight)
    assert value.shape == ()
    oracle.assert_agrees(value, expected, "value")
    oracle.assert_agrees(d, gradient, "gradient")


@pytest.mark.parametrize(("loss", "target", "prediction"), CASES, ids=IDS)
def test_columns_of_labels_and_weights_are_the_same_as_vectors(
    loss: Spec, target: str, prediction: str
) -> None:
    """(N, 1) integers and (N, 1) weights."""
    data = batch(np.random.default_rng(2))
    y, p, weight = data[target], data[prediction], np.arange(ROWS) / 3
    column = y.reshape(-1, 1) if y.ndim == 1 else y
    value, d = run(loss.make(minidl), y, p, weight)
    again, d_again = run(loss.make(minidl), column, p, weight.reshape(-1, 1))
    assert value == again
    np.testing.assert_array_equal(d, d_again)


@pytest.mark.parametrize("path", [BINARY, "losses.MeanSquaredError"])
@pytest.mark.parametrize("shape", [(ROWS,), (ROWS, 1)], ids=str)
def test_targets_of_one_unit_may_be_a_vector(path: str, shape: tuple[int, ...]) -> None:
    """Labels (N,) for outputs (N, 1), as in a binary classifier; same in Keras."""
    random = np.random.default_rng(3)
    p, y = random.uniform(0.1, 0.9, (ROWS, 1)), random.integers(0, 2, shape)
    expected, gradient = oracle.loss(spec(path), y, p)
    value, d = run(spec(path).make(minidl), y, p)
    oracle.assert_agrees(value, expected, "value")
    oracle.assert_agrees(d, gradient, "gradient")


class TestTargetsOfAnySum:
    """-Σ t log p and its gradient p Σ t - t, as for a policy gradient."""

    ADVANTAGES = np.random.default_rng(5).normal(size=(ROWS, 1))

    @pytest.mark.parametrize("weight", WEIGHTS, ids=["plain", "weighted"])
    @pytest.mark.usefixtures("executor")
    def test_logits_agree_with_keras_on_probabilities(self, weight: np.ndarray | None) -> None:
        """TensorFlow's gradient at logits is p - t, right for a sum of 1 alone."""
        data = batch(np.random.default_rng(4))
        for target in (self.ADVANTAGES * data["one_hot"], data["shares"] - 0.5):
            logits = np.random.default_rng(7).normal(size=(ROWS, CLASSES))  # no p is clipped
            p = softmax(logits)
            expected, dp = oracle.loss(spec(CATEGORICAL), target, p, weight)
            gradient = p * (dp - (dp * p).sum(axis=1, keepdims=True))
            value, d = run(losses.CategoricalCrossentropy(True), target, logits, weight)
            oracle.assert_agrees(value, expected, "value")
            oracle.assert_agrees(d, gradient, "gradient")
            value, d = run(losses.CategoricalCrossentropy(), target, p, weight)
            oracle.assert_agrees(value, expected, "value of probabilities")
            oracle.assert_agrees(d, dp, "gradient at probabilities")

    def test_a_policy_gradient_is_trained_recorded_or_not(self) -> None:
        """One warning; the weights are those of rows with weights of their own."""
        random = np.random.default_rng(6)
        x, labels = random.normal(size=(64, 3)), random.integers(0, CLASSES, 64)
        advantages, one_hot = random.normal(size=64), np.eye(CLASSES)[labels]
        found = []
        for y, weight in ((one_hot * advantages[:, None], None), (one_hot, advantages)):
            minidl.utils.set_random_seed(1)
            model = minidl.Sequential([minidl.layers.Dense(CLASSES, "softmax")], dtype="float64")
            model.compile("adam", "categorical_crossentropy")
            with pytest.warns(match="do not sum to 1") if weight is None else nullcontext():
                model.fit(x, y, 16, 3, sample_weight=weight, verbose=0)
            found.append(model.get_weights()[0])
        # The same numbers in another order of products, over 12 steps of Adam.
        np.testing.assert_allclose(found[0], found[1], rtol=1e-9)


class TestProbabilities:
    """Rows of any sum are divided by their sums, as in Keras."""

    @pytest.mark.parametrize("weight", WEIGHTS, ids=["plain", "weighted"])
    @pytest.mark.parametrize(
        ("loss", "target"),
        [(spec(SPARSE), "labels"), (spec(CATEGORICAL), "one_hot"), (spec(CATEGORICAL), "soft")],
        ids=str,
    )
    @pytest.mark.usefixtures("executor")
    def test_value_and_gradient_agree_with_keras(
        self, loss: Spec, target: str, weight: np.ndarray | None
    ) -> None:
        """Both, with probabilities of 0 and 1 that are clipped, and after a softmax."""
        data = batch(np.random.default_rng(4))
        for name in ("probabilities", "softmax"):
            expected, gradient = oracle.loss(loss, data[target], data[name], weight)
            value, d = run(loss.make(minidl), data[target], data[name], weight)
            oracle.assert_agrees(value, expected, "value")
            # 1e-7 of a clipped 1 - 1e-7 has 1e-9 of rounding, of which half is let through.
            oracle.assert_agrees(d, gradient, "gradient", rtol=1e-11)

    def test_rows_that_do_not_sum_to_1(self) -> None:
        """Numbers of Keras's own documentation."""
        p = np.array([[0.9, 0.05, 0.05], [0.5, 0.89, 0.6], [0.05, 0.01, 0.94]])
        expected = -np.log([0.9, 0.89 / 1.99, 0.94])
        np.testing.assert_allclose(losses.sparse_categorical_crossentropy([0, 1, 2], p), expected)
        np.testing.assert_allclose(losses.categorical_crossentropy(np.eye(3), p), expected)
        assert losses.CategoricalCrossentropy()(np.eye(3), p) == pytest.approx(0.3240, abs=5e-5)

    def test_gradient_is_zero_where_a_probability_was_clipped(self) -> None:
        """Below 1e-7 and above 1 - 1e-7, as Keras's clip has it."""
        p = np.array([[0.0, 1.0], [1e-8, 1 - 1e-8], [1e-6, 1 - 1e-6]])
        y = np.array([[1, 0], [0, 1], [0.5, 0.5]])
        for loss in (losses.CategoricalCrossentropy(), losses.BinaryCrossentropy()):
            value, d = run(loss, y, p)
            assert np.isfinite(value)
            assert not d[:2].any()
            assert d[2].all()

    def test_value_of_a_clipped_probability(self) -> None:
        """-log(1e-7) for a probability of 0 that should have been 1."""
        (loss,) = losses.sparse_categorical_crossentropy([0], [[0.0, 1.0]])
        assert loss == pytest.approx(-np.log(1e-7), rel=1e-6)  # in float32
        (loss,) = losses.binary_crossentropy([[1.0]], np.array([[0.0]]))
        assert loss == pytest.approx(-np.log(1e-7), rel=1e-12)


FUNCTIONS = [
    ("sparse_categorical_crossentropy", "labels", "softmax", {}),
    ("sparse_categorical_crossentropy", "labels", "logits", {"from_logits": True}),
    ("categorical_crossentropy", "soft", "softmax", {}),
    ("categorical_crossentropy", "one_hot", "logits", {"from_logits": True}),
    ("binary_crossentropy", "binary", "probabilities", {}),
    ("binary_crossentropy", "shares", "logits", {"from_logits": True}),
    ("mean_squared_error", "shares", "values", {}),
]


@pytest.mark.parametrize(("name", "target", "prediction", "options"), FUNCTIONS)
def test_functions_give_the_rows_as_keras_does(
    name: str, target: str, prediction: str, options: dict[str, bool]
) -> None:
    """A loss for each row, (N,)."""
    data = batch(np.random.default_rng(7))
    y, p = data[target], data[prediction]
    actual = getattr(losses, name)(y, p, **options)
    assert actual.shape == (ROWS,)
    oracle.assert_agrees(actual, oracle.loss_rows(name, y, p, **options), name)


@pytest.mark.parametrize("columns", [False, True], ids=["(N,)", "(N, 1)"])
@pytest.mark.parametrize("weight", WEIGHTS, ids=["plain", "weighted"])
@pytest.mark.parametrize(("loss", "target", "prediction"), CASES, ids=IDS)
def test_calling_a_loss_agrees_with_keras(
    loss: Spec, target: str, prediction: str, weight: np.ndarray | None, columns: bool
) -> None:
    """``loss(y_true, y_pred, sample_weight)`` is the mean as a number."""
    data = batch(np.random.default_rng(8))
    if weight is not None and columns:
        weight = weight.reshape(-1, 1)
    y, p = data[target], data[prediction]
    expected, _ = oracle.loss(loss, y, p, weight)
    value = loss.make(minidl)(y, p, weight)
    assert isinstance(value, float)
    assert value == pytest.approx(expected, rel=oracle.RTOL)


def test_calling_a_loss_takes_lists_and_integers() -> None:
    """Integers become the default floating type."""
    assert losses.MeanSquaredError()([[1, 2]], [[3, 5]]) == pytest.approx(6.5)
    assert losses.BinaryCrossentropy()([0, 1], [0.5, 0.5]) == pytest.approx(np.log(2), rel=1e-6)


@pytest.mark.parametrize(("loss", "target", "prediction"), CASES, ids=IDS)
def test_a_short_batch_uses_the_beginning_of_the_same_buffers(
    loss: Spec, target: str, prediction: str
) -> None:
    """Bound to more rows, the values are those of a loss bound to this many."""
    data = batch(np.random.default_rng(9))
    y, p, weight = data[target], data[prediction], np.arange(ROWS) / 3
    made = loss.make(minidl)
    run(made, y, p, weight)
    buffers = made._gradients, made._losses, made._converted, made._value
    value, d = run(made, y[:3], p[:3])
    fresh, fresh_d = run(loss.make(minidl), y[:3], p[:3])
    assert value == fresh
    np.testing.assert_array_equal(d, fresh_d)
    assert (made._gradients, made._losses, made._converted, made._value) == buffers
    run(made, y, p)
    assert made._gradients is buffers[0]


@pytest.mark.parametrize(("loss", "target", "prediction"), CASES, ids=IDS)
def test_a_bound_loss_allocates_nothing_that_grows(
    loss: Spec, target: str, prediction: str
) -> None:
    """Less than half of one array of the batch; what remains are blocks of 16,384 elements."""
    data = batch(np.random.default_rng(12))
    y, p = data[target], data[prediction]
    y, p = np.resize(y, (150_000, *y.shape[1:])), np.resize(p, (150_000, CLASSES))
    weight, made = np.ones(len(p)), loss.make(minidl)
    run(made, y, p, weight)
    tracemalloc.start()
    try:
        made.forward(p, y, weight)
        made.backward()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < p.nbytes / 2, f"{peak:,} bytes at once, {p.nbytes:,} in the predictions"


def test_weights_of_one_batch_are_forgotten_in_the_next() -> None:
    """None means ones again."""
    data = batch(np.random.default_rng(10))
    loss = losses.MeanSquaredError()
    plain = run(loss, data["shares"], data["values"])
    run(loss, data["shares"], data["values"], np.full(ROWS, 9.0))
    again = run(loss, data["shares"], data["values"])
    assert plain[0] == again[0]
    np.testing.assert_array_equal(plain[1], again[1])


def test_one_loss_serves_networks_of_both_types() -> None:
    """After float32 predictions, float64 ones are computed in float64 again."""
    data = batch(np.random.default_rng(11))
    y, p = data["shares"], data["values"]
    expected, gradient = run(losses.MeanSquaredError(), y, p)
    loss = losses.MeanSquaredError()
    run(loss, y, p.astype(np.float32))
    value, d = run(loss, y, p)
    assert value == expected
    np.testing.assert_array_equal(d, gradient)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sparse_categorical_crossentropy", losses.SparseCategoricalCrossentropy),
        ("categorical_crossentropy", losses.CategoricalCrossentropy),
        ("binary_crossentropy", losses.BinaryCrossentropy),
        ("mean_squared_error", losses.MeanSquaredError),
        ("mse", losses.MeanSquaredError),
    ],
)
def test_get(name: str, kind: type[losses.Loss]) -> None:
    """By name, by function, by class, or the object itself."""
    made = losses.get(name)
    assert type(made) is kind
    assert losses.get(made) is made
    assert type(losses.get(kind)) is kind
    if name != "mse":
        assert type(losses.get(getattr(losses, name))) is kind
    assert type(made)(**made.get_config()).get_config() == made.get_config()


class Callable:
    """What another package calls a loss."""

    def __call__(self, y: Any, p: Any) -> Any:
        return 0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: losses.get("sparse_categorical_crossentropi"),
            ValueError,
            "unknown loss .*; did you mean 'sparse_categorical_crossentropy'",
        ),
        (lambda: losses.get("crossentropy"), ValueError, "unknown loss 'crossentropy'"),
        (
            lambda: losses.get(None),
            TypeError,
            "loss: expected a name or an object of Loss, received NoneType",
        ),
        (
            lambda: losses.get(run),
            TypeError,
            r"function run without its gradient; .* run_gradient\(y_true, y_pred\).*"
            r"from_functions\(run, run_gradient\)",
        ),
        (lambda: losses.get(lambda y, p: 0), TypeError, "the function my_loss without its"),
        (lambda: losses.get(Callable()), TypeError, "received an object of Callable without its"),
        (lambda: losses.Loss(from_logits=True), ValueError, "Loss has no form on logits"),
    ],
)
def test_bad_arguments(call: Any, error: type[Exception], words: str) -> None:
    """Each says what was expected."""
    with pytest.raises(error, match=words):
        call()


def test_a_loss_must_define_its_rows() -> None:
    """The base class says which method is missing."""

    class Unfinished(losses.Loss):
        pass

    with pytest.raises(NotImplementedError, match="Unfinished must define row_losses"):
        Unfinished().forward(np.ones((1, 1)), np.ones((1, 1)))


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, ">f4"])
def test_predictions_of_other_floats_are_computed_with(dtype):
    t, p = np.array([[1.0, 0.0]]), np.array([[0.75, 0.5]])
    wanted = losses.binary_crossentropy(t, p)
    np.testing.assert_allclose(losses.binary_crossentropy(t, p.astype(dtype)), wanted, 1e-6)
    with pytest.raises(
        TypeError, match="predictions: expected an array of numbers, received dtype complex128"
    ):
        losses.binary_crossentropy(t, p + 1j)


def test_class_numbers_may_be_floats_without_fractions():
    p = np.array([[0.25, 0.75], [0.5, 0.5]])
    wanted = losses.sparse_categorical_crossentropy([1, 0], p)
    np.testing.assert_array_equal(losses.sparse_categorical_crossentropy([1.0, 0.0], p), wanted)
    for wrong in (0.5, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"whole numbers, received {wrong}"):
            losses.sparse_categorical_crossentropy([1.0, wrong], p)


@pytest.mark.parametrize("from_logits", [False, True])
def test_class_numbers_may_be_smoothed(from_logits: bool) -> None:
    """To the numbers of the same rows, 1 at the class and else 0; also joined with a softmax."""
    found = batch(np.random.default_rng(5))
    given = found["logits" if from_logits else "softmax"][1:]
    y = np.arange(len(given)) % CLASSES
    t = np.eye(CLASSES)[y]
    sparse = losses.SparseCategoricalCrossentropy(from_logits, label_smoothing=0.2)
    rows = losses.CategoricalCrossentropy(from_logits, label_smoothing=0.2)
    assert sparse(y, given) == pytest.approx(rows(t, given), rel=1e-6)
    assert sparse(y, given) != losses.SparseCategoricalCrossentropy(from_logits)(y, given)
    assert "label_smoothing" in inspect.signature(losses.SparseCategoricalCrossentropy).parameters

    def trained(loss: losses.Loss, targets: np.ndarray) -> Any:
        minidl.utils.set_random_seed(3)
        model = minidl.Sequential([minidl.layers.Dense(CLASSES, "softmax")], dtype="float64")
        model.compile("sgd", loss)
        model.fit(given / 300, targets, batch_size=2, verbose=0)
        return model.theta

    if not from_logits:
        np.testing.assert_allclose(trained(sparse, y), trained(rows, t), rtol=1e-12)
