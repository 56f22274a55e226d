"""Tensors of a network that training does not change."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels.sums import clear, convert
from minidl.parameters import ParameterVector


class Frozen:
    """The tensors with ``trainable`` False: copied before an update, put back afterwards.

    The optimizer updates one vector: momentum or weight decay would change a tensor even without
    a gradient.

    Args:
        parameters: entries with an attribute ``trainable``.
    """

    def __init__(self, parameters: ParameterVector) -> None:
        self._entries = list(parameters)
        self._runs: list[slice] = []
        self._theta: Any = None
        self._kept: list[tuple[Any, Any, Any]] = []

    def keep(self, theta: Any, grad: Any) -> None:
        """Copy the tensors that do not train, and make their gradients 0."""
        runs = self._now()
        if runs != self._runs or theta is not self._theta:
            self._runs, self._theta = runs, theta
            self._kept = [(theta[run], grad[run], np.empty_like(theta[run])) for run in runs]
        for values, gradient, copy in self._kept:
            clear(gradient)
            convert(values, out=copy)

    def put_back(self) -> None:
        """Write the copies back."""
        for values, _, copy in self._kept:
            convert(copy, out=values)

    def _now(self) -> list[slice]:
        """The parts of the vector that do not train now; neighbours are one part."""
        runs: list[slice] = []
        for entry in self._entries:
            if not entry.trainable:
                part = entry.slice
                if runs and runs[-1].stop == part.start:
                    part = slice(runs.pop().start, part.stop)
                runs.append(part)
        return runs
