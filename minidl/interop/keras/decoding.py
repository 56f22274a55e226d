"""Keras's JSON as objects of minidl: names are looked up in the register, and nothing is run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.constraints import Constraint
from minidl.initializers import Initializer
from minidl.layers import Layer
from minidl.layers.absent import answer
from minidl.losses import Loss
from minidl.metrics import Metric
from minidl.names.configuration import Configured
from minidl.names.in_files import find_class
from minidl.names.lookup import search
from minidl.names.register import Entry, foreign, kinds
from minidl.optimizers import Optimizer
from minidl.optimizers.schedules import LearningRateSchedule
from minidl.regularizers import Regularizer

#: Modules of Keras, and minidl's base class for each.
BASES: dict[str, type] = {
    "keras.layers": Layer,
    "keras.losses": Loss,
    "keras.metrics": Metric,
    "keras.optimizers": Optimizer,
    "keras.optimizers.schedules": LearningRateSchedule,
    "keras.initializers": Initializer,
    "keras.regularizers": Regularizer,
    "keras.constraints": Constraint,
}
#: Limit for the letters of a name; the search for the nearest name takes time and memory.
NAME = 1000

# Arguments of Keras, with the values that minidl's classes always have.
_TRUE_HERE: dict[str, tuple[Any, ...]] = {
    "autocast": (True,),
    "quantization_config": (None,),
    "lora_rank": (None,),
    "lora_alpha": (None,),
    "renorm": (False,),
    "renorm_clipping": (None,),
    "synchronized": (False,),
    "rms_scaling": (False,),
    "data_format": (None, "channels_last"),
    "ignore_class": (None,),
    "input_axes": (None,),
    "output_axes": (None,),
    "loss_scale_factor": (None,),
}
# Arguments without meaning here: the network sets the type of the numbers, and renorm_momentum
# has no effect without renorm.
_UNUSED = ("dtype", "renorm_momentum")


def decode(value: Any) -> Any:
    """The object, or the plain value, for a value in Keras's JSON.

    Raises:
        ValueError, TypeError: minidl lacks the object, or the arguments are wrong.
    """
    if isinstance(value, list):
        return [decode(item) for item in value]
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, str) and len(value) > NAME:
        raise ValueError(f"expected a name of up to {NAME} letters, received {len(value)}")
    return value


def _object(item: Mapping[str, Any]) -> Any:
    name, config = item.get("class_name"), item.get("config")
    if name == "__tuple__" and isinstance(item.get("items"), list):
        return decode(item["items"])
    # A function is known by its name, as "relu" is.
    if name == "function" and item.get("module") == "builtins" and isinstance(config, str):
        return decode(config)
    # An activation that is a lambda has lost its class: its code alone is there.
    if name == "__lambda__" or item.keys() == {"value"}:
        raise ValueError("expected the name of a function, received a lambda, which is never run")
    if not isinstance(name, str) or not isinstance(config, Mapping):
        raise ValueError(f"expected a class and its config, received {sorted(item)[:9]}")
    kind = class_of(item)
    arguments = {key: decode(each) for key, each in _wanted(kind, config).items()}
    return kind.from_config(arguments) if issubclass(kind, Configured) else kind(**arguments)


def _wanted(kind: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a class of minidl takes."""
    found = {
        key: value
        for key, value in config.items()
        if key not in _UNUSED and not (key in _TRUE_HERE and value in _TRUE_HERE[key])
    }
    if issubclass(kind, LearningRateSchedule):
        found.pop("name", None)
    if issubclass(kind, Loss | Metric) and found.get("axis") == -1:
        del found["axis"]
    return found


def class_of(item: Mapping[str, Any]) -> Any:
    """The class of a JSON object: minidl's, or the caller's.

    Raises:
        ValueError: no such class; for a layer of Keras the message names the replacement.
    """
    name, module = item["class_name"][:NAME], item.get("module")
    base = BASES.get(module) if isinstance(module, str) else None
    if base is None:
        registered = item.get("registered_name")
        return find_class(registered[:NAME] if isinstance(registered, str) else name)

    def suits(entry: Entry) -> bool:
        return entry.base is base and not foreign(entry.full)

    try:
        return search(name, kinds[base], suits, list)  # the message is written below
    except ValueError:
        reason = answer(name) if base is Layer else None
        raise ValueError(reason or f"no {kinds[base]} of minidl's is called {name!r}") from None
