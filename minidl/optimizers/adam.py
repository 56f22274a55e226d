"""Adam and its relatives AdamW and Nadam: steps from two running averages."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

from minidl import checks
from minidl.kernels import updates
from minidl.optimizers.base import Optimizer
from minidl.register import register

# From this step on, Nadam's momentum is beta_1 to the last bit.
_SETTLED = 1000
# So many factors take some tenths of a second.
_UNLIKELY = 10_000_000


class Moments(Optimizer):
    """The arguments and state that Adam and Nadam share."""

    slots: Mapping[str, float] = {"m": 0.0, "v": 0.0}

    beta_1 = checks.number(0, 1)
    beta_2 = checks.number(0, 1)
    epsilon = checks.number(0, ends="()")

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("beta_1", "beta_2", "epsilon")}
        return {**super().get_config(), **own}


@register
class Adam(Moments):
    """Adam; formulas in :mod:`minidl.kernels.updates`.

    Args:
        learning_rate: default 0.001.
        beta_1: share of the gradient's average that a step keeps, in [0, 1); default 0.9.
        beta_2: the same for its square's; default 0.999.
        epsilon: outside the root, > 0; default 1e-7.
        amsgrad: whether the largest average of squares so far is used; default False.
        **options: weight_decay, clipnorm, clipvalue, global_clipnorm of :class:`Optimizer`.

    Examples:
        >>> theta = np.array([1.0, 1.0])
        >>> Adam(0.1).update(theta, np.array([1e-3, 1e3]))
        >>> theta.round(3)  # the first step is the learning rate's size, whatever the gradient's
        array([0.9, 0.9])
    """

    amsgrad = checks.flag(then="_slot")

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)
        self.amsgrad = amsgrad

    def _slot(self) -> None:
        self.slots = {"m": 0.0, "v": 0.0, **({"v_max": 0.0} if self.amsgrad else {})}
        super()._slot()

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        # m is (1 - beta_1ᵗ) times a constant gradient.
        self._gain = learning_rate * math.sqrt(1 - self.beta_2**t)
        rate = self._gain / (1 - self.beta_1**t)
        state = [self.state[name] for name in self.slots]
        update = updates.amsgrad if self.amsgrad else updates.adam
        update(
            theta,
            grad,
            *state,
            rate,
            self.beta_1,
            self.beta_2,
            self.epsilon,
            out=(theta, *state),
        )

    def step_size(self, part: slice, out: Any) -> Any:
        v = self.state["v_max" if self.amsgrad else "v"][part]
        return updates.adam_step_size(v, self._gain, self.epsilon, out=out)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "amsgrad": self.amsgrad}


@register
class AdamW(Adam):
    """Adam with decoupled weight decay.

    Args:
        learning_rate: default 0.001.
        weight_decay: default 0.004.
        **options: the other arguments of :class:`Adam`.
    """

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        weight_decay: float = 0.004,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **options)


@register
class Nadam(Moments):
    """Adam with Nesterov momentum; formulas in :mod:`minidl.kernels.updates`.

    The momentum of step t is mu_t = beta_1 · (1 - 0.96ᵗ / 2).

    Args:
        learning_rate: default 0.001.
        beta_1, beta_2, epsilon, **options: as in :class:`Adam`.
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
        updates.nadam(
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
        return updates.nadam_step_size(v, self._gain, self._v_scale, self.epsilon, out=out)

    def _momentum(self, t: int) -> float:
        return float(self.beta_1 * (1 - 0.5 * 0.96**t))

    def momentum_product(self, t: int) -> float:
        """Π_{i<=t} mu_i: one factor more than last time, or all factors after a resume."""
        last, product = self._product
        if last != t - 1:
            product = math.prod(self._momentum(i) for i in range(1, min(t, _SETTLED)))
            settled = t - _SETTLED
            # Factor by factor, as in training; by a power where no training can have come so far.
            if settled < _UNLIKELY:
                product = math.prod(itertools.repeat(self.beta_1, max(settled, 0)), start=product)
            else:
                product *= self.beta_1**settled
        self._product = t, product * self._momentum(t)
        return self._product[1]
