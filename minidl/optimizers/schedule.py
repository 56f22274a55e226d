"""The base of learning-rate schedules."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.array import Array, Number
from minidl.names.configuration import Configured
from minidl.names.register import kind


@kind("learning-rate schedule")
class LearningRateSchedule(Configured):
    """A learning rate for every step: ``schedule(step)``; an array of rates for one of steps.

    A user's class defines ``__call__(step)``, as in Keras. The argument ``name``, for the
    reader, is that of each schedule.
    """

    name: str | None = None

    def __call__(self, step: Any) -> Any:
        steps = np.asarray(step)
        if not steps.ndim:
            return Number(self._rate(step))
        rates = [self._rate(each) for each in steps.reshape(-1).tolist()]
        return np.array(rates, dtype=np.float64).reshape(steps.shape).view(Array)

    def _rate(self, step: float) -> float:
        """The learning rate of one step."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal schedule; a name only if one was given."""
        config = super().get_config()
        return {key: value for key, value in config.items() if (key, value) != ("name", None)}
