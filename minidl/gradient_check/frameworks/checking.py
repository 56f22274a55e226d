"""A subject of another framework as two functions of NumPy arrays, and their comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from minidl.gradient_check.conduct import verdict
from minidl.gradient_check.errors import GradientDtypeError, GradientShapeError
from minidl.gradient_check.functions import compared
from minidl.gradient_check.report import Result

Tensors = Mapping[str, np.ndarray]
MODES = {True: "training", False: "inference", None: ""}


class Adapted(NamedTuple):
    """A subject.

    Attributes:
        name: name for messages.
        tensors: the point: inputs and parameters by name, float64.
        outputs: function of (tensors, mode) for all outputs, in one vector.
        gradients: function of (tensors, dy, mode) for the gradients of all tensors.
        modes: True for training, False for inference; None alone for a function without modes.
        refusals: exceptions by which the framework refuses a gradient of a wrong shape.
    """

    name: str
    tensors: Tensors
    outputs: Callable[[Tensors, Any], np.ndarray]
    gradients: Callable[[Tensors, np.ndarray, Any], Tensors]
    modes: tuple[Any, ...] = (None,)
    refusals: tuple[type[Exception], ...] = ()


def check_subject(subject: Adapted, training: bool | None, dy: Any, seed: int) -> Result:
    """Compare a subject's gradients with differences, in one mode or all.

    Raises:
        TypeError: the caller chose a mode, but the subject has none; or nothing can be checked.
    """
    if training is not None and subject.modes == (None,):
        raise TypeError(f"{subject.name}: training: expected None, as a function has no modes")
    if not subject.tensors:
        raise TypeError(f"{subject.name}: expected an input of float64, received none")
    modes = subject.modes if training is None else (training,)
    return verdict(subject.name, [_compared(subject, mode, dy, seed) for mode in modes])


def _compared(subject: Adapted, mode: Any, dy: Any, seed: int) -> Any:
    def forward(**tensors: np.ndarray) -> np.ndarray:
        return subject.outputs(tensors, mode)

    def backward(dy: np.ndarray, /, **tensors: np.ndarray) -> Tensors:
        try:
            return subject.gradients(tensors, dy, mode)
        except subject.refusals as error:
            if "shape" not in str(error):
                raise
            text = " ".join(str(error).split())
            raise GradientShapeError(f"{subject.name}: backward: {text}") from error

    return compared(forward, backward, dict(subject.tensors), dy, subject.name, MODES[mode], seed)


def checked_dtype(what: str, array: np.ndarray) -> bool:
    """True for float64, False for types without a gradient.

    Raises:
        GradientDtypeError: floating-point numbers of another type, which would hide errors.
    """
    if array.dtype.kind == "f" and array.dtype != np.float64:
        raise GradientDtypeError(f"{what}: expected float64, received {array.dtype}")
    return array.dtype == np.float64


def in_a_row(arrays: Any) -> np.ndarray:
    """All outputs in one vector; a single output unchanged."""
    found = [np.asarray(array) for array in arrays]
    return found[0] if len(found) == 1 else np.concatenate([array.ravel() for array in found])


def split(dy: np.ndarray, shapes: Any) -> list[np.ndarray]:
    """The gradient at each of several outputs."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    parts = np.split(dy.ravel(), np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
