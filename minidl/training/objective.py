"""The aim of a training: loss, penalties and metrics, bound to buffers; and the step."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from typing import Any

from minidl.backend.weak import weakly
from minidl.callbacks.base import Callback, overriding
from minidl.finite.probe import Probed
from minidl.kernels import sums
from minidl.losses import Loss
from minidl.metrics import Mean, Metric
from minidl.metrics.names import numbered
from minidl.metrics.results import plain
from minidl.network import Network
from minidl.network.concurrency import undisturbed
from minidl.optimizers import Optimizer
from minidl.training.batch_logs import tell
from minidl.training.changed_objective import noted, widened
from minidl.training.plausibility import look_at_output

#: Names of the loss and of the two parts of a loss with penalised weights.
PARTS = ("loss", "data_loss", "penalty")


class Objective:
    """Loss, penalties and metrics of a network, summed on the device over batches.

    A softmax or sigmoid output followed by a cross-entropy is computed from the logits:
    the network stops before the last activation, and the loss takes its form on logits.

    Args:
        network: built.
        loss: as compiled; the objective computes on a copy.
        metrics: as compiled; the objective computes on copies.
        rows: the largest number of rows in a batch.

    Attributes:
        measures: what adds up over batches: the mean loss, the metrics, the parts of the loss.
        needs_outputs: True if metrics need the outputs behind the logits.
        probe: a method, called in each step before the update, or None; calls kernels alone.
    """

    probe: Callable[[], None] | None = None

    def __init__(self, network: Network, loss: Loss, metrics: Sequence[Metric], rows: int) -> None:
        self.network = network
        self._rows = rows
        self._sources = noted((loss, *metrics))
        self.loss = loss.joined_to(network)
        self.metrics = [copy.copy(metric) for metric in metrics]
        for metric, name in zip(self.metrics, numbered(metrics), strict=True):
            metric.name = name
        look_at_output(loss, network.output_activation)
        bound = network.output_row[0], network.backend, network.dtype
        self.loss.bind(rows, *bound)
        self.mean, self.data_mean, self.penalty_mean = map(Mean, PARTS)
        for mean in (self.mean, self.data_mean, self.penalty_mean):
            mean.weighted = loss.by_weight
            mean.bind(rows, *bound, from_logits=self.loss.from_logits)
        activation = network.output_activation if self.loss.joined else loss.activation
        for metric in self.metrics:
            on_logits = self.loss.from_logits and metric.takes_logits(activation, bound[0])
            metric.bind(rows, *bound, from_logits=on_logits)
        self.measures: tuple[Metric, ...] = (self.mean, *self.metrics)
        self._split = False
        self.split_loss()
        self.needs_outputs = self.loss.joined and not all(m.on_logits for m in self.metrics)

    @property
    def names(self) -> list[str]:
        """Names of the values: "loss", the metrics; with penalties "data_loss" and "penalty"."""
        return [measure.name for measure in self.measures]

    def split_loss(self, always: bool = False) -> None:
        """From now on report the two parts of the loss separately, if weights are penalised.

        Args:
            always: True to do so without penalised weights, because there were some before.
        """
        if self._split or not (always or len(self.network.penalties)):
            return
        self._split = True
        self.measures = (*self.measures, self.data_mean, self.penalty_mean)
        # The values until now were the loss of the data.
        self.data_mean.take(self.mean)
        self.penalty_mean.take(self.mean, values=False)

    def reset(self) -> None:
        """Forget all batches."""
        for measure in self.measures:
            measure.reset_state()

    def results(self) -> dict[str, float]:
        """The values by name since :meth:`reset`; the loss includes the penalties."""
        return {measure.name: plain(measure.result()) for measure in self.measures}

    def with_probe(self, optimizer: Optimizer) -> Any:
        """The optimizer, with the probe before the update if there is one."""
        return optimizer if self.probe is None else Probed(optimizer, weakly(self.probe))

    def observe(
        self,
        value: Any,
        penalty: Any,
        predictions: Any,
        y: Any,
        weight: Any = None,
        training: bool = True,
    ) -> None:
        """Add a batch to the sums: loss, penalty, and the metrics of the predictions.

        Args:
            value, penalty, predictions: the results of :func:`minidl.train_step`.
            y: targets.
            weight: (N, 1), for the weighted metrics, and for a loss ``by_weight``.
            training: False for an evaluation, in which a batch counts by its rows.
        """
        rows, counted = len(predictions), weight if training else None
        if self._split:
            self.data_mean.add(value, rows, counted)
            self.penalty_mean.add(penalty, rows, counted)
            sums.add(value, penalty)
        self.mean.add(value, rows, counted)
        outputs = self.network.activate(predictions) if self.needs_outputs else predictions
        for metric in self.metrics:
            seen = predictions if metric.on_logits else outputs
            if metric.weighted:
                metric.update(seen, y, weight)
            else:  # a user's class may take no weights
                metric.update(seen, y)

    def evaluate(self, batches: Any, listeners: Sequence[Callback] = ()) -> dict[str, float]:
        """The results over ``batches`` alone, layers behaving as in inference.

        Args:
            batches: of :class:`minidl.data.batches.Batches`, or of a source of batches.
            listeners: are told of the evaluation.
        """
        self.split_loss()
        self.reset()
        objective = self
        starting = overriding(listeners, "on_test_batch_begin")
        ending = overriding(listeners, "on_test_batch_end")
        for each in listeners:
            each.on_test_begin({})
        for number, batch in enumerate(batches.in_order()):
            for each in starting:
                each.on_test_batch_begin(number, {})
            objective = widened(objective, batch[0].shape[0])
            add = functools.partial(objective._evaluate, *batch)
            undisturbed(self.network, add, objective.measures)
            if ending:
                calls = (functools.partial(each.on_test_batch_end, number) for each in ending)
                tell(objective.measures, calls)
        found = objective.results()
        for each in listeners:
            each.on_test_end(found)
        return found

    def _evaluate(self, x: Any, y: Any, weight: Any) -> None:
        """Add a batch to the sums of earlier batches."""
        self.network.traffic.expected = True
        predictions = self.network.forward(x, logits=self.loss.joined)
        value = self.loss.forward(predictions, y, weight)
        penalty = self.network.penalties.forward(self.network.theta)
        self.observe(value, penalty, predictions, y, weight, training=False)
