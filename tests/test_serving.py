"""Predictor: the numbers of predict, from any thread, whatever happens to the model."""

from __future__ import annotations

import copy
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import minidl
from minidl import layers
from minidl.model import serving
from minidl.model.serving import Predictor
from minidl.training.whole_step import WholeStep
from tests.doubles.cupy_double import installed

CHANCE = np.random.default_rng(0)
X = CHANCE.normal(size=(7, 4)).astype(np.float32)


class Doubled(layers.Layer):
    """y = 2 x."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.y = x * 2
        return self.y

    def backward(self, dy: Any) -> Any:
        return dy * 2


def model(*more: Any, dtype: str = "float32") -> Any:
    inner = minidl.Sequential([layers.Input((5,)), layers.Dense(5, "tanh")])
    made = minidl.Sequential(
        [
            layers.Input((4,)),
            layers.Rescaling(0.5),
            layers.Dense(5, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            inner,
            *more,
            layers.Dense(3, "softmax"),
        ],
        dtype=dtype,
    )
    made.compile("adam", "sparse_categorical_crossentropy")
    made.fit(X, np.arange(7) % 3, epochs=2, verbose=0)
    return made


@pytest.mark.parametrize("executor", ["python", "blocks", "compiled"])
@pytest.mark.parametrize("own", [False, True])
def test_the_numbers_of_predict(executor: str, own: bool) -> None:
    """For as many rows as buffers hold, for fewer, for more, and for rows of other types."""
    with minidl.backend.use("numpy", executor=executor):
        made = model(*([Doubled()] if own else []))
        predictor = made.predictor(rows=3)
        for rows in (X[:3], X[:2], X, X.astype(np.float64), (X > 0).astype(np.uint8), X[::2]):
            np.testing.assert_array_equal(predictor(rows), made.predict(rows, batch_size=3))
        out = np.empty((7, 3), np.float32)
        assert predictor(X, out) is out
        np.testing.assert_array_equal(out, made.predict(X, batch_size=3))


@pytest.mark.parametrize("ahead", [0, 1, 2])
def test_results_may_lie_where_the_rows_lie(ahead: int) -> None:
    minidl.backend.use("numpy")
    made = minidl.Sequential([layers.Input((4,)), layers.Dense(4)])
    expected = made.predict(X, batch_size=2)
    memory = np.zeros((9, 4), np.float32)
    memory[:7] = X
    made.predictor(rows=2)(memory[:7], memory[ahead : ahead + 7])
    np.testing.assert_array_equal(memory[ahead : ahead + 7], expected)


def test_played_where_loops_are_compiled() -> None:
    with minidl.backend.use("numpy", executor="compiled"):
        assert Predictor(model())._play
        assert Predictor(model(Doubled()))._play
    with minidl.backend.use("numpy", executor="python"):
        assert not Predictor(model())._play


def test_on_a_device(tmp_path: Path) -> None:
    """As the double of CuPy computes; the file of Keras is written and read there as well."""
    with installed(), minidl.backend.use("cupy"):
        made = minidl.Sequential([layers.Input((4,)), layers.Dense(3, "relu"), layers.Dense(2)])
        made.compile("adam", "mse")
        predictor = made.predictor(rows=3)
        np.testing.assert_array_equal(predictor(X), made.predict(X, batch_size=3))
        made.save(tmp_path / "a.keras")
        again = minidl.load_model(tmp_path / "a.keras")
        np.testing.assert_array_equal(again.predict(X), made.predict(X))
        with (
            minidl.backend.use("numpy"),
            pytest.raises(ValueError, match="backend in use, numpy, received one of cupy"),
        ):
            made.predictor()


def test_a_training_afterwards_changes_nothing() -> None:
    made = model()
    predictor = Predictor(made)
    before = predictor(X)
    made.fit(X, np.arange(7) % 3, initial_epoch=2, epochs=4, verbose=0)
    np.testing.assert_array_equal(predictor(X), before)
    assert (made.predict(X) != before).any()


def test_many_threads() -> None:
    """Each thread finds its own rows' outputs, while the model trains."""
    made = model()
    expected, predictor = made.predict(X, batch_size=1), Predictor(made)
    wrong: list[int] = []
    done: list[int] = []

    def ask(row: int) -> None:
        for _ in range(200):
            if (predictor(X[row : row + 1]) != expected[row]).any():
                wrong.append(row)
        done.append(row)

    threads = [threading.Thread(target=ask, args=(row,)) for row in range(7)]
    for thread in threads:
        thread.start()
    made.fit(X, np.arange(7) % 3, initial_epoch=2, epochs=20, verbose=0)
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sorted(done) == [*range(7)]  # no thread ended with an error


def test_a_call_within_a_call() -> None:
    """As of a signal's handler: an error, and the outer call goes on."""
    caught: list[str] = []
    predictor: Any = None

    class Asking(Doubled):
        def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
            if predictor is not None:
                with pytest.raises(RuntimeError, match="no call within a call") as error:
                    predictor(X[:1])
                caught.append(str(error.value))
            return super().forward(x, training, step)

    made = model(Asking())
    expected = made.predict(X[:1])
    predictor = Predictor(made)
    np.testing.assert_array_equal(predictor(X[:1]), expected)
    assert len(caught) == 1


def test_layers_that_cannot_be_made_anew_are_refused() -> None:
    """They have numbers that ``get_config`` does not know, or a method put in afterwards."""
    made = model(Doubled())
    own, first = made.layers[-2], made.layers[0]
    forward = own.forward
    own.forward = lambda x, training=False, step=0: forward(x, training, step) + 1
    with pytest.raises(ValueError, match="layers of your own that their get_config describes"):
        made.predictor()
    del own.forward
    np.testing.assert_array_equal(made.predictor()(X), made.predict(X, batch_size=1))
    scale = first.forward
    first.forward = lambda x, training=False, step=0: 2 * scale(x, training, step)
    with pytest.raises(ValueError, match="predict otherwise when made anew"):
        made.predictor()


def test_a_predictor_is_made_of_a_model_not_of_a_file() -> None:
    """The message names the model, which another process can be given."""
    for copied in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match=r"a Predictor cannot be .*; expected the model, whose"):
            copied(model().predictor())


def test_a_model_may_train_while_a_predictor_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """In another thread, say: the predictor is that of the weights that it has copied."""
    made = model(Doubled())
    wanted = made.predict(X)

    def moving(*given: Any) -> Any:
        made.set_weights([2 * weight for weight in made.get_weights()])
        return WholeStep(*given)

    monkeypatch.setattr(serving, "WholeStep", moving)
    np.testing.assert_array_equal(made.predictor(7)(X), wanted)
    assert not np.array_equal(made.predict(X), wanted)


def test_refusals() -> None:
    made = model()
    predictor = Predictor(made)
    for rows in (np.array([[np.nan, 1, 1, 1]]), np.array([[np.inf, 1, 1, 1]], np.float32)):
        with pytest.raises(ValueError, match="expected finite numbers of float32"):
            predictor(rows)
    for rows in (np.zeros((1, 5)), np.zeros(4), np.zeros((0, 4), np.float32)):
        with pytest.raises(ValueError, match="expected rows"):
            predictor(rows)
    with pytest.raises(TypeError, match="sparse matrix; use predict"):
        predictor(sparse.csr_matrix(X))
    for out in (np.empty((7, 2), np.float32), np.empty((7, 3))):
        with pytest.raises(ValueError, match=r"out: expected float32 of shape \(7, 3\)"):
            predictor(X, out)
    with pytest.raises(TypeError, match="out: expected an array, received list"):
        predictor(X, [1.0])
    with pytest.raises(ValueError, match=r"out: expected .* received one that is read-only"):
        predictor(X, np.broadcast_to(np.float32(0), (7, 3)))
    with pytest.raises(ValueError, match="rows"):
        Predictor(made, 0)
    with pytest.raises(ValueError, match="shape of a row is not known"):
        Predictor(minidl.Sequential([layers.Dense(3)]))
