"""Results and predictions of a network, whose layers behave as in inference."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl import arguments
from minidl.arguments import INFERENCE_BATCH
from minidl.batches import Batches
from minidl.beside import undisturbed
from minidl.compiling import Compiled
from minidl.objective import Objective
from minidl.printing import say
from minidl.progress import values


class Inference(Compiled):
    """A network that is evaluated and asked for predictions, batch after batch."""

    def evaluate(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = None,
        verbose: int = 1,
        sample_weight: Any = None,
    ) -> float | list[float]:
        """Loss and metrics over the rows, layers behaving as in inference.

        Args:
            x, y, sample_weight: as in :meth:`fit`.
            batch_size: rows computed at a time; changes speed only.
            verbose: 1 prints the values (the default), 0 does not.

        Returns:
            The loss (penalties included), or a list of the loss and the metrics, if any.
        """
        self._compiled()
        size = arguments.size(batch_size, INFERENCE_BATCH)
        x, y, weight = arguments.rows(self, x, y, sample_weight)
        batches = Batches(x, y, weight, size, self.backend, self.dtype)
        with quiet(), self.backend.here:
            found = Objective(self, self._loss, self._metrics, batches.size).evaluate(batches)
        logs = {name: found[name] for name in self.metrics_names}
        if verbose:
            say(values(logs))
        results = list(logs.values())
        return results[0] if len(results) == 1 else results

    def predict(self, x: Any, batch_size: int | None = None, verbose: int = 0) -> np.ndarray:
        """The outputs for the rows of x, as a NumPy array.

        Args:
            x: (N, ...).
            batch_size: rows computed at a time; changes speed only.
            verbose: 1 shows a bar; default 0.
        """
        size = arguments.size(batch_size, INFERENCE_BATCH)
        x = arguments.features(self, x)
        batches = Batches(x, None, None, size, self.backend, self.dtype)
        result = np.empty((x.shape[0], *self.output_shape), dtype=self.dtype)
        start = 0
        with quiet(), self.backend.here:
            for rows, _, _ in _bar(batches, verbose):
                part = result[start : start + rows.shape[0]]
                undisturbed(self, functools.partial(self._predict, rows, part))
                start += len(part)
        return result

    def _predict(self, rows: Any, out: np.ndarray) -> None:
        self.traffic.expected = True
        out[...] = self.backend.to_host(self.forward(rows))


def quiet() -> np.errstate:
    """Numbers too small for the type become 0, also if the caller lets NumPy raise at underflow.

    An exponential or a square that underflows is right.
    """
    return np.errstate(under="ignore")


def _bar(batches: Batches, verbose: int) -> Any:
    if not verbose:
        return batches.in_order()
    from tqdm.auto import tqdm

    return tqdm(batches.in_order(), total=len(batches), unit="step")
