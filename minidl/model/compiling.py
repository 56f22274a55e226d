"""The aim of a training: the optimizer, the loss and the metrics of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl import losses, optimizers
from minidl.metrics.names import compiled, numbered
from minidl.model.arguments import note_of_no_meaning
from minidl.network import Network
from minidl.training.objective import PARTS


class Compiled(Network):
    """A network with an optimizer, a loss and metrics."""

    _optimizer: optimizers.Optimizer | None = None
    #: True to have Python call each step of ``fit``; see :meth:`compile`.
    run_eagerly = False

    @property
    def optimizer(self) -> optimizers.Optimizer | None:
        """The optimizer given to :meth:`compile`; another optimizer acts from the next step.

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
        loss_weights: Any = None,
        metrics: Sequence[Any] | Any = (),
        weighted_metrics: Sequence[Any] | Any = (),
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Choose optimizer, loss and metrics, by name, by object or by function.

        Called by a callback: the optimizer acts from the next step, loss and metrics from the
        next epoch.

        Args:
            optimizer, loss: as above.
            loss_weights: the factor of the loss, default None for 1; also a list or a dictionary
                of one.
            metrics: all rows count alike. A user's function takes targets and predictions, see
                :class:`minidl.metrics.MeanMetricWrapper`.
            weighted_metrics: rows count as in the loss, with ``sample_weight`` and
                ``class_weight``.
            run_eagerly: True to have Python call each step of ``fit``, so that a breakpoint in a
                layer is reached at each step; default False. With ``MINIDL_EXECUTOR=python``
                Python also calls the formulas, uncompiled.
            steps_per_execution, jit_compile, auto_scale_loss: change nothing here; a warning says
                so where one differs from its default.

        Raises:
            ValueError: an unknown name; the message has the nearest right one.
            TypeError: something else.
        """
        if loss is None:
            raise ValueError("compile: expected a loss, by name or as an object, received none")
        note_of_no_meaning(steps_per_execution, jit_compile, auto_scale_loss)
        self.run_eagerly = bool(run_eagerly)
        chosen, loss = optimizers.get(optimizer), losses.compiled(loss, loss_weights)
        self._metrics = compiled(metrics, weighted_metrics, loss, PARTS)
        self.optimizer, self._loss = chosen, loss

    @property
    def metrics_names(self) -> list[str]:
        """Names of the results of :meth:`evaluate`, in order: "loss", then the metrics."""
        self._check_compiled()
        return ["loss", *numbered(self._metrics)]

    def _check_compiled(self) -> optimizers.Optimizer:
        """Return the optimizer; raise where :meth:`compile` has not been called."""
        if self._optimizer is None:
            raise RuntimeError(
                "expected compile(optimizer, loss, metrics) to be called first; the network has "
                "no loss yet"
            )
        return self._optimizer

    def _built_optimizer(self) -> optimizers.Optimizer:
        """The present optimizer, with a state: a callback may have compiled another one."""
        optimizer = self._check_compiled()
        optimizer.build(self.theta, self.parameters)
        return optimizer
