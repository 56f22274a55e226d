"""The penalty of an array: that of each weight, and the sum for an array from the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.backend import current, floating
from minidl.backend.array import Number

if TYPE_CHECKING:
    from minidl.regularizers.norms import Regularizer


def costs(regularizer: Regularizer, W: Any, out: Any) -> Any:
    """Each weight's P(w), of W's shape: ``out``, or the array that ``forward`` returns."""
    returned = regularizer.forward(W, out)
    return out if returned is None else returned


def call(regularizer: Regularizer, W: Any) -> Any:
    """P(W) as a number; whole numbers are taken as of the type of new weights."""
    W = current().to_device(W)
    W = W if W.dtype.kind == "f" else W.astype(floating())
    return Number(costs(regularizer, W, np.empty_like(W)).sum())
