"""Adam: steps from two running averages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from minidl import checks
from minidl.kernels import adaptive, step_sizes, updates
from minidl.names.register import register
from minidl.optimizers.base import Optimizer


class Moments(Optimizer):
    """The arguments and state that Adam and its relatives share."""

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

    @property
    def slots(self) -> Mapping[str, float]:
        return {"m": 0.0, "v": 0.0}


@register
class Adam(Moments):
    """Adam; formulas in :mod:`minidl.kernels.updates`.

    Args:
        learning_rate: default 0.001.
        beta_1: share of the gradient's average that a step keeps, in [0, 1); default 0.9.
        beta_2: the same for its square's; default 0.999.
        epsilon: outside the root, > 0; default 1e-7.
        amsgrad: whether the largest average of squares so far is used; default False.
        **options: the other arguments of :class:`Optimizer`, such as weight_decay.

    Examples:
        >>> theta = np.array([1.0, 1.0])
        >>> Adam(0.1).update(theta, np.array([1e-3, 1e3]))
        >>> theta.round(3)  # the first step is the learning rate's size, whatever the gradient's
        array([0.9, 0.9])
    """

    amsgrad = checks.flag(then="_follow")

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

    @property
    def slots(self) -> Mapping[str, float]:
        return {**super().slots, **({"v_max": 0.0} if self.amsgrad else {})}

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        # m is (1 - beta_1ᵗ) times a constant gradient.
        self._gain = learning_rate * math.sqrt(1 - self.beta_2**t)
        rate = self._gain / (1 - self.beta_1**t)
        state = [self.state[name] for name in self.slots]
        update = adaptive.amsgrad if self.amsgrad else updates.adam
        numbers = rate, self.beta_1, self.beta_2, self.epsilon
        update(theta, grad, *state, *numbers, out=(theta, *state))

    def step_size(self, part: slice, out: Any) -> Any:
        v = self.state["v_max" if self.amsgrad else "v"][part]
        return step_sizes.adam_step_size(v, self._gain, self.epsilon, out=out)
