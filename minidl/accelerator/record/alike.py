"""Values of attributes: may a tape take one for the other?"""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
from typing import Any

import numpy as np

from minidl.accelerator.gpu.nodes import same as same_on_device
from minidl.accelerator.record.operands import UnsupportedError

#: Lists and dictionaries within each other: deeper, one may contain itself.
_DEEPEST = 50


def copied(value: Any, deepest: int = _DEEPEST) -> Any:
    """A value, or a copy of a value that can change and stay the same object.

    Raises:
        UnsupportedError: lists or dictionaries that lie too deep within each other.
    """
    if not isinstance(value, list | dict):
        return value
    if not deepest:
        raise UnsupportedError(
            f"an attribute has lists or dictionaries more than {_DEEPEST} deep within each other"
        )
    if isinstance(value, list):
        return [copied(each, deepest - 1) for each in value]
    return {key: copied(each, deepest - 1) for key, each in value.items()}


def same(a: Any, b: Any) -> bool:
    """True if a tape may take one for the other: equal numbers, or arrays in the same place."""
    if a is b and not isinstance(a, list | dict):
        return True
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return bool(a.__array_interface__ == b.__array_interface__)
    if hasattr(a, "__cuda_array_interface__") and hasattr(b, "__cuda_array_interface__"):
        return same_on_device(a, b)
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return isinstance(a, int | float | str | slice | np.dtype | np.generic) and bool(a == b)


def alike(a: Any, b: Any) -> bool:
    """True if an object whose numbers are asked for at each step can be asked as before.

    A number that is 0 or missing decides on the formulas that an optimizer calls.
    """
    if callable(a) or callable(b):
        return a is b
    given = [each is None or isinstance(each, int | float) for each in (a, b)]
    return not all(given) or bool(a) == bool(b)


def are(arrays: Sequence[object], others: Sequence[object]) -> bool:
    """True if both have the same objects."""
    return len(arrays) == len(others) and all(map(is_, arrays, others))
