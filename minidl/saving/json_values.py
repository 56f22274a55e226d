"""States of callbacks and metrics as JSON and arrays, and back without the loss of a bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

#: Arrays by name.
Arrays = dict[str, Any]


def outward(value: Any, arrays: Arrays) -> Any:
    """``value`` for JSON; inner arrays are put among ``arrays``, under numbers.

    Raises:
        TypeError: a value other than numbers, texts, None, arrays of numbers, and lists and
            dictionaries of such values.
    """
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"expected texts as keys, received {list(value)}")
        return {"dictionary": {key: outward(item, arrays) for key, item in value.items()}}
    if isinstance(value, list | tuple):
        return [outward(item, arrays) for item in value]
    if isinstance(value, float):
        # JSON has no infinity and no NaN.
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biuf":
        if isinstance(value, np.generic):
            return {"type": value.dtype.name, "value": outward(value.item(), arrays)}
        name = str(len(arrays))
        arrays[name] = value
        return {"array": name}
    raise TypeError(f"expected numbers, texts, arrays, and lists of them, received {value!r}")


def inward(value: Any, arrays: Arrays) -> Any:
    """The value that :func:`outward` was given."""
    if isinstance(value, list):
        return [inward(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "dictionary" in value:
        return {key: inward(item, arrays) for key, item in value["dictionary"].items()}
    if "array" in value:
        return arrays[value["array"]].copy()  # the file's array may be read-only
    if "type" in value:
        return np.dtype(value["type"]).type(inward(value["value"], arrays))
    return float(value["float"])
