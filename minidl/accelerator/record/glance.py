"""A glance at the parts of a step: are all objects the same objects?"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Collection, Iterator, Sequence
from typing import Any

code = operator.attrgetter("__code__")


class Glance:
    """Identities alone, which a glance compares; equal objects may have other identities.

    Args:
        classes, objects: the looks at both, of :mod:`minidl.accelerator.record.seen`, as found now.
    """

    def __init__(self, classes: Sequence[Any], objects: Sequence[Any]) -> None:
        self._functions = [f for each in classes for f in each.functions]
        self._codes = list(map(code, self._functions))
        self._things = [each.thing for each in objects]
        self._kinds = [each.kind for each in objects]
        self._foreign = [each for each in objects if each.names is None]
        own = [each for each in objects if each.names is not None]
        inside = [held for each in own for held in each.containers()]
        self._held = _Held([*(each.now.values() for each in classes), *inside])
        self._spaces = [vars(each.thing) for each in own]
        self._sizes = list(map(len, self._spaces))
        getters = [each.getters() for each in own]
        self._gets = [get for get, _ in getters]
        self._values = self._get()
        self._numbers = [
            (numbers, space, truths)
            for (_, numbers), space in zip(getters, self._spaces, strict=True)
            if (truths := tuple(map(bool, numbers(space))))
        ]

    def _get(self) -> list[object]:
        """The attributes of which the identity counts."""
        got = [get(space) for get, space in zip(self._gets, self._spaces, strict=True)]
        return list(itertools.chain.from_iterable(got))

    def holds(self) -> bool:
        """True if every object is still the same object."""
        try:
            return (
                self._held.holds()
                and list(map(len, self._spaces)) == self._sizes
                and all(map(operator.is_, self._get(), self._values))
                and all(map(operator.is_, map(code, self._functions), self._codes))
                and all(map(operator.is_, map(type, self._things), self._kinds))
                and all(tuple(map(bool, get(space))) == then for get, space, then in self._numbers)
                and all(each.hold() for each in self._foreign)
            )
        except (KeyError, ValueError):  # ValueError: an array in the place of a number
            return False


class _Held:
    """Collections, with the objects that these hold now."""

    def __init__(self, collections: Sequence[Collection[object]]) -> None:
        self._collections = collections
        self._sizes = list(map(len, collections))
        self._objects = list(itertools.chain.from_iterable(collections))

    def holds(self) -> bool:
        """True if these are still the same objects."""
        now = itertools.chain.from_iterable(self._collections)
        same_sizes = list(map(len, self._collections)) == self._sizes
        return same_sizes and all(map(operator.is_, now, self._objects))


def inside(container: Any) -> Iterator[Collection[object]]:
    """A list, or the keys and the values of a dictionary; then the same of what is in it."""
    values = container
    if isinstance(container, dict):
        values = container.values()
        yield container.keys()
    yield values
    for value in values:
        if isinstance(value, dict | list):
            yield from inside(value)
