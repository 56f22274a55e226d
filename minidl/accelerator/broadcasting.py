"""Kinds of arguments of a formula: the way in which each is broadcast to the outputs."""

from __future__ import annotations

from typing import Any

#: One element for each; one for each column; one for each row; one for all.
EACH, BY_COLUMN, BY_ROW, ONE = "each", "column", "row", "one"


def kind_of(array: Any, shape: tuple[int, ...]) -> str | None:
    """The kind of an array that is broadcast to a shape; None if not supported."""
    if array.shape == shape:
        return EACH
    if array.size == 1:
        return ONE
    if array.shape in (shape[-1:], (1, *shape[-1:])):
        return BY_COLUMN
    return BY_ROW if array.shape == (*shape[:-1], 1) else None
