"""Which objects promise that their methods do the same at each step."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from minidl.accelerator.record.repeating import repeats

from minidl.kernels import measures, updates


class Base:
    """Says nothing."""

    def forward(self) -> None: ...


class Beside:
    def forward(self) -> None: ...


class Says(Base):
    """Promises."""

    repeats = True
    factor = 1.0

    def forward(self) -> None: ...

    @property
    def size(self) -> int:
        return 3


class Constructed(Says):
    """Says no more than its constructor's arguments."""

    factor = 2.0
    names = ("a", "b")

    def __init__(self) -> None:
        self.note = print  # a function that stands for no method

    def get_config(self) -> dict[str, Any]:
        return {}


class Overriding(Says):
    def forward(self) -> None: ...


class Adding(Says):
    def other(self) -> None: ...


class Again(Overriding):
    """Promises for what its base does, too."""

    repeats = True


class Not(Says):
    repeats = False


class Depending(Says):
    """Promises for as long as something holds."""

    holds = True

    @property
    def repeats(self) -> bool:
        return self.holds


def deriving(**attributes: Any) -> Any:
    """An object of a class that derives from Says and says nothing itself."""
    return type("Deriving", (Says,), attributes)()


def test_a_class_says_whether_it_repeats() -> None:
    assert repeats(Says()) is True
    assert repeats(Base()) is False
    assert repeats(object.__new__(type("Empty", (), {}))) is False
    assert repeats(Not()) is False
    assert repeats(Again()) is True


def test_a_subclass_has_to_say_so_for_what_it_adds() -> None:
    assert repeats(Overriding()) is False
    assert repeats(Adding()) is False
    assert repeats(type("Later", (Overriding,), {})()) is False
    assert repeats(type("Mixed", (Beside, Says), {})()) is False


def test_constructors_and_values_add_nothing() -> None:
    assert repeats(Constructed()) is True
    assert repeats(type("Later", (Constructed,), {"factor": 3.0})()) is True
    assert repeats(deriving()) is True
    beside = type("Beside", (), {"factor": 3.0})
    assert repeats(type("Mixed", (beside, Says), {})()) is True


@pytest.mark.parametrize(
    "value",
    [
        property(lambda self: 2),
        staticmethod(print),
        classmethod(print),
        functools.partial(print),
        functools.partialmethod(print),
        updates.sgd,
        measures.add,
        print,
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
@pytest.mark.parametrize("name", ["forward", "size", "other"])
def test_whatever_a_class_can_compute_with_counts(name: str, value: Any) -> None:
    assert repeats(deriving(**{name: value})) is False


def test_a_method_put_on_the_object_is_not_spoken_for() -> None:
    for kind in (Says, Constructed, Depending):
        thing = kind()
        thing.forward = lambda: None
        assert repeats(thing) is False
        del thing.forward
        assert repeats(thing) is True


def test_a_property_is_asked_each_time() -> None:
    thing = Depending()
    assert repeats(thing) is True
    thing.holds = False
    assert repeats(thing) is False
    thing.holds = 1
    assert repeats(thing) is True
