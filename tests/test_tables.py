"""Frames and series of pandas as data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from minidl.data.tables import numbers
from tests.fitting import compiled, same_weights

X = np.random.default_rng(3).normal(size=(20, 4)).round(3)
Y = np.arange(20) % 3


def frame(**columns: Any) -> pd.DataFrame:
    """The features, with some columns in another form."""
    table = pd.DataFrame(X, columns=list("abcd"))
    return table.assign(**columns)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (frame(), X),
        (frame(a=X[:, 0] > 0), np.column_stack([X[:, 0] > 0, X[:, 1:]])),
        (frame(b=pd.array(Y, dtype="Int64")), np.column_stack([X[:, :1], Y, X[:, 2:]])),
        (frame(c=pd.array(X[:, 2], dtype="Float64")), X),
        (frame(d=pd.array(Y > 0, dtype="boolean")), np.column_stack([X[:, :3], Y > 0])),
        (frame(a=Y.astype(np.float32)), np.column_stack([Y, X[:, 1:]])),
    ],
    ids=["floats", "booleans", "nullable integers", "nullable floats", "nullable booleans", "two"],
)
def test_frames_train_as_their_numbers(table: pd.DataFrame, expected: np.ndarray) -> None:
    """In fit, evaluate and predict; targets and weights as series."""
    model, _ = compiled()
    other, _ = compiled()
    weight = pd.Series(np.linspace(0, 2, 20))
    labels = pd.Series(pd.array(Y, dtype="Int64"), index=range(100, 120))
    history = model.fit(table, labels, 5, verbose=0, sample_weight=weight).history
    options: dict[str, Any] = {"verbose": 0, "sample_weight": np.asarray(weight)}
    assert history == other.fit(expected, Y, 5, **options).history
    same_weights(model, other)
    np.testing.assert_array_equal(model.predict(table), other.predict(expected))
    assert model.evaluate(table, labels, verbose=0) == other.evaluate(expected, Y, verbose=0)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["high"] * 20, "x: column 'b': expected numbers, received dtype (object|str)"),
        (pd.Categorical(["u", "v"] * 10), "column 'b': .* received dtype category"),
        (pd.date_range("2020", periods=20), "column 'b': .* received dtype datetime64"),
        (pd.array([None, *Y[1:]], dtype="Int64"), "column 'b': .* received 1 missing"),
    ],
)
def test_a_column_without_numbers_is_named(column: Any, message: str) -> None:
    """With what to do."""
    model, _ = compiled()
    with pytest.raises(TypeError, match=message):
        model.fit(frame(b=column), Y, verbose=0)


def test_a_series_is_named() -> None:
    """By its name, if it has one."""
    with pytest.raises(TypeError, match="y: column 'price': expected numbers"):
        numbers(pd.Series(["a"], name="price"), "y")
    with pytest.raises(TypeError, match=r"^y: expected numbers"):
        numbers(pd.Series(["a"]), "y")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mixed", [True, False])
def test_a_column_with_nan_is_named(dtype: str, mixed: bool) -> None:
    """In a frame of one type or of several, and in a series."""
    table = frame().astype(dtype).assign(**({"a": Y} if mixed else {}))
    table.loc[[4, 7], "c"] = np.nan
    model, _ = compiled()
    words = r"column 'c': expected finite numbers, received nan in 2 of 20 rows, the first in row 4"
    with pytest.raises(ValueError, match=f"^x: {words}; fill them with fillna"):
        model.fit(table, Y, verbose=0)
    with pytest.raises(ValueError, match=f"^sample_weight: {words}"):
        model.fit(frame(), Y, sample_weight=table["c"], verbose=0)
