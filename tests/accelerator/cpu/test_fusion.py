"""Neighbouring loops as one: the same bits, and only where nothing else would notice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.accelerator.cpu import player
from minidl.accelerator.cpu.elementwise import Loop
from minidl.accelerator.cpu.fusion import MOST
from minidl.accelerator.cpu.fusion import fused as joined
from minidl.accelerator.cpu.sums.plan import reduction
from minidl.backend import fused
from tests.accelerator.cpu.running import play, random, same_bits

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
    return player.commands(formula.program(arguments, outs), arguments, outs)


STEPS = st.lists(
    st.tuples(
        st.sampled_from([*FORMULAS, "sum"]),
        st.lists(st.integers(0, 4), min_size=4, max_size=4),
        st.floats(-2, 2, width=16),
    ),
    min_size=2,
    max_size=6,
)


@ON_EVERY_TEAM
@given(STEPS, st.sampled_from([(1, 1), (3, 5), (40, 33), (70, 10)]), st.data())
def test_any_row_of_loops_gives_the_same_bits(steps, shape, data):
    """Arrays, a row for all rows and one number for all, read and overwritten in any order.

    Between the loops there are sums, into the row, which no loop can join.
    """
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    arrays = [random(shape, dtype, seed) for seed in range(4)]
    arrays.append(random(shape[1:], dtype, 4))
    wanted = [a.copy() for a in arrays]
    made = []
    for name, places, weight in steps:
        first, second, one, other = places
        one, other = one % 4, other % 4
        if name == "sum":
            made += reduction("sum", arrays[one], 0, arrays[4])
            np.sum(wanted[one], axis=0, out=wanted[4])
            continue
        formula = FORMULAS[name]
        if name == "both" and one == other:
            other = (one + 1) % 4
        outs = [one, other] if name == "both" else [one]
        given_ = {"weighted": [first, second, weight], "positive": [first]}.get(
            name, [first, second]
        )

        def of(source, given_=given_):
            return [source[k] if isinstance(k, int) else k for k in given_]

        made += commands(formula, of(arrays), [arrays[k] for k in outs])
        # A number stays a number: as an array it would have a type of its own.
        copies = [np.copy(a) if isinstance(a, np.ndarray) else a for a in of(wanted)]
        results = formula.formula(*copies)
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


def test_loops_on_the_same_array_are_one_whatever_stands_between():
    """A penalty's gradient and the update, once the gradients of other tensors are there."""
    W, dW = random((40, 33)), random((40, 33), seed=1)
    V, dV, total = random((35, 20)), random((35, 20), seed=1), random(20)
    made = [
        *commands(weighted, [dW, W, 2.0], [dW]),
        *commands(weighted, [dV, V, 2.0], [dV]),
        *reduction("sum", V, 0, total),
        *commands(weighted, [W, dW, -0.1], [W]),
    ]
    row = joined(made)
    assert [type(command) for command in row] == [Loop, Loop, type(made[2])]
    assert [out is want for out, want in zip(row[0].outs, (dW, W), strict=True)] == [True, True]
    assert len(row[0].arrays) == 2  # W is loaded once
    expected = W + -0.1 * (dW + 2.0 * W)
    play(made)
    same_bits(W, expected)


@pytest.mark.parametrize("what", ["reads", "overwrites", "is overwritten by"])
def test_a_loop_stays_behind_what_its_arrays_depend_on(what):
    x, y, z = (random((40, 33), seed=k) for k in range(3))
    between = {
        "reads": lambda: reduction("sum", x, 0, y[0]),  # before x is overwritten
        "overwrites": lambda: reduction("sum", z, 0, x[0]),
        "is overwritten by": lambda: reduction("sum", z, 0, y[3]),
    }[what]()
    made = [*commands(positive, [x], [y]), *between, *commands(weighted, [x, y, 2.0], [x])]
    assert len(joined(made)) == 3


def test_loops_that_share_nothing_are_one_only_side_by_side():
    x, y, z = (random((40, 33), seed=k) for k in range(3))
    made = [*commands(positive, [x], [x]), *commands(positive, [y], [y])]
    assert len(joined(made)) == 1
    made.insert(1, *reduction("sum", z, 0, np.empty(33)))
    assert len(joined(made)) == 3


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
