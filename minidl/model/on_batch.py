"""Single steps: a batch is trained on, evaluated or predicted by one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.data.base import typed
from minidl.layers import Dense
from minidl.model import arguments
from minidl.model.evaluation import flat, ignoring_underflow
from minidl.model.inference import Inference
from minidl.network.concurrency import Instead
from minidl.step import train_step
from minidl.training.objective import Objective
from minidl.training.whole_step import WholeStep


class OnBatch(Inference):
    """A network that trains, evaluates and predicts batch by batch, in a user's loop."""

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Make one training step, :func:`minidl.train_step`, which Python calls.

        The steps of :meth:`fit`, which takes a generator of batches, too, are compiled and faster.

        Args:
            x, y, sample_weight, class_weight: the batch, as in :meth:`fit`.
            return_dict: True for a dictionary of values by name; default False.

        Returns:
            The loss of the batch before the update, penalties included; or a list of the loss
            and the metrics of the batch, if any.

        Raises:
            RuntimeError: before :meth:`compile`.
            TypeError, ValueError: arrays that do not fit.
        """
        self._check_compiled()
        x, y, weight = arguments.rows(self, x, y, sample_weight, class_weight)
        with self.backend.here:
            x, y, weight = self._placed(x, y, weight)
            objective = Objective(self, self._loss, self._metrics, x.shape[0])

        def make(x: Any, y: Any, weight: Any) -> None:
            objective.reset()
            results = train_step(self, objective.loss, self._built_optimizer(), x, y, weight)
            objective.observe(*results, y, weight)

        step = WholeStep(make, self, objective.measures)
        step.recording = None
        with self.backend.here, Instead(self), ignoring_underflow():
            try:
                step(x, y, weight)
                self.show_outputs()
            finally:
                step.leave()
        found = objective.results()
        return flat({name: found[name] for name in self.metrics_names}, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Loss and metrics of one batch, in the form of :meth:`evaluate`.

        Args:
            x, y, sample_weight: the batch.
            return_dict: True for a dictionary of values by name; default False.
        """
        return self.evaluate(x, y, verbose=0, sample_weight=sample_weight, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """The outputs for the rows of one batch, as a NumPy array."""
        return self.predict(x)

    def show_outputs(self) -> None:
        """Bring the last layer's ``y`` up to date, after a pass that ended at the logits."""
        with self.traffic.lock, self.backend.here:
            last: Any = self.leaves[-1]
            z = vars(last).get("z")
            if self._logits and isinstance(last, Dense) and last.y is None and z is not None:
                self.activate(z)

    def _placed(self, x: Any, y: Any, weight: Any) -> tuple[Any, Any, Any]:
        """A checked batch on the device, in the types of :class:`minidl.data.batches.Batches`."""
        y, weight = typed(y, weight, self.dtype)
        to_device = self.backend.to_device
        return to_device(x), to_device(y), None if weight is None else to_device(weight)
