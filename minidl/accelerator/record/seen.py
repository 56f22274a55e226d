"""A look at the parts of a step: has anything changed?"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, cast

from minidl.accelerator.record.alike import alike, are, copied, same
from minidl.accelerator.record.glance import Glance, Holdings, code
from minidl.backend.bodies import body_of
from minidl.backend.own import Look, held, overridden, with_parts

#: Counts: played steps add to these, too.
_COUNTED = {"rows", "batches", "accumulated_learning_rate"}
_CONTAINERS = list, dict
#: What a step reads of foreign objects, beside methods.
_READ = "trainable", "proximal", "regularizer", "constraint"
#: A glance takes as long to prepare as so many looks.
MANY = 5


class Seen:
    """Objects that a step calls, with the classes and attributes as found now.

    Args:
        parts: of which a tape keeps numbers, arrays and methods. Objects inside minidl's own
            parts count as well. Of foreign objects, which are called, only the methods count, and
            what else a step reads: whether a layer trains or a penalty is proximal, say.
        moving: of which a tape asks for the numbers at each step.
        own: tells minidl's objects.
        compiled: as of :class:`~minidl.accelerator.record.glance.Glance`.
    """

    def __init__(
        self,
        parts: Sequence[object],
        moving: Sequence[object],
        own: Look,
        compiled: Callable[[Holdings], Callable[[], bool]],
    ) -> None:
        self._compiled = compiled
        self._parts, self._moving = tuple(parts), tuple(moving)
        found = [_Attributes(part, same, True, own(part)) for part in _with_their_own(parts, own)]
        self._objects = [*found, *(_Attributes(thing, alike, False) for thing in moving)]
        kinds = {known for each in self._objects for known in each.kind.__mro__[:-1]}
        self._classes = [_look_at(kind) for kind in kinds]
        self._glance: Glance | None = None
        self._looks = 0

    def holds(self, parts: Sequence[object], moving: Sequence[object]) -> bool:
        """True if a step that calls the objects would do the same."""
        if not (are(parts, self._parts) and are(moving, self._moving)):
            return False
        if self._glance is not None and self._glance.holds():
            return True
        if not self._as_found():
            return False
        self._looks += 1
        if self._looks >= MANY:
            glance = Glance(self._classes, self._objects, self._compiled)
            if not self._as_found():  # another thread has changed what the glance compares with
                return False
            self._glance = glance
        return True

    def _as_found(self) -> bool:
        """True if classes and objects are as when the step was recorded."""
        classes, objects = self._classes, self._objects
        return all(each.unchanged() for each in classes) and all(o.unchanged() for o in objects)

    def unchanged(self, moving: Sequence[object]) -> bool:
        """True if the parts hold, and these objects are the same; False also without a glance."""
        return self._glance is not None and are(moving, self._moving) and self._glance.holds()

    def other_arrays(self) -> list[tuple[dict[str, Any], str, Any]]:
        """Attributes in which the step has put another array: (owner's dictionary, name, array)."""
        return [other for each in self._objects for other in each.other_arrays()]

    def pass_over_arrays(self) -> None:
        """Ignore such attributes from now on.

        A layer may be handed a new array by foreign code at each step.
        """
        for each in self._objects:
            each.pass_over_arrays()
        self._glance = None


def _look_at(kind: type) -> _Class:
    """A look at a class: the last one, if the class is still as it was then."""
    body = body_of(kind)
    if body.last is None or not body.last.unchanged():
        body.last = _Class(kind)
    return cast(_Class, body.last)


class _Class:
    """The attributes of a class.

    Attributes:
        kind: the class.
        now: all attributes.
        then: by name, the attributes that count, as found before.
        functions: among all.
    """

    def __init__(self, kind: type) -> None:
        self.kind, self.now = kind, vars(kind)
        self._take()

    def _take(self) -> None:
        self.then = self._telling()
        self._kept = list(chain.from_iterable(self.now.items()))  # a freed object's id comes again
        self._ids = tuple(map(id, self._kept))
        self.functions = list(filter(inspect.isfunction, self.now.values()))
        self._codes = list(map(code, self.functions))

    def _telling(self) -> dict[str, Any]:
        """All attributes but the class attributes that Python itself keeps."""
        return {
            name: value
            for name, value in self.now.items()
            if callable(value) or not name.startswith("__")
        }

    def unchanged(self) -> bool:
        """True if all attributes are as found before."""
        if tuple(map(id, chain.from_iterable(self.now.items()))) != self._ids:
            now, then = self._telling(), self.then
            if now.keys() != then.keys() or any(now[name] is not then[name] for name in now):
                return False
            self._take()
        return all(map(operator.is_, map(code, self.functions), self._codes))


class _Attributes:
    """The attributes of an object.

    Args:
        thing: the object.
        compare: True if one value will do for an equal value.
        private: True if names that begin with "_" count.
        own: False for a foreign object, as of :class:`Seen`.
    """

    def __init__(
        self,
        thing: object,
        compare: Callable[[Any, Any], bool],
        private: bool,
        own: bool = True,
    ) -> None:
        self.thing, self.kind, self._compare = thing, type(thing), compare
        self._order = self.kind.__mro__
        now = getattr(thing, "__dict__", {})
        self._values = list(now.values())
        # A method shows its function's attributes as its own: the object itself has none.
        if not (own and self.kind.__dictoffset__):
            self.names: tuple[str, ...] | None = None
            self._then, self._keys = _counting(now), list(now)
            computed = overridden(self.kind, *_READ)
            self._computed = [(name, getattr(thing, name, None)) for name in computed]
            return
        self.names = tuple(now)
        self._quiet = _COUNTED & now.keys()
        if not private:
            self._quiet |= {name for name in now if name.startswith("_")}
        # Values that can change while the object stays the same.
        loose = [name for name, value in now.items() if isinstance(value, _CONTAINERS)]
        self._then = {**now, **{name: copied(now[name]) for name in loose}}
        self._loose = [name for name in loose if private and name not in self._quiet]

    def pass_over_arrays(self) -> None:
        """As of :class:`Seen`."""
        if self.names is not None:
            self._quiet |= {name for _, name, _ in self.other_arrays()}

    def other_arrays(self) -> list[tuple[dict[str, Any], str, Any]]:
        """As of :class:`Seen`."""
        if self.names is None:
            return []
        space = getattr(self.thing, "__dict__", {})
        pairs = ((name, self._then.get(name), space.get(name)) for name in self.names)
        return [(space, n, b) for n, a, b in pairs if a is not b and hasattr(a, "dtype")
                and hasattr(b, "dtype")]  # fmt: skip

    def containers(self) -> Iterator[dict[Any, Any] | list[Any]]:
        """The dictionaries and lists among the attributes."""
        space = vars(self.thing)
        return (space[name] for name in self._loose)

    def compared(self) -> tuple[list[str], list[str]]:
        """Names of the attributes of which the identity counts, and of the numbers that only count
        as 0 or not 0.
        """
        space = vars(self.thing)
        names = [name for name in self.names or () if name not in self._quiet]
        if self._compare is not alike:
            return names, []
        numbers = [n for n in names if space[n] is None or type(space[n]) in (int, float)]
        return [n for n in names if n not in numbers], numbers

    def unchanged(self) -> bool:
        """True if the attributes are the same to a tape."""
        now = getattr(self.thing, "__dict__", {})
        if type(self.thing) is not self.kind or self.kind.__mro__ is not self._order:
            return False
        if self.names is None:
            return self._unchanged_foreign(now)
        if tuple(now) != self.names:
            return False
        values = list(now.values())
        names = self._loose
        if not all(map(operator.is_, values, self._values)):
            others = zip(self.names, values, self._values, strict=True)
            names = [*names, *(n for n, a, b in others if a is not b and n not in self._quiet)]
        if not all(self._compare(self._then[name], now[name]) for name in names):
            return False
        self._values = values
        return True

    def _unchanged_foreign(self, now: dict[str, Any]) -> bool:
        """True if the attributes of a foreign object that a step reads are the same."""
        if not all(same(value, getattr(self.thing, name, None)) for name, value in self._computed):
            return False
        keys, values = list(now), list(now.values())
        if keys == self._keys:
            pairs = zip(keys, values, self._values, strict=True)
            changed = [(name, a, b) for name, a, b in pairs if a is not b]
            if not any(_counts(name, a) or _counts(name, b) for name, a, b in changed):
                return True
        calls, then = _counting(now), self._then
        if calls.keys() != then.keys() or any(calls[n] is not then[n] for n in calls):
            return False
        self._keys, self._values = keys, values
        return True


def _counts(name: str, value: Any) -> bool:
    """True for an attribute of a foreign object that a step reads: a method, ``trainable`` …"""
    return callable(value) or name in _READ


def _counting(space: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a foreign object that a step reads."""
    return {name: value for name, value in space.items() if _counts(name, value)}


def _with_their_own(parts: Sequence[object], own: Look) -> Iterator[object]:
    """Parts, and what minidl's own objects among the parts hold, each once."""
    seen: set[int] = set()
    waiting = [*reversed(parts)]
    while waiting:
        part = waiting.pop()
        if id(part) not in seen:
            seen.add(id(part))
            yield part
            if own(part):
                waiting += [each for _, value in held(part) for each in with_parts(value)]
