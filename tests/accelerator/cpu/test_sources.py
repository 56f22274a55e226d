"""The source of a formula's loop."""

from __future__ import annotations

from minidl.accelerator.broadcasting import BY_COLUMN, EACH, ONE
from minidl.accelerator.trace.loop_source import source
from minidl.accelerator.trace.program import trace
from minidl.kernels import updates


def text(formula, arrays, numbers, places, kinds=None, types=None):
    program = trace(formula, [True] * arrays + [False] * numbers)
    count = arrays + places.count(-1)
    kinds = kinds or [EACH] * count
    types = types or ["float32"] * count
    return source(program, kinds, types, places, "float32", [numbers])


def parameters(text):
    header = next(line for line in text.splitlines() if line.startswith("def row("))
    return header[header.index("(") + 1 : header.index(")")].split(", ")


def test_an_array_that_is_overwritten_is_one_argument():
    fresh = text(updates.momentum.formula, 3, 2, [-1, -1])
    assert parameters(fresh)[:5] == ["x0", "x1", "x2", "x3", "x4"]
    in_place = text(updates.momentum.formula, 3, 2, [0, 2])
    assert parameters(in_place)[:3] == ["x0", "x1", "x2"]
    assert "x3" not in in_place


def test_what_is_one_for_all_elements_is_read_once():
    def formula(x, number):
        return x + number

    many = text(formula, 2, 0, [-1], [EACH, BY_COLUMN, EACH])
    once = text(formula, 2, 0, [-1], [EACH, ONE, EACH])
    assert "r1 = T(x1[j])" in many
    assert "x1[j]" not in once


def test_each_array_is_read_in_its_own_type():
    both = text(lambda x, y: x * y, 2, 0, [-1], types=["uint8", "float64", "float32"])
    assert "values import float32, float64, int64, uint8\n" in both
    assert "at(words[4] + i * words[5] + low * 1, uint8)" in both
    assert "at(words[6] + i * words[7] + low * 8, float64)" in both
