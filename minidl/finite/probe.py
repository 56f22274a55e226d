"""A sum, within each step, of tensors whose infinities can be lost on the way.

An optimizer is wrapped, so that the tensors are added up before each update.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from minidl.kernels import sums
from minidl.layers import Activation, Dense
from minidl.optimizers import Optimizer


class Probe:
    """A sum of inputs of activations, of predictions, and of gradients before a clip to a value.

    A sigmoid turns infinity into 1, and a clip turns infinity into the limit: then neither the loss
    nor the weights show the infinity.

    Args:
        model: under training.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        xp, dtype = model.backend.xp, model.dtype
        self._sum, self._term = xp.zeros((), dtype=dtype), xp.zeros((), dtype=dtype)

    def clear(self) -> None:
        """Begin from 0."""
        self._sum[...] = 0

    def is_finite(self) -> bool:
        """Look at the sum since :meth:`clear`; a sum of finite numbers may overflow."""
        return math.isfinite(float(self._sum))

    def add_up(self) -> None:
        """Add up the tensors of a step, before the update."""
        outputs = self._model.leaves[-1].y  # None where the step stops at the logits
        tensors = [*_swallowed(self._model.leaves), *([] if outputs is None else [outputs])]
        if self._model.optimizer.clipvalue is not None:
            tensors.append(self._model.grad)
        for tensor in tensors:
            sums.add_sum(self._sum, tensor, self._term)


def _swallowed(layers: Sequence[Any]) -> list[Any]:
    """Inputs of activations."""
    found, y = [], None
    for layer in layers:
        if isinstance(layer, Dense) and layer.activation is not None:
            found.append(layer.z)
        elif isinstance(layer, Activation) and y is not None:
            found.append(y)
        y = getattr(layer, "y", None)
    return found


class Probed:
    """An optimizer with a call of another function before the update.

    Args:
        optimizer: the wrapped optimizer, which is asked for all other attributes.
        probe: a function without arguments.
    """

    def __init__(self, optimizer: Optimizer, probe: Callable[[], None]) -> None:
        self._optimizer, self._probe = optimizer, probe

    def update(self, theta: Any, grad: Any) -> None:
        """Call the probe, then the optimizer's update."""
        self._probe()
        self._optimizer.update(theta, grad)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._optimizer, name)
