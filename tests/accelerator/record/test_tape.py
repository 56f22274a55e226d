"""A tape: what is recorded is done again when it is played, and nothing else is."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from minidl.accelerator.cpu import player
from minidl.accelerator.record.tape import Tape
from minidl.backend import fused, kernel, switch, use
from minidl.backend.fused import Fused
from minidl.backend.random import DROPOUT, RandomBits
from minidl.backend.recorder import recorder, unrecorded

# Shared out by columns, by rows and not at all.
SHAPES = pytest.mark.parametrize("shape", [(4, 40), (40, 3), (3, 5), (7,)])


@pytest.fixture(autouse=True)
def _compiled(parts: int) -> None:
    use("numpy", executor="compiled")


@fused
def move(x, v, rate):
    """v ← v/2 + x,  x ← x - rate · v."""
    v = 0.5 * v + x
    return x - rate * v, v


@fused
def squash(x, slope):
    """With functions that only NumPy's loops compute, before and after others."""
    return np.tanh(slope * x) + np.exp(-x * x)


@fused
def less(a, b):
    """a - b."""
    return a - b


@fused
def mean(a, b):
    """(a + b) / 2."""
    return (a + b) / 2


@kernel
def plus(x: Any, amount: float, out: Any) -> Any:
    """out = x + amount."""
    return np.add(x, amount, out=out)


@kernel
def twice(x: Any) -> None:
    """x ← x + 2, in two calls of another kernel."""
    plus(x, 1.0, out=x)
    plus(x, 1.0, x)


@kernel
def running_sums(x: Any, out: Any) -> Any:
    """out_k = Σ_{i<=k} x_i: no command does this."""
    return np.cumsum(x, out=out)


@kernel
def running_sums_within(x: Any, out: Any) -> Any:
    """The same, by a kernel that has no command."""
    plus(x, 1.0, out=x)
    return running_sums(x, out)


@kernel
def running_sums_and_more(x: Any, out: Any) -> Any:
    """The same, with a kernel and a formula on the way."""
    plus(x, 1.0, out=x)
    np.cumsum(x, out=out)
    move(x, out, 0.25, out=(x, out))
    return out


def at_end(function: Callable[..., Any], *arguments: Any, late: bool = True) -> None:
    """Call a function; while a step is recorded, as what ends the step."""
    if recorder.tape is None:
        function(*arguments)
    else:
        recorder.tape.end(late, function, arguments, {})


def numbers(*shape: int, seed: int = 0, dtype: Any = np.float64) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def compare(step: Callable[..., Any], *arrays: np.ndarray, plays: int = 3) -> Tape:
    """Assert that the step, recorded and played on some arrays, does what its calls do to others.

    The same bits: both do the same operations on each element in the same order.
    """
    others = [a.copy() for a in arrays]
    tape = Tape(0, player)
    with tape.record():
        step(*arrays)
    step(*others)
    for k in range(plays):
        for mine, theirs in zip(arrays, others, strict=True):
            np.testing.assert_array_equal(mine, theirs, err_msg=f"play {k}")
        tape.play(1 + k)
        step(*others)
    for mine, theirs in zip(arrays, others, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for k in range(plays):
        tape.play(1 + plays + k, may_wait=True)
        step(*others)
    tape.finish()
    for mine, theirs in zip(arrays, others, strict=True):
        np.testing.assert_array_equal(mine, theirs, err_msg="steps that wait")
    return tape


@SHAPES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_formula_is_played_as_it_is_called(shape: tuple[int, ...], dtype: str) -> None:
    x, v = numbers(*shape, dtype=dtype), numbers(*shape, seed=1, dtype=dtype)
    compare(lambda x, v: move(x, v, 0.125, out=(x, v)), x, v)


@SHAPES
def test_a_formula_with_functions_of_numpy_is_played_as_it_is_called(
    shape: tuple[int, ...],
) -> None:
    compare(lambda x, y: squash(x, 0.75, out=y), numbers(*shape), numbers(*shape, seed=1))
    compare(lambda x: squash(x, 0.75, out=x), numbers(*shape))


@SHAPES
def test_a_kernel_is_played_as_it_is_called(shape: tuple[int, ...]) -> None:
    compare(lambda x, y: plus(x, 0.5, out=y), numbers(*shape), numbers(*shape, seed=1))
    compare(lambda x: plus(x, 0.5, x), numbers(*shape))


def test_recorded_calls_give_back_what_they_were_given_to_write_into() -> None:
    x, y = numbers(3), numbers(3)
    with Tape(0, player).record():
        assert plus(x, 1.0, y) is y
        assert plus(x, 1.0, out=y) is y
        assert running_sums(x, out=y) is y
        assert squash(x, 0.5, out=y) is y
        assert move(x, y, 0.5, out=(x, y)) == (x, y)
        assert twice(x) is None


def test_kernels_within_kernels_are_recorded_once() -> None:
    """Whether the outer one has commands or stays with Python."""
    x = np.zeros(3)
    tape = compare(twice, x)
    np.testing.assert_array_equal(x, 14)  # one record and six plays, 2 each
    tape.play(4)
    np.testing.assert_array_equal(x, 16)
    compare(running_sums_within, numbers(5), numbers(5, seed=1))
    compare(running_sums_and_more, numbers(5), numbers(5, seed=1))


def test_what_has_no_command_stays_in_its_place() -> None:
    def step(x: np.ndarray, y: np.ndarray) -> None:
        plus(x, 1.0, out=x)
        running_sums(x, out=y)
        move(x, y, 0.25, out=(x, y))
        plus(y, -1.0, out=y)
        running_sums(y, out=x)
        running_sums(x, out=y)

    compare(step, numbers(9), numbers(9, seed=1))


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, ">f4", ">f8", ">i2"])
def test_numbers_that_compiled_code_cannot_read_stay_with_python(dtype: Any) -> None:
    x = (8 * numbers(4, 40)).astype(dtype)
    compare(lambda x, y: plus(x, 0.5, out=y), x, np.zeros(x.shape))
    compare(np_copy, x, np.zeros(x.shape))
    compare(sums, x, np.zeros(x.shape[1]))


@kernel
def np_copy(x: Any, out: Any) -> None:
    """out = x."""
    np.copyto(out, x)


@kernel
def sums(x: Any, out: Any) -> None:
    """out_o = Σ_n x_no."""
    np.sum(x, axis=0, dtype=out.dtype, out=out)


def test_python_between_is_not_called_again() -> None:
    """NumPy called directly, and whatever else the step does."""
    x, calls = np.zeros(3), []
    tape = Tape(0, player)
    with tape.record():
        plus(x, 1.0, out=x)
        x += 10
        calls.append(1)
    tape.play(1)
    np.testing.assert_array_equal(x, 12)
    assert calls == [1]


def test_arguments_are_checked_as_without_a_tape() -> None:
    tape = Tape(0, player)
    with tape.record():
        with pytest.raises(ValueError, match="expected arrays of shape"):
            squash(numbers(3), 0.5, out=numbers(4))
        with pytest.raises(ValueError, match="expected 2 output arrays"):
            move(numbers(3), numbers(3), 0.5, out=numbers(3))
    tape.play(1)  # nothing


# What ends a step: its numbers change


class Rates:
    """The step number as a rate, kept by Python."""

    def __init__(self) -> None:
        self.step = 0

    def update(self, x: np.ndarray, v: np.ndarray) -> None:
        self.step += 1
        move(x, v, 1 / self.step, out=(x, v))
        squash(v, 1 / self.step, out=v)
        if self.step % 3 == 0:  # not in the first call
            plus(x, 0.5, out=x)
            less(v, 1 / self.step, out=v)


LATE = pytest.mark.parametrize("late", [False, True], ids=["early", "late"])


@LATE
def test_numbers_of_what_ends_a_step_are_taken_anew(late: bool) -> None:
    mine, theirs = Rates(), Rates()
    x, v = numbers(4, 40), numbers(4, 40, seed=1)
    a, b = x.copy(), v.copy()

    def step(rates: Rates, x: np.ndarray, v: np.ndarray) -> None:
        plus(x, 1.0, out=x)
        at_end(rates.update, x, v, late=late)
        plus(v, -1.0, out=v)

    tape = Tape(0, player)
    with tape.record():
        step(mine, x, v)
    step(theirs, a, b)
    for k in range(1, 8):
        tape.play(k)
        step(theirs, a, b)
        assert mine.step == theirs.step == k + 1
        np.testing.assert_array_equal(x, a)
        np.testing.assert_array_equal(v, b)


@LATE
def test_a_formula_alone_is_the_recorded_one(monkeypatch: pytest.MonkeyPatch, late: bool) -> None:
    """On the same arrays it is not made anew, whatever its numbers are."""
    rates, x, v = iter([1.0, 0.5, np.float64(0.25), 2]), numbers(6), numbers(6, seed=1)
    a, b = x.copy(), v.copy()
    tape = Tape(0, player)
    with tape.record():
        at_end(lambda: move(x, v, next(rates), out=(x, v)), late=late)
    with monkeypatch.context() as missing:
        missing.setattr(Tape, "formula", None)
        missing.setattr(Fused, "program", None)
        missing.setattr(switch, "executor_for", None)
        for k in range(3):
            tape.play(k)
    for rate in (1.0, 0.5, 0.25, 2):
        move(a, b, rate, out=(a, b))
    np.testing.assert_array_equal(x, a)
    np.testing.assert_array_equal(v, b)


@LATE
def test_a_formula_outside_the_ending_is_another(late: bool) -> None:
    """On the same arrays, before and after it."""

    def step(x: np.ndarray, v: np.ndarray) -> None:
        move(x, v, 0.5, out=(x, v))
        at_end(lambda: move(x, v, 1.0, out=(x, v)), late=late)
        move(x, v, 0.25, out=(x, v))

    assert not compare(step, numbers(4), numbers(4, seed=1)).obstacle


@LATE
def test_two_calls_may_end_a_step_if_nothing_comes_between(late: bool) -> None:
    def step(x: np.ndarray, v: np.ndarray) -> None:
        plus(x, 1.0, out=x)
        at_end(lambda: move(x, v, 1.0, out=(x, v)), late=late)
        at_end(lambda: less(v, 0.25, out=v))

    assert not compare(step, numbers(4), numbers(4, seed=1)).obstacle

    tape, x, v = Tape(0, player), numbers(4), numbers(4, seed=1)
    with tape.record():
        step(x, v)
        plus(x, 1.0, out=x)
        at_end(lambda: less(v, 0.25, out=v), late=late)
    assert tape.obstacle == "something foreign comes between two parts of the update"


def test_an_output_may_lie_elsewhere_each_time() -> None:
    """First where an argument is, then in an object made where that was."""
    starts = iter([0, 4, 8, 0, 4, 8])
    x = numbers(12)
    first, expected = x[:4], x.copy()

    def update() -> None:
        start = next(starts)
        less(first, 1.0, out=x[start : start + 4])

    tape = Tape(0, player)
    with tape.record():
        at_end(update)
    for k in range(1, 6):
        tape.play(k)
    for start in (0, 4, 8, 0, 4, 8):
        expected[start : start + 4] = expected[:4] - 1
    np.testing.assert_array_equal(x, expected)


@LATE
def test_numbers_and_arrays_may_change_places(late: bool) -> None:
    """One formula on the same arrays, each time with the number elsewhere; and another one."""

    def update(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
        less(x, 1.5, out=y)
        less(1.5, x, out=z)
        less(y, z, out=x)
        less(z, y, out=z)
        mean(z, y, out=z)

    arrays = [numbers(4, seed=k) for k in range(3)]
    compare(lambda *arrays: at_end(update, *arrays, late=late), *arrays)


@LATE
def test_what_ends_a_step_may_make_arrays_anew(late: bool) -> None:
    """New views and new arrays at each step, often at the address of what was there before."""

    def update(x: np.ndarray) -> None:
        for start in range(0, 12, 4):
            part, work = x[start : start + 4], np.full(4, float(start))
            move(part, work, 0.5, out=(part, work))
            plus(work, 1.0, out=work)
            plus(part, 0.25, part)
        gc.collect()

    compare(lambda x: at_end(update, x, late=late), numbers(12), plays=8)


@LATE
def test_what_ends_a_step_takes_the_arrays_that_it_finds(late: bool) -> None:
    """Other arrays than when it was recorded."""
    arrays = [np.zeros(3) for _ in range(3)]
    waiting = iter(arrays)
    tape = Tape(0, player)
    with tape.record():
        at_end(lambda: plus(a := next(waiting), 1.0, out=a), late=late)
    tape.play(1)
    tape.play(2)
    np.testing.assert_array_equal(arrays, 1)


@LATE
def test_a_kernel_takes_the_numbers_that_it_is_given(late: bool) -> None:
    """Its commands are those of one number; with another one it is called."""
    amounts, x = iter([1.0, 1.0, 4.0, 1.0, 16.0]), np.zeros(3)
    tape = Tape(0, player)
    with tape.record():
        at_end(lambda: plus(x, next(amounts), x), late=late)
    for k, so_far in enumerate([1.0, 2.0, 6.0, 7.0, 23.0]):
        if k:
            tape.play(k)
        np.testing.assert_array_equal(x, so_far)


# What ends a step: its formulas change


class Ending:
    """Numbers that change from step to step; after two plays, other formulas."""

    def __init__(self, *others: str) -> None:
        self.step, self.others = 0, others

    def update(self, x: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
        """From the fourth call on with ``others``, which is after two plays."""
        self.step += 1
        others = self.others if self.step > 3 else ()
        if "before" in others:
            less(v, 0.125, out=v)
        move(x, v, 1 / self.step, out=(x, v))
        if "kernel" in others:
            plus(v, 0.5, out=v)
        if "elsewhere" in others:
            less(v, 1 / self.step, out=v)
        elif "missing" not in others:
            less(y, 1 / self.step, out=y)
        if "after" in others:
            less(v, 0.25, out=v)
            plus(y, 0.25, out=y)


def endings(make: Callable[[], Any], late: bool = False) -> Tape:
    """Compare eight steps that end so, and a head before each."""
    arrays = numbers(4, 40), numbers(4, 40, seed=1), numbers(4, 40, seed=2)
    others = [a.copy() for a in arrays]
    mine, theirs = make(), make()

    def step(ending: Any, x: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
        plus(x, 1.0, out=x)
        plus(y, 2.0, out=y)
        at_end(ending.update, x, v, y, late=late)

    tape = Tape(0, player)
    with tape.record():
        step(mine, *arrays)
    step(theirs, *others)
    for k in range(1, 8):
        tape.play(k)
        step(theirs, *others)
        assert mine.step == theirs.step
        for array, other in zip(arrays, others, strict=True):
            np.testing.assert_array_equal(array, other, err_msg=f"play {k}")
    return tape


def test_formulas_that_end_a_step_are_played_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def assembled(entries: Any) -> Any:
        pieces.append(list(entries))
        return assemble(entries)

    def in_series(entries: Any, numbers: Any) -> Any:
        wholes.append(list(entries))
        return series(entries, numbers)

    pieces: list[Any] = []
    wholes: list[Any] = []
    assemble, series = player.assemble, player.series
    monkeypatch.setattr(player, "assemble", assembled)
    monkeypatch.setattr(player, "series", in_series)
    tape = endings(Ending)
    (whole,) = wholes
    assert not any(callable(entry) for entry in whole)
    assert tape.entries == whole
    assert not pieces
    # What runs the rest of a step is made where one ends otherwise.
    endings(lambda: Ending("missing"))
    (head, after), (_, whole) = pieces, wholes
    assert whole[: len(head)] == head
    assert len(whole) == len(head) + 2
    assert after == []


@LATE
@pytest.mark.parametrize("other", ["before", "kernel", "elsewhere", "missing", "after"])
def test_an_end_may_become_another(other: str, late: bool) -> None:
    """Formulas and kernels before, between and after those that were recorded, or none."""
    endings(lambda: Ending(other), late)
    endings(lambda: Ending(other, "after"), late)


@LATE
@pytest.mark.parametrize("other", ["", "kernel", "elsewhere", "missing", "after"])
def test_an_end_with_kernels_may_become_another(other: str, late: bool) -> None:
    """With a kernel that was recorded before what is no longer asked for, or asked for besides."""

    class Clipped(Ending):
        def update(self, x: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
            plus(v, 0.125, v)
            super().update(x, v, y)

    endings(lambda: Clipped(other), late)


@LATE
def test_an_end_with_what_is_no_loop(late: bool) -> None:
    class Strange(Ending):
        def update(self, x: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
            plus(v, 0.125, v)
            less(v, 0.5 / (self.step + 1), out=v)
            squash(v, 0.5, out=v)
            running_sums(v.reshape(-1), out=y.reshape(-1))
            super().update(x, v, y)

    endings(Strange, late)
    endings(lambda: Strange("kernel"), late)


def test_who_may_look_finds_the_arrays_as_they_are_where_the_step_ends() -> None:
    class Looking(Ending):
        def update(self, x: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
            rates.append(float(x[0, 0]) / 64)
            move(x, v, rates[-1], out=(x, v))
            super().update(x, v, y)

    rates: list[float] = []
    endings(Looking, late=True)
    assert len(set(rates)) == len(rates) / 2  # two steps each, of which none was as another


@LATE
def test_what_follows_the_end_follows_it(late: bool) -> None:
    ending, other = Ending(), Ending()
    x, v, y = numbers(6), numbers(6, seed=1), numbers(6, seed=2)
    a, b, c = x.copy(), v.copy(), y.copy()

    def step(ending: Ending, x: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
        at_end(ending.update, x, v, y, late=late)
        plus(v, -1.0, out=v)

    tape = Tape(0, player)
    with tape.record():
        step(ending, x, v, y)
    step(other, a, b, c)
    for k in range(1, 4):
        tape.play(k)
        step(other, a, b, c)
        np.testing.assert_array_equal([x, v, y], [a, b, c])


@LATE
def test_functions_of_others_are_aside(late: bool) -> None:
    """What a schedule computes with formulas of its own is there when it returns."""

    class Scheduled(Ending):
        def update(self, x: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
            self.step += 1
            move(x, v, unrecorded(self.rate), out=(x, v))

        def rate(self) -> float:
            work = np.array([float(self.step)])
            less(work, 0.5, out=work)
            return float(plus(work, 1.0, out=work)[0])

    endings(Scheduled, late)


def test_an_error_before_the_step_leaves_everything_as_it_was() -> None:
    class Failing(Ending):
        def update(self, x: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
            if self.step == 1 and failing:
                raise ValueError("no rate")
            super().update(x, v, y)

    ending, failing = Failing(), [True]
    x, v, y = numbers(6), numbers(6, seed=1), numbers(6, seed=2)
    tape = Tape(0, player)
    with tape.record():
        plus(x, 1.0, out=x)
        at_end(ending.update, x, v, y, late=False)
    before = x.copy(), v.copy(), y.copy()
    with pytest.raises(ValueError, match="no rate"):
        tape.play(1)
    assert recorder.tape is None
    np.testing.assert_array_equal((x, v, y), before)
    failing.clear()
    tape.play(1)
    expected = Ending()
    expected.step = 1
    a, b, c = before
    plus(a, 1.0, out=a)
    expected.update(a, b, c)
    np.testing.assert_array_equal((x, v, y), (a, b, c))


# Steps that wait


def test_steps_that_wait_are_done_together_or_forgotten() -> None:
    x, rates = np.zeros(3), iter([1.0, 2.0, 4.0, 8.0, 16.0])
    tape = Tape(0, player)
    with tape.record():
        plus(x, 100.0, out=x)
        at_end(lambda: less(x, next(rates), out=x), late=False)
    np.testing.assert_array_equal(x, 99)
    tape.play(1, may_wait=True)
    tape.play(2, may_wait=True)
    np.testing.assert_array_equal(x, 99)
    tape.finish()
    np.testing.assert_array_equal(x, 293)
    tape.play(3, may_wait=True)
    tape.drop()
    tape.finish()
    np.testing.assert_array_equal(x, 293)
    tape.play(4)
    np.testing.assert_array_equal(x, 377)


class Undo:
    """What a step tells of itself: whether it is open, and when arrays are to be copied."""

    def __init__(self, interrupt: bool) -> None:
        self.open: object = self
        self.copies: list[bool] = []
        self.interrupt = interrupt

    def copy(self, weights: bool = True) -> None:
        self.copies.append(weights)
        if self.interrupt:
            self.open = None


@LATE
def test_a_step_that_is_undone_meanwhile_is_not_played(late: bool) -> None:
    """By a signal's handler: here by what ends the step, or when arrays are copied."""
    x, undo = np.zeros(3), Undo(interrupt=late)
    tape = Tape(0, player)

    def update() -> None:
        less(x, 1.0, out=x)
        if not late:
            undo.open = None

    with tape.record():
        plus(x, 100.0, out=x)
        at_end(update, late=late)
    undo.open = undo
    assert tape.play(1, undo=undo, token=undo) is False
    np.testing.assert_array_equal(x, 99)
    assert undo.copies == ([False] if late else [])  # nobody changes weights before the ending


def less_one(w: np.ndarray) -> None:
    less(w, 1.0, out=w)


def test_what_is_called_in_its_place_is_told_of_and_copied_for() -> None:
    """Arrays are copied before Python changes them; weights only where it may."""
    for touches in (False, True):
        x, w, undo = np.zeros(3), np.ones(3), Undo(interrupt=False)
        tape = Tape(0, player, [w])

        def strange(x: np.ndarray, change: float, weights: np.ndarray = w) -> None:
            x += 1
            weights *= change

        with tape.record():
            tape.call(strange, (x, 2.0 if touches else 1.0), {})
            at_end(less_one, w, late=False)
        assert tape.play(1, undo=undo, token=undo)
        assert undo.open is None
        assert undo.copies == [touches]
        np.testing.assert_array_equal(x, 2)


# Random numbers


def test_draws_follow_the_number_of_the_step() -> None:
    random = RandomBits(7, DROPOUT, 2)
    first, second = np.zeros((5, 41), np.uint16), np.zeros(3, np.uint16)
    expected = [np.zeros_like(first), np.zeros_like(second)]
    tape = Tape(5, player)
    with tape.record():
        random.fill(first, 5)
        random.fill(second, 8)  # three ahead
    for step in (5, 6, 9, 6):
        if step != 5:
            tape.play(step)
        random.fill(expected[0], step)
        random.fill(expected[1], step + 3)
        np.testing.assert_array_equal(first, expected[0])
        np.testing.assert_array_equal(second, expected[1])


# What is active


def test_no_tape_is_active_after_the_block() -> None:
    outer, inner = Tape(0, player), Tape(0, player)
    assert recorder.tape is None
    with outer.record():
        assert recorder.tape is outer
        with inner.record():
            assert recorder.tape is inner
        assert recorder.tape is outer
    assert recorder.tape is None


def test_no_tape_is_active_after_an_error() -> None:
    @kernel
    def wrong(x: Any) -> None:
        np.cumsum(x, out=x)
        raise KeyError("wrong")

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    x = np.zeros(3)
    for call, error in (
        (lambda: wrong(x), KeyError),
        (lambda: at_end(stop), KeyboardInterrupt),
        (stop, KeyboardInterrupt),
    ):
        with pytest.raises(error), Tape(0, player).record():
            call()
        assert recorder.tape is None


def test_python_s_calls_are_not_recorded_again() -> None:
    """While a kernel without commands runs, there is no tape; then there is one again."""
    seen = []

    @kernel
    def looking(x: Any) -> None:
        np.cumsum(x, out=x)
        seen.append(recorder.tape)

    tape = Tape(0, player)
    with tape.record():
        looking(np.zeros(3))
        assert recorder.tape is tape
    tape.play(1)
    assert seen == [None, None]


def test_an_error_in_what_ends_a_step_leaves_the_tape_usable() -> None:
    """In the play after it, and for what is recorded after one that was caught."""
    x, calls = np.zeros(3), iter([None, None, KeyboardInterrupt, None, ValueError])

    def update() -> None:
        plus(x, 1.0, out=x)
        if error := next(calls, None):
            raise error

    tape = Tape(0, player)
    with tape.record():
        at_end(update)
    tape.play(1)
    with pytest.raises(KeyboardInterrupt):
        tape.play(2)
    assert recorder.tape is None
    np.testing.assert_array_equal(x, 2)  # nothing of the ending is done
    tape.play(3)
    np.testing.assert_array_equal(x, 3)
    tape = Tape(0, player)
    with tape.record():
        with pytest.raises(ValueError):  # noqa: PT011 - its own
            at_end(update)
        plus(x, 10.0, out=x)  # recorded as any other
        assert recorder.tape is tape
    tape.play(1)
    np.testing.assert_array_equal(x, 25)


@pytest.fixture(autouse=True)
def _no_tape_is_left() -> Iterator[None]:
    yield
    assert recorder.tape is None
