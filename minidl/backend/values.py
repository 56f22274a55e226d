"""Values of arrays and of numbers that can be set, by the two functions of Keras's backend."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.switch import backend_of


def get_value(x: Any) -> Any:
    """The value of now: a NumPy array for an array, a number for a learning rate or a count."""
    if hasattr(x, "__cuda_array_interface__") or isinstance(x, np.ndarray):
        return np.array(backend_of(x).to_host(x))
    return x.numpy() if hasattr(x, "numpy") else x


def set_value(x: Any, value: Any) -> None:
    """Overwrite an array, such as ``layer.W``, or set a learning rate.

    Raises:
        TypeError: a plain number, which cannot be changed in its place.
        ValueError: a value of another shape.
    """
    if hasattr(x, "assign"):
        x.assign(value)
    elif hasattr(x, "__cuda_array_interface__") or isinstance(x, np.ndarray):
        given = np.asarray(value)
        if given.shape not in ((), x.shape):
            raise ValueError(f"expected a value of shape {x.shape}, received {given.shape}")
        x[...] = backend_of(x).to_device(given.astype(x.dtype))
    else:
        raise TypeError(
            f"expected an array or a learning rate, received {type(x).__name__}, which has no "
            "place of its own"
        )
