"""Results of a network, with layers that behave as in inference."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.callbacks.base import introduce
from minidl.callbacks.progress import values
from minidl.data.sources import is_source
from minidl.model import arguments, feeding
from minidl.model.compiling import Compiled
from minidl.printing import say
from minidl.training.objective import Objective


class Evaluated(Compiled):
    """A network that is evaluated, batch after batch."""

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
            batch_size: rows computed at a time. The values depend on this number only with
                ``steps``, or with a loss of the reduction "sum", for which the default is 32.
            verbose: 1, 2 or "auto" prints the values (the default), 0 does not.
            steps: number of batches; default None, all.
            callbacks: one or more, which are told of the evaluation.
            return_dict: True for a dictionary of values by name; default False.

        Returns:
            The loss (penalties included), or a list of the loss and the metrics, if any.
        """
        self._check_compiled()
        listeners = arguments.listeners(callbacks)
        shown = arguments.verbosity(verbose)
        if not is_source(x):
            batch_size = feeding.seen_size(listeners, self._loss, batch_size, 32)
        with ignoring_underflow(), self.backend.here:
            batches = feeding.evaluation(self, x, y, sample_weight, batch_size, steps)
            objective = Objective(self, self._loss, self._metrics, batches.size)
            introduce(listeners, self, 1, batches, objective.names)
            found = objective.evaluate(batches, listeners)
        logs = {name: found[name] for name in self.metrics_names}
        if shown:
            say(values(logs))
        return flat(logs, return_dict)


def flat(logs: dict[str, float], return_dict: bool) -> Any:
    """Values as a dictionary or as a list; a single value stands alone."""
    found = list(logs.values())
    return logs if return_dict else found[0] if len(found) == 1 else found


def ignoring_underflow() -> np.errstate:
    """Numbers too small for the type become 0, also if the caller lets NumPy raise at underflow.

    An exponential or a square that underflows is correct.
    """
    return np.errstate(under="ignore")
