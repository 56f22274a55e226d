"""Runs that go wrong: the first NaN or infinity of a training is found, named and kept."""

from minidl.finite.errors import Finding, NonFiniteError, Seen

__all__ = ["Finding", "NonFiniteError", "Seen"]
