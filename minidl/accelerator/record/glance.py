"""A glance at the parts of a step: are all objects the same objects?"""

from __future__ import annotations

import gc
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

code = operator.attrgetter("__code__")


#: In the place of an object that does not count.
ANY = object()


class Held(NamedTuple):
    """A dictionary, as found.

    Attributes:
        keys: in order.
        objects: of each key, or :data:`ANY`.
        kind: the class of which the dictionary has the attributes; None for another dictionary.
    """

    dictionary: dict[Any, Any]
    keys: list[Any]
    objects: list[Any]
    kind: type | None


class Holdings:
    """Objects that other objects hold now.

    Args:
        functions: of which the code counts.
        things: of which the class counts.
        owners: of which the dictionary of attributes counts.

    Attributes:
        codes: (function, the function's code).
        kinds: (object, the object's class).
        orders: (class, the class with its bases, in the order of a search) for each such class.
        spaces: (object, the object's dictionary of attributes).
        dictionaries: as found.
        lists: (list, objects).
    """

    def __init__(
        self,
        functions: Iterable[Any] = (),
        things: Iterable[Any] = (),
        owners: Iterable[Any] = (),
    ) -> None:
        self.codes = [(function, code(function)) for function in functions]
        self.kinds = [(thing, type(thing)) for thing in things]
        self.orders = [(kind, kind.__mro__) for kind in {kind for _, kind in self.kinds}]
        self.spaces = [(owner, vars(owner)) for owner in owners]
        self.dictionaries: list[Held] = []
        self.lists: list[tuple[list[Any], list[Any]]] = []

    def add(
        self, container: Any, names: Iterable[Any] | None = None, kind: type | None = None
    ) -> None:
        """Note the objects in a dictionary or list, or only those of some names.

        Args:
            container: the dictionary or list.
            names: of the objects that count; all by default.
            kind: the class of which the dictionary has the attributes.
        """
        if isinstance(container, list):
            self.lists.append((container, list(container)))
        else:
            keys = list(container)
            counted = set(keys if names is None else names)
            objects = [container[key] if key in counted else ANY for key in keys]
            self.dictionaries.append(Held(container, keys, objects, kind))

    def add_deep(self, container: Any) -> None:
        """Note the objects in a dictionary or list, and in each that is in there."""
        self.add(container)
        for value in container.values() if isinstance(container, dict) else container:
            if isinstance(value, dict | list):
                self.add_deep(value)

    def unchanged(self) -> bool:
        """True if all hold the same objects, and dictionaries the same keys in the same order."""
        return (
            all(type(thing) is kind for thing, kind in self.kinds)
            and all(kind.__mro__ is order for kind, order in self.orders)
            and all(vars(owner) is space for owner, space in self.spaces)
            and all(_same(row, then) for row, then in self.lists)
            and all(
                list(space) == keys and _same(list(space.values()), then)
                for space, keys, then, _ in self.dictionaries
            )
            and all(code(function) is then for function, then in self.codes)
        )


def _same(now: list[Any], then: list[Any]) -> bool:
    """True if both lists have the same objects, but for :data:`ANY`."""
    if len(now) != len(then):
        return False
    return all(map(operator.is_, now, then)) or all(
        a is b or b is ANY for a, b in zip(now, then, strict=True)
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
        own = [each for each in objects if each.names is not None]
        self._foreign = [each for each in objects if each.names is None]
        self._numbers: list[tuple[Callable[[Any], tuple[Any, ...]], Any, tuple[bool, ...]]] = []
        holdings = Holdings(
            functions=(f for each in classes for f in each.functions),
            things=(each.thing for each in objects),
            owners=(each.thing for each in own),
        )
        for each in classes:
            # The dictionary behind ``vars(kind)``, which hands out no more than a view.
            (space,) = gc.get_referents(each.now)
            holdings.add(space, each.then, each.kind)
        for each in own:
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
        if not self._unchanged():
            return False
        try:
            for get, space, then in self._numbers:
                if tuple(map(bool, get(space))) != then:
                    return False
        except ValueError:  # an array in the place of a number
            return False
        return all(each.unchanged() for each in self._foreign)
