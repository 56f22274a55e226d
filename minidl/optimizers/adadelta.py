"""Adadelta: steps as large as earlier steps, over the root of a running mean square."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minidl import checks
from minidl.kernels import adaptive
from minidl.names.register import register
from minidl.optimizers.base import Optimizer


@register
class Adadelta(Optimizer):
    """Adadelta; formula in :mod:`minidl.kernels.adaptive`.

    No penalty can take a proximal step after Adadelta's, whose size is gone by then.

    Args:
        learning_rate: factor of the steps, default 0.001; the paper's is 1.
        rho: share of the running averages that a step keeps, in [0, 1); default 0.95.
        epsilon: inside both roots, > 0; default 1e-7.
        **options: the other arguments of :class:`Optimizer`, such as weight_decay.
    """

    slots: Mapping[str, float] = {"v": 0.0, "d": 0.0}
    no_step_size = (
        "a proximal penalty needs the size of the last step, which Adadelta has replaced by that "
        "of the next: expected another optimizer, or proximal=False"
    )

    rho = checks.number(0, 1)
    epsilon = checks.number(0, ends="()")

    def __init__(
        self,
        learning_rate: float | Callable[..., float] = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.epsilon = epsilon

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        v, d = self.state["v"], self.state["d"]
        numbers = learning_rate, self.rho, self.epsilon
        adaptive.adadelta(theta, grad, v, d, *numbers, out=(theta, v, d))
