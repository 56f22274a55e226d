"""Bad data: one clear error that says what was expected and what came, before any training."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import minidl
from minidl.callbacks import Callback
from tests.fitting import ROWS, compiled, problem, theta

Row = tuple[type[Exception], str, dict[str, Any]]


def holding(array: Any, row: int, value: float) -> np.ndarray:
    """A float copy that holds ``value`` at the end of one row."""
    array = np.array(array, dtype=np.float64)
    array.reshape(len(array), -1)[row, -1] = value
    return array


def broken(x: sparse.csr_array) -> sparse.csr_array:
    """With one entry beyond the last column."""
    x.indices[5] = x.shape[1]
    return x


X, LABELS = problem("integers").x, problem("integers").y
ONE_HOT, BINARY, VALUES = (problem(kind).y for kind in ("one-hot", "binary", "values"))
ONES = np.ones(ROWS)
RAGGED = [[1.0, 2.0]] * (ROWS - 1) + [[1.0]]
TEXT = np.array(["a"] * ROWS)

# For each kind of problem: what is wrong -> the error, its words in their order, and what
# the call has in place of the right data.
BAD: dict[str, dict[str, Row]] = {
    "integers": {
        # labels
        "too large": (ValueError, "y: .*0 … 2 for 3 output units.*received 3", {"y": LABELS + 1}),
        "negative": (ValueError, "y: .*0 … 2.*received -1", {"y": LABELS - 1}),
        "wrapped": (
            ValueError,
            "y: .*received 18446744073709551615",
            {"y": (LABELS - 1).astype(np.uint64)},
        ),
        "fraction": (
            ValueError,
            "y: .*0 … 2.*whole numbers, received 1.5",
            {"y": holding(LABELS.astype(float), 3, 1.5)},
        ),
        "NaN label": (ValueError, "y: .*whole numbers.*nan", {"y": holding(LABELS, 3, np.nan)}),
        "text": (TypeError, "y: .*numbers.*received dtype <U1", {"y": TEXT}),
        "objects": (TypeError, "y: .*numbers.*received dtype object", {"y": TEXT.astype(object)}),
        "one-hot rows": (
            ValueError,
            r"y: .*\(23,\).*SparseCategoricalCrossentropy.*received shape \(23, 3\).*use Categor",
            {"y": ONE_HOT},
        ),
        "two columns": (
            ValueError,
            r"y: .*\(23,\).*received shape \(23, 2\)",
            {"y": ONE_HOT[:, 1:]},
        ),
        "no y": (ValueError, "y: .*23, received 0", {"y": LABELS[:0]}),
        "y None": (TypeError, "y: expected targets, received none", {"y": None}),
        # rows
        "short x": (ValueError, "y: .*rows of x, 22, received 23", {"x": X[:-1]}),
        "short y": (ValueError, "y: .*rows of x, 23, received 22", {"y": LABELS[:-1]}),
        "no rows": (ValueError, "x: .*rows.*received none", {"x": X[:0], "y": LABELS[:0]}),
        "three features": (ValueError, r"x: .*shape \(4,\).*received.*\(3,\)", {"x": X[:, :-1]}),
        "images": (ValueError, r"x: .*\(4,\).*received.*\(2, 2\)", {"x": X.reshape(ROWS, 2, 2)}),
        "one row": (ValueError, r"x: expected rows.*received shape \(4,\)", {"x": X[0]}),
        "one number": (ValueError, r"x: expected rows.*received shape \(\)", {"x": 3.0}),
        "x None": (TypeError, "x: .*numbers, received NoneType$", {"x": None}),
        "a dictionary": (TypeError, "x: .*numbers, received dict$", {"x": {"x": X}}),
        "NaN": (
            ValueError,
            "x: .*finite.*received nan in row 3$",
            {"x": holding(holding(X, 9, np.nan), 3, np.nan)},
        ),
        "infinity": (ValueError, "x: .*finite.*inf in row 22$", {"x": holding(X, 22, np.inf)}),
        "-infinity": (
            ValueError,
            "x: .*finite.*received -inf in row 0$",
            {"x": holding(X, 0, -np.inf).astype(np.float32)},
        ),
        "text rows": (TypeError, "x: .*numbers.*received dtype <U", {"x": X.astype(str)}),
        "object rows": (
            TypeError,
            r"x: .*numbers.*received dtype object; astype\(float\)",
            {"x": X.astype(object)},
        ),
        "ragged rows": (TypeError, "x: .*numbers.*rows of different lengths", {"x": RAGGED}),
        "complex": (TypeError, "x: .*numbers.*received dtype complex128", {"x": X + 1j}),
        "dates": (TypeError, "x: .*numbers.*datetime64", {"x": X.astype("datetime64[s]")}),
        # sparse rows
        "sparse columns": (
            ValueError,
            r"x: .*\(4,\).*received.*\(3,\)",
            {"x": sparse.csr_array(X[:, 1:])},
        ),
        "no sparse rows": (
            ValueError,
            r"x: .*rows.*received none \(shape \(0, 4\)\)",
            {"x": sparse.csr_array(X[:0]), "y": LABELS[:0]},
        ),
        "short sparse x": (
            ValueError,
            "y: .*rows of x, 22, received 23",
            {"x": sparse.csr_array(X[:-1])},
        ),
        "one sparse row": (
            ValueError,
            r"x: expected rows.*received shape \(4,\)",
            {"x": sparse.coo_array(X[0])},
        ),
        "sparse NaN": (
            ValueError,
            "x: .*finite.*received nan in row 3$",
            {"x": sparse.csr_matrix(holding(holding(X, 9, np.nan), 3, np.nan))},
        ),
        "sparse infinity": (
            ValueError,
            "x: .*finite.*inf in row 22$",
            {"x": sparse.csr_array(holding(X, 22, np.inf))},
        ),
        "infinite sum of what is stored twice": (
            ValueError,
            "x: .*finite.*inf in row 1$",
            {"x": sparse.csr_array(([1e308, 1e308], [0, 0], [0, 0, *[2] * 22]), shape=X.shape)},
        ),
        "sparse complex": (
            TypeError,
            "x: .*numbers.*received dtype complex128",
            {"x": sparse.csr_array(X + 1j)},
        ),
        "sparse columns that are none": (
            ValueError,
            "x: .*CSR.*received.*column 4 .*of 4 columns",
            {"x": broken(sparse.csr_array(X))},
        ),
        # weights
        "few weights": (
            ValueError,
            r"sample_weight: .*\(23,\).*received \(22,\)",
            {"sample_weight": ONES[1:]},
        ),
        "wide weights": (
            ValueError,
            r"sample_weight: .*\(23,\).*received \(23, 3\)",
            {"sample_weight": ONE_HOT},
        ),
        "one weight": (ValueError, r"sample_weight: .*received \(\)", {"sample_weight": 1.0}),
        "NaN weight": (
            ValueError,
            "sample_weight: .*finite.*nan in row 2",
            {"sample_weight": holding(ONES, 2, np.nan)},
        ),
        "text weights": (TypeError, "sample_weight: .*numbers.*<U1", {"sample_weight": TEXT}),
        "unknown class": (ValueError, "class_weight.*0 … 2.*3", {"class_weight": {3: 1.0}}),
        "class -1": (ValueError, "class_weight.*expected.*received -1", {"class_weight": {-1: 1}}),
        "named class": (TypeError, "class_weight.*expected.*'shoe'", {"class_weight": {"shoe": 1}}),
        "class weight -1": (ValueError, r"weight\[1\].*expected.*-1", {"class_weight": {1: -1}}),
        "class NaN": (ValueError, r"weight\[1\].*expected.*nan", {"class_weight": {1: np.nan}}),
        "class 1e39": (ValueError, r"weight\[1\].*expected.*1e\+39", {"class_weight": {1: 1e39}}),
        "class list": (TypeError, r"received list; write dict\(enum", {"class_weight": [1, 2, 3]}),
    },
    "one-hot": {
        "class numbers": (
            ValueError,
            r"y: .*\(23, 3\) for CategoricalC.*received \(23,\).*to_categorical",
            {"y": LABELS},
        ),
        "two columns": (ValueError, r"y: .*\(23, 3\).*received \(23, 2\)", {"y": ONE_HOT[:, 1:]}),
        "NaN": (ValueError, "y: .*finite.*nan in row 6", {"y": holding(ONE_HOT, 6, np.nan)}),
        "sparse": (
            TypeError,
            r"y: .*dense.*received csr_matrix.*\.toarray\(\)",
            {"y": sparse.csr_matrix(ONE_HOT)},
        ),
    },
    "binary": {
        "label 2": (
            ValueError,
            r"y: .*within 0 and 1 for BinaryC.*received \[2\] in row 1",
            {"y": BINARY * 2},
        ),
        "label -1": (ValueError, r"y: .*0 and 1.*received \[-1\] in row 0", {"y": BINARY - 1}),
        "columns": (ValueError, r"y: .*\(23, 1\) for BinaryC.*received \(23, 3\)", {"y": ONE_HOT}),
        "NaN": (ValueError, "y: .*finite.*nan in row 5", {"y": holding(BINARY, 5, np.nan)}),
    },
    "several binary": {
        "one column": (ValueError, r"y: .*\(23, 3\).*received \(23,\)", {"y": BINARY}),
    },
    "values": {
        "one column": (
            ValueError,
            r"y: .*\(23, 2\) for MeanSquaredError.*received \(23,\)",
            {"y": BINARY},
        ),
        "a number": (ValueError, "y: .*23, received a single number", {"y": 1.0}),
        "short y": (ValueError, "y: .*rows of x, 23, received 22", {"y": VALUES[1:]}),
        "ragged": (TypeError, "y: .*numbers.*rows of different lengths", {"y": RAGGED}),
        "infinity": (ValueError, "y: .*finite.*inf in row 7", {"y": holding(VALUES, 7, np.inf)}),
        "classes": (ValueError, "class_weight.*expected.*received", {"class_weight": {0: 1.0}}),
    },
}
ALL = [(kind, name) for kind, rows in BAD.items() for name in rows]


class Spy(Callback):
    """Notes whether training began."""

    began = False

    def on_train_begin(self, logs: Any) -> None:
        self.began = True


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_fit_refuses(kind: str, name: str) -> None:
    """Nothing has moved, training has not begun, and a right call works after it."""
    error, words, wrong = BAD[kind][name]
    model, task = compiled(kind)
    spy, before = Spy(), model.get_weights()
    with pytest.raises(error, match=words):
        model.fit(**{"x": task.x, "y": task.y, **wrong}, verbose=0, callbacks=spy)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (model.step, model.optimizer.iterations, spy.began) == (0, 0, False)
    model.fit(task.x, task.y, verbose=0)


@pytest.mark.parametrize(
    ("kind", "name"), [(k, n) for k, n in ALL if "class_weight" not in BAD[k][n][2]]
)
def test_evaluate_refuses(kind: str, name: str) -> None:
    """The same data, with the same words."""
    error, words, wrong = BAD[kind][name]
    model, task = compiled(kind)
    with pytest.raises(error, match=words):
        model.evaluate(**{"x": task.x, "y": task.y, **wrong}, verbose=0)


@pytest.mark.parametrize(
    ("kind", "name"), [(k, n) for k, n in ALL if set(BAD[k][n][2]) == {"x"} and "short" not in n]
)
def test_predict_refuses(kind: str, name: str) -> None:
    """The same rows, with the same words."""
    error, words, wrong = BAD[kind][name]
    with pytest.raises(error, match=words):
        compiled(kind)[0].predict(**wrong)


@pytest.mark.parametrize(
    ("kind", "name"), [(k, n) for k, n in ALL if "class_weight" not in BAD[k][n][2]]
)
def test_validation_data_are_checked_too(kind: str, name: str) -> None:
    """Before training on data that are right; the message says which data it means."""
    error, words, wrong = BAD[kind][name]
    model, task = compiled(kind)
    held = {"x": task.x, "y": task.y, **wrong}
    before = theta(model)
    with pytest.raises(error, match=f"validation_data: {words}"):
        model.fit(task.x, task.y, verbose=0, validation_data=tuple(held.values()))
    np.testing.assert_array_equal(theta(model), before)
    assert model.step == 0


def test_numbers_that_float32_cannot_hold() -> None:
    """1e300 would become infinity in the model's type."""
    model, task = compiled("integers", dtype="float32")
    with pytest.raises(ValueError, match=r"x: expected.*received.*1e\+300.*row 2"):
        model.fit(holding(task.x, 2, 1e300), task.y, verbose=0)


def test_sparse_numbers_that_float32_cannot_hold() -> None:
    """As those of an array."""
    model, task = compiled("integers", dtype="float32")
    with pytest.raises(ValueError, match=r"x: expected.*received.*1e\+300.*row 2"):
        model.fit(sparse.csr_array(holding(task.x, 2, 1e300)), task.y, verbose=0)


def test_rows_of_no_features() -> None:
    """A network that learns its input's shape from the data does not take (N, 0)."""
    model = minidl.Sequential([minidl.layers.Dense(3)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"expected.*received"):
        model.fit(np.ones((5, 0)), np.ones((5, 3)), verbose=0)
    with pytest.raises(ValueError, match=r"expected.*received"):
        model.fit(sparse.csr_array((5, 0)), np.ones((5, 3)), verbose=0)


def test_images_without_flatten() -> None:
    """Says which layer, and what to put before it."""
    model = minidl.Sequential([minidl.layers.Dense(3, name="first")])
    model.compile("sgd", "mse")
    words = r"first: .*shape \(n,\), received rows of shape \(2, 2\).*Flatten\(\)"
    with pytest.raises(ValueError, match=words):
        model.fit(np.ones((5, 2, 2)), np.ones((5, 3)), verbose=0)


@pytest.mark.parametrize("several", [tuple, list])
def test_several_inputs(several: Any) -> None:
    """Keras's networks may have some; images in a list are rows."""
    model = minidl.Sequential([minidl.Input((3,)), minidl.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((5, 3)), np.ones(5)
    words = (
        rf"shape \(3,\), received a {several.__name__} of 2 arrays of such rows; a network has one"
    )
    with pytest.raises(ValueError, match=words):
        model.fit(several([x, x]), y, verbose=0)
    with pytest.raises(ValueError, match=r"shape \(3,\), received rows of shape \(2, 2\)"):
        model.fit(several([np.ones((2, 2))] * 5), y, verbose=0)
    model.fit(several([*x]), y, verbose=0)


def test_output_that_is_not_flat() -> None:
    """Losses are of rows of units."""
    model = minidl.Sequential([minidl.layers.ReLU()])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"rows of units, received \(2, 2\).*Dense"):
        model.fit(np.ones((5, 2, 2)), np.ones((5, 2, 2)), verbose=0)


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        ("one-hot", "sparse_categorical_accuracy"),
        ("one-hot", "sparse_categorical_crossentropy"),
        ("integers", "categorical_accuracy"),
        ("integers", "categorical_crossentropy"),
        ("integers", "binary_accuracy"),
        ("integers", "mse"),
    ],
)
def test_a_metric_of_other_targets(kind: str, metric: str) -> None:
    """A metric that cannot be computed from these targets is named, before any training."""
    model, task = compiled(kind)
    before = theta(model)
    words = f"{re.escape(metric)}.*expected.*received|expected.*received.*{re.escape(metric)}"

    def compile_and_fit() -> None:
        model.compile("sgd", task.loss, metrics=[metric])
        model.fit(task.x, task.y, verbose=0)

    with pytest.raises(ValueError, match=words):
        compile_and_fit()
    np.testing.assert_array_equal(theta(model), before)
