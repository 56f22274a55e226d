"""The values that callbacks get at each batch, read from the device only if a callback looks."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from minidl.metrics import Metric
from minidl.metrics.results import plain


def tell(measures: Sequence[Metric], listen: Iterable[Callable[[Logs], None]]) -> None:
    """Call functions with the values so far, one object for all functions.

    If a function keeps the object, the object holds the present values, not those of later batches.

    Args:
        measures: of an objective.
        listen: the functions.
    """
    logs = Logs(measures)
    for each in listen:
        each(logs)
    kept = weakref.ref(logs)
    del logs
    found = kept()
    if found is not None:
        found.copy()


class Logs(dict[str, float]):
    """The values by name since the epoch began, read at the first look.

    After this look, later batches do not change the values.

    Args:
        measures: of an objective.
    """

    def __init__(self, measures: Sequence[Metric]) -> None:
        super().__init__(dict.fromkeys((measure.name for measure in measures), math.nan))
        self._measures: Sequence[Metric] = measures

    def copy(self) -> dict[str, float]:
        """A dictionary of the values; waits for the device."""
        self._read()
        return dict(super().items())

    def _read(self) -> None:
        if self._measures:
            self.update({measure.name: plain(measure.result()) for measure in self._measures})
            self._measures = ()

    def __getitem__(self, name: str) -> float:
        self._read()
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a name, or a default."""
        self._read()
        return super().get(name, default)

    def __iter__(self) -> Iterator[str]:
        return super().__iter__()  # because of this method dict() asks for the values, too

    def items(self) -> Any:
        """Names with values."""
        return self.copy().items()

    def values(self) -> Any:
        """The values."""
        return self.copy().values()

    def __eq__(self, other: object) -> bool:
        return self.copy() == other

    __hash__ = object.__hash__  # type: ignore[assignment]

    def __reduce__(self) -> Any:
        return dict, (self.copy(),)

    def __repr__(self) -> str:
        return repr(self.copy())
