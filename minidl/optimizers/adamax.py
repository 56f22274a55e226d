"""Adamax: Adam with the largest gradient so far in place of the mean square."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minidl.kernels import adaptive, step_sizes
from minidl.names.register import register
from minidl.optimizers.adam import Moments


@register
class Adamax(Moments):
    """Adamax; formula in :mod:`minidl.kernels.adaptive`.

    Args:
        learning_rate: default 0.001.
        beta_1: share of the gradient's average that a step keeps, in [0, 1); default 0.9.
        beta_2: share of the largest gradient that a step keeps, in [0, 1); default 0.999.
        epsilon: added to the largest gradient, > 0; default 1e-7.
        **options: the other arguments of :class:`Optimizer`, such as weight_decay.
    """

    slots: Mapping[str, float] = {"m": 0.0, "u": 0.0}

    def __init__(
        self,
        learning_rate: float | Callable[..., float] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        m, u = self.state["m"], self.state["u"]
        # m is (1 - beta_1ᵗ) times a constant gradient.
        self._gain = learning_rate
        rate = learning_rate / (1 - self.beta_1**t)
        numbers = rate, self.beta_1, self.beta_2, self.epsilon
        adaptive.adamax(theta, grad, m, u, *numbers, out=(theta, m, u))

    def step_size(self, part: slice, out: Any) -> Any:
        u = self.state["u"][part]
        return step_sizes.adamax_step_size(u, self._gain, self.epsilon, out=out)
