"""The penalty of an array: that of each weight, and the sum for an array from the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl import checks
from minidl.backend import current
from minidl.backend.array import Number
from minidl.backend.floatx import in_floats

if TYPE_CHECKING:
    from minidl.regularizers.norms import Regularizer


def costs(regularizer: Regularizer, W: Any, out: Any) -> Any:
    """Each weight's P(w), of W's shape: ``out``, or the array that ``forward`` returns."""
    returned = regularizer.forward(W, out)
    return out if returned is None else returned


def call(regularizer: Regularizer, W: Any) -> Any:
    """P(W) as a number; what is of neither floating type is taken as of that of new weights."""
    W = in_floats(current().to_device(checks.array(type(regularizer).__name__, W)))
    W = current().xp.ascontiguousarray(W).reshape(W.shape)
    return Number(costs(regularizer, W, np.empty_like(W)).sum())
