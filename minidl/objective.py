"""What a network is trained for: loss, penalties and metrics, bound to buffers; and the step."""

from __future__ import annotations

import copy
import functools
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from minidl.accelerator.record.tape import stepwise
from minidl.accelerator.record.watching import Seen
from minidl.backend.recorder import aside
from minidl.batches import Batches
from minidl.beside import undisturbed
from minidl.kernels import measures
from minidl.losses import Loss
from minidl.metrics import Mean, Metric
from minidl.network import Network
from minidl.optimizers import Optimizer

#: Names of the loss and of the two parts that it has where weights are penalised.
PARTS = ("loss", "data_loss", "penalty")


class Objective:
    """Loss, penalties and metrics of a network, summed on the device over batches.

    A softmax or sigmoid output followed by its cross-entropy is computed from the logits:
    the network stops before its last activation, and the loss takes its form on logits.

    Args:
        network: built.
        loss: as it was compiled; it is copied.
        metrics: as they were compiled; they are copied.
        rows: batches have up to so many.

    Attributes:
        names: of the values: "loss", the metrics, and with penalties "data_loss" and "penalty",
            the two parts of the loss.
        probe: called with the predictions in each step before the update, or None; it calls
            kernels alone.
    """

    probe: Callable[[Any], None] | None = None

    def __init__(self, network: Network, loss: Loss, metrics: Sequence[Metric], rows: int) -> None:
        self.network = network
        self._rows = rows
        self._sources = Seen((loss, *metrics), ())
        self.loss = copy.copy(loss)
        self.metrics = [copy.copy(metric) for metric in metrics]
        # Whether predictions are logits that the network would have made outputs of.
        self.behind = (
            not loss.from_logits
            and loss.activation is not None
            and loss.activation == network.output_activation
        )
        self.loss.from_logits = loss.from_logits or self.behind
        _warn_of_mismatch(loss, network.output_activation)
        bound = network.output_shape[0], network.backend, network.dtype
        self.loss.bind(rows, *bound)
        self.mean, self.data_mean, self.penalty_mean = map(Mean, PARTS)
        for mean in (self.mean, self.data_mean, self.penalty_mean):
            mean.bind(rows, *bound, from_logits=self.loss.from_logits)
        for metric in self.metrics:
            on_logits = self.loss.from_logits and metric.takes_logits(
                loss.activation, network.output_shape[0]
            )
            metric.bind(rows, *bound, from_logits=on_logits)
        self.measures: tuple[Metric, ...] = (self.mean, *self.metrics)
        self._parted = False
        self.penalize()
        self.needs_outputs = self.behind and not all(m.from_logits for m in self.metrics)

    @property
    def names(self) -> list[str]:
        """Of the values."""
        return [measure.name for measure in self.measures]

    def penalize(self, again: bool = False) -> None:
        """Tell the two parts of the loss apart from now on, if weights are penalised.

        Args:
            again: also if they are not: they were.
        """
        if self._parted or not (again or len(self.network.penalties)):
            return
        self._parted = True
        self.measures = (*self.measures, self.data_mean, self.penalty_mean)
        # What there was until now was the loss of the data.
        aside(self.data_mean.take, self.mean)
        self.penalty_mean.rows = self.mean.rows

    def renewed(self, loss: Loss, metrics: Sequence[Metric]) -> Objective:
        """The objective with the loss and the metrics that the model has now; this one if the same.

        Raises:
            ValueError: another kind of targets or other names, while ``fit`` goes on.
        """
        if self._sources.holds((loss, *metrics), ()):
            return self
        new = Objective(self.network, loss, metrics, self._rows)
        if self._parted:
            new.penalize(again=True)
        kinds = [
            (each.loss.labels, sorted(metric.name for metric in each.metrics))
            for each in (self, new)
        ]
        if kinds[0] != kinds[1]:
            raise ValueError(
                "while fit goes on, expected a loss on the same kind of targets and metrics of the "
                f"same names, {kinds[0]}, received {kinds[1]}; to train for something else, end "
                "this fit with model.stop_training = True, compile and fit again"
            )
        return new

    def reset(self) -> None:
        """Forget all batches."""
        for measure in self.measures:
            measure.reset()

    def results(self) -> dict[str, float]:
        """The values by name since :meth:`reset`; the loss includes the penalties."""
        return {measure.name: measure.result() for measure in self.measures}

    def tell(self, listen: Iterable[Callable[[Logs], None]]) -> None:
        """Call functions with the values so far, one object for all of them.

        Whoever keeps it, has these values, and not those of later batches.
        """
        logs = Logs(self.measures)
        for each in listen:
            each(logs)
        kept = weakref.ref(logs)
        del logs
        found = kept()
        if found is not None:
            found.copy()

    def train(self, x: Any, y: Any, weight: Any, optimizer: Optimizer) -> None:
        """One step: forward, loss, backward, penalties, update, proximal step."""
        network = self.network
        theta, grad = network.theta, network.grad
        self.penalize()
        predictions = network.forward(x, training=True, logits=self.behind)
        self._measure(predictions, y, weight, self._penalty())
        network.backward(self.loss.backward(), logits=self.behind)
        network.penalties.add_gradients(theta, grad)
        if self.probe is not None:
            self.probe(predictions)
        # Learning rates and the like change from step to step.
        stepwise(optimizer.update, theta, grad)
        if network.penalties.proximal:
            stepwise(network.penalties.proximal_step, theta, optimizer)

    def count(self, rows: int) -> None:
        """Count the rows of a step that was played, whose sums have been added up."""
        for measure in self.measures:
            measure.rows += rows

    @property
    def parts(self) -> list[object]:
        """All objects but the network and its layers that a step calls."""
        penalties = self.network.penalties
        return [self.loss, *self.measures, penalties, *penalties.regularizers]

    def evaluate(self, batches: Batches) -> dict[str, float]:
        """The results over ``batches`` alone, layers behaving as in inference."""
        self.penalize()
        self.reset()
        for batch in batches.in_order():
            sums = [(each, each.rows, each._sum.copy()) for each in self.measures]
            undisturbed(self.network, functools.partial(self._evaluate, sums, *batch))
        return self.results()

    def _evaluate(self, sums: Any, x: Any, y: Any, weight: Any) -> None:
        """Add a batch to the sums before it."""
        for each, rows, total in sums:
            each.rows, each._sum[...] = rows, total
        self.network.traffic.expected = True
        predictions = self.network.forward(x, logits=self.behind)
        self._measure(predictions, y, weight, self._penalty())

    def _penalty(self) -> Any:
        """The penalties of the weights as they are: 0-d, or None where there are none."""
        penalties = self.network.penalties
        return penalties.forward(self.network.theta) if len(penalties) else None

    def _measure(self, predictions: Any, y: Any, weight: Any, penalty: Any) -> None:
        value = self.loss.forward(predictions, y, weight)
        if self._parted:
            self.data_mean.add(value, len(predictions))
            if penalty is None:  # there is none any more
                self.penalty_mean.rows += len(predictions)
        if penalty is not None:
            self.penalty_mean.add(penalty, len(predictions))
            measures.add(value, penalty)
        self.mean.add(value, len(predictions))
        outputs = self.network.activate(predictions) if self.needs_outputs else predictions
        for metric in self.metrics:
            metric.update(predictions if metric.from_logits else outputs, y)


def _warn_of_mismatch(loss: Loss, output: str | None) -> None:
    """A cross-entropy and an output that do not go together train, but not what was meant."""
    kind, wanted = type(loss).__name__, loss.activation
    if wanted is None:
        return
    if loss.from_logits and output == wanted:
        warnings.warn(
            f"{kind}(from_logits=True) after a {wanted} output applies the {wanted} twice: leave "
            "out one of the two",
            stacklevel=4,
        )
    elif not loss.from_logits and output != wanted:
        warnings.warn(
            f"{kind} expects probabilities: expected a {wanted} output or from_logits=True, "
            f"received the output {output or 'linear'}",
            stacklevel=4,
        )


class Logs(Mapping[str, float]):
    """The values by name since the epoch began, read when somebody first looks.

    From then on they stay as they are, whatever batches follow.

    Args:
        measures: of an objective.
    """

    def __init__(self, measures: Sequence[Metric]) -> None:
        self._names = [measure.name for measure in measures]
        self._measures: Sequence[Metric] = measures
        self._values: dict[str, float] = {}

    def copy(self) -> dict[str, float]:
        """A dictionary of the values; waits for the device."""
        if self._measures:
            self._values = {measure.name: measure.result() for measure in self._measures}
            self._measures = ()
        return dict(self._values)

    def __getitem__(self, name: str) -> float:
        return self.copy()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(self.copy())
