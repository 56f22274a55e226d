"""Sums of metrics in which each row counts with its weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.kernels import counts, sums

if TYPE_CHECKING:
    from minidl.metrics.accuracies import Share
    from minidl.metrics.base import Metric


def add(metric: Metric, predictions: Any, y: Any, weight: Any) -> None:
    """Add a batch to both sums of a metric: that of the rows' weighted values, and of the weights.

    Args:
        metric: bound.
        predictions, y: as for :meth:`minidl.metrics.Metric.update`.
        weight: (N, 1) or (N, units); None for ones.

    Raises:
        NotImplementedError: the metric is of another class, which counts all rows alike.
    """
    if weight is None:
        metric._count(predictions, y, metric._batch)
    elif hasattr(metric, "_count_weighted"):
        metric._count_weighted(predictions, y, weight, metric._batch)
    else:
        raise NotImplementedError(
            f"{type(metric).__name__} must define _count_weighted to be among weighted_metrics"
        )
    sums.add(metric._sum[0, ...], metric._batch)
    add_weights(metric, len(predictions), weight)


def add_weights(metric: Metric, rows: int, weight: Any) -> None:
    """Add the rows' mean weights to a metric's sum of weights; None stands for ones."""
    total = metric._sum[1, ...]
    if weight is None:
        sums.add(total, float(rows))
        return
    sums.sum_all(weight, out=metric._number)
    sums.scale(metric._number, 1 / weight.shape[1], out=metric._batch)
    sums.add(total, metric._batch)


def add_up(metric: Metric, values: Any, weight: Any, work: Any, out: Any) -> None:
    """out = (1/U) Σ_nu w_nu v_nu.

    Args:
        metric: bound.
        values: (N, U).
        weight: (N, 1) or (N, U).
        work: (N, U), overwritten.
        out: 0-d, overwritten.
    """
    counts.sum_weighted(values, weight, work, metric._number)
    sums.scale(metric._number, 1 / values.shape[1], out=out)


def count_right(metric: Share, predictions: Any, y: Any, weight: Any, out: Any) -> None:
    """out = (1/U) Σ_nu w_nu [n, u is right], for the booleans that an accuracy's count returns."""
    right = metric._count(predictions, y, out).reshape(len(predictions), -1)
    units = right.shape[1]
    check(metric, weight, units)
    work = metric._work if units > 1 else metric._column
    add_up(metric, right, weight, work[: len(right)], out)


def check(metric: Metric, weight: Any, columns: int) -> None:
    """Refuse weights of more columns.

    Raises:
        ValueError: several weights for a row.
    """
    if weight.shape[1] > columns:
        raise ValueError(
            f"{metric.name}: expected one weight for each row, received {weight.shape[1]}"
        )
