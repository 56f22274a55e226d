"""Gradients of the wrong shape, found when a layer's backward writes the gradient."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minidl.gradient_check.errors import GradientShapeError
from minidl.layers import Layer


class _Strict:
    """A view that accepts, as a whole, only arrays of its own shape and the number 0."""

    def __init__(self, what: str, view: Any) -> None:
        self._what, self._view = what, view

    def __setitem__(self, place: Any, value: Any) -> None:
        shape, size = np.shape(value), np.size(value)
        fits = shape == self._view.shape or size == self._view.size == 1
        # Zeros are no gradient yet: the backward may continue with additions.
        if not fits and not (size == 1 and value == 0):
            received = f"an array of shape {shape}" if shape else "one number"
            raise GradientShapeError(
                f"{self._what}: expected shape {self._view.shape}, the tensor's, received "
                f"{received}; sum over the rows alone, with axis=0"
            )
        self._view[place] = value


@contextlib.contextmanager
def written(what: str, layers: Sequence[Layer]) -> Iterator[None]:
    """Check the shapes of the arrays that backward assigns to the layers' gradients.

    Args:
        what: name of the checked object for messages.
        layers: built layers.

    Raises:
        GradientShapeError: the shapes of a gradient and its tensor differ, or a gradient is a
            single number.
    """
    views = [layer.__dict__.get("_views", {}) for layer in layers]
    before = [dict(named) for named in views]
    for layer, named in zip(layers, views, strict=True):
        for attribute in layer.tensors:
            if (name := f"d{attribute}") in named:
                named[name] = _Strict(f"{what}: {layer.name}: {name}", named[name])
    try:
        yield
    except ValueError as error:
        # NumPy refuses to write into a view, without the name of the layer.
        if "broadcast" not in str(error):
            raise
        line = traceback.extract_tb(error.__traceback__)[-1].line
        raise GradientShapeError(f"{what}: {_place(layers, error)}: {error}, in {line}") from error
    finally:
        for named, old in zip(views, before, strict=True):
            named.update(old)


def _place(layers: Sequence[Layer], error: BaseException) -> str:
    """The name of the layer with the method that raised the error."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    subjects = [frame.f_locals.get("self") for frame in frames]
    names = [layer.name for subject in subjects for layer in layers if layer is subject]
    return names[-1] if names else "backward"
