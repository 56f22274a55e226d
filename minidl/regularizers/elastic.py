"""The elastic net and the bridge: penalties with L1 and L2 as their ends."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.kernels import elastic
from minidl.names.register import register
from minidl.regularizers.norms import Regularizer


@register("l1_l2")
class L1L2(Regularizer):
    """l1 · Σ |w| + l2 · Σ w²; each 0 if left out."""

    l1 = checks.number(0)
    l2 = checks.number(0)

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = l1
        self.l2 = l2

    def forward(self, W: Any, out: Any) -> Any:
        return elastic.l1_l2_forward(W, self.l1, self.l2, out=out)

    def add_gradient(self, W: Any, dW: Any) -> None:
        elastic.l1_l2_backward(dW, W, self.l1, self.l2, out=dW)


@register
class Lp(Regularizer):
    """lp · Σ |w|^p for p >= 1: L1 at p = 1, L2 at p = 2, and all penalties between and beyond.

    At w = 0 the gradient is 0, for p = 1 too.

    Frank & Friedman, "A statistical view of some chemometrics regression tools", Technometrics
    35 (1993): the bridge penalty.

    Args:
        p: in [1, inf).
        lp: >= 0, default 0.01.

    Raises:
        ValueError: p below 1, where |w|^p is not convex, or NaN or infinite.
    """

    p = checks.number(1)
    lp = checks.number(0)

    def __init__(self, p: float, lp: float = 0.01) -> None:
        self.p = p
        self.lp = lp

    def forward(self, W: Any, out: Any) -> Any:
        return elastic.lp_forward(W, self.lp, self.p, out=out)

    def add_gradient(self, W: Any, dW: Any) -> None:
        elastic.lp_backward(dW, W, self.lp, self.p, out=dW)
