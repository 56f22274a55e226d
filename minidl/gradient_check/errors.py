"""Errors of a gradient check: one class for each possible fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minidl.gradient_check.report import Failure


class GradientCheckError(AssertionError):
    """Base of all errors of a gradient check, so that one ``except`` catches all."""


class GradientError(GradientCheckError):
    """A gradient is not the derivative.

    Attributes:
        failures: a failure for each wrong tensor, with the wrong entries.
    """

    def __init__(self, message: str, failures: Sequence[Failure]) -> None:
        super().__init__(message)
        self.failures = tuple(failures)


class KinkError(GradientCheckError):
    """The function has a kink (or a jump) at the point itself: there is no derivative to check.

    Attributes:
        kinks: place of each kink, as text.
    """

    def __init__(self, message: str, kinks: Sequence[str]) -> None:
        super().__init__(message)
        self.kinks = tuple(kinks)


class GradientShapeError(GradientCheckError):
    """Forward and backward disagree about shapes, or about the number of gradients."""


class GradientDtypeError(GradientCheckError):
    """An input or a gradient is not float64: integers have no derivative, float32 hides errors."""


class NonScalarLossError(GradientCheckError):
    """A loss is not one number."""


class InPlaceError(GradientCheckError):
    """A function changed an input."""


class NondeterministicError(GradientCheckError):
    """Two calls with the same input gave different numbers."""


class NotFiniteError(GradientCheckError):
    """A result is NaN or infinite, or a gradient was never written."""
