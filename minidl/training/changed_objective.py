"""An objective made anew while ``fit`` goes on: another loss or metric, or a larger batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minidl.losses import Loss
    from minidl.metrics import Metric
    from minidl.training.objective import Objective


def renewed(objective: Objective, loss: Loss, metrics: Sequence[Metric]) -> Objective:
    """An objective with the present loss and metrics of a model; the given one if unchanged.

    Raises:
        ValueError: another kind of targets or other names than before.
    """
    if _unchanged(objective._sources, noted((loss, *metrics))):
        return objective
    new = _anew(objective, loss, metrics, objective._rows)
    kinds = [
        (each.loss.labels, sorted(metric.name for metric in each.metrics))
        for each in (objective, new)
    ]
    if kinds[0] != kinds[1]:
        raise ValueError(
            "while fit goes on, expected a loss on the same kind of targets and metrics of the "
            f"same names, {kinds[0]}, received {kinds[1]}; to train for something else, end "
            "this fit with model.stop_training = True, compile and fit again"
        )
    return new


def widened(objective: Objective, rows: int) -> Objective:
    """An objective for batches of up to so many rows, with the sums of the given one."""
    if rows <= objective._rows:
        return objective
    loss, *metrics = (part for part, _ in objective._sources)
    new = _anew(objective, loss, metrics, rows)
    for old, measure in zip(objective.measures, new.measures, strict=True):
        measure.set_state(old.get_state())
    return new


def noted(parts: Sequence[Any]) -> list[tuple[Any, dict[str, Any]]]:
    """A loss and metrics, and their attributes of now."""
    return [(part, dict(vars(part))) for part in parts]


def _anew(objective: Objective, loss: Loss, metrics: Sequence[Metric], rows: int) -> Objective:
    new = type(objective)(objective.network, loss, metrics, rows)
    if objective._split:
        new.split_loss(always=True)
    return new


def _unchanged(before: Sequence[Any], now: Sequence[Any]) -> bool:
    """True if nothing has been exchanged or set."""
    return len(before) == len(now) and all(
        a is b and list(then) == list(new) and all(map(_same, then.values(), new.values()))
        for (a, then), (b, new) in zip(before, now, strict=True)
    )


def _same(a: Any, b: Any) -> bool:
    return a is b or (isinstance(a, int | float | str) and type(a) is type(b) and a == b)
