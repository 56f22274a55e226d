"""A glance at the parts of a step: are all objects the same objects?"""

from __future__ import annotations

import gc
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

code = operator.attrgetter("__code__")


class Holdings:
    """Objects that containers and functions hold now.

    Args:
        functions: these.

    Attributes:
        codes: (function, the function's code).
        sizes: (dictionary or list, number of objects in it).
        entries: (dictionary, key, object).
        elements: (list, index, object).
    """

    def __init__(self, functions: Iterable[Any]) -> None:
        self.codes = [(function, code(function)) for function in functions]
        self.sizes: list[tuple[Any, int]] = []
        self.entries: list[tuple[dict[Any, Any], Any, Any]] = []
        self.elements: list[tuple[list[Any], int, Any]] = []

    def add(self, container: Any, names: Iterable[Any] | None = None) -> None:
        """Note the objects in a dictionary or list, or only those of some names."""
        self.sizes.append((container, len(container)))
        if isinstance(container, list):
            self.elements += [(container, k, value) for k, value in enumerate(container)]
        else:
            names = container if names is None else names
            self.entries += [(container, name, container[name]) for name in names]

    def add_deep(self, container: Any) -> None:
        """Note the objects in a dictionary or list, and in each that is in there."""
        self.add(container)
        for value in container.values() if isinstance(container, dict) else container:
            if isinstance(value, dict | list):
                self.add_deep(value)

    def unchanged(self) -> bool:
        """True if all hold the same objects."""
        return (
            all(len(container) == size for container, size in self.sizes)
            and all(space[name] is value for space, name, value in self.entries)
            and all(row[k] is value for row, k, value in self.elements)
            and all(code(function) is then for function, then in self.codes)
        )


class Glance:
    """Identities alone, which a glance compares; equal objects may have other identities.

    Args:
        classes, objects: the looks at both, of :mod:`minidl.accelerator.record.seen`, as found now.
        compiled: makes a faster form of :meth:`Holdings.unchanged`.
    """

    def __init__(
        self,
        classes: Sequence[Any],
        objects: Sequence[Any],
        compiled: Callable[[Holdings], Callable[[], bool]],
    ) -> None:
        self._things = [each.thing for each in objects]
        self._kinds = [each.kind for each in objects]
        self._foreign = [each for each in objects if each.names is None]
        self._own = [each.thing for each in objects if each.names is not None]
        self._spaces = list(map(vars, self._own))
        self._numbers: list[tuple[Callable[[Any], tuple[Any, ...]], Any, tuple[bool, ...]]] = []
        holdings = Holdings(f for each in classes for f in each.functions)
        for each in classes:
            # The dictionary behind ``vars(kind)``, which hands out no more than a view.
            (space,) = gc.get_referents(each.now)
            holdings.add(space, each.then)
        for each in objects:
            if each.names is not None:
                self._note(each, holdings)
        self._unchanged = compiled(holdings)

    def _note(self, each: Any, holdings: Holdings) -> None:
        """Note the attributes of an object."""
        space = vars(each.thing)
        same, numbers = each.compared()
        holdings.add(space, same)
        for container in each.containers():
            holdings.add_deep(container)
        if numbers:
            get = operator.itemgetter(*numbers, numbers[0])  # a tuple, also of one
            self._numbers.append((get, space, tuple(map(bool, get(space)))))

    def holds(self) -> bool:
        """True if every object is still the same object."""
        try:
            return (
                all(map(operator.is_, map(type, self._things), self._kinds))
                and all(map(operator.is_, map(vars, self._own), self._spaces))
                and self._unchanged()
                and all(tuple(map(bool, get(space))) == then for get, space, then in self._numbers)
                and all(each.unchanged() for each in self._foreign)
            )
        except (LookupError, ValueError):  # ValueError: an array in the place of a number
            return False
