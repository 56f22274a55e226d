"""Gradient clipping: of each entry, of each tensor's norm, or of the norm of all."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.kernels import clipping
from minidl.parameters import Parameter

CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")
OF_TENSORS = (
    "clipnorm is each tensor's: expected build(model.theta, model.parameters) before the first "
    "update, received a vector alone"
)


def _limit(optimizer: Any, name: str, value: Any) -> float | None:
    """The check of the ways of clipping: at most one is set."""
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


class Clipping:
    """The part of an optimizer that clips the gradient, in one of three ways."""

    clipnorm: Any = checks.Attribute(_limit)
    clipvalue: Any = checks.Attribute(_limit)
    global_clipnorm: Any = checks.Attribute(_limit)
    _theta: Any
    _norm: Any
    _work: Any = None
    _tensors: list[Parameter] | None

    def _clip(self, grad: Any) -> None:
        if self.clipvalue is not None:
            clipping.clip_by_value(grad, self.clipvalue, out=grad)
        elif self.global_clipnorm is not None:
            clipping.clip_by_norm(grad, self.global_clipnorm, self._room, self._norm)
        elif self.clipnorm is not None:
            work = self._room
            for entry in self._tensors or ():
                part = entry.slice
                clipping.clip_by_norm(grad[part], self.clipnorm, work[part], self._norm)

    @property
    def _room(self) -> Any:
        """Memory of the vector's size, from when a norm is first clipped."""
        if self._work is None:
            self._work = np.empty_like(self._theta())
        return self._work
