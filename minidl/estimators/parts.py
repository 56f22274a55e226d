"""Parts of the rows: held-out rows, and batches of equal size."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from minidl.estimators.base import Rows

#: Features with more numbers are not copied for batches of equal size.
EVENED = 1 << 22


def split(rows: Rows, fraction: float, alike: bool, random: Any) -> tuple[Rows, Rows]:
    """Rows to train on and rows to validate on.

    Args:
        rows: all rows.
        fraction: share of the rows to validate on.
        alike: whether both parts have the same share of each of the two classes.
        random: generator of the split.

    Raises:
        ValueError: fewer than two rows to validate on, or no weight on the rows to train on.
    """
    arrays = [array for array in rows if array is not None]
    parts = train_test_split(
        *arrays, test_size=fraction, random_state=random, stratify=rows.y if alike else None
    )
    weights = parts[4:] or (None, None)
    train, held_out = (Rows(parts[k], parts[k + 2], weights[k]) for k in (0, 1))
    if held_out.x.shape[0] < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    if train.weight is not None and not train.weight.sum() > 0:
        raise ValueError(
            "sample_weight: expected weights whose sum is above 0 for the rows that are not held "
            f"out, received {train.weight.sum()}"
        )
    return train, held_out


def evened(rows: Rows, size: int) -> Rows:
    """The rows; if the data are small, extra rows of weight 0 make all batches equal in size.

    In the first epochs, Python executes a smaller last batch and the step after. For small
    networks these two steps take longer than a replayed epoch.

    Args:
        rows: at least ``size`` rows.
        size: rows in a batch.
    """
    x, y, weight = rows
    missing = -x.shape[0] % size
    numbers = x.nnz if hasattr(x, "nnz") else x.size  # a sparse matrix holds only some
    if not missing or numbers > EVENED:
        return rows
    more = [*range(x.shape[0]), *range(missing)]
    weight = np.ones(len(y)) if weight is None else weight
    return Rows(x[more], y[more], np.concatenate([weight, np.zeros(missing)]))
