"""The arguments of an optimizer, as a dictionary that makes an equal one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.optimizers.clipping import CLIPS
from minidl.optimizers.schedule import LearningRateSchedule

#: Arguments of all optimizers, but for the learning rate and the name.
COMMON = (
    "weight_decay",
    *CLIPS,
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "gradient_accumulation_steps",
)


class Arguments:
    """The part of an optimizer that says what it was made of."""

    name: str
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
        config = {"name": self.name, "learning_rate": rate, **{n: getattr(self, n) for n in COMMON}}
        if self._excluded_arrays:
            raise ValueError(
                "tensors without weight decay are known by their arrays alone until the first "
                "update; expected exclude_from_weight_decay(var_names=[...])"
            )
        return config | ({"exclude_from_weight_decay": self._excluded} if self._excluded else {})

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """An optimizer of the arguments that :meth:`get_config` gave."""
        return cls(**config)
