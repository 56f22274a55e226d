"""FTRL: the weights that would have been best so far, with penalties of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from minidl import checks
from minidl.kernels import adaptive
from minidl.names.register import register
from minidl.optimizers.base import Optimizer
from minidl.optimizers.variables import initial_value


def _power(optimizer: Ftrl, name: str, value: Any) -> float:
    if checks.real(name, value, -math.inf, ends="()") > 0:
        raise ValueError(f"{name}: expected a number in (-inf, 0], received {value!r}")
    return float(value)


@register
class Ftrl(Optimizer):
    """Follow the regularized leader; formula in :mod:`minidl.kernels.adaptive`.

    No other penalty can take a proximal step after this optimizer's, which takes one itself.

    Args:
        learning_rate: > 0, default 0.001.
        learning_rate_power: power of the sum of squares in the rate, <= 0; default -0.5.
        initial_accumulator_value: initial sum of squares, >= 0; default 0.1.
        l1_regularization_strength: factor of Σ |w|, >= 0; default 0.
        l2_regularization_strength: factor of Σ w², >= 0; default 0.
        l2_shrinkage_regularization_strength: factor of Σ w² in the gradient alone, >= 0;
            default 0.
        beta: beta / (2 · learning_rate) is added to the second strength, >= 0; default 0.
        **options: the other arguments of :class:`Optimizer`, such as weight_decay.

    Raises:
        ValueError: also at an update with a learning rate of 0, by which the formula divides.
    """

    no_step_size = (
        "Ftrl takes the proximal step itself: expected l1_regularization_strength in place of a "
        "proximal penalty"
    )

    learning_rate_power: Any = checks.Attribute(_power)
    initial_accumulator_value: Any = checks.Attribute(initial_value)
    l1_regularization_strength = checks.number(0)
    l2_regularization_strength = checks.number(0)
    l2_shrinkage_regularization_strength = checks.number(0)
    beta = checks.number(0)

    def __init__(
        self,
        learning_rate: float | Callable[..., float] = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    @property
    def slots(self) -> Mapping[str, float]:
        return {"accumulator": self.initial_accumulator_value, "z": 0.0}

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        if learning_rate == 0:
            raise ValueError("learning_rate: Ftrl divides by it; expected > 0, received 0")
        numbers = (
            learning_rate,
            self.l1_regularization_strength,
            self.l2_regularization_strength + self.beta / (2 * learning_rate),
            self.l2_shrinkage_regularization_strength,
        )
        accumulator, z = self.state["accumulator"], self.state["z"]
        given, out = (theta, grad, accumulator, z, *numbers), (theta, accumulator, z)
        if self.learning_rate_power == -0.5:
            adaptive.ftrl(*given, out=out)
        else:
            adaptive.ftrl_power(*given, -self.learning_rate_power, out=out)
