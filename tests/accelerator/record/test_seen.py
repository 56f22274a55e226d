"""A look finds each change, also one that another thread makes while the look is prepared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from minidl.accelerator.record.glance import Holdings
from minidl.accelerator.record.operands import UnsupportedError
from minidl.accelerator.record.seen import MANY, Seen
from minidl.backend.own import Look
from minidl.layers import Dense, LeakyReLU
from minidl.regularizers import L2


def plain(holdings: Holdings) -> Callable[[], bool]:
    return holdings.unchanged


def test_a_change_while_a_glance_is_made() -> None:
    layer: Any = LeakyReLU(0.1)

    def compiled(holdings: Holdings) -> Callable[[], bool]:
        layer.negative_slope = 0.2
        return Holdings().unchanged  # as if the change had come before the glance

    seen = Seen([layer], [], Look(), compiled)
    assert all(seen.holds([layer], []) for _ in range(MANY - 1))
    assert not seen.holds([layer], [])
    assert not seen.unchanged([])


def test_objects_that_hold_each_other() -> None:
    one, other = Dense(2), LeakyReLU(0.1)
    one.pair, other.pair = (1, other), [one]  # in a tuple and in a list
    seen = Seen([one], [], Look(), plain)
    assert all(seen.holds([one], []) for _ in range(MANY))
    assert seen.unchanged([])
    other.negative_slope = 0.2
    assert not seen.unchanged([])
    assert not seen.holds([one], [])


def test_a_computed_attribute_that_a_step_reads() -> None:
    chosen = [False]

    class Proximal(L2):
        proximal = property(lambda self: chosen[0])  # type: ignore[assignment]

    penalty = Proximal.__new__(Proximal)
    seen = Seen([penalty], [], Look(), plain)
    assert all(seen.holds([penalty], []) for _ in range(MANY))
    chosen[0] = True
    assert not seen.unchanged([])
    assert not seen.holds([penalty], [])


def test_a_function_without_attributes_of_its_own() -> None:
    rate = LeakyReLU(0.1).get_config
    seen = Seen([], [rate], Look(), plain)
    assert all(seen.holds([], [rate]) for _ in range(MANY))
    assert seen.unchanged([rate])


def test_lists_too_deep_for_a_copy() -> None:
    layer = Dense(2)
    layer.notes = []
    layer.notes.append({"itself": layer.notes})
    with pytest.raises(UnsupportedError, match="more than 50 deep"):
        Seen([layer], [], Look(), plain)
