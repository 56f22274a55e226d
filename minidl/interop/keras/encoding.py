"""Objects of minidl as Keras's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.activations import ActivationFunction
from minidl.constraints import Constraint
from minidl.initializers import IdentityInitializer, Initializer
from minidl.interop.keras.decoding import BASES
from minidl.interop.keras.optimizers import GROUPS
from minidl.layers import Layer, Sigmoid, Tanh
from minidl.losses import Loss, SparseCategoricalCrossentropy
from minidl.losses import get as loss_of
from minidl.metrics import ChosenAccuracy, LossMetric, Metric
from minidl.names.configuration import changed
from minidl.names.in_files import name_of
from minidl.optimizers import Optimizer
from minidl.optimizers.schedules import LearningRateSchedule
from minidl.regularizers import Lp, Regularizer

# Keras's class names, where they differ from minidl's.
_NAMES: dict[type, str] = {
    IdentityInitializer: "Identity",
    Sigmoid: "Activation",
    Tanh: "Activation",
}
_NO_ACTIVATIONS = ("bounded_relu", "gelu_tanh")
_MODULES = {base: module for module, base in BASES.items()}
_OBJECTS = (
    Layer, Loss, Metric, Optimizer, LearningRateSchedule, Initializer, Regularizer, Constraint,
)  # fmt: skip


def item(module: str, name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """An object of Keras as JSON."""
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def policy(dtype: str) -> dict[str, Any]:
    """The DTypePolicy of a type of numbers."""
    return item("keras", "DTypePolicy", {"name": dtype})


def layer(thing: Layer, dtype: str) -> dict[str, Any]:
    """A layer as JSON.

    Args:
        thing: the layer.
        dtype: name of the type of the layer's numbers.

    Raises:
        ValueError: Keras lacks the layer, or a part of the layer.
    """
    if "/" in thing.name:
        raise ValueError("Keras's names have no slash")
    found = encode(thing, dtype)
    return {**found, "config": {**found["config"], "trainable": thing.trainable}}


def metric(thing: Metric) -> Any:
    """A metric as JSON, or as a name.

    Raises:
        ValueError: Keras has no such metric.
    """
    if isinstance(thing, ChosenAccuracy):
        return "accuracy"
    if type(thing) is not LossMetric:
        return encode(thing)
    try:
        named = loss_of(thing.name)
    except ValueError:
        named = None
    same = named is not None and encode(named) == encode(thing.loss)
    return thing.name if same else encode(thing.loss)


def encode(value: Any, dtype: str = "float32") -> Any:
    """A value among the arguments of an object, or an object.

    Args:
        value: JSON, or an object of minidl.
        dtype: type of layers among the arguments.

    Raises:
        ValueError: Keras has no such thing.
    """
    if isinstance(value, ActivationFunction):
        _check_activation(name := name_of(value))
        return name
    if isinstance(value, _OBJECTS):
        return _object(value, dtype)
    if isinstance(value, list | tuple):
        return [encode(each, dtype) for each in value]
    if callable(value):
        raise ValueError(f"a function of your own, {getattr(value, '__name__', value)!r}")
    return value


def _object(thing: Any, dtype: str) -> dict[str, Any]:
    kind, base = type(thing), next(each for each in _OBJECTS if isinstance(thing, each))
    if ">" in name_of(kind):
        raise ValueError(f"{kind.__name__} is a class of your own")
    if isinstance(thing, Lp) or getattr(thing, "proximal", False):
        raise ValueError(f"Keras has no regularizer {kind.__name__}, or none that is proximal")
    if isinstance(thing, Optimizer) and kind.__name__ not in GROUPS:
        raise ValueError(f"Keras has no optimizer {kind.__name__}")
    if isinstance(thing, SparseCategoricalCrossentropy) and thing.label_smoothing:
        raise ValueError(f"Keras's {kind.__name__} has no label_smoothing")
    # Some versions of Keras lack some arguments, so an argument at its default is left out.
    config = changed(thing) if isinstance(thing, Loss) else thing.get_config()
    if config.get("name") == kind.__name__:
        del config["name"]
    config = {key: encode(each, dtype) for key, each in config.items()}
    if "exclude_from_weight_decay" in config:
        raise ValueError("exclude_from_weight_decay has no place in the file")
    if isinstance(thing, Layer):
        config = _of_layer(thing, config) | {"dtype": policy(dtype)}
    return item(_MODULES[base], _NAMES.get(kind, kind.__name__), config)


def _of_layer(thing: Layer, config: dict[str, Any]) -> dict[str, Any]:
    """A layer's arguments in Keras's form."""
    config.pop("input_shape", None)  # said by the Input
    if config.get("activity_regularizer") is None:  # which some of Keras's layers do not take
        config.pop("activity_regularizer", None)
    if isinstance(thing, Sigmoid | Tanh):
        config["activation"] = type(thing).__name__.lower()
    if "activation" in config:
        config["activation"] = config["activation"] or "linear"
        if isinstance(config["activation"], str):
            _check_activation(config["activation"])
    return config


def _check_activation(name: str) -> None:
    if ">" in name or name in _NO_ACTIVATIONS:
        raise ValueError(f"Keras has no activation of the name {name!r}")
