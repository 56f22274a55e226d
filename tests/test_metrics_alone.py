"""Metrics used by themselves, against Keras over several batches, with and without weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import metrics
from tests import oracle
from tests.specs import Spec, spec

SIZES = (8, 3, 5)
CLASSES = 3
RANDOM = np.random.default_rng(11)
Batches = list[tuple[Any, ...]]


def binary(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Some predictions lie on thresholds."""
    return RANDOM.integers(0, 2, (rows, 1)), RANDOM.integers(0, 101, (rows, 1)) / 100


def rows_of(rows: int) -> tuple[np.ndarray, np.ndarray]:
    p = RANDOM.uniform(0.01, 1, (rows, CLASSES))
    return np.eye(CLASSES)[RANDOM.integers(0, CLASSES, rows)], p / p.sum(axis=1, keepdims=True)


def numbers(rows: int) -> tuple[np.ndarray, np.ndarray]:
    y, p = rows_of(rows)
    return np.argmax(y, axis=1), p


def values(rows: int) -> tuple[np.ndarray, np.ndarray]:
    return RANDOM.uniform(0.5, 2, (rows, 2)), RANDOM.uniform(0.5, 2, (rows, 2))


def equal(rows: int) -> tuple[np.ndarray, np.ndarray]:
    return RANDOM.integers(0, 2, (rows, 2)), RANDOM.integers(0, 2, (rows, 2)).astype(float)


def m(name: str, /, **options: Any) -> Spec:
    return spec(f"metrics.{name}", **options)


CASES: list[tuple[Spec, Any]] = [
    *((m("AUC", curve=c, summation_method=s), binary) for c in ("ROC", "PR", "PRGAIN")
      for s in ("interpolation", "minoring", "majoring")),
    (m("AUC", num_thresholds=7), binary),
    (m("AUC", thresholds=[0.8, 0.1, 0.35]), binary),
    (m("AUC"), rows_of),
    (m("AUC", multi_label=True), rows_of),
    (m("AUC", multi_label=True, num_labels=3, label_weights=[0.1, 0.2, 0.7], curve="PR"), rows_of),
    (m("AUC", label_weights=[0.1, 0.2, 0.7]), rows_of),
    (m("AUC", from_logits=True), values),
    *((m(kind), binary) for kind in ("Precision", "Recall", "TruePositives", "TrueNegatives",
                                     "FalsePositives", "FalseNegatives")),
    (m("Precision", thresholds=[0.0, 0.5, 1.0]), binary),
    (m("Precision", thresholds=[0.9, 0.2]), binary),
    (m("Precision", top_k=2), rows_of),
    (m("Recall", class_id=1), rows_of),
    (m("Recall", class_id=2, top_k=1, thresholds=0.4), rows_of),
    (m("FalseNegatives", thresholds=[0.1, 0.4]), rows_of),
    (m("SensitivityAtSpecificity", specificity=0.4), binary),
    (m("SpecificityAtSensitivity", sensitivity=0.4, num_thresholds=1), binary),
    (m("PrecisionAtRecall", recall=0.4, num_thresholds=20), binary),
    (m("RecallAtPrecision", precision=0.4, class_id=0), rows_of),
    *((m("F1Score", average=a), rows_of) for a in (None, "micro", "macro", "weighted")),
    (m("FBetaScore", beta=2.0, threshold=0.4), rows_of),
    *((m("R2Score", class_aggregation=a), values)
      for a in (None, "uniform_average", "variance_weighted_average")),
    *((m(kind), values) for kind in (
        "RootMeanSquaredError", "MeanSquaredError", "MeanAbsoluteError", "Poisson",
        "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "CosineSimilarity",
        "LogCoshError")),
    *((m(kind), rows_of) for kind in ("KLDivergence", "Hinge", "SquaredHinge", "CategoricalHinge",
                                      "CategoricalCrossentropy")),
    (m("BinaryCrossentropy"), binary),
    (m("BinaryCrossentropy", from_logits=True), values),
    (m("SparseCategoricalCrossentropy"), numbers),
    (m("Accuracy"), equal),
    (m("BinaryAccuracy", threshold=0.3), rows_of),
    (m("CategoricalAccuracy"), rows_of),
    (m("SparseCategoricalAccuracy"), numbers),
]  # fmt: skip


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("made", "data"), CASES, ids=lambda it: str(getattr(it, "__name__", it)))
@pytest.mark.usefixtures("executor")
def test_over_batches_agrees_with_keras(made: Spec, data: Any, weighted: bool) -> None:
    """Of the rows so far, after each batch; what each batch adds is in the sums."""
    metric, seen = made.make(minidl), []
    for rows in SIZES:
        weight = (RANDOM.uniform(0.1, 2, rows),) if weighted else ()
        seen.append((*data(rows), *weight))
        metric.update_state(*seen[-1])
    assert metric.rows == sum(SIZES)
    np.testing.assert_allclose(metric.result(), oracle.metric(made, seen), **tolerance(made))
    metric.reset_state()
    assert metric.rows == 0
    value = metric(*seen[0])
    np.testing.assert_allclose(value, oracle.metric(made, seen[:1]), **tolerance(made))


def tolerance(made: Spec) -> dict[str, float]:
    """Sums of some hundred numbers in another order; Keras rounds log 2 to float32."""
    return {"rtol": 1e-11, "atol": 3e-9 if made.path.endswith("LogCoshError") else 1e-14}


@pytest.mark.parametrize("k", [1, 2])
def test_top_places_agree_with_keras(k: int) -> None:
    """In float32, the only type for which TensorFlow has this function."""
    for kind, data in (("", rows_of), ("Sparse", numbers)):
        y, p = data(40)
        p = np.float32(p)
        name = f"{kind}TopKCategoricalAccuracy"
        found = getattr(metrics, name)(k)(y, p)
        expected = oracle.keras.metrics.get(name)
        expected.__init__(k=k)
        expected.update_state(y, p)
        assert found == pytest.approx(float(expected.result()), rel=1e-6)
        function = "sparse_top_k_categorical_accuracy" if kind else "top_k_categorical_accuracy"
        rows = getattr(oracle.keras.metrics, function)(y, p, k=k)
        np.testing.assert_array_equal(getattr(metrics, function)(y, p, k), rows)


def test_top_places_of_sorted_class_numbers() -> None:
    y, p = [0, 1, 2], [[2, 1, 0], [1, 0, 2], [1, 0, 2]]
    metric = metrics.SparseTopKCategoricalAccuracy(2, from_sorted_ids=True)
    assert metric(y, p) == pytest.approx(1 / 3)
    function = metrics.sparse_top_k_categorical_accuracy
    np.testing.assert_array_equal(function(y, p, 2, from_sorted_ids=True), [0, 1, 0])


@pytest.mark.parametrize("kind", ["Mean", "Sum"])
@pytest.mark.parametrize("values", [2.0, [1, 3, 5, 7], [[1, 3], [5, 7]], [[[1], [2]], [[3], [4]]]])
@pytest.mark.parametrize("weight", [None, 0.5, [1, 0], [[1, 0.5]], [[1, 1], [1, 0]]])
def test_means_and_sums_of_values(kind: str, values: Any, weight: Any) -> None:
    """Where Keras can broadcast; else an error."""
    made, expected = getattr(metrics, kind)(), getattr(oracle.keras.metrics, kind)()
    try:
        for _ in range(2):
            expected.update_state(values, weight)
    except Exception:
        with pytest.raises(ValueError, match="broadcast"):
            made.update_state(values, weight)
        return
    made.update_state(values, weight)
    assert made(values, weight) == pytest.approx(float(expected.result()), rel=1e-12)


def test_keras_s_accuracy_compares_numbers() -> None:
    assert metrics.Accuracy()([[1], [2], [3], [4]], [[0], [2], [3], [4]]) == 0.75


def test_shapes_that_a_user_may_hand_over() -> None:
    """Predictions (n,) are one row of a mean over units, and n rows of yes and no."""
    y, p = [0.0, 1.0, 1.0], [0.1, 0.4, 0.9]
    flat, column = metrics.MeanSquaredError(), metrics.MeanSquaredError()
    flat.update_state(y, p)
    column.update_state(y, np.reshape(p, (3, 1)))
    assert flat.rows == 1
    assert column.rows == 3
    assert flat.result() == pytest.approx(column.result())
    for shape in ((3,), (3, 1), (1, 3)):
        assert metrics.Recall()(np.reshape(y, shape), np.reshape(p, shape)) == 0.5
    assert metrics.Recall()(y, p, 2) == 0.5
    assert metrics.Recall()(y, p, [1, 3, 1]) == 0.25
    assert metrics.Recall(top_k=1)(y, p) == 0.5


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.Recall()([1, 0], [[0.1, 0.2, 0.3]]), "expected arrays that fit together"),
        (lambda: metrics.Recall()([1, 0], [0.1, 0.2], [1, 2, 3]), "a weight for each of 2 rows"),
        (lambda: metrics.Recall(class_id=4)([[1, 0]], [[0.1, 0.2]]), "class_id: .* 0 … 1"),
        (lambda: metrics.AUC(curve="RC"), "unknown curve 'RC'; did you mean 'ROC'"),
        (lambda: metrics.AUC(num_labels=3), "multi_label=True"),
        (lambda: metrics.AUC(multi_label=True, num_labels=3)([[1, 0]], [[1, 0]]), "2 columns"),
        (lambda: metrics.AUC(num_thresholds=1), "at least 2"),
        (lambda: metrics.Precision(thresholds=[0.5, 2]), "threshold"),
        (lambda: metrics.Precision(thresholds=[]), "at least one"),
        (lambda: metrics.F1Score(average="all"), "average: expected one of"),
        (lambda: metrics.R2Score("mean"), "class_aggregation: expected one of"),
        (lambda: metrics.MeanSquaredError()([[1.0, 2.0]], [[1.0, 2.0]], [[1, 2]]), "each row"),
    ],
)
def test_mistakes_are_named(call: Any, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        call()


def test_batches_of_other_widths_are_refused() -> None:
    metric = metrics.F1Score()
    metric.update_state([[1, 0]], [[0.2, 0.8]])
    with pytest.raises(ValueError, match="as many units as before, received 3"):
        metric.update_state([[1, 0, 0]], [[0.2, 0.8, 0]])
    metric.reset_state()
    metric.update_state([[1, 0, 0]], [[0.2, 0.8, 0]])


def test_a_smaller_batch_first_keeps_its_sums() -> None:
    metric, whole = metrics.AUC(), metrics.AUC()
    y, p = binary(9)
    metric.update_state(y[:2], p[:2])
    metric.update_state(y[2:], p[2:])
    whole.update_state(y, p)
    assert metric.result() == whole.result()


def test_r2_is_adjusted_for_regressors() -> None:
    y, p = values(9)
    plain, adjusted = (metrics.R2Score(num_regressors=n)(y, p) for n in (0, 3))
    assert adjusted == pytest.approx(1 - (1 - plain) * 17 / 14)
    with pytest.warns(UserWarning, match="too few for 30 regressors"):
        metrics.R2Score(num_regressors=30)(y, p)


def test_names_are_numbered_as_in_keras() -> None:
    first, second = metrics.Recall().name, metrics.Recall().name
    assert first.startswith("recall")
    assert second.startswith("recall_")
    assert first != second
    names = {kind: getattr(metrics, kind)().name for kind in ("F1Score", "BinaryAccuracy")}
    assert names == {"F1Score": "f1_score", "BinaryAccuracy": "binary_accuracy"}


def test_results_know_numpy() -> None:
    number = metrics.Recall()([0, 1], [0, 1])
    assert isinstance(number, float)
    assert number.numpy() == 1
    array = metrics.Recall([0.2, 0.5])([0, 1], [0, 0.3])
    np.testing.assert_array_equal(array.numpy(), [1, 0])


def test_variables_and_configuration() -> None:
    metric = metrics.Precision([0.2, 0.5], class_id=1, name="p")
    metric.update_state([[0, 1], [0, 0]], [[0.5, 0.3], [0.5, 0.9]])
    tp, fp = metric.variables
    np.testing.assert_array_equal(tp, [1, 0])
    np.testing.assert_array_equal(fp, [1, 1])
    np.testing.assert_array_equal(metric.true_negatives, [0, 0])
    again = metrics.Precision.from_config(metric.get_config())
    assert again.get_config() == metric.get_config()
    total, count = metrics.Mean().variables
    assert total == count == 0


@pytest.mark.parametrize("name", ["categorical_accuracy", "top_k_categorical_accuracy"])
def test_functions_refuse_targets_of_other_rows(name: str) -> None:
    """They would be compared with each row."""
    predictions = np.eye(3)[[0, 1, 2, 2]]
    rows, numbers = getattr(metrics, name), getattr(metrics, f"sparse_{name}")
    for wrong in (np.arange(4), np.eye(3)[:1], 0):
        with pytest.raises(ValueError, match=rf"{name}: expected y_true of the shape .*\(4, 3\)"):
            rows(wrong, predictions)
    for wrong in ([0], predictions, 0):
        with pytest.raises(ValueError, match=rf"{name}: expected class numbers of shape \(4,\)"):
            numbers(wrong, predictions)
    more = predictions.reshape(2, 2, 3)
    for found in (numbers([[0, 1], [2, 2]], more), numbers([[[0], [1]], [[2], [2]]], more)):
        np.testing.assert_array_equal(found, np.ones((2, 2)))
    np.testing.assert_array_equal(rows(more, more), np.ones((2, 2)))


def test_class_numbers_of_no_unit_have_no_crossentropy() -> None:
    for wrong in ([2, 0], [0, -1]):
        with pytest.raises(ValueError, match="expected class numbers 0 … 1, received"):
            metrics.SparseCategoricalCrossentropy()(wrong, [[0.2, 0.8], [0.3, 0.7]])


def test_no_rows() -> None:
    with pytest.raises(ValueError, match=r"auc: expected rows of numbers, received .*\(0, 2\)"):
        metrics.AUC(name="auc")(np.zeros((0, 2)), np.zeros((0, 2)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("aggregation", [None, "uniform_average"])
def test_r2_of_targets_that_are_all_the_same(dtype: Any, aggregation: Any) -> None:
    """Their variance is 0, whatever the sums are rounded to."""
    predictions = np.linspace(0, 1, 7, dtype=dtype)[:, None]
    for value in (0.1, 0.3, 1e3):
        targets = np.full((7, 1), value, dtype)
        assert np.all(metrics.R2Score(aggregation)(targets, predictions) == 0)
        assert np.all(np.isnan(metrics.R2Score(aggregation)(targets, targets)))


@pytest.mark.parametrize("executor", ["python", "blocks", "compiled"])
def test_nan_is_no_yes(executor: str) -> None:
    """As in Keras: such a row counts, among the wrong ones if the target says yes."""
    minidl.backend.use("numpy", executor=executor)
    y, p = [1, 0, 1, 0, 1], [np.nan, np.nan, 0.7, 0.8, 0.1]
    names = "TruePositives", "FalseNegatives", "TrueNegatives", "FalsePositives"
    assert [getattr(metrics, name)()(y, p) for name in names] == [1, 2, 1, 1]
    assert metrics.Recall()(y, p) == pytest.approx(1 / 3)
