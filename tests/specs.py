"""Descriptions of objects that Keras and minidl both know, so that one text makes both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple


class Spec(NamedTuple):
    """Which class, by its dotted name below the package, and with which arguments."""

    path: str
    options: Mapping[str, Any]

    def make(self, package: Any, number: Callable[[float], Any] = float) -> Any:
        """The object that ``package`` makes of it.

        Args:
            package: minidl, or another package with the same names.
            number: what every float among the arguments becomes first.
        """

        def value(argument: Any) -> Any:
            if isinstance(argument, Spec):
                return argument.make(package, number)
            if isinstance(argument, list):
                return [value(item) for item in argument]
            return number(argument) if type(argument) is float else argument

        options = {name: value(argument) for name, argument in self.options.items()}
        return attrgetter(self.path)(package)(**options)

    def __str__(self) -> str:
        shown = (f"{name}={value}" for name, value in self.options.items())
        return f"{self.path.rpartition('.')[2]}({', '.join(shown)})"


def spec(path: str, /, **options: Any) -> Spec:
    """For example ``spec("layers.Dense", units=3, kernel_regularizer=spec("regularizers.L2"))``."""
    return Spec(path, options)
