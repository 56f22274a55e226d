"""A metric by name, function or class, of the kind that suits a loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minidl import losses
from minidl.layers.names import words_of
from minidl.metrics import functions
from minidl.metrics.accuracies import ChosenAccuracy
from minidl.metrics.base import Metric
from minidl.metrics.loss_metrics import LossMetric
from minidl.metrics.means import Mean, MeanMetricWrapper, function_name
from minidl.names.lookup import find, known
from minidl.names.lookup import get as of_kind


def get(identifier: Any, loss: losses.Loss | None = None) -> Metric:
    """A metric by name or function, or ``identifier`` itself.

    "accuracy" and "acc" mean the accuracy that suits the loss's targets. A user's function
    becomes a :class:`MeanMetricWrapper`.

    Args:
        identifier: a name, a function of targets and predictions, a class, a metric or a loss.
        loss: of the network; None for a metric that is used by itself.

    Raises:
        ValueError: unknown name, or a metric of other targets than the loss's.
        TypeError: another kind of object.
    """
    metric = _find(identifier)
    if loss is None:
        return metric
    numbers = loss.labels == "integers"
    if type(metric) is ChosenAccuracy and metric.class_numbers is None:
        metric = ChosenAccuracy(metric.name, class_numbers=numbers)
    if metric.class_numbers not in (None, numbers):
        kinds = {True: "class numbers", False: "rows of targets"}
        remedy = "its form for rows, whose name has no 'sparse'"
        if numbers:
            remedy = "categorical_crossentropy, and utils.to_categorical for the targets"
        raise ValueError(
            f"metric {metric.name!r}: expected {kinds[not numbers]}, received a loss on "
            f"{kinds[numbers]}, {type(loss).__name__}; use {remedy}"
        )
    return metric


def compiled(
    metrics: Any, weighted: Any, loss: losses.Loss, taken: Sequence[str] = ()
) -> list[Metric]:
    """The metrics of a network, as ``compile`` takes them; weighted metrics come last.

    Args:
        metrics, weighted: one, several or None, each as for :func:`get`.
        loss: of the network.
        taken: names of other results.

    Raises:
        ValueError: an unknown name, one that is taken, or an object twice.
        TypeError: something else than a metric, or a metric of values.
    """
    plain = _several(metrics)
    found = [get(item, loss) for item in (*plain, *_several(weighted))]
    if len(set(map(id, found))) < len(found):
        raise ValueError(
            "metrics: expected an object of its own for each metric, received an object twice"
        )
    for metric in found:
        known: Any = type(metric)
        if known.update_state is Mean.update_state and known.update is Mean.update:
            raise TypeError(
                f"metrics: expected metrics of targets and predictions, received {metric.name!r}, "
                f"a {type(metric).__name__} of values; write a function of both, for its mean"
            )
    for place, metric in enumerate(found):
        metric.weighted = place >= len(plain)
    for name in numbered(found):
        if name in taken:
            raise ValueError(f"expected metrics of other names than {taken}, received {name!r}")
    return found


def _several(metrics: Any) -> list[Any]:
    """Metrics as a list, from one metric, from several or from None; also by the one output."""
    if isinstance(metrics, Mapping) and "class_name" not in metrics and len(metrics) == 1:
        (metrics,) = metrics.values()
    if isinstance(metrics, list | tuple):
        nested = len(metrics) == 1 and isinstance(metrics[0], list | tuple)
        return list(metrics[0] if nested else metrics)
    return [] if metrics is None else [metrics]


def _find(identifier: Any) -> Metric:
    described = isinstance(identifier, Mapping) and "class_name" in identifier
    if (
        described
        or isinstance(identifier, Metric)
        or (isinstance(identifier, type) and issubclass(identifier, Metric))
    ):
        return of_kind(Metric, identifier)
    if isinstance(identifier, losses.Loss):
        kind = type(identifier).__name__
        return LossMetric(
            identifier, words_of(kind) if identifier.name == kind else identifier.name
        )
    if not isinstance(identifier, str):
        name = getattr(identifier, "__name__", "")
        if not callable(identifier) or isinstance(identifier, type):
            raise TypeError(
                "metric: expected a name, a function of targets and predictions, or a Metric, "
                f"received {identifier!r}"
            )
        if getattr(functions, name, None) is not identifier:
            return MeanMetricWrapper(identifier, function_name(identifier))
        identifier = name
    if identifier.casefold() in ("accuracy", "acc"):
        return ChosenAccuracy(identifier)
    names = {name.casefold() for name in known(Metric)}
    plain = {kind.__name__.casefold() for kind in known(Metric).values()}
    kinds = (Metric,) if identifier.casefold() in names | plain else (Metric, losses.Loss)
    found = find(identifier, *kinds)
    if issubclass(found, losses.Loss):
        return LossMetric(losses.get(found), identifier)
    metric = of_kind(Metric, found)
    metric.name = identifier
    return metric


def numbered(metrics: Sequence[Metric]) -> list[str]:
    """The names of metrics in a History, each once, as Keras numbers them.

    A second "auc" is "auc_1". A weighted metric whose name is taken becomes "weighted_auc".
    """
    counts: dict[str, int] = {}
    found = []
    for metric in (*_of(metrics, False), *_of(metrics, True)):
        name = metric.name
        if name in counts and metric.weighted:
            name = f"weighted_{name}"
        place = counts.get(name, 0)
        counts[name] = place + 1
        found.append(f"{name}_{place}" if place else name)
    return found


def _of(metrics: Iterable[Metric], weighted: bool) -> list[Metric]:
    return [metric for metric in metrics if metric.weighted == weighted]


def direction(name: str) -> str | None:
    """The direction of the metric of this name, "up" or "down"; None where nothing is known.

    Args:
        name: in a History, without "val_": "auc_1" is an "auc".
    """
    stem = name.rstrip("0123456789")
    for each in (name, stem[:-1] if stem.endswith("_") else name):
        if each in ("acc", "accuracy"):
            return "up"
        found = known(Metric).get(each)
        if found is not None:
            return str(found.direction) if found.direction else None
        if each in known(losses.Loss):
            return "down"
    return None
