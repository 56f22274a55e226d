"""Answers to arguments that other versions of Keras have, or that mean nothing here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl import checks
from minidl.names.configuration import arguments_of


def answer(kind: type, learning_rate: Any, given: Mapping[str, Any]) -> None:
    """Raise for the first argument that no optimizer has, with advice.

    Args:
        kind: the optimizer's class.
        learning_rate: as given, or its default value.
        given: unknown arguments. ``decay`` and ``loss_scale_factor`` of None are no wish.

    Raises:
        ValueError: naming the argument.
    """
    for name, value in given.items():
        wished = value is not None and not (name == "decay" and value == 0)
        if name == "lr":
            raise ValueError(f"lr: expected learning_rate={value!r}, received lr={value!r}")
        if name == "decay" and wished:
            raise ValueError(
                "decay: expected learning_rate=minidl.optimizers.schedules.InverseTimeDecay("
                f"{learning_rate!r}, decay_steps=1, decay_rate={value!r}), which is what it meant, "
                f"received decay={value!r}"
            )
        if name == "loss_scale_factor" and wished:
            raise ValueError(
                "loss_scale_factor: expected None, because float32 and float64 hold gradients "
                f"without a scale, received {value!r}"
            )
        if name not in ("decay", "loss_scale_factor"):
            raise checks.unknown(f"argument of {kind.__name__}", name, arguments_of(kind))


class Missing:
    """A stand-in for an attribute of Keras's optimizers: the error says what to write.

    Args:
        instead: what to write.
    """

    def __init__(self, instead: str) -> None:
        self._instead = instead

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, thing: Any, owner: type) -> Any:
        raise AttributeError(f"an optimizer has no {self._name}: expected {self._instead}")

    def __set__(self, thing: Any, value: Any) -> None:
        raise AttributeError(f"an optimizer has no {self._name}: expected {self._instead}")
