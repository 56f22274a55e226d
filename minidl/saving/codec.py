"""Objects as JSON and back: a class becomes its name, an object its constructor's arguments."""

from __future__ import annotations

from typing import Any

from minidl import checks, initializers, layers, losses, metrics, optimizers, regularizers
from minidl.layers import Layer
from minidl.losses import Loss
from minidl.metrics import Metric
from minidl.optimizers import Optimizer, schedules

#: Letters in a text among the arguments.
NAME = 1000

_BASES = (
    Layer,
    Optimizer,
    Loss,
    Metric,
    initializers.Initializer,
    regularizers.Regularizer,
    schedules.LearningRateSchedule,
)


def describe(model: Any) -> dict[str, Any]:
    """The configuration of a model for a file: JSON, all but the vectors.

    "layers", "dtype" and "input_shape" describe the network; "optimizer", "loss" and "metrics", of
    a compiled model only, describe the training; "seed", "step", "iterations" and
    "accumulated_learning_rate" the place in the training.

    Raises:
        ValueError: the model holds an object of a class that is not minidl's.
    """
    model.build()
    config: dict[str, Any] = {
        "name": model.name,
        "dtype": model.dtype.name,
        "seed": model.seed,
        "step": model.step,
        "input_shape": list(model.input_shape or ()),
        "layers": [encode(layer) for layer in model.layers],
    }
    if model.optimizer is not None:
        config["optimizer"] = encode(model.optimizer)
        config["iterations"] = model.optimizer.iterations
        config["accumulated_learning_rate"] = model.optimizer.accumulated_learning_rate
        config["loss"] = encode(model._loss)
        config["metrics"] = [encode(metric) for metric in model._metrics]
    return config


def encode(value: Any) -> Any:
    """``value`` as JSON; an object becomes {"class": name, "config": its arguments}.

    Raises:
        ValueError: an object of a class that is not minidl's.
    """
    if isinstance(value, _BASES):
        name = type(value).__name__
        if _classes().get(name) is not type(value):
            raise ValueError(
                f"cannot save {name}: expected classes of minidl only, because the file holds "
                "names, not code"
            )
        return {"class": name, "config": {k: encode(v) for k, v in value.get_config().items()}}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return value


def decode(value: Any, kind: type[Any]) -> Any:
    """The object of ``kind`` for JSON that :func:`encode` made.

    Raises:
        ValueError, TypeError: the JSON is of no such object.
    """
    found = _decode(value)
    if not isinstance(found, kind):
        shown = type(found).__name__
        raise TypeError(f"expected an object of {kind.__name__}, received one of {shown}")
    return found


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() != {"class", "config"} or not isinstance(value["config"], dict):
            raise ValueError(f"expected a class and its config, received {sorted(value)[:9]}")
        name = _decode(value["class"])
        if not isinstance(name, str):
            raise TypeError("expected the name of a class, received something else")
        kind = checks.lookup("class in the file", name, _classes())
        return kind(**{name: _decode(item) for name, item in value["config"].items()})
    if isinstance(value, list):
        return [_decode(item) for item in value]
    # The search for the name nearest to an unknown name takes time and memory.
    if isinstance(value, str) and len(value) > NAME:
        raise ValueError(f"expected a name of up to {NAME} letters, received {len(value)}")
    return value


def _classes() -> dict[str, type[Any]]:
    tables = (
        initializers.TABLE,
        regularizers.TABLE,
        optimizers.TABLE,
        losses.TABLE,
        metrics.TABLE,
        schedules.TABLE,
    )
    found: list[type[Any]] = [kind for table in tables for kind in table.values()]
    found += [kind for name in layers.__all__ if isinstance(kind := getattr(layers, name), type)]
    found.remove(Layer)  # the base, which computes nothing
    return {kind.__name__: kind for kind in found}
