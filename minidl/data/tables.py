"""Tables of pandas as arrays of numbers; errors name a column without numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

REMEDY = "fill them with fillna(...), or leave these rows out with dropna()"


def is_table(values: Any) -> bool:
    """True for a frame or a series of pandas."""
    return hasattr(values, "isna") and hasattr(values, "to_numpy") and hasattr(values, "ndim")


def numbers(table: Any, name: str) -> np.ndarray:
    """The numbers of a frame, (N, columns), or of a series, (N,).

    The result has the type that holds the numbers of all columns, also booleans beside floats.

    Args:
        table: a frame or a series.
        name: of the argument, for messages.

    Raises:
        TypeError: a column without numbers, or with gaps (in a type of pandas that allows gaps).
        ValueError: a column with NaN.
    """
    if table.ndim == 1:
        return _column(table, name, getattr(table, "name", None))
    columns = [table.iloc[:, place] for place in range(table.shape[1])]
    if not columns:
        return np.asarray(table)
    same = len({str(column.dtype) for column in columns}) == 1
    if same and isinstance(columns[0].dtype, np.dtype) and columns[0].dtype.kind in "biuf":
        found = np.asarray(table)
        if found.size and np.isnan(found.min()):
            for column, label in zip(columns, table.columns, strict=True):
                _column(column, name, label)
        return found
    arrays = [_column(c, name, label) for c, label in zip(columns, table.columns, strict=True)]
    return np.column_stack(arrays)


def _column(column: Any, name: str, label: Any) -> np.ndarray:
    dtype = column.dtype
    where = name if label is None else f"{name}: column {label!r}"
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        found = np.asarray(column)
        if found.size and np.isnan(found.min()):
            bad = np.flatnonzero(np.isnan(found))
            raise ValueError(
                f"{where}: expected finite numbers, received nan in {len(bad)} of {len(found)} "
                f"rows, the first in row {bad[0]}; {REMEDY}"
            )
        return found
    plain = getattr(dtype, "numpy_dtype", None)  # of pandas's types with gaps
    if not isinstance(plain, np.dtype) or plain.kind not in "biuf":
        raise TypeError(
            f"{where}: expected numbers, received dtype {dtype}; convert the column with "
            "astype(float), make columns of its values with pandas.get_dummies, or leave it out"
        )
    gaps = int(column.isna().sum())
    if gaps:
        raise TypeError(
            f"{where}: expected numbers without gaps, received {gaps} missing; {REMEDY}"
        )
    values: np.ndarray = column.to_numpy(dtype=plain)
    return values
