"""The constraints on a network's weights, held by a projection of each tensor after each update."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.constraints import Constraint
from minidl.parameters import Parameter, ParameterVector


class Projections:
    """The projections of tensors into the sets that constraints allow.

    A constraint is a penalty that is 0 where the constraint holds, and infinite elsewhere; the
    proximal step of this penalty is the projection.

    Args:
        parameters: entries that name their constraints.
    """

    def __init__(self, parameters: ParameterVector) -> None:
        self._entries = list(parameters)
        self._memory: Any = None
        # Views are kept: a device knows arrays by their objects.
        self._views: dict[str, Any] = {}

    @property
    def present(self) -> list[tuple[Parameter, Constraint]]:
        """Entries with their present constraints: a layer's constraint can be exchanged."""
        return [
            (e, e.constraint) for e in self._entries if e.constraint is not None and e.trainable
        ]

    def step(self, theta: Any) -> None:
        """Move the tensors of ``theta`` into their sets, in place."""
        for entry, constraint in self.present:
            constraint.project(*self._tensor(entry, theta))

    def _tensor(self, entry: Parameter, theta: Any) -> tuple[Any, Any]:
        """A tensor, and memory of its shape."""
        known, W, work = self._views.get(entry.name, (None, None, None))
        if known is not theta:
            if self._memory is None:
                self._memory = np.empty_like(theta[: max(e.size for e in self._entries)])
            W = theta[entry.slice].reshape(entry.shape)
            work = self._memory[: W.size].reshape(entry.shape)
            self._views[entry.name] = theta, W, work
        return W, work
