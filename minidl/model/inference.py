"""Predictions of a network, with layers that behave as in inference."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl.callbacks.base import introduce, overriding
from minidl.data.batches import Batches
from minidl.data.sources import is_source
from minidl.model import arguments, feeding
from minidl.model.evaluation import Evaluated, ignoring_underflow
from minidl.model.serving import Predictor
from minidl.network.concurrency import undisturbed


class Inference(Evaluated):
    """A network that is asked for predictions, too, batch after batch."""

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = 0,
        steps: int | None = None,
        callbacks: Any = None,
    ) -> np.ndarray:
        """The outputs for the rows of x, as a NumPy array.

        Args:
            x: (N, ...), or batches of such rows, as in :meth:`fit`.
            batch_size: rows computed at a time; changes the outputs only with ``steps``.
            verbose: 1, 2 or "auto" shows a bar; default 0.
            steps: number of batches; default None, all.
            callbacks: one or more, which are told of the prediction.
        """
        listeners = arguments.listeners(callbacks)
        shown = arguments.verbosity(verbose)
        starting = overriding(listeners, "on_predict_batch_begin")
        ending = overriding(listeners, "on_predict_batch_end")
        if batch_size is None and (starting or ending) and not is_source(x):
            batch_size = 32
        with self.backend.here:
            batches = feeding.prediction(self, x, batch_size, steps)
        introduce(listeners, self, 1, batches, [])
        for each in listeners:
            each.on_predict_begin({})
        # Of arrays the number of rows is known, of other batches not before their end.
        known = isinstance(batches, Batches)
        result = np.empty((batches.rows if known else 0, *self.output_row), dtype=self.dtype)
        parts, done = [], 0
        with ignoring_underflow(), self.backend.here:
            for number, (rows, _, _) in enumerate(_bar(batches, shown)):
                for each in starting:
                    each.on_predict_batch_begin(number, {})
                count = rows.shape[0]
                part = result[done : done + count]
                if not known:
                    part = np.empty((count, *self.output_row), dtype=self.dtype)
                    parts.append(part)
                undisturbed(self, functools.partial(self._predict, rows, part))
                done += count
                for each in ending:
                    each.on_predict_batch_end(number, {"outputs": part})
        for each in listeners:
            each.on_predict_end({})
        return result[:done] if known else np.concatenate(parts)

    def predictor(self, rows: int = 1) -> Predictor:
        """A function of rows that predicts as the model does now, for a service of many calls.

        ::

            predict = model.predictor()
            probabilities = predict(x[:1])

        Args:
            rows: number of rows computed at once, default 1; see
                :class:`minidl.model.serving.Predictor` for the guarantees.

        Raises:
            ValueError: rows below 1, or a model of unknown input shape.
        """
        return Predictor(self, rows)

    def _predict(self, rows: Any, out: np.ndarray) -> None:
        self.traffic.expected = True
        out[...] = self.backend.to_host(self.forward(rows))


def _bar(batches: Any, verbose: int) -> Any:
    if not verbose:
        return batches.in_order()
    from tqdm.auto import tqdm

    return tqdm(batches.in_order(), total=len(batches) or None, unit="step")
