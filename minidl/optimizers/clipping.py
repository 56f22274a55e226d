"""Gradient clipping: of each entry, of each tensor's norm, or of the norm of all."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.kernels import clipping

CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")
OF_TENSORS = (
    "clipnorm is each tensor's: expected build(model.theta, model.parameters) before the first "
    "update, received a vector alone"
)


def checked(optimizer: Any, name: str, value: Any) -> float | None:
    """The check of ``clipnorm``, ``clipvalue``, ``global_clipnorm``: at most one is not None."""
    if value is None:
        return None
    others = {other: vars(optimizer).get(other) for other in CLIPS if other != name}
    given = {other: limit for other, limit in others.items() if limit is not None}
    number = checks.real(name, value, 0, ends="()")
    if given:
        raise ValueError(
            f"expected at most one way of clipping, received { ({**given, name: number}) }; set "
            f"{next(iter(given))} to None before"
        )
    if name == "clipnorm" and optimizer.built and optimizer._tensors is None:
        raise ValueError(OF_TENSORS)
    return number


def clip(optimizer: Any, grad: Any) -> None:
    """Clip ``grad`` in place, in the one way that is set, if any."""
    if optimizer.clipvalue is not None:
        clipping.clip_by_value(grad, optimizer.clipvalue, out=grad)
    elif optimizer.global_clipnorm is not None:
        limit, work = optimizer.global_clipnorm, _work(optimizer)
        clipping.clip_by_norm(grad, limit, work, optimizer._norm)
    elif optimizer.clipnorm is not None:
        limit, work = optimizer.clipnorm, _work(optimizer)
        for entry in optimizer._tensors or ():
            part = entry.slice
            clipping.clip_by_norm(grad[part], limit, work[part], optimizer._norm)


def _work(optimizer: Any) -> Any:
    """Memory of the vector's size, from when a norm is first clipped."""
    if optimizer._work is None:
        optimizer._work = np.empty_like(optimizer._theta())
    return optimizer._work
