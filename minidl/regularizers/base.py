"""The base of all penalties on the weights of one tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.backend import current, floating
from minidl.backend.array import Number
from minidl.register import kind


@kind("regularizer")
class Regularizer:
    """A penalty on one tensor, P(W) = Σ P(w).

    Attributes:
        proximal: True for a penalty that acts by :meth:`proximal_step` after each update, and not
            by its gradient before the update; False unless the class says otherwise.
    """

    proximal = False

    def forward(self, W: Any, out: Any) -> Any:
        """Write each weight's P(w) into ``out``, of W's shape."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(W, out)")

    def __call__(self, W: Any) -> Any:
        """P(W) of an array, as a number."""
        W = current().to_device(W)
        W = W if W.dtype.kind == "f" else W.astype(floating())
        return Number(self.forward(W, np.empty_like(W)).sum())

    def add_gradient(self, W: Any, dW: Any) -> None:
        """dW ← dW + dP/dW."""
        raise NotImplementedError(f"{type(self).__name__} must define add_gradient(W, dW)")

    def proximal_step(self, W: Any, step: Any) -> None:
        """W ← argmin_U Σ (u - w)² / 2 step + P(u), in place.

        Args:
            W: the weights after the gradient's step.
            step: that step's size, a number or an array of W's shape.
        """
        raise NotImplementedError(f"{type(self).__name__} must define proximal_step(W, step)")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal regularizer."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """An object of the arguments that :meth:`get_config` gave."""
        return cls(**config)
