"""The layer normalization layer."""

from __future__ import annotations

from typing import Any

from minidl.backend import Backend
from minidl.kernels.batchnorm import batchnorm_parameter_gradients
from minidl.kernels.layernorm import layernorm_backward, layernorm_forward
from minidl.layers.affine import Affine
from minidl.layers.base import first_rows
from minidl.names.register import register


@register
class LayerNormalization(Affine):
    """y = gamma · (x - mean) / √(variance + epsilon) + beta, row by row.

    Mean and variance are taken over one row's features, in training as in inference. Arguments and
    attributes are as in :class:`Affine`, in this order: axis, epsilon, center, scale, and the rest
    by name.
    """

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        super().bind(rows, backend, dtype)
        self._work = backend.xp.empty_like(self._y)
        self._row, self._total, self._inverse = (
            backend.xp.empty((rows, 1), dtype=dtype) for _ in range(3)
        )

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        rows = len(x)
        self.x_hat, self.inverse = first_rows(self._x_hat, rows), first_rows(self._inverse, rows)
        self.y = layernorm_forward(
            x, self.gamma, self.beta, self.epsilon, first_rows(self._row, rows), self.inverse,
            self.x_hat, first_rows(self._y, rows),
        )  # fmt: skip
        return self.y

    def backward(self, dy: Any) -> Any:
        rows = len(dy)
        dx, work = first_rows(self._dx, rows), first_rows(self._work, rows)
        batchnorm_parameter_gradients(dy, self.x_hat, self.dgamma, self.dbeta, work=work)
        if not self.needs_dx:
            return None
        return layernorm_backward(
            dy, self.x_hat, self.inverse, self.gamma, first_rows(self._row, rows),
            first_rows(self._total, rows), work, dx,
        )  # fmt: skip
