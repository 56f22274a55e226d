"""Penalties on the weights of one tensor."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.kernels import penalties


class Regularizer:
    """A penalty on one tensor, P(W) = Σ P(w)."""

    def forward(self, W: Any, out: Any) -> Any:
        """Write each weight's P(w) into ``out``, of W's shape."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(W, out)")

    def add_gradient(self, W: Any, dW: Any) -> None:
        """dW ← dW + dP/dW."""
        raise NotImplementedError(f"{type(self).__name__} must define add_gradient(W, dW)")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal regularizer."""
        return dict(vars(self))


class L1(Regularizer):
    """l1 · Σ |w|; l1 = 0.01 if left out."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = checks.real("l1", l1, 0)

    def forward(self, W: Any, out: Any) -> Any:
        return penalties.l1_forward(W, self.l1, out=out)

    def add_gradient(self, W: Any, dW: Any) -> None:
        penalties.l1_backward(dW, W, self.l1, out=dW)


class L2(Regularizer):
    """l2 · Σ w², without a half; l2 = 0.01 if left out."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = checks.real("l2", l2, 0)

    def forward(self, W: Any, out: Any) -> Any:
        return penalties.l2_forward(W, self.l2, out=out)

    def add_gradient(self, W: Any, dW: Any) -> None:
        penalties.l2_backward(dW, W, self.l2, out=dW)


class L1L2(Regularizer):
    """l1 · Σ |w| + l2 · Σ w²; each 0 if left out."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = checks.real("l1", l1, 0)
        self.l2 = checks.real("l2", l2, 0)

    def forward(self, W: Any, out: Any) -> Any:
        return penalties.l1_l2_forward(W, self.l1, self.l2, out=out)

    def add_gradient(self, W: Any, dW: Any) -> None:
        penalties.l1_l2_backward(dW, W, self.l1, self.l2, out=dW)


# Keras writes them both ways.
l1 = L1
l2 = L2
l1_l2 = L1L2

TABLE: dict[str, type[Regularizer]] = {"l1": L1, "l2": L2, "l1_l2": L1L2}


def get(identifier: str | Regularizer | None) -> Regularizer | None:
    """A regularizer by name, the one that is given, or None.

    Raises:
        ValueError: unknown name.
        TypeError: neither a name nor a regularizer.
    """
    if identifier is None:
        return None
    found: Regularizer = checks.instance("regularizer", identifier, Regularizer, TABLE)
    return found
