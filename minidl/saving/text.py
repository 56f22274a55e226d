"""The text of a configuration: strict JSON, and the type of each entry."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from minidl import checks
from minidl.backend.floatx import FLOATS
from minidl.layers.shapes import shape_of
from minidl.saving.archive import MalformedError
from minidl.saving.arrays import AXES

#: Limits for the layers and the metrics in a file.
LAYERS, METRICS = 4096, 256

_NEEDED = frozenset({"format", "name", "dtype", "seed", "step", "input_shape", "layers"})
_COMPILED = frozenset({"optimizer", "iterations", "loss", "metrics"})
# Entries that may be missing: the rate in older files, the weight of a loss of weight 1, and an
# empty list of weighted metrics.
_LATER = frozenset({"accumulated_learning_rate", "loss_weights", "weighted_metrics"})
_METRICS = ("metrics", "weighted_metrics")
# An entry for models in the functional form.
_FORM = frozenset({"shows_input"})
# A float holds every count of steps below this bound exactly.
_STEPS = 1 << 53


def parsed(text: str, *, finite: bool = True) -> dict[str, Any]:
    """The JSON object in ``text``; each name may occur once in an object.

    Args:
        text: JSON.
        finite: whether NaN and infinity are refused.

    Raises:
        ValueError, RecursionError: the text is no such JSON.
    """
    numbers: dict[str, Any] = {"parse_constant": _refused, "parse_float": _finite} if finite else {}
    found = json.loads(text, object_pairs_hook=_unique, parse_int=_integer, **numbers)
    if not isinstance(found, dict):
        raise MalformedError(f"expected a JSON object, received one of {type(found).__name__}")
    return found


def check(config: dict[str, Any]) -> None:
    """Raise unless the configuration has exactly the known entries, of the right types.

    Raises:
        ValueError, TypeError: an entry is missing, unknown or wrong; the message names the entry.
    """
    compiled = _COMPILED if "optimizer" in config else frozenset()
    needed = _NEEDED | compiled
    if missing := sorted(needed - config.keys()):
        raise MalformedError(f"expected {missing[0]!r} in the configuration, received none")
    if unknown := sorted(config.keys() - needed - (_LATER if compiled else frozenset()) - _FORM):
        raise MalformedError(f"expected the entries of a configuration, received {unknown[0]!r}")
    if not (isinstance(config["name"], str) and config["name"]):
        raise MalformedError("name: expected a text, received something else")
    if config["dtype"] not in FLOATS:
        raise MalformedError(f"dtype: expected one of {FLOATS}, received {config['dtype']!r}")
    if config.get("shows_input", True) is not True:
        raise MalformedError("shows_input: expected true, received something else")
    checks.seed(config["seed"])
    for name in ("step", "iterations"):
        if checks.integer(name, config.get(name, 0), 0) >= _STEPS:
            raise MalformedError(f"{name}: expected a number below 2**53, received {config[name]}")
    checks.real("accumulated_learning_rate", config.get("accumulated_learning_rate", 0.0), 0)
    for name in ("input_shape", "layers", "metrics", "weighted_metrics"):
        if not isinstance(config.get(name, []), list):
            raise MalformedError(f"{name}: expected a list, received something else")
    axes = len(shape_of(config["input_shape"]))
    if not 1 <= axes <= AXES:
        raise MalformedError(f"input_shape: expected up to {AXES} axes, received {axes}")
    count = len(config["layers"])
    if not 1 <= count <= LAYERS:
        raise MalformedError(f"expected at least one layer and at most {LAYERS}, received {count}")
    if (count := sum(len(config.get(each, [])) for each in _METRICS)) > METRICS:
        raise MalformedError(f"expected at most {METRICS} metrics, received {count}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedError("expected each name once in a JSON object, received one twice")
    return found


def _integer(digits: str) -> int:
    # 2⁶⁴ has 20 digits. The time that int() takes grows with the square of their number.
    if len(digits) > 20:
        raise MalformedError(
            f"expected integers of at most 20 digits, received one of {len(digits)}"
        )
    return int(digits)


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise MalformedError(f"expected a finite number, received {digits[:20]}")
    return number


def _refused(name: str) -> NoReturn:
    raise MalformedError(f"expected a finite number, received {name}")
