"""A metric by name, function or class, of the kind that suits a loss."""

from __future__ import annotations

from typing import Any

from minidl import losses
from minidl.lookup import find
from minidl.lookup import get as of_kind
from minidl.metrics import functions
from minidl.metrics.base import Metric
from minidl.metrics.objects import Accuracy, LossMetric


def get(identifier: Any, loss: losses.Loss) -> Metric:
    """A metric by name or function, or ``identifier`` itself.

    "accuracy" and "acc" mean the accuracy that suits the loss's targets.

    Raises:
        ValueError: unknown name, or a metric of other targets than the loss's.
        TypeError: another kind of object.
    """
    metric = _find(identifier)
    numbers = loss.labels == "integers"
    if type(metric) is Accuracy and metric.class_numbers is None:
        metric = Accuracy(metric.name, class_numbers=numbers)
    if metric.class_numbers not in (None, numbers):
        kinds = {True: "class numbers", False: "rows of targets"}
        raise ValueError(
            f"metric {metric.name!r}: expected {kinds[not numbers]}, received a loss on "
            f"{kinds[numbers]}, {type(loss).__name__}"
        )
    return metric


def _find(identifier: Any) -> Metric:
    if isinstance(identifier, Metric | type):
        return of_kind(Metric, identifier)
    if not isinstance(identifier, str):
        name = getattr(identifier, "__name__", "")
        if identifier is None or getattr(functions, name, None) is not identifier:
            raise TypeError(
                "metric: expected a name, a function of minidl.metrics or minidl.losses, or a "
                f"Metric, received {identifier!r}"
            )
        identifier = name
    found = find(identifier, Metric, losses.Loss)
    if issubclass(found, losses.Loss):
        return LossMetric(losses.get(found), identifier)
    metric = of_kind(Metric, found)
    metric.name = identifier
    return metric
