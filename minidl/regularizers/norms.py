"""Penalties on the weights of one tensor: their base, L1 and L2."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.kernels import penalties, proximal
from minidl.names.configuration import Configured
from minidl.names.register import kind, register
from minidl.names.user_classes import in_place
from minidl.regularizers import arrays


@kind("regularizer")
class Regularizer(Configured):
    """A penalty on one tensor, P(W) = Σ P(w).

    A user's class defines :meth:`forward`, the penalty of each weight, and
    :meth:`add_gradient`.

    Attributes:
        proximal: True for a penalty that acts by :meth:`proximal_step` after each update, and not
            by its gradient before the update; False unless the class says otherwise.
    """

    proximal = False

    def forward(self, W: Any, out: Any) -> Any:
        """Write each weight's P(w) into ``out``, of W's shape, or return an array of them."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(W, out)")

    def add_gradient(self, W: Any, dW: Any) -> Any:
        """dW ← dW + dP/dW."""
        raise NotImplementedError(f"{type(self).__name__} must define add_gradient(W, dW)")

    def _add_gradient(self, W: Any, dW: Any) -> None:
        """dW ← dW + dP/dW; refuse a gradient that is returned, and so not added.

        Raises:
            TypeError: :meth:`add_gradient` returned another array than ``dW``.
        """
        returned = self.add_gradient(W, dW)
        name = f"{type(self).__name__}.add_gradient"
        in_place(name, returned, dW, "the gradient to be added in place, dW += …")

    def proximal_step(self, W: Any, step: Any) -> None:
        """W ← argmin_U Σ (u - w)² / 2 step + P(u), in place.

        Args:
            W: the weights after the gradient's step.
            step: that step's size, a number or an array of W's shape.
        """
        raise NotImplementedError(f"{type(self).__name__} must define proximal_step(W, step)")

    def __call__(self, W: Any) -> Any:
        """P(W) of an array, as a number."""
        return arrays.call(self, W)


@register
class L1(Regularizer):
    """l1 · Σ |w|; l1 = 0.01 if left out.

    The gradient l1 · sign(w) drives weights to and fro across 0 and never makes one 0. With
    ``proximal`` the penalty adds no gradient; instead each update is followed by the soft
    threshold w ← sign(w) · max(|w| - t · l1, 0), which gives exact zeros. t is the step size of
    each weight in that update (:meth:`minidl.optimizers.Optimizer.step_size`), so that the
    threshold is as large as the step that a gradient of size l1 would make. Clipping and weight
    decay of the optimizer act before the threshold, on the loss's gradient and the weights alone.

    Tibshirani, "Regression shrinkage and selection via the lasso", J. R. Statist. Soc. B 58
    (1996); Duchi & Singer, "Efficient online and batch learning using forward backward
    splitting", JMLR 10 (2009), section 5.1.

    Args:
        l1: >= 0.
        proximal: whether the soft threshold takes the gradient's place; default False.
    """

    l1 = checks.number(0)
    proximal = checks.flag()

    def __init__(self, l1: float = 0.01, proximal: bool = False) -> None:
        self.l1 = l1
        self.proximal = proximal

    def forward(self, W: Any, out: Any) -> Any:
        return penalties.l1_forward(W, self.l1, out=out)

    def add_gradient(self, W: Any, dW: Any) -> None:
        if not self.proximal:
            penalties.l1_backward(dW, W, self.l1, out=dW)

    def proximal_step(self, W: Any, step: Any) -> None:
        proximal.soft_threshold(W, step, self.l1, out=W)

    def get_config(self) -> dict[str, Any]:
        # Keras's L1 has no such argument.
        return {"l1": self.l1, **({"proximal": True} if self.proximal else {})}


@register
class L2(Regularizer):
    """l2 · Σ w², without a half; l2 = 0.01 if left out."""

    l2 = checks.number(0)

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = l2

    def forward(self, W: Any, out: Any) -> Any:
        return penalties.l2_forward(W, self.l2, out=out)

    def add_gradient(self, W: Any, dW: Any) -> None:
        penalties.l2_backward(dW, W, self.l2, out=dW)
