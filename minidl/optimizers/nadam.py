"""Nadam: Adam with Nesterov's look-ahead."""

from __future__ import annotations

import itertools
import math
from typing import Any

from minidl import checks
from minidl.kernels import adaptive, step_sizes
from minidl.names.register import register
from minidl.optimizers.adam import Moments

# From this step on, Nadam's momentum is beta_1 to the last bit.
_SETTLED = 1000
# So many factors take some tenths of a second.
_UNLIKELY = 10_000_000


@register
class Nadam(Moments):
    """Adam with Nesterov momentum; formula in :mod:`minidl.kernels.adaptive`.

    The momentum of step t is mu_t = beta_1 · (1 - 0.96ᵗ / 2).

    Args:
        learning_rate: default 0.001.
        beta_1, beta_2, epsilon, **options: as in :class:`~minidl.optimizers.Adam`.
    """

    beta_1 = checks.number(0, 1, then="_forget_product")
    _product = (0, 1.0)

    def _forget_product(self) -> None:
        # As after a resume: the product is that of the momenta that beta_1 means now.
        self._product = (0, 1.0)

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        now, ahead = self._momentum(t), self._momentum(t + 1)
        product = self.momentum_product(t)
        m_rate = learning_rate * ahead / (1 - product * ahead)
        grad_rate = learning_rate * (1 - now) / (1 - product)
        self._gain = m_rate * (1 - self.beta_1**t) + grad_rate
        self._v_scale = 1 / (1 - self.beta_2**t)
        m, v = self.state["m"], self.state["v"]
        adaptive.nadam(
            theta,
            grad,
            m,
            v,
            m_rate,
            grad_rate,
            self._v_scale,
            self.beta_1,
            self.beta_2,
            self.epsilon,
            out=(theta, m, v),
        )

    def step_size(self, part: slice, out: Any) -> Any:
        v = self.state["v"][part]
        return step_sizes.nadam_step_size(v, self._gain, self._v_scale, self.epsilon, out=out)

    def _momentum(self, t: int) -> float:
        return float(self.beta_1 * (1 - 0.5 * 0.96**t))

    def momentum_product(self, t: int) -> float:
        """Π_{i<=t} mu_i: one factor more than last time, or all factors after a resume."""
        last, product = self._product
        if last == t - 1:
            product *= self._momentum(t)
        elif last != t:
            product = math.prod(self._momentum(i) for i in range(1, min(t + 1, _SETTLED)))
            settled = t + 1 - _SETTLED
            # Factor by factor, as in training; by a power where no training can have come so far.
            if settled < _UNLIKELY:
                product = math.prod(itertools.repeat(self.beta_1, max(settled, 0)), start=product)
            else:
                product *= self.beta_1**settled
        self._product = t, product
        return product
