"""Dropout for self-normalizing networks."""

from __future__ import annotations

from typing import Any

from minidl.kernels.alpha_dropout import alpha_dropout_affine, alpha_dropout_forward
from minidl.kernels.dropout import LEVELS, dropout_threshold
from minidl.layers.dropout import Dropout
from minidl.names.register import register


@register
class AlphaDropout(Dropout):
    """Dropout that keeps mean 0 and variance 1, for selu with lecun_normal weights.

    A share of the elements gets the value that selu has far below 0; then all are scaled and
    shifted. Arguments as for :class:`Dropout`.
    """

    def _set_threshold(self) -> None:
        self.threshold, _ = dropout_threshold(self.rate)
        self.scale, self.shift = alpha_dropout_affine(self.threshold / LEVELS)

    def _drop(self, x: Any, out: Any) -> Any:
        return alpha_dropout_forward(x, self.bits, self.threshold, self.scale, self.shift, out=out)
