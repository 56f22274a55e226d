"""Numbers and arrays that know methods of Keras's tensors and variables."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.floatx import floatx


class Number(float):
    """A number that also has Keras's ``numpy()``."""

    def numpy(self) -> Any:
        """The number as one of NumPy's."""
        return np.float64(float(self))


class Array(np.ndarray):
    """A NumPy array that also has Keras's ``numpy()``."""

    def numpy(self) -> np.ndarray:
        """A copy, as a plain NumPy array."""
        return np.array(self)


class Weight(Array):
    """A tensor of a layer: a view of the network's vector, so that a write is seen at once.

    Attributes:
        name: "kernel".
        path: "dense/kernel".
        trainable: whether training moved it when it was asked for.
        regularizer, constraint: of the layer's tensor, or None.
    """

    name = path = ""
    trainable = False
    regularizer: Any = None
    constraint: Any = None

    @classmethod
    def of(cls, view: Any, name: str, path: str, trainable: bool) -> Any:
        """The view with names; a view on a device is returned as it is."""
        if not isinstance(view, np.ndarray):
            return view
        weight = view.view(cls)
        weight.name, weight.path, weight.trainable = name, path, trainable
        return weight

    @property
    def value(self) -> Any:
        """The array itself."""
        return self

    def assign(self, value: Any) -> Any:
        """Overwrite all elements.

        Raises:
            ValueError: a value of another shape.
        """
        if np.shape(value) != self.shape:
            raise ValueError(
                f"{self.path}: expected an array of shape {self.shape}, received one of shape "
                f"{np.shape(value)}"
            )
        self[...] = value
        return self

    def assign_add(self, value: Any) -> Any:
        """Add ``value``, of the same shape."""
        return self.assign(self.numpy() + value)

    def assign_sub(self, value: Any) -> Any:
        """Subtract ``value``, of the same shape."""
        return self.assign(self.numpy() - value)


def Variable(  # noqa: N802 - Keras's name
    initializer: Any,
    shape: Any = None,
    dtype: Any = None,
    trainable: bool = True,
    name: str = "variable",
) -> Any:
    """An array of its own with ``assign`` and ``numpy()``, for an optimizer's ``apply``.

    Args:
        initializer: its first values; or a function of shape and dtype that gives these.
        shape: for such a function.
        dtype: of the numbers; default that of an array, and the default floating type.
        trainable: for the reader.
        name: for the reader.
    """
    kind = getattr(initializer, "dtype", floatx()) if dtype is None else dtype
    values = initializer(shape, dtype=kind) if callable(initializer) else initializer
    return Weight.of(np.array(values, dtype=kind), name, name, trainable)
