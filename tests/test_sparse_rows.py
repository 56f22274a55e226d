"""Training from CSR rows: what dense rows give, without ever being made dense."""

from __future__ import annotations

import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import minidl
from minidl.callbacks import Callback
from minidl.data.checking import features
from minidl.layers import Dense, Flatten
from tests.doubles.cupy_double import count_synchronisations
from tests.fitting import HIDDEN, KINDS, ROWS, compiled, network, problem, theta
from tests.gradients import check_gradient
from tests.specs import Spec, spec
from tests.strategies import csr, tensors

X = np.maximum(problem("integers").x, 0)  # about half of it zeros
X[[3, 11]] = 0  # two empty rows
LABELS = problem("integers").y

# Sums in another order, over some 15 updates that each multiply the difference a few times.
TOLERANCE = {"float64": {"rtol": 1e-11, "atol": 1e-12}, "float32": {"rtol": 1e-5, "atol": 1e-6}}

L1L2 = spec("regularizers.L1L2", l1=0.01, l2=0.02)
FIT: dict[str, dict[str, Any]] = {
    "plain": {},
    "in order": {"shuffle": False},
    "one batch": {"batch_size": 50},
    "batches of one row": {"batch_size": 1},
    "validation split": {"validation_split": 0.3},
    "sample weights": {"sample_weight": np.linspace(0, 2, ROWS), "validation_split": 0.3},
    "class weights": {"class_weight": {0: 0.5, 2: 3.0}},
}


def sparse_copy(x: np.ndarray) -> sparse.csr_array:
    """The same numbers, half of each stored twice over, in reversed order, beside stored zeros."""
    rows, columns = np.indices(x.shape).reshape(2, -1)
    parts = (np.concatenate([a, a[::-1]]) for a in (x.ravel() / 2, rows, columns))
    data, rows, columns = parts
    order = np.argsort(rows, kind="stable")
    indptr = np.searchsorted(rows[order], np.arange(len(x) + 1))
    return sparse.csr_array((data[order], columns[order], indptr), shape=x.shape)


def same_histories(one: Any, other: Any, dtype: str = "float64") -> None:
    assert list(one.history) == list(other.history)
    for name, values in other.history.items():
        np.testing.assert_allclose(one.history[name], values, **TOLERANCE[dtype], err_msg=name)


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("case", FIT)
def test_fit_is_as_from_dense_rows(case: str) -> None:
    """History, weights, evaluate and predict, with penalties, dropout and batch norm."""
    options = {"batch_size": 5, "epochs": 3, "verbose": 0, **FIT[case]}
    hidden = [spec("layers.Dense", units=6, activation="relu", kernel_regularizer=L1L2), *HIDDEN]
    models = []
    for x in (X, sparse_copy(X)):
        model, task = compiled("integers", hidden, metrics=["accuracy"])
        history = model.fit(x, task.y, **options)
        models.append((model, history))
    (dense, expected), (model, found) = models
    same_histories(found, expected)
    np.testing.assert_allclose(theta(model), theta(dense), **TOLERANCE["float64"])
    for size in (1, 4, ROWS, None):
        np.testing.assert_allclose(
            model.predict(sparse_copy(X), size), dense.predict(X), **TOLERANCE["float64"]
        )
        np.testing.assert_allclose(
            model.evaluate(sparse_copy(X), LABELS, size, 0),
            dense.evaluate(X, LABELS, size, 0),
            **TOLERANCE["float64"],
        )


# The rows to validate on are rows to train on: here they need not tell anything.
@pytest.mark.filterwarnings("ignore:validation data")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_problem(kind: str, dtype: str) -> None:
    """And validation data that are dense where training is sparse, and the other way round."""
    found = []
    for x, held_out in ((X, X), (sparse.csr_matrix(X), X), (X, sparse_copy(X))):
        model, task = compiled(kind, dtype=dtype)
        validation = held_out[:9], task.y[:9]
        found.append(model.fit(x, task.y, 5, 3, 0, validation_data=validation))
    for history in found[1:]:
        same_histories(history, found[0], dtype)


@given(st.data())
def test_rows_of_any_numbers(data: Any) -> None:
    """Of any dtype, in any order: what toarray() makes of them is trained on, nothing changed."""
    dtype = data.draw(st.sampled_from(["bool", "int8", "uint8", "int64", "float32", "float64"]))
    x = data.draw(tensors(x=csr("NI", dtype))).x
    before = [a.copy() for a in (x.data, x.indices, x.indptr)]
    y = np.arange(x.shape[0]) / 4
    found = []
    for rows in (x, x.toarray()):
        model = network([spec("layers.Dense", units=1, activation="tanh")], x.shape[1:])
        model.compile("sgd", "mse")
        history = model.fit(rows, y, 2, 2, 0)
        by_hand = model.backend.to_host(model.forward(rows)).copy()
        found.append((history, model.predict(rows), by_hand, model.evaluate(rows, y, verbose=0)))
    same_histories(found[0][0], found[1][0])
    for a, b in zip(found[0][1:], found[1][1:], strict=True):
        np.testing.assert_allclose(a, b, **TOLERANCE["float64"])
    for now, then in zip((x.data, x.indices, x.indptr), before, strict=True):
        np.testing.assert_array_equal(now, then, strict=True)


@pytest.mark.usefixtures("executor")
@given(tensors(x=csr("NI"), dy="NO"))
def test_the_gradient_of_a_network(t: Any) -> None:
    """By hand: forward and backward from CSR, every parameter probed."""
    units = t.dy.shape[1]
    layers = [
        spec("layers.Dense", units=3, activation="tanh"),
        spec("layers.Dense", units=units, activation="sigmoid"),
    ]
    model = network(layers, t.x.shape[1:])

    def forward(theta: np.ndarray) -> np.ndarray:
        model.theta[...] = model.backend.to_device(theta)
        return model.backend.to_host(model.forward(t.x, training=True))

    start = theta(model)
    forward(start)
    model.backward(model.backend.to_device(t.dy.copy()))
    gradient = model.backend.to_host(model.grad).copy()
    check_gradient(forward, {"theta": start}, {"theta": gradient}, t.dy)


def test_the_input_stays_a_matrix() -> None:
    """What the explicit loop can look at."""
    dense = Dense(3)
    model = minidl.models.Network([Flatten(), dense], dtype="float64")
    x = sparse.csr_array(X)
    y = model.forward(x)
    assert dense.x is x
    np.testing.assert_allclose(y, X @ dense.W + dense.b, **TOLERANCE["float64"])


@pytest.mark.parametrize("dtype", ["bool", "int64", "float64"])
def test_rows_come_in_the_type_of_the_network(dtype: str) -> None:
    """Before they are cut into batches; SciPy would widen each product of other types."""
    x = sparse.csr_array(X.astype(dtype))
    assert features(x, (4,), np.float32).dtype == np.float32
    dense = Dense(3)
    minidl.models.Network([dense], dtype="float32").forward(x)
    assert dense.x.dtype == np.float32
    assert x.dtype == np.dtype(dtype)


def test_nothing_is_ever_dense() -> None:
    """Not in fit, its validation, evaluate or predict: rows of 8 entries in 20,000 columns."""
    rows, columns = 600, 20_000
    random = np.random.default_rng(0)
    indices = random.integers(0, columns, 8 * rows)
    x = sparse.csr_array((np.ones(8 * rows), indices, np.arange(rows + 1) * 8), (rows, columns))
    y = np.arange(rows) % 2

    def use_all() -> None:
        layers = [Dense(2, "relu", kernel_regularizer="l2"), Dense(1, "sigmoid")]
        model = minidl.Sequential(layers)
        model.compile("rmsprop", "binary_crossentropy")
        model.fit(x, y, 64, 2, 0, validation_split=0.4)
        model.evaluate(x, y, verbose=0)
        model.predict(x)

    use_all()  # what has to be compiled is: a compiler needs some megabytes, too
    tracemalloc.start()
    try:
        use_all()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    batch = 64 * columns * 4
    # W has 40,000 weights. Its gradient in a step, the optimizer's average and what is compiled
    # take a few times its 160 kB; the smallest batch made dense takes 5 MB, all rows 48 MB.
    assert peak < batch / 3


@pytest.mark.parametrize("name", ["coo", "csc", "dok", "lil"])
def test_other_formats(name: str) -> None:
    """Converted once a call, with a note that names the caller's line."""
    x = getattr(sparse, f"{name}_array")(X)
    found = []
    model, task = compiled()
    for action in (
        lambda: model.fit(x, task.y, 5, 2, 0, validation_split=0.2),
        lambda: model.evaluate(x, task.y, verbose=0),
        lambda: model.predict(x),
        lambda: model.forward(x),
    ):
        words = rf"x: expected a CSR matrix, received the format {name.upper()}.*\.tocsr\(\)"
        with pytest.warns(UserWarning, match=words) as caught:
            found.append(action())
        assert [w.filename for w in caught] == [__file__]
    other, _ = compiled()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same_histories(found[0], other.fit(x.tocsr(), task.y, 5, 2, 0, validation_split=0.2))
    np.testing.assert_allclose(found[2], other.predict(X), **TOLERANCE["float64"])


class Spy(Callback):
    """Notes whether training began."""

    began = False

    def on_train_begin(self, logs: Any) -> None:
        self.began = True


@pytest.mark.parametrize(
    ("first", "named"),
    [
        (spec("layers.Dropout", rate=0.5, name="drop"), "<Dropout drop>"),
        (spec("layers.BatchNormalization", name="norm"), "<BatchNormalization norm>"),
        (spec("layers.Rescaling", scale=0.5, name="scale"), "<Rescaling scale>"),
        (spec("layers.ReLU", name="positive"), "<ReLU positive>"),
    ],
    ids=str,
)
def test_another_first_layer(first: Spec, named: str) -> None:
    """It is named, with what to do, before anything is trained or built."""
    model = minidl.Sequential([Flatten(), first.make(minidl), Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, spy = sparse.csr_array(X), Spy()
    words = rf"expected Dense as the first.*sparse.*received {named}; put a Dense.*\.toarray\(\)"
    for action in (
        lambda: model.fit(x, LABELS, verbose=0, callbacks=spy),
        lambda: model.fit(X, LABELS, verbose=0, callbacks=spy, validation_data=(x, LABELS)),
        lambda: model.evaluate(x, LABELS, verbose=0),
        lambda: model.predict(x),
        lambda: model.forward(x),
    ):
        with pytest.raises(TypeError, match=words):
            action()
    assert (model.step, spy.began) == (0, False)


def test_a_network_that_computes_nothing() -> None:
    with pytest.raises(TypeError, match="expected Dense as the first"):
        minidl.models.Network([Flatten()]).forward(sparse.csr_array(X))


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (sparse.csr_array(X[:, 1:]), ValueError, r"expected rows of shape \(4,\), received \(3,\)"),
        (sparse.csr_array(X[:0]), ValueError, r"expected rows of numbers, received .*\(0, 4\)"),
        (sparse.csr_array(X + 1j), ValueError, "expected rows of numbers, received complex128"),
        (sparse.coo_array(X[0]), ValueError, r"expected rows.*received shape \(4,\)"),
    ],
    ids=["columns", "no rows", "complex", "one row"],
)
def test_the_explicit_forward_refuses(x: Any, error: type[Exception], words: str) -> None:
    model, _ = compiled()
    with pytest.raises(error, match=words):
        model.forward(x)


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("executor", ["cupy-double"], indirect=True)
class TestOnTheDevice:
    """With the double of CuPy, which counts what waits and what is sent."""

    def fit(self, x: Any, epochs: int = 3, **options: Any) -> Any:
        """The model, its history, and what fit sent and waited for."""
        model, task = compiled(metrics=["accuracy"])
        with count_synchronisations() as counts:
            history = model.fit(x, task.y, 5, epochs, 0, **options)
        return model, history, counts

    @pytest.mark.parametrize("shuffle", [True, False])
    def test_a_step_waits_once(self, shuffle: bool) -> None:
        """CuPy counts on the host how many entries the rows of a batch have. Nothing else waits:
        as many times as with dense rows, and once for each of 5 batches, in 3 epochs.
        """
        _, _, dense = self.fit(X, shuffle=shuffle)
        _, _, counts = self.fit(sparse_copy(X), shuffle=shuffle)
        assert counts.synchronisations == dense.synchronisations + 3 * 5

    def test_the_data_are_sent_once(self) -> None:
        """Three arrays and the targets; an order of the rows follows for each epoch."""
        for epochs in (1, 4):
            _, _, counts = self.fit(sparse_copy(X), epochs)
            assert counts.transfers == 4 + epochs

    @pytest.mark.parametrize("order", [sparse.csr_array, sparse_copy])
    def test_a_matrix_on_the_device_is_taken(self, order: Any) -> None:
        """It stays there and as it is, in order or not; the rest is as from SciPy's."""
        from cupyx.scipy.sparse import csr_matrix

        x = csr_matrix(order(X))
        arrays = x.data, x.indices, x.indptr
        values = [a.get() for a in arrays]
        model, history, counts = self.fit(x, validation_split=0.3)
        other, expected, host = self.fit(order(X), validation_split=0.3)
        same_histories(history, expected)
        assert counts.transfers < host.transfers
        np.testing.assert_allclose(model.predict(x), other.predict(X), **TOLERANCE["float64"])
        np.testing.assert_allclose(
            model.forward(x).get(), other.forward(X).get(), **TOLERANCE["float64"]
        )
        assert (x.data, x.indices, x.indptr) == arrays
        for now, then in zip(arrays, values, strict=True):
            np.testing.assert_array_equal(now.get(), then)

    def test_the_row_of_a_nan(self) -> None:
        from cupyx.scipy.sparse import csr_matrix

        bad = X.copy()
        bad[5, 2] = np.nan
        with pytest.raises(ValueError, match=r"x: expected finite.*received nan in row 5"):
            self.fit(csr_matrix(sparse.csr_array(bad)))
