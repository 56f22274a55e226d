"""AdamW: Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.names.register import register
from minidl.optimizers.adam import Adam


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
