"""Input: the shape of a row, and no layer that computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.layers.passing import Identity
from minidl.layers.shapes import shape_of
from minidl.names.register import register


@register
class Input(Identity):
    """The shape of a row, for example ``Input(shape=(28, 28))`` or ``Input((784,))``.

    Args:
        shape: of one row; a lone n means (n,).
        batch_size: rows of a batch, for the reader: passes take any number. Default None.
        dtype: of the numbers that come, for the reader: the network converts other types
            to its own. Default None.
        batch_shape: (batch_size, *shape), in place of both.
        name: as for :class:`~minidl.layers.Layer`.

    Raises:
        TypeError: no shape, or a type that is none of numbers.
        ValueError: a size below 1, or one shape beside another.
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        *,
        batch_shape: Any = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        if batch_shape is not None:
            if shape is not None or batch_size is not None:
                raise ValueError("Input: expected batch_shape or shape, received both")
            batch_size, *shape = batch_shape
        if shape is None:
            raise TypeError("Input: expected shape=(...), the shape of one row, received none")
        super().__init__(name, shape_of(shape), **unknown)
        if not self.declared_shape:
            raise ValueError("Input: expected the shape of one row, such as (784,), received ()")
        self.batch_size = batch_size
        if batch_size is not None:
            self.batch_size = checks.integer("batch_size", batch_size, 1)
        self._dtype = None if dtype is None else np.dtype(dtype)
        if self._dtype is not None and self._dtype.kind not in "biuf":
            raise TypeError(f"Input: expected a type of numbers, received dtype={dtype!r}")

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """Type of the numbers of a row, as given; None for any."""
        return self._dtype

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Shape of a batch, (batch_size, …); None for batches of any size."""
        return self.batch_size, *self.declared_shape

    #: The same, as Keras's InputLayer calls it.
    batch_shape = shape

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = {"name": self.name, "shape": list(self.declared_shape)}
        if self.batch_size is not None:
            config["batch_size"] = self.batch_size
        return config if self.dtype is None else {**config, "dtype": self.dtype.name}
