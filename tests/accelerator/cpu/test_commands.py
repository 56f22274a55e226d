"""How arrays are shared out, and where the parts of a team wait for each other."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.accelerator.cpu import player
from minidl.accelerator.cpu.commands import (
    WORTH,
    CommandList,
    UnsupportedError,
    axis_of,
    listed,
    shape_of,
)
from minidl.accelerator.cpu.shares import COLUMNS, LINE, ROWS, WHOLE, WIDE, cut
from minidl.accelerator.cpu.sums.plan import reduction
from minidl.accelerator.cpu.team.mail import WAITS
from minidl.backend import fused
from tests.accelerator.cpu import running
from tests.accelerator.cpu.running import each_schedule, in_turn, play, random

ON_EVERY_TEAM = pytest.mark.usefixtures("parts")


@given(st.integers(0, 5000) | st.integers(0, 40), st.integers(1, 8))
def test_shares_cover_everything_and_begin_at_cache_lines(size, parts):
    ends = [cut(size, part, parts) for part in range(parts + 1)]
    assert ends[0] == 0
    assert ends[-1] == size
    assert ends == sorted(ends)
    assert all(end % LINE == 0 or end == size for end in ends)
    # None has more than its share and one line.
    assert max(np.diff(ends)) <= size / parts + LINE


def test_what_is_shared_out_how():
    assert axis_of(WIDE, 1) == axis_of(WIDE, 1000) == ROWS
    assert axis_of(WIDE - 1, WIDE) == axis_of(1, WIDE) == COLUMNS
    assert axis_of(WIDE - 1, WIDE - 1) == axis_of(1, 1) == WHOLE


def test_rows_and_columns():
    assert shape_of(np.zeros(())) == (1, 1)
    assert shape_of(np.zeros(7)) == (1, 7)
    assert shape_of(np.zeros((2, 7))) == (2, 7)
    assert shape_of(np.zeros((2, 3, 7))) == (6, 7)
    assert shape_of(np.zeros((9, 7))[::2, :3]) == (5, 3)
    with pytest.raises(UnsupportedError):
        shape_of(np.zeros((2, 3, 8))[..., :7])


# Waits -------------------------------------------------------------------------------------


@fused
def both(x, y):
    return x + y


def added(x, y, out):
    """out = x + y, as one command."""
    (made,) = player.commands(both.program([x, y], [out]), [x, y], [out])
    return made


def summed(x, out):
    """out = Σ_n x_n, as one command."""
    (made,) = reduction("sum", x, 0, out)
    return made


def waits(*commands):
    return listed(commands)[:, WAITS].tolist()


@pytest.mark.parametrize("shape", [(70, 5), (70, 90), (5, 90), (90,), (3, 4), (), (4, 20, 5)])
def test_parts_that_keep_to_their_shares_do_not_wait(shape):
    x, y, z = (random(shape, seed=k) for k in range(3))
    assert waits(added(x, y, z), added(z, y, x), added(x, z, y), added(y, y, y)) == [0] * 4


def test_reading_what_others_wrote():
    x, sums, y = random((70, 5)), np.empty(5), random((70, 5))
    assert waits(added(y, y, x), summed(x, sums)) == [0, 1]
    # A column vector, made by columns, is read by the parts of all rows.
    row, wide = random(90), random((70, 90))
    assert waits(added(row, row, row), added(wide, row, wide)) == [0, 1]


def test_writing_what_others_read():
    x, sums, y = random((70, 5)), np.empty(5), random((70, 5))
    assert waits(summed(x, sums), added(y, y, x)) == [0, 1]
    row, wide = random(90), random((70, 90))
    assert waits(added(wide, row, wide), added(row, row, row)) == [0, 1]


def test_writing_what_others_wrote():
    x, y = random((70, 90)), random((70, 90))
    flat = x.reshape(-1)
    other = random(flat.shape)
    assert waits(added(y, y, x), added(other, other, flat)) == [0, 1]
    assert waits(added(y, y, x), added(y[:20], y[:20], x[:20])) == [0, 1]


def test_rows_and_columns_that_overlap():
    x, y = random((90, 90)), random((90, 90))
    for one, other in [(x[:40], x[8:48]), (x[:, :40], x[:, 8:48]), (x[:8, :40], x[:8, 8:48])]:
        here = y[: one.shape[0], : one.shape[1]]
        commands = added(here, here, one), added(here, here, other), added(here, here, other)
        assert waits(*commands) == [0, 1, 0]
    # A part has the same columns of these, whatever rows there are.
    assert waits(added(y[:8], y[:8], x[:8]), added(y[:5], y[:5], x[:5])) == [0, 0]


def test_readers_do_not_wait_for_each_other():
    x, y, sums = random((70, 90)), np.empty((70, 90)), np.empty(90)
    flat, other = x.reshape(-1), np.empty(70 * 90)
    commands = added(x, x, y), summed(x, sums), added(flat, flat, other)
    assert waits(*commands) == [0, 0, 0]


def test_other_memory_is_no_reason_to_wait():
    vector, sums = random(2 * 70 * 5), np.empty(5)
    x, y = vector[:350].reshape(70, 5), vector[350:].reshape(70, 5)
    assert waits(added(x, x, x), summed(y, sums)) == [0, 0]
    assert waits(added(y, y, y), summed(x, sums)) == [0, 0]
    # One element in common is one.
    x = vector[:355].reshape(71, 5)
    assert waits(added(x, x, x), summed(y, sums)) == [0, 1]


def test_nobody_waits_twice_for_the_same():
    x, one, other = random((70, 5)), np.empty(5), np.empty(5)
    commands = [added(x, x, x), *(summed(x, s) for s in (one, other))]
    assert waits(*commands) == [0, 1, 0]
    # But again for what came after.
    assert waits(*commands, added(x, x, x), summed(x, one)) == [0, 1, 0, 1, 1]


def test_one_waits_for_what_is_long_past():
    x, sums, y = random((70, 5)), np.empty(5), random((70, 5))
    between = [added(y, y, y)] * 3
    assert waits(added(x, x, x), *between, summed(x, sums)) == [0, 0, 0, 0, 1]


def test_sums_of_rows_go_with_their_rows():
    x, sums = random((70, 90)), np.empty((70, 1))

    def kernel(x, sums):
        np.sum(x, axis=1, keepdims=True, out=sums)
        np.subtract(x, sums, out=x)

    made = player.record_kernel(kernel, [x, sums], {})
    assert waits(added(x, x, x), *made, added(x, x, x)) == [0] * 4


def test_sums_of_columns_go_with_their_columns():
    x, sums = random((20, 90)), np.empty(90)
    commands = added(x, x, x), summed(x, sums), added(x, sums, x)
    assert waits(*commands) == [0, 0, 0]


def test_small_arrays_are_the_first_parts_and_wait_only_for_larger():
    x, small = random((70, 5)), random((3, 5))
    assert waits(added(small, small, small), added(small, small, small)) == [0, 0]
    assert waits(added(x, x, x), added(x[:3], x[:3], small)) == [0, 1]


@pytest.mark.parametrize("transposed", ["", "a", "b"])
def test_products_wait_for_what_they_read_whole(transposed, parts):
    a, b, out = (random((80, 80), seed=k) for k in range(3))
    product = functools.partial(player.record_kernel, np.matmul)
    given_ = [a.T if transposed == "a" else a, b.T if transposed == "b" else b]
    made = product(given_, {"out": out})
    alone = parts == 1
    # Each part takes its own columns of a, for a sum of terms; its own rows of b.
    own = {"": "b", "a": "", "b": "b"}[transposed]
    assert waits(added(a, a, a), *made)[1] == 1
    assert waits(added(b, b, b), *made)[1] == (own != "b" or alone)


# Whole sequences ---------------------------------------------------------------------------

# Squares and short wide ones, large enough for products to be shared out; a row, a column, one.
POOL = {
    "S": [(48, 48)] * 3, "D": [(16, 48)] * 2, "v": [(48,)] * 2, "c": [(48, 1)] * 2, "s": [()],
}  # fmt: skip
NAMES = [f"{kind}{k}" for kind, shapes in POOL.items() for k in range(len(shapes))]
OF = {kind: [name for name in NAMES if name[0] == kind] for kind in POOL}
STEPS = ["product", "add", "part", "flat", "copysign", "assign", "sum"]
PARTS_OF = [np.s_[:24], np.s_[24:], np.s_[:, :16], np.s_[:, 16:], np.s_[8:40, 3:44], np.s_[...]]


def whole_numbers():
    """Small ones, so that no product or sum is ever rounded, whatever the order."""
    rng = np.random.default_rng(0)
    shapes = [shape for shapes in POOL.values() for shape in shapes]
    return [rng.integers(-2, 3, shape).astype(float) for shape in shapes]


def do(step, pool):
    """One step on arrays by name; what it writes is brought back to -2 … 2."""
    kind, *names, detail = step
    *inputs, out = (pool[name] for name in names)
    if kind == "product":
        a, b = (x.T if t else x for x, t in zip(inputs, detail, strict=True))
        np.matmul(a, b, out=out)
    elif kind == "add":
        np.add(*inputs, out=out)
    elif kind == "part":
        x, y, out = inputs[0][detail], inputs[1][detail], out[detail]
        np.subtract(x, y, out=out)
    elif kind == "flat":
        x, y, out = inputs[0].reshape(-1), inputs[1].reshape(-1), out.reshape(-1)
        np.multiply(x, y, out=out)
    elif kind == "copysign":
        np.copysign(*inputs, out=out)
    elif kind == "assign":
        out[...] = inputs[0] if inputs else 2
    else:
        np.sum(*inputs, axis=detail, keepdims=names[-1][0] == "c", out=out)
    np.minimum(out, 2, out=out)
    np.maximum(out, -2, out=out)


@st.composite
def steps(draw):
    one = {kind: st.sampled_from(names) for kind, names in OF.items()}
    matrices = st.sampled_from(["S", "D"])
    kind = draw(st.sampled_from(STEPS))
    if kind == "product":
        flags = [draw(st.booleans()), draw(st.booleans())]
        shape = draw(st.sampled_from(["SS", "DS", "DD"]))
        if shape == "SS":
            first, second, out = draw(st.permutations(OF["S"]).map(lambda names: names[:3]))
            second = draw(st.sampled_from([first, second]))
        elif shape == "DS":
            first, out = draw(st.permutations(OF["D"]))
            second, flags[0] = draw(one["S"]), False
        else:
            first, second, out = draw(one["D"]), draw(one["D"]), draw(one["S"])
            flags = [True, False]
        return kind, first, second, out, flags
    if kind == "sum":
        target = draw(st.sampled_from("vcs"))
        source = draw(one["S"] if target == "c" else one[draw(matrices)])
        return kind, source, draw(one[target]), {"v": 0, "c": 1, "s": None}[target]
    shape = draw(matrices)
    inputs = [draw(one[shape])]
    if kind != "assign":
        other = one[shape]
        if kind == "add":
            other |= one["v"] | one["s"] | (one["c"] if shape == "S" else one["v"])
        inputs.append(draw(other))
    detail = draw(st.sampled_from(PARTS_OF)) if kind == "part" else None
    return kind, *inputs, draw(one[shape]), detail


def recorded(made):
    """The arrays, the commands of these steps on them, and the arrays after NumPy's steps."""
    wanted, arrays = whole_numbers(), whole_numbers()

    def kernel(*given_):
        for step in made:
            do(step, dict(zip(NAMES, given_, strict=True)))

    kernel(*wanted)
    return arrays, player.record_kernel(kernel, arrays, {}), wanted


@given(st.lists(steps(), min_size=1, max_size=8))
@ON_EVERY_TEAM
def test_any_sequence_is_numpys(made):
    arrays, commands, wanted = recorded(made)
    for _ in each_schedule(commands, arrays, repeats=10):
        for name, array, want in zip(NAMES, arrays, wanted, strict=True):
            np.testing.assert_array_equal(array, want, err_msg=name)


# One of every kind that there is.
TYPICAL = [
    *(("product", "S0", "S1", "S2", flags) for flags in ([0, 0], [1, 0], [0, 1], [1, 1])),
    ("product", "S2", "S2", "S0", [1, 0]),
    *(("product", "D0", "S2", "D1", [0, flag]) for flag in (0, 1)),
    ("product", "D1", "D0", "S2", [1, 0]),
    ("add", "S0", "S2", "S2", None), ("add", "D0", "D1", "D0", None),
    ("add", "S2", "v0", "S0", None), ("add", "D1", "v0", "D0", None),
    ("add", "S2", "c0", "S1", None), ("add", "S2", "s0", "S2", None),
    ("add", "v0", "v1", "v0", None), ("add", "c0", "s0", "c0", None),
    ("sum", "S2", "v0", 0), ("sum", "D0", "v0", 0), ("sum", "S2", "c0", 1),
    ("sum", "S2", "s0", None), ("sum", "D0", "s0", None),
    ("flat", "S1", "S2", "S0", None), ("flat", "D1", "D0", "D0", None),
    ("copysign", "S0", "S1", "S2", None), ("copysign", "D0", "D1", "D1", None),
    ("assign", "S2", None), ("assign", "S0", "S2", None),
    *(("part", "S0", "S1", "S2", part) for part in PARTS_OF),
    ("part", "D0", "D1", "D0", np.s_[:8]),
]  # fmt: skip


@ON_EVERY_TEAM
@pytest.mark.thorough
def test_any_two_steps_are_numpys():
    arrays = whole_numbers()
    start = [array.copy() for array in arrays]
    single = []
    for step in TYPICAL:
        kernel = functools.partial(
            lambda step, *given_: do(step, dict(zip(NAMES, given_, strict=True))), step
        )
        single.append(player.record_kernel(kernel, arrays, {}))
    for first, before in zip(TYPICAL, single, strict=True):
        for second, after in zip(TYPICAL, single, strict=True):
            wanted = whole_numbers()
            for step in (first, second):
                do(step, dict(zip(NAMES, wanted, strict=True)))
            for array, values in zip(arrays, start, strict=True):
                array[...] = values
            for _ in each_schedule([*before, *after], arrays):
                for array, want in zip(arrays, wanted, strict=True):
                    np.testing.assert_array_equal(array, want, err_msg=f"{first}, {second}")


PRODUCTS = [("product", "S0", "S1", "S2", flags) for flags in ([0, 0], [1, 0], [0, 1])]
CHAIN = [PRODUCTS[0], ("product", "S2", "S2", "S1", [0, 0]), ("product", "S1", "S0", "S2", [1, 0])]


@ON_EVERY_TEAM
def test_a_long_chain_of_products_many_times():
    arrays, commands, wanted = recorded([*CHAIN, ("add", "S2", "v0", "S0", None), *CHAIN] * 3)
    for _ in each_schedule(commands, arrays, repeats=100):
        for name, array, want in zip(NAMES, arrays, wanted, strict=True):
            np.testing.assert_array_equal(array, want, err_msg=name)


def test_without_waits_these_tests_would_fail(parts, monkeypatch):
    """Parts in turn find each wait that is missing."""

    def careless(commands):
        words = listed(commands)
        words[:, WAITS] = 0
        return words

    arrays, commands, wanted = recorded(CHAIN)
    monkeypatch.setattr(running, "listed", careless)
    start = [array.copy() for array in arrays]
    right = []
    for order in (range(parts), range(parts)[::-1]):
        for array, before in zip(arrays, start, strict=True):
            array[...] = before
        in_turn(commands, order)
        right.append(all(map(np.array_equal, arrays, wanted)))
    assert all(right) == (parts == 1)


# Lists and calls ---------------------------------------------------------------------------


@ON_EVERY_TEAM
def test_calls_stand_in_their_place_among_commands():
    x, seen = np.ones(50), []
    double = added(x, x, x)
    look = functools.partial(lambda: seen.append(x[0]))
    calls = player.assemble([look, double, double, look, double, look, look])
    assert len(calls) == 6
    for call in calls:
        call()
    assert seen == [1, 4, 8, 8]


@ON_EVERY_TEAM
def test_a_list_keeps_what_it_works_on():
    out = np.zeros(5000)
    calls = player.assemble([added(np.ones(5000), np.ones(5000), out)])
    rubbish = [np.full(5000, 7.0) for _ in range(20)]
    for call in calls:
        call()
    assert np.all(out == 2)
    assert len(rubbish) == 20


@ON_EVERY_TEAM
@pytest.mark.parametrize("size", [1, WORTH - 1, WORTH, WORTH + 1])
def test_a_list_runs_as_often_as_it_is_called(size):
    x = np.ones(size)
    doubled = CommandList([added(x, x, x)])
    for _ in range(3):
        doubled()
    assert np.all(x == 8)


@ON_EVERY_TEAM
def test_a_list_of_nothing():
    play([])
    assert player.assemble([]) == []
