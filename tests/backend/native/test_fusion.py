"""Neighbouring loops as one: the same bits, and only where nothing else would notice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.backend import fused, native
from minidl.backend.native.fusion import MOST
from minidl.backend.native.fusion import fused as joined
from tests.backend.native.running import play, random, same_bits

ON_EVERY_TEAM = pytest.mark.usefixtures("parts")


@fused
def weighted(x, y, weight):
    return x + weight * y


@fused
def both(x, y):
    return x * y, x - y


@fused
def positive(x):
    return np.maximum(x, 0)


@fused
def above(x, y):
    return x > y


FORMULAS = {"weighted": weighted, "both": both, "positive": positive, "above": above}


def commands(formula, arguments, outs):
    return native.commands(formula.program(arguments, outs), arguments, outs)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(sorted(FORMULAS)),
        st.lists(st.integers(0, 4), min_size=4, max_size=4),
        st.floats(-2, 2, width=16),
    ),
    min_size=2,
    max_size=6,
)


@ON_EVERY_TEAM
@given(STEPS, st.sampled_from([(1, 1), (3, 5), (40, 33), (70, 10)]), st.data())
def test_any_row_of_loops_gives_the_same_bits(steps, shape, data):
    """Arrays, a row for all rows and one number for all, read and overwritten in any order."""
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    arrays = [random(shape, dtype, seed) for seed in range(4)]
    arrays.append(random(shape[1:], dtype, 4))
    wanted = [a.copy() for a in arrays]
    made = []
    for name, places, weight in steps:
        formula = FORMULAS[name]
        first, second, one, other = places
        one, other = one % 4, other % 4
        if name == "both" and one == other:
            other = (one + 1) % 4
        outs = [one, other] if name == "both" else [one]
        given_ = {"weighted": [first, second, weight], "positive": [first]}.get(
            name, [first, second]
        )

        def of(source, given_=given_):
            return [source[k] if isinstance(k, int) else k for k in given_]

        made += commands(formula, of(arrays), [arrays[k] for k in outs])
        results = formula.formula(*(np.copy(a) for a in of(wanted)))
        for place, result in zip(outs, results if name == "both" else [results], strict=True):
            wanted[place][...] = result
    play(made)
    for array, want in zip(arrays, wanted, strict=True):
        same_bits(array, want)


def test_terms_bias_and_activation_are_one_loop():
    terms, bias, z, y = random((2, 40, 33)), random(33), random((40, 33)), random((40, 33))
    made = [
        *commands(weighted, [terms[0], terms[1], 1.0], [z]),
        *commands(weighted, [z, bias, 1.0], [z]),
        *commands(positive, [z], [y]),
    ]
    (one,) = joined(made)
    assert [out is want for out, want in zip(one.outs, (z, y), strict=True)] == [True, True]
    play(made)
    same_bits(z, terms[0] + 1.0 * terms[1] + 1.0 * bias)
    same_bits(y, np.maximum(z, 0))


def test_what_is_overwritten_at_once_is_not_stored():
    x, y = random((4, 3)), random((4, 3))
    (one,) = joined([*commands(positive, [x], [y]), *commands(weighted, [y, x, 2.0], [y])])
    assert one.outs == (y,)


@pytest.mark.parametrize("what", ["shape", "written", "type", "moved", "row", "read before"])
def test_loops_of_other_elements_stay_two(what):
    x, z, single = random((6, 6)), random((6, 6)), random((6, 6), "float32")
    memory = random(42)
    y, moved = memory[:36].reshape(6, 6), memory[6:].reshape(6, 6)
    first = commands(weighted, [x, z[0], 1.0], [y])
    second = {
        "shape": lambda: commands(positive, [random((5, 6))], [random((5, 6))]),
        "written": lambda: commands(positive, [random((6, 6))], [moved]),
        "type": lambda: commands(positive, [single], [single]),
        "moved": lambda: commands(positive, [moved], [x]),
        "row": lambda: commands(weighted, [x, y[2], 1.0], [x]),
        "read before": lambda: commands(positive, [x], [z]),
    }[what]()
    assert len(joined([*first, *second])) == 2


def test_a_loop_has_so_many_arrays_at_most():
    arrays = [random((5, 5), seed=k) for k in range(MOST + 2)]
    made = []
    for array in arrays[1:]:
        made += commands(weighted, [arrays[0], array, 1.0], [arrays[0]])
    row = joined(made)
    assert 1 < len(row) < len(made)
