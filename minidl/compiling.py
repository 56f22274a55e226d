"""The aim of a training: the optimizer, the loss and the metrics of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl import losses, optimizers
from minidl.metrics import get as get_metric
from minidl.network import Network
from minidl.objective import PARTS


class Compiled(Network):
    """A network with an optimizer, a loss and metrics."""

    _optimizer: optimizers.Optimizer | None = None

    @property
    def optimizer(self) -> optimizers.Optimizer | None:
        """The one that :meth:`compile` was given; another acts from the next step.

        Raises:
            ValueError: an unknown name.
            TypeError: neither a name nor an optimizer.
        """
        return self._optimizer

    @optimizer.setter
    def optimizer(self, value: str | optimizers.Optimizer) -> None:
        self._optimizer = optimizers.get(value)

    def compile(
        self,
        optimizer: str | optimizers.Optimizer = "rmsprop",
        loss: Any = None,
        metrics: Sequence[Any] | Any = (),
        loss_weights: Any = None,
    ) -> None:
        """Choose optimizer, loss and metrics, by name, by object or by function.

        Called by a callback: the optimizer acts from the next step, loss and metrics from the
        next epoch.

        Args:
            optimizer, loss, metrics: names, objects, or functions of this package.
            loss_weights: the factor of the loss, default None for 1; also a list or a dictionary
                of one.

        Raises:
            ValueError: an unknown name; the message has the nearest right one.
            TypeError: something else.
        """
        if loss is None:
            raise ValueError("compile: expected a loss, by name or as an object, received none")
        chosen, loss = optimizers.get(optimizer), losses.compiled(loss, loss_weights)
        wanted = metrics if isinstance(metrics, list | tuple) else [metrics]
        found = [get_metric(item, loss) for item in wanted]
        names = [metric.name for metric in found]
        if len({*PARTS, *names}) < len(PARTS) + len(names):
            raise ValueError(
                f"expected metrics of different names, none of them of {PARTS}, received {names}"
            )
        self._metrics = found
        self.optimizer, self._loss = chosen, loss

    @property
    def metrics_names(self) -> list[str]:
        """Names of the results of :meth:`evaluate`, in order: "loss", then the metrics."""
        self._compiled()
        return ["loss", *(metric.name for metric in self._metrics)]

    def _compiled(self) -> optimizers.Optimizer:
        if self.optimizer is None:
            raise RuntimeError(
                "expected compile(optimizer, loss, metrics) to be called first; the network has "
                "no loss yet"
            )
        return self.optimizer
