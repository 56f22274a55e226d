"""The arguments of an optimizer, as a dictionary that makes an equal one."""

from __future__ import annotations

from typing import Any

from minidl.configuration import Configured
from minidl.optimizers.schedule import LearningRateSchedule


class Arguments(Configured):
    """The part of an optimizer that says what it was made of."""

    _learning_rate: Any
    _excluded: tuple[str, ...]
    _excluded_arrays: tuple[Any, ...]

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal optimizer."""
        rate = self._learning_rate
        if callable(rate) and not isinstance(rate, LearningRateSchedule):
            raise ValueError(
                "an optimizer whose learning rate is a function of your own cannot be saved; "
                "expected a number or a schedule of minidl.optimizers.schedules"
            )
        if self._excluded_arrays:
            raise ValueError(
                "tensors without weight decay are known by their arrays alone until the first "
                "update; expected exclude_from_weight_decay(var_names=[...])"
            )
        config = super().get_config()
        if "learning_rate" in config:
            config["learning_rate"] = rate
        return config | ({"exclude_from_weight_decay": self._excluded} if self._excluded else {})
