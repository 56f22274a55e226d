"""A tape: what is recorded is done again when it is played, and nothing else is."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from minidl.accelerator.cpu import player
from minidl.accelerator.record.repeating import repeats
from minidl.accelerator.record.tape import Tape, stepwise
from minidl.backend import fused, kernel, switch, use
from minidl.backend.fused import Fused
from minidl.backend.random import DROPOUT, RandomBits
from minidl.backend.recorder import aside, current_tape

# Shared out by columns, by rows and not at all.
SHAPES = pytest.mark.parametrize("shape", [(4, 40), (40, 3), (3, 5), (7,)])


@pytest.fixture(autouse=True)
def _compiled(parts: int) -> None:
    use("numpy", executor="numba")


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


def numbers(*shape: int, seed: int = 0, dtype: Any = np.float64) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def compare(step: Callable[..., Any], *arrays: np.ndarray, plays: int = 3) -> Tape:
    """Assert that the step, recorded and played on some arrays, does what its calls do to others.

    The same bits: both do the same operations on each element in the same order.
    """
    others = [a.copy() for a in arrays]
    tape = Tape(0)
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
    with Tape(0).record():
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
    tape = Tape(0)
    with tape.record():
        plus(x, 1.0, out=x)
        x += 10
        calls.append(1)
    tape.play(1)
    np.testing.assert_array_equal(x, 12)
    assert calls == [1]


def test_arguments_are_checked_as_without_a_tape() -> None:
    tape = Tape(0)
    with tape.record():
        with pytest.raises(ValueError, match="expected arrays of shape"):
            squash(numbers(3), 0.5, out=numbers(4))
        with pytest.raises(ValueError, match="expected 2 output arrays"):
            move(numbers(3), numbers(3), 0.5, out=numbers(3))
    tape.play(1)  # nothing


# Calls whose numbers change


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


def test_numbers_of_a_stepwise_call_are_taken_anew() -> None:
    mine, theirs = Rates(), Rates()
    x, v = numbers(4, 40), numbers(4, 40, seed=1)
    a, b = x.copy(), v.copy()

    def step(rates: Rates, x: np.ndarray, v: np.ndarray) -> None:
        plus(x, 1.0, out=x)
        stepwise(rates.update, x, v)
        plus(v, -1.0, out=v)

    tape = Tape(0)
    with tape.record():
        step(mine, x, v)
    step(theirs, a, b)
    for k in range(1, 8):
        tape.play(k)
        step(theirs, a, b)
        assert mine.step == theirs.step == k + 1
        np.testing.assert_array_equal(x, a)
        np.testing.assert_array_equal(v, b)


def test_a_stepwise_call_without_a_tape_is_a_call() -> None:
    rates, x, v = Rates(), numbers(3), numbers(3, seed=1)
    a, b = x.copy(), v.copy()
    stepwise(rates.update, x, v)
    Rates().update(a, b)
    assert rates.step == 1
    np.testing.assert_array_equal(x, a)
    np.testing.assert_array_equal(v, b)


def test_a_stepwise_call_of_a_formula_alone_uses_the_recorded_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On the same arrays it is not made anew, whatever its numbers are."""
    rates, x, v = iter([1.0, 0.5, np.float64(0.25), 2]), numbers(6), numbers(6, seed=1)
    a, b = x.copy(), v.copy()
    tape = Tape(0)
    with tape.record():
        stepwise(lambda: move(x, v, next(rates), out=(x, v)))
    with monkeypatch.context() as missing:
        missing.setattr(Tape, "formula", None)
        missing.setattr(Fused, "_compile", None)
        missing.setattr(switch, "executor_for", None)
        for k in range(3):
            tape.play(k)
    for rate in (1.0, 0.5, 0.25, 2):
        move(a, b, rate, out=(a, b))
    np.testing.assert_array_equal(x, a)
    np.testing.assert_array_equal(v, b)


def test_a_formula_outside_a_stepwise_call_is_another() -> None:
    """On the same arrays, before and after it."""

    def step(x: np.ndarray, v: np.ndarray) -> None:
        for rate in (0.5, 0.25):
            move(x, v, rate, out=(x, v))
            stepwise(lambda: move(x, v, 1.0, out=(x, v)))

    compare(step, numbers(4), numbers(4, seed=1))


def test_an_output_may_lie_elsewhere_each_time() -> None:
    """In a stepwise call: first where an argument is, then in an object made where that was."""
    starts = iter([0, 4, 8, 0, 4, 8])
    x = numbers(12)
    first, expected = x[:4], x.copy()

    def update() -> None:
        start = next(starts)
        less(first, 1.0, out=x[start : start + 4])

    tape = Tape(0)
    with tape.record():
        stepwise(update)
    for k in range(1, 6):
        tape.play(k)
    for start in (0, 4, 8, 0, 4, 8):
        expected[start : start + 4] = expected[:4] - 1
    np.testing.assert_array_equal(x, expected)


def test_numbers_and_arrays_may_change_places() -> None:
    """One formula on the same arrays, each time with the number elsewhere; and another one."""

    def update(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
        less(x, 1.5, out=y)
        less(1.5, x, out=z)
        less(y, z, out=x)
        less(z, y, out=z)
        mean(z, y, out=z)

    compare(lambda *arrays: stepwise(update, *arrays), *(numbers(4, seed=k) for k in range(3)))


def test_stepwise_calls_may_make_arrays_anew() -> None:
    """New views and new arrays at each step, often at the address of what was there before."""

    def update(x: np.ndarray) -> None:
        for start in range(0, 12, 4):
            part, work = x[start : start + 4], np.full(4, float(start))
            move(part, work, 0.5, out=(part, work))
            plus(work, 1.0, out=work)
            plus(part, float(work[0] > 0), part)
        gc.collect()

    gc.freeze()  # what other tests left need not be looked at each time
    try:
        compare(lambda x: stepwise(update, x), numbers(12), plays=8)
    finally:
        gc.unfreeze()


def test_stepwise_calls_take_the_arrays_that_they_find() -> None:
    """Other arrays than when it was recorded."""
    arrays = [np.zeros(3) for _ in range(3)]
    waiting = iter(arrays)
    tape = Tape(0)
    with tape.record():
        stepwise(lambda: plus(a := next(waiting), 1.0, out=a))
    tape.play(1)
    tape.play(2)
    np.testing.assert_array_equal(arrays, 1)


# Calls whose formulas end the step


class Ending:
    """Numbers that change from step to step, of an object that says what it does with arrays."""

    repeats = True

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


def endings(make: Callable[[], Any]) -> Tape:
    """Compare eight steps that end so, and a head before each."""
    arrays = numbers(4, 40), numbers(4, 40, seed=1), numbers(4, 40, seed=2)
    others = [a.copy() for a in arrays]
    mine, theirs = make(), make()

    def step(ending: Any, x: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
        plus(x, 1.0, out=x)
        plus(y, 2.0, out=y)
        stepwise(ending.update, x, v, y)

    tape = Tape(0)
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
        heads.append(list(entries))
        return assemble(entries)

    def in_series(entries: Any, numbers: Any) -> Any:
        wholes.append(list(entries))
        return series(entries, numbers)

    heads: list[Any] = []
    wholes: list[Any] = []
    assemble, series = player.assemble, player.series
    monkeypatch.setattr(player, "assemble", assembled)
    monkeypatch.setattr(player, "series", in_series)
    tape = endings(Ending)
    (whole,) = wholes
    assert not any(callable(entry) for entry in whole)
    assert tape.entries == whole
    assert not heads
    # What runs the rest of a step is made where one ends otherwise.
    endings(lambda: Ending("missing"))
    (head,), (_, whole) = heads, wholes
    assert whole[: len(head)] == head
    assert len(whole) == len(head) + 2


@pytest.mark.parametrize("other", ["before", "kernel", "elsewhere", "missing", "after"])
def test_an_end_may_become_another(other: str) -> None:
    """Formulas and kernels before, between and after those that were recorded, or none."""
    endings(lambda: Ending(other))
    endings(lambda: Ending(other, "after"))


def test_an_end_with_what_is_no_loop() -> None:
    class Strange(Ending):
        repeats = True

        def update(self, x: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
            less(v, 0.5 / (self.step + 1), out=v)
            squash(v, 0.5, out=v)
            running_sums(v.reshape(-1), out=y.reshape(-1))
            super().update(x, v, y)

    endings(Strange)
    endings(lambda: Strange("kernel"))


def test_whoever_does_not_say_so_is_called_where_the_step_ends() -> None:
    """And finds the arrays as they are then."""

    class Looking(Ending):
        def update(self, x: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
            super().update(x, v, y)
            if x[0, 0] > 0.5:
                x -= 1

    assert not repeats(Looking())
    endings(Looking)


def test_what_follows_the_end_follows_it() -> None:
    ending, other = Ending(), Ending()
    x, v, y = numbers(6), numbers(6, seed=1), numbers(6, seed=2)
    a, b, c = x.copy(), v.copy(), y.copy()

    def step(ending: Ending, x: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
        stepwise(ending.update, x, v, y)
        plus(v, -1.0, out=v)

    tape = Tape(0)
    with tape.record():
        step(ending, x, v, y)
    step(other, a, b, c)
    for k in range(1, 4):
        tape.play(k)
        step(other, a, b, c)
        np.testing.assert_array_equal([x, v, y], [a, b, c])


def test_functions_of_others_are_aside() -> None:
    """What a schedule computes with formulas of its own is there when it returns."""

    class Scheduled(Ending):
        repeats = True

        def update(self, x: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
            self.step += 1
            move(x, v, aside(self.rate), out=(x, v))

        def rate(self) -> float:
            work = np.array([float(self.step)])
            less(work, 0.5, out=work)
            return float(plus(work, 1.0, out=work)[0])

    endings(Scheduled)


def test_an_error_before_the_step_leaves_everything_as_it_was() -> None:
    class Failing(Ending):
        repeats = True

        def update(self, x: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
            if self.step == 1 and failing:
                raise ValueError("no rate")
            super().update(x, v, y)

    ending, failing = Failing(), [True]
    x, v, y = numbers(6), numbers(6, seed=1), numbers(6, seed=2)
    tape = Tape(0)
    with tape.record():
        plus(x, 1.0, out=x)
        stepwise(ending.update, x, v, y)
    before = x.copy(), v.copy(), y.copy()
    with pytest.raises(ValueError, match="no rate"):
        tape.play(1)
    assert current_tape() is None
    np.testing.assert_array_equal((x, v, y), before)
    failing.clear()
    tape.play(1)
    expected = Ending()
    expected.step = 1
    a, b, c = before
    plus(a, 1.0, out=a)
    expected.update(a, b, c)
    np.testing.assert_array_equal((x, v, y), (a, b, c))


# Random numbers


def test_draws_follow_the_number_of_the_step() -> None:
    random = RandomBits(7, DROPOUT, 2)
    first, second = np.zeros((5, 41), np.uint16), np.zeros(3, np.uint16)
    expected = [np.zeros_like(first), np.zeros_like(second)]
    tape = Tape(5)
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
    outer, inner = Tape(0), Tape(0)
    assert current_tape() is None
    with outer.record():
        assert current_tape() is outer
        with inner.record():
            assert current_tape() is inner
        assert current_tape() is outer
    assert current_tape() is None


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
        (lambda: stepwise(stop), KeyboardInterrupt),
        (stop, KeyboardInterrupt),
    ):
        with pytest.raises(error), Tape(0).record():
            call()
        assert current_tape() is None


def test_python_s_calls_are_not_recorded_again() -> None:
    """While a kernel without commands runs, there is no tape; then there is one again."""
    seen = []

    @kernel
    def looking(x: Any) -> None:
        np.cumsum(x, out=x)
        seen.append(current_tape())

    tape = Tape(0)
    with tape.record():
        looking(np.zeros(3))
        assert current_tape() is tape
    tape.play(1)
    assert seen == [None, None]


def test_an_error_in_a_stepwise_call_leaves_the_tape_usable() -> None:
    """In the play after it, and for what is recorded after one that was caught."""
    x, calls = np.zeros(3), iter([None, None, KeyboardInterrupt, None, ValueError])

    def update() -> None:
        plus(x, 1.0, out=x)
        if error := next(calls, None):
            raise error

    tape = Tape(0)
    with tape.record():
        stepwise(update)
    tape.play(1)
    with pytest.raises(KeyboardInterrupt):
        tape.play(2)
    assert current_tape() is None
    tape.play(3)
    np.testing.assert_array_equal(x, 4)
    tape = Tape(0)
    with tape.record():
        with pytest.raises(ValueError):  # noqa: PT011 - its own
            stepwise(update)
        plus(x, 10.0, out=x)  # recorded as any other
        assert current_tape() is tape
    tape.play(1)
    np.testing.assert_array_equal(x, 26)


@pytest.fixture(autouse=True)
def _no_tape_is_left() -> Iterator[None]:
    yield
    assert current_tape() is None
