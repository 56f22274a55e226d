"""Optimizers and schedules as dictionaries, {"class_name": …, "config": …}, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.names.lookup import from_dictionary
from minidl.names.register import full_name
from minidl.optimizers.base import Optimizer
from minidl.optimizers.schedules import LearningRateSchedule


def serialize(thing: Any) -> dict[str, Any]:
    """The dictionary of an optimizer or a schedule; a schedule inside becomes one, too.

    Raises:
        TypeError: neither of the two.
        ValueError: an optimizer whose learning rate is a function of your own.
    """
    if not isinstance(thing, Optimizer | LearningRateSchedule):
        raise TypeError(f"expected an optimizer or a schedule, received {type(thing).__name__}")
    config = {
        name: serialize(value) if isinstance(value, LearningRateSchedule) else value
        for name, value in thing.get_config().items()
    }
    return {"class_name": full_name(type(thing)), "config": config}


def deserialize(config: Any) -> Any:
    """The optimizer or schedule of a dictionary that :func:`serialize` made.

    Raises:
        ValueError: an unknown class, or a dictionary without "class_name" and "config".
    """
    if not isinstance(config, Mapping) or not {"class_name", "config"} <= config.keys():
        raise ValueError(f"expected {{'class_name': ..., 'config': ...}}, received {config!r}")
    return from_dictionary(config, Optimizer, LearningRateSchedule)
