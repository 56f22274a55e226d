"""A count of updates, as Keras's programs read it."""

from __future__ import annotations

from typing import Any

import numpy as np


class Count(int):
    """A whole number that also has ``numpy()``."""

    def numpy(self) -> Any:
        """The number as NumPy's."""
        return np.int64(self)

    @property
    def value(self) -> int:
        """The number as Python's."""
        return int(self)
