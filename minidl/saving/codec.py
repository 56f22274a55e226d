"""Objects as JSON and back: an object becomes a class name and constructor arguments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from minidl.activations import ActivationFunction
from minidl.backend.recorder import replaced
from minidl.constraints import Constraint
from minidl.initializers import Initializer
from minidl.layers import Layer
from minidl.losses import Loss
from minidl.metrics import Metric, functions
from minidl.names.configuration import Configured
from minidl.names.in_files import find_class, find_function, function_name_of, name_of
from minidl.optimizers import Optimizer
from minidl.optimizers.schedules import LearningRateSchedule
from minidl.regularizers import Regularizer

#: Limit for the letters of a text among the arguments.
NAME = 1000
#: Deepest nesting of models.
DEPTH = 16

_BASES = (
    ActivationFunction,
    Layer,
    Optimizer,
    Loss,
    Metric,
    Initializer,
    Regularizer,
    Constraint,
    LearningRateSchedule,
)


def describe(model: Any) -> dict[str, Any]:
    """The configuration of a model for a file, as JSON without the vectors.

    "layers", "dtype" and "input_shape" describe the network. For a compiled model, "optimizer",
    "loss", "metrics" and, if there are any, "weighted_metrics" describe the training. "seed",
    "step", "iterations" and "accumulated_learning_rate" give the progress of training.

    Raises:
        ValueError: two classes in the model have the same name.
    """
    model.build()
    config: dict[str, Any] = {
        "name": model.name,
        "dtype": model.dtype.name,
        "seed": model.seed,
        "step": model.step,
        "input_shape": list(model.input_row or ()),
        "layers": encode_row(model.entries),
    }
    if model.shows_input:
        config["shows_input"] = True
    if model.optimizer is not None:
        config["optimizer"] = encode(model.optimizer)
        config["iterations"] = int(model.optimizer.batches)
        config["accumulated_learning_rate"] = model.optimizer.accumulated_learning_rate
        config["loss"] = encode(model._loss)
        config |= {"loss_weights": model._loss.weight} if model._loss.weight != 1 else {}
        for name, weighted in (("metrics", False), ("weighted_metrics", True)):
            found = [encode(metric) for metric in model._metrics if metric.weighted == weighted]
            if found or not weighted:
                config[name] = found
    return config


def encode_row(layers: Iterable[Any]) -> list[Any]:
    """Layers as JSON; a nested model becomes {"model": name, "layers": list of layers}."""
    return [
        encode(each) if isinstance(each, Layer) else _within(each.name, encode_row(each.entries))
        for each in layers
    ]


def _within(name: str, layers: list[Any]) -> dict[str, Any]:
    return {"model": name, "layers": layers}


def decode_row(row: Any, depth: int = 0) -> list[Any]:
    """The layers for JSON of :func:`encode_row`, and (name, layers) for each nested model.

    Raises:
        ValueError, TypeError: the JSON describes no row of layers.
    """
    if depth > DEPTH or not isinstance(row, list):
        raise ValueError(f"expected lists of layers within up to {DEPTH} others")
    found: list[Any] = []
    for item in row:
        if isinstance(item, dict) and item.keys() == {"model", "layers"}:
            if not (isinstance(item["model"], str) and item["model"]):
                raise ValueError("expected the name of a model, received something else")
            found.append((item["model"], decode_row(item["layers"], depth + 1)))
        else:
            found.append(decode(item, Layer))
    return found


def flat(row: Iterable[Any]) -> Iterator[Any]:
    """The layers of a row of :func:`decode_row`, or of the row's JSON, without nesting."""
    for item in row:
        if isinstance(item, tuple):
            yield from flat(item[1])
        elif isinstance(item, dict) and "model" in item:
            yield from flat(item["layers"])
        else:
            yield item


def encode(value: Any) -> Any:
    """Encode ``value`` as JSON: an object as {"class": name, "config": arguments},
    an activation function as its name, and any other function as {"function": name}.

    Raises:
        ValueError: another class, or another function, has the same name.
    """
    if isinstance(value, _BASES):
        value = replaced(value)
        if isinstance(value, ActivationFunction):
            return name_of(value)
        name = name_of(type(value))
        return {"class": name, "config": {k: encode(v) for k, v in value.get_config().items()}}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return {"function": function_name_of(value)} if callable(value) else value


def decode(value: Any, kind: type[Any]) -> Any:
    """The object of ``kind`` for JSON that :func:`encode` made.

    Raises:
        ValueError, TypeError: the JSON describes no such object.
    """
    found = _decode(value)
    if not isinstance(found, kind):
        shown = type(found).__name__
        raise TypeError(f"expected an object of {kind.__name__}, received one of {shown}")
    return found


def _function(name: str) -> Any:
    """A function of minidl's metrics, or a function of the caller's ``custom_objects``."""
    package, _, plain = name.rpartition(">")
    if package == "minidl" and plain in functions.__all__:
        return getattr(functions, plain)
    return find_function(name)


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"function"} and isinstance(value["function"], str):
            return _function(value["function"][:NAME])
        if value.keys() != {"class", "config"} or not isinstance(value["config"], dict):
            raise ValueError(f"expected a class and its config, received {sorted(value)[:9]}")
        name = _decode(value["class"])
        if not isinstance(name, str):
            raise TypeError("expected the name of a class, received something else")
        kind = find_class(name)
        config = {name: _decode(item) for name, item in value["config"].items()}
        return kind.from_config(config) if issubclass(kind, Configured) else kind(**config)
    if isinstance(value, list):
        return [_decode(item) for item in value]
    # The search for the name nearest to an unknown name takes time and memory.
    if isinstance(value, str) and len(value) > NAME:
        raise ValueError(f"expected a name of up to {NAME} letters, received {len(value)}")
    return value
