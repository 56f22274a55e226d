"""Lion: steps of one size, in the direction of an average's sign."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minidl import checks
from minidl.kernels import adaptive
from minidl.names.register import register
from minidl.optimizers.base import Optimizer


@register
class Lion(Optimizer):
    """Lion; formula in :mod:`minidl.kernels.adaptive`.

    No penalty can take a proximal step after Lion's, which have the same size for all gradients.

    Args:
        learning_rate: default 0.001.
        beta_1: share of the average in a step's direction, in (0, 1]; default 0.9.
        beta_2: share of the average that a step keeps, in [0, 1]; default 0.99.
        **options: the other arguments of :class:`Optimizer`, such as weight_decay.
    """

    slots: Mapping[str, float] = {"m": 0.0}
    no_step_size = (
        "a proximal penalty needs steps in proportion to the gradient: expected another optimizer, "
        "or proximal=False, received Lion, whose steps have one size"
    )

    beta_1 = checks.number(0, 1, ends="(]")
    beta_2 = checks.number(0, 1, ends="[]")

    def __init__(
        self,
        learning_rate: float | Callable[..., float] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        m = self.state["m"]
        adaptive.lion(theta, grad, m, learning_rate, self.beta_1, self.beta_2, out=(theta, m))
