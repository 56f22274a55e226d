"""Adagrad: steps divided by the root of the sum of squares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minidl import checks
from minidl.kernels import adaptive, step_sizes
from minidl.names.register import register
from minidl.optimizers.base import Optimizer
from minidl.optimizers.variables import initial_value


@register
class Adagrad(Optimizer):
    """Adagrad; formula in :mod:`minidl.kernels.adaptive`.

    Args:
        learning_rate: default 0.001.
        initial_accumulator_value: initial sum of squares, >= 0; default 0.1.
        epsilon: inside the root, > 0; default 1e-7.
        **options: the other arguments of :class:`Optimizer`, such as weight_decay.
    """

    initial_accumulator_value: Any = checks.Attribute(initial_value)
    epsilon = checks.number(0, ends="()")

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    @property
    def slots(self) -> Mapping[str, float]:
        return {"accumulator": self.initial_accumulator_value}

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        accumulator = self.state["accumulator"]
        adaptive.adagrad(
            theta, grad, accumulator, learning_rate, self.epsilon, out=(theta, accumulator)
        )

    def step_size(self, part: slice, out: Any) -> Any:
        accumulator = self.state["accumulator"][part]
        return step_sizes.rmsprop_step_size(
            accumulator, self.accumulated_learning_rate, self.epsilon, out=out
        )
