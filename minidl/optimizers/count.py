"""A count of updates, as Keras's programs read it."""

from __future__ import annotations

import numpy as np


class Count(int):
    """A whole number that also has ``numpy()``."""

    def numpy(self) -> np.int64:
        """The number as NumPy's."""
        return np.int64(self)

    @property
    def value(self) -> int:
        """The number as Python's."""
        return int(self)
