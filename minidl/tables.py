"""Tables of pandas as arrays of numbers; a column that holds none is named."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_table(values: Any) -> bool:
    """True for a frame or a series of pandas."""
    return hasattr(values, "isna") and hasattr(values, "to_numpy") and hasattr(values, "ndim")


def numbers(table: Any, name: str) -> np.ndarray:
    """The numbers of a frame, (N, columns), or of a series, (N,).

    Columns of different types come in the type that holds them all, also booleans beside floats.

    Args:
        table: a frame or a series.
        name: of the argument, for messages.

    Raises:
        TypeError: a column without numbers, or one with gaps.
    """
    if table.ndim == 1:
        return _column(table, name, getattr(table, "name", None))
    columns = [table.iloc[:, place] for place in range(table.shape[1])]
    if not columns:
        return np.asarray(table)
    same = len({str(column.dtype) for column in columns}) == 1
    if same and isinstance(columns[0].dtype, np.dtype) and columns[0].dtype.kind in "biuf":
        return np.asarray(table)
    arrays = [_column(c, name, label) for c, label in zip(columns, table.columns, strict=True)]
    return np.column_stack(arrays)


def _column(column: Any, name: str, label: Any) -> np.ndarray:
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return np.asarray(column)
    where = name if label is None else f"{name}: column {label!r}"
    plain = getattr(dtype, "numpy_dtype", None)  # of pandas's types with gaps
    if not isinstance(plain, np.dtype) or plain.kind not in "biuf":
        raise TypeError(
            f"{where}: expected numbers, received dtype {dtype}; convert the column with "
            "astype(float), make columns of its values with pandas.get_dummies, or leave it out"
        )
    gaps = int(column.isna().sum())
    if gaps:
        raise TypeError(
            f"{where}: expected numbers without gaps, received {gaps} missing; fill them with "
            "fillna(...), or leave these rows out with dropna()"
        )
    found: np.ndarray = column.to_numpy(dtype=plain)
    return found
