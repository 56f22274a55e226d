"""Constraints on the weights of one tensor, held by a projection after each update.

A layer takes one by name or as an object: ``Dense(16, kernel_constraint=MaxNorm(3))``. A
constraint of another package derives from :class:`Constraint` and defines ``project``, or
``__call__`` as in Keras.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import current
from minidl.backend.floatx import in_floats
from minidl.kernels import constraints as kernels
from minidl.names.configuration import Configured
from minidl.names.lookup import get as of_kind
from minidl.names.register import kind, register

#: Keras's, added to each norm that divides.
EPSILON = 1e-7


@kind("constraint")
class Constraint(Configured):
    """A set of allowed weights for one tensor. A user's class defines :meth:`project`.

    Initial weights stay as they are until the first update.
    """

    def project(self, W: Any, work: Any) -> None:
        """Move W into the set, in place.

        Args:
            W: the weights after an update.
            work: of W's shape; may be overwritten.
        """
        if type(self).__call__ is Constraint.__call__:
            raise NotImplementedError(f"{type(self).__name__} must define project(W, work)")
        found = self(W)
        if np.shape(found) != W.shape:  # None, a number or a row would be taken for all weights
            raise ValueError(
                f"{type(self).__name__}: expected weights of shape {W.shape}, received "
                f"{'None' if found is None else f'shape {np.shape(found)}'}"
            )
        W[...] = found

    def __call__(self, w: Any) -> Any:
        """The projection of an array, as a new array."""
        W = current().to_device(checks.array(type(self).__name__, w))
        W = in_floats(W).copy()
        self.project(W, np.empty_like(W))
        return W

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise if a tensor of this shape cannot be constrained.

        Raises:
            ValueError: the shape does not suit the constraint.
        """


@register
class NonNeg(Constraint):
    """w ← max(w, 0)."""

    def project(self, W: Any, work: Any) -> None:
        kernels.non_negative(W, out=W)


def _axes(constraint: Any, name: str, value: Any) -> Any:
    """An axis, several or None, as given."""
    given = value if isinstance(value, list | tuple) else [0 if value is None else value]
    for axis in given:
        if checks.integer("axis", axis, -2) > 1:
            raise ValueError(f"axis: expected 0 or 1, of a matrix or a vector, received {value!r}")
    return list(value) if isinstance(value, tuple) else value


class _Norm(Constraint):
    """Bounds of the norms along an axis: low, high, and the share of the way to go.

    Args:
        axis: a norm is a sum along this axis, or along several, or along all for None; default 0:
            the weights that enter one unit of Dense. Of a bias, axis 0 is the whole.
    """

    axis: Any = checks.Attribute(_axes)
    bounds: tuple[float, float, float]

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise if the tensor lacks an axis of the norm, or has more than two axes.

        Raises:
            ValueError: the shape does not suit the constraint.
        """
        self._summed(len(shape))

    def _summed(self, axes: int) -> set[int]:
        """The axes, counted from 0, along which a tensor of so many axes is summed."""
        given = self.axis if isinstance(self.axis, list) else [self.axis]
        if self.axis is None:
            return set(range(axes))
        if axes > 2 or not all(-axes <= axis < axes for axis in given):
            raise ValueError(
                f"{type(self).__name__}: expected axes of the tensor, which has {axes}, received "
                f"axis={self.axis}"
            )
        return {axis % axes for axis in given}

    def project(self, W: Any, work: Any) -> None:
        summed = self._summed(W.ndim)
        axis = 0 if summed == {0} and W.ndim == 2 else 1
        if len(summed) == W.ndim:
            W, work = W.reshape(1, -1), work.reshape(1, -1)
        kernels.scale_to_norm(W, axis, *self.bounds, EPSILON, work)


@register
class MaxNorm(_Norm):
    """Norms of at most ``max_value``: larger norms are scaled down.

    Args:
        max_value: >= 0, default 2.
        axis: along which a norm is summed, default 0.

    Raises:
        ValueError, TypeError: an unsuitable number or axis.
    """

    max_value: Any = checks.number(0)

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    @property
    def bounds(self) -> tuple[float, float, float]:  # type: ignore[override]
        """Low, high, rate."""
        return 0.0, self.max_value, 1.0


@register
class UnitNorm(_Norm):
    """Norms of 1.

    Args:
        axis: along which a norm is summed, default 0.

    Raises:
        ValueError, TypeError: an unsuitable axis.
    """

    bounds = (1.0, 1.0, 1.0)

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis


def _bound(constraint: Any, name: str, value: Any) -> float:
    numbers = vars(constraint)
    low = numbers.get("min_value", 0.0) if name == "max_value" else 0.0
    number = checks.real(name, value, low)
    if name == "min_value" and number > numbers.get("max_value", math.inf):
        raise ValueError(
            f"expected a min_value of at most {numbers['max_value']}, received {value}"
        )
    return number


@register
class MinMaxNorm(_Norm):
    """Norms between ``min_value`` and ``max_value``, or on the way there.

    A norm becomes rate · clipped + (1 - rate) · itself.

    Args:
        min_value: >= 0, default 0.
        max_value: >= min_value, default 1.
        rate: share of the way at each step, 0 … 1; default 1.
        axis: along which a norm is summed, default 0.

    Raises:
        ValueError, TypeError: an unsuitable number or axis.
    """

    min_value: Any = checks.Attribute(_bound)
    max_value: Any = checks.Attribute(_bound)
    rate: Any = checks.number(0, 1, ends="[]")

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    @property
    def bounds(self) -> tuple[float, float, float]:  # type: ignore[override]
        """Low, high, rate."""
        return self.min_value, self.max_value, self.rate


# Keras writes these names, too.
max_norm = MaxNorm
non_neg = NonNeg
unit_norm = UnitNorm
min_max_norm = MinMaxNorm


def get(identifier: str | Constraint | None) -> Constraint | None:
    """A constraint by name, the given constraint, or None.

    Raises:
        ValueError: unknown name.
        TypeError: neither a name nor a constraint.
    """
    return None if identifier is None else of_kind(Constraint, identifier)
