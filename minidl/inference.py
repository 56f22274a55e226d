"""Results and predictions of a network, whose layers behave as in inference."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl import arguments, feeding
from minidl.batches import Batches
from minidl.beside import undisturbed
from minidl.callbacks.base import Callback, overriding
from minidl.callbacks.progress import values
from minidl.compiling import Compiled
from minidl.objective import Objective
from minidl.printing import say
from minidl.serving import Predictor
from minidl.sources import is_source


class Inference(Compiled):
    """A network that is evaluated and asked for predictions, batch after batch."""

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics over the rows, layers behaving as in inference.

        Args:
            x, y, sample_weight: as in :meth:`fit`.
            batch_size: rows computed at a time; changes speed only, but with ``steps`` and with a
                loss of the reduction "sum", for which the default is 32.
            verbose: 1, 2 or "auto" prints the values (the default), 0 does not.
            steps: number of batches; default None, all.
            callbacks: one or more, which are told of the evaluation.
            return_dict: True for a dictionary of values by name; default False.

        Returns:
            The loss (penalties included), or a list of the loss and the metrics, if any.
        """
        self._compiled()
        listeners = arguments.listeners(callbacks)
        shown = arguments.verbosity(verbose)
        if not is_source(x):
            batch_size = feeding.seen_size(listeners, self._loss, batch_size, 32)
        with quiet(), self.backend.here:
            batches = feeding.evaluation(self, x, y, sample_weight, batch_size, steps)
            objective = Objective(self, self._loss, self._metrics, batches.size)
            self._introduce(listeners, batches, objective.names)
            found = objective.evaluate(batches, listeners)
        logs = {name: found[name] for name in self.metrics_names}
        if shown:
            say(values(logs))
        return flat(logs, return_dict)

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
            batch_size: rows computed at a time; changes speed only, but with ``steps``.
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
        self._introduce(listeners, batches, [])
        for each in listeners:
            each.on_predict_begin({})
        # Of arrays the number of rows is known, of other batches not before their end.
        known = isinstance(batches, Batches)
        result = np.empty((batches.rows if known else 0, *self.output_row), dtype=self.dtype)
        parts, done = [], 0
        with quiet(), self.backend.here:
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
                :class:`minidl.serving.Predictor`, which says what is promised.

        Raises:
            ValueError: rows below 1, or a model of unknown input shape.
        """
        return Predictor(self, rows)

    def _predict(self, rows: Any, out: np.ndarray) -> None:
        self.traffic.expected = True
        out[...] = self.backend.to_host(self.forward(rows))

    def _introduce(self, listeners: list[Callback], batches: Any, names: list[str]) -> None:
        for each in listeners:
            each.set_params({"epochs": 1, "steps": len(batches) or None, "metrics": names})
            each.set_model(self)


def flat(logs: dict[str, float], return_dict: bool) -> Any:
    """Values as a dictionary; or a list of them, or the value where there is one."""
    found = list(logs.values())
    return logs if return_dict else found[0] if len(found) == 1 else found


def quiet() -> np.errstate:
    """Numbers too small for the type become 0, also if the caller lets NumPy raise at underflow.

    An exponential or a square that underflows is right.
    """
    return np.errstate(under="ignore")


def _bar(batches: Any, verbose: int) -> Any:
    if not verbose:
        return batches.in_order()
    from tqdm.auto import tqdm

    return tqdm(batches.in_order(), total=len(batches) or None, unit="step")
