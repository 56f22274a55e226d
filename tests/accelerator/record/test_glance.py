"""A glance sees each object that took another's place, in Python and in compiled code."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from typing import Any

import pytest

from minidl.accelerator.cpu.looks import layout
from minidl.accelerator.cpu.looks.plan import Look
from minidl.accelerator.record.glance import Holdings


def by_calls(holdings: Holdings) -> Callable[[], bool]:
    """A look in a Python whose objects are of an unknown form."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("place_of_class", "place_of_order", "place_of_code", "place_of_version"):
            patch.setattr(layout, name, lambda: None)
        return Look(holdings)


FORMS: dict[str, Callable[[Holdings], Callable[[], bool]]] = {
    "Python": lambda holdings: holdings.unchanged,
    "compiled": Look,
    "compiled, by calls": by_calls,
}


def new_class() -> Any:
    """A class whose objects have attributes, a list, and a list and a dictionary in the list."""

    class Base:
        pass

    class Held(Base):
        def __init__(self) -> None:
            self.number, self.none = 1000, None
            self.row: list[Any] = [object(), [object()], {"deep": object()}]

        def method(self) -> int:
            return 1

        def other(self) -> int:
            return 2

    return Held


def replace_code(kind: Any, made: Any) -> None:
    kind.method.__code__ = kind.other.__code__


CHANGES: dict[str, Callable[[Any, Any], None]] = {
    "an equal number": lambda kind, made: setattr(made, "number", int("1000")),
    "a number for None": lambda kind, made: setattr(made, "none", 0),
    "one attribute more": lambda kind, made: setattr(made, "more", 1),
    "one attribute less": lambda kind, made: delattr(made, "none"),
    "another name": lambda kind, made: vars(made).update({"rows": vars(made).pop("row")}),
    "another list": lambda kind, made: setattr(made, "row", list(made.row)),
    "an element": lambda kind, made: made.row.__setitem__(0, object()),
    "one element more": lambda kind, made: made.row.append(None),
    "one element less": lambda kind, made: made.row.pop(),
    "no element": lambda kind, made: made.row.clear(),
    "an element within": lambda kind, made: made.row[1].__setitem__(0, object()),
    "an entry within": lambda kind, made: made.row[2].__setitem__("deep", object()),
    "a method": lambda kind, made: setattr(kind, "method", kind.other),
    "one method more": lambda kind, made: setattr(kind, "third", kind.other),
    "one method less": lambda kind, made: delattr(kind, "other"),
    "a method's code": replace_code,
    "another class": lambda kind, made: setattr(made, "__class__", type("Sub", (kind,), {})),
    "another base": lambda kind, made: setattr(kind, "__bases__", (type("Base", (), {}),)),
    "another space": lambda kind, made: setattr(made, "__dict__", dict(vars(made))),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(change: str, form: str) -> None:
    kind = new_class()
    made = kind()
    holdings = Holdings([kind.method, kind.other], [made], [made])
    holdings.add(*gc.get_referents(vars(kind)), kind=kind)
    holdings.add(vars(made))
    holdings.add_deep(made.row)
    unchanged = FORMS[form](holdings)
    assert unchanged()
    made.number = made.number  # the same object
    assert unchanged()
    CHANGES[change](kind, made)
    assert not unchanged()


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not asked"])
@pytest.mark.parametrize("form", FORMS)
def test_a_class_that_is_as_before_again_is_unchanged(form: str, asked: bool) -> None:
    """A changed class has no version until somebody asks it for a name, and then another one."""
    kind = new_class()
    right, other = kind.method, kind.other
    holdings = Holdings()
    holdings.add(*gc.get_referents(vars(kind)), kind=kind)
    unchanged = FORMS[form](holdings)
    for _ in range(3):
        for method in (other, right):
            kind.method = method
            for _ in range(3):
                assert unchanged() == (method is right)
                if asked:
                    assert kind().method() in (1, 2)


def test_the_words_of_pythons_objects_are_found() -> None:
    """On CPython with a lock, as here; elsewhere looks are slower, and the same."""
    assert layout.place_of_class() is not None
    assert layout.place_of_order() is not None
    assert layout.place_of_code() is not None
    assert layout.place_of_version() is not None
    kind = new_class()
    versions = set()
    for _ in range(3):
        layout.ask_for_version(kind)
        versions.add(version(kind))
        assert version(kind) in versions
        kind.third = 3
    assert len(versions) == 3
    assert 0 not in versions


def version(kind: type) -> int:
    place = layout.place_of_version()
    assert place is not None
    return ctypes.c_uint32.from_address(id(kind) + place).value


@pytest.mark.parametrize("form", FORMS)
def test_a_class_that_changes_while_a_look_is_made_has_changed(form: str) -> None:
    """Another thread may come between the note of a class's attributes and the first look."""
    kind = new_class()
    holdings = Holdings()
    holdings.add(*gc.get_referents(vars(kind)), kind=kind)
    kind.method = kind.other
    unchanged = FORMS[form](holdings)
    assert not unchanged()
    assert not unchanged()


@pytest.mark.parametrize("form", FORMS)
def test_attributes_that_do_not_count_may_change(form: str) -> None:
    made = new_class()()
    holdings = Holdings()
    holdings.add(vars(made), ["none", "row"])
    unchanged = FORMS[form](holdings)
    made.number = 5
    assert unchanged()
    made.none = ()
    assert not unchanged()


@pytest.mark.parametrize("form", FORMS)
def test_nothing_to_look_at_is_unchanged(form: str) -> None:
    assert FORMS[form](Holdings())()


@pytest.mark.parametrize("form", FORMS)
def test_a_look_counts_no_references(form: str) -> None:
    kind = new_class()
    made = kind()
    held = [kind, vars(made), made.row, *made.row]
    unchanged = FORMS[form](Holdings([kind.method], [made], [made]))
    before = list(map(sys.getrefcount, held))
    for _ in range(10):
        assert unchanged()
    assert list(map(sys.getrefcount, held)) == before


def test_what_is_looked_at_stays_alive() -> None:
    """The address of an object that is gone may be another object's."""
    row = [object() for _ in range(100)]
    holdings = Holdings()
    holdings.add(row)
    look = Look(holdings)
    del holdings
    for k in range(100):
        row[k] = object()  # would have the address of the one before
        assert not look()
        row[k] = look._kept.lists[0][1][k]
        assert look()
