"""Somebody else's code in a recorded step: called at its place, its results copied to theirs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from minidl import metrics, optimizers
from minidl.accelerator.cpu import player
from minidl.accelerator.record.called import Called, ChangedError, watching
from minidl.accelerator.record.operands import UnsupportedError
from minidl.accelerator.record.tape import Tape
from minidl.backend import fused, kernel, use
from minidl.backend.recorder import recorder


@pytest.fixture(autouse=True)
def _compiled() -> Iterator[None]:
    use("numpy", executor="compiled")
    yield
    assert recorder.tape is None


@fused
def halve(x):
    """x / 2."""
    return x / 2


@kernel
def plus(x: Any, amount: float, out: Any) -> Any:
    """out = x + amount."""
    return np.add(x, amount, out=out)


def number(step: int = 0) -> np.ndarray:
    return np.array([step], np.int64)


def calling(results: list[Any], *arguments: Any, **named: Any) -> Called:
    """A call of a function that returns one result after the other."""
    left = iter(results)
    return Called(lambda *given, **rest: next(left), arguments, named, number())


X = np.arange(6, dtype=np.float32).reshape(2, 3)


# Results -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool", "uint8"])
def test_an_array_is_copied_to_one_place(dtype: str) -> None:
    """Of its own type: float64 in a float32 network is what plain NumPy would go on with."""
    first, second = np.array([1, 0, 1]).astype(dtype), np.array([0, 1, 1]).astype(dtype)
    called = calling([first, second], X)
    kept = called.result
    assert kept.dtype == dtype
    assert not np.shares_memory(kept, first)
    np.testing.assert_array_equal(kept, [1, 0, 1])
    assert called() is None
    assert called.result is kept
    np.testing.assert_array_equal(kept, [0, 1, 1])
    np.testing.assert_array_equal(first, [1, 0, 1])


def test_a_view_of_an_argument_is_copied_too() -> None:
    """Whoever reads it later finds the elements of then."""
    x = np.arange(6.0)
    for view in (lambda x: x, lambda x: x[1:], lambda x: x[::-1].reshape(2, 3)):
        called = Called(view, (x,), {}, number())
        before = view(x).copy()
        x += 1
        np.testing.assert_array_equal(called.result, before)
        called()
        np.testing.assert_array_equal(called.result, view(x))
        assert not np.shares_memory(called.result, x)


@pytest.mark.parametrize("make", [float, np.float64], ids=["float", "float64"])
def test_a_number_has_the_type_of_the_first_array(make: Callable[[float], float]) -> None:
    """As weak as Python's own numbers are, so that the network's type stays."""
    called = calling([make(0.1), make(0.2)], "text", X, np.ones(3))
    assert (called.result.dtype, called.result.shape) == (np.float32, ())
    assert called.result == np.float32(0.1)
    called()
    assert called.result == np.float32(0.2)
    assert calling([make(0.1)]).result.dtype == np.float64


def test_numbers_of_numpy_keep_their_type() -> None:
    called = calling([np.float32(3), np.float32(4)], np.ones(3))
    assert called.result.dtype == np.float32
    called()
    assert called.result == 4


def test_none_and_truth_are_as_they_are() -> None:
    for value in (None, True, False):
        called = calling([value, value], X)
        assert called.result is value
        called()
        assert not called.obstacle


def test_tuples_are_tuples_of_such() -> None:
    called = calling([(X, None, (0.5, X[0])), (X + 1, None, (0.75, X[1]))], X)
    array, nothing, (value, row) = called.result
    assert nothing is None
    called()
    np.testing.assert_array_equal(array, X + 1)
    np.testing.assert_array_equal(row, X[1])
    assert value == 0.75


def test_what_is_given_to_write_into_is_what_comes_back() -> None:
    out, others = np.zeros((2, 3), np.float32), (np.zeros(3), np.zeros(3))

    def writing(x: np.ndarray, out: np.ndarray) -> np.ndarray:
        out += x
        return out

    called = Called(writing, (X,), {"out": out}, number())
    assert called.result is out
    called()
    np.testing.assert_array_equal(out, 2 * X)

    def both(out: Any) -> Any:
        for each in out:
            each += 1
        return out

    called = Called(both, (), {"out": others}, number())
    assert called.result is others
    called()
    np.testing.assert_array_equal(others, 2)

    left = iter([out, out.copy()])
    called = Called(lambda out: next(left), (), {"out": out}, number())
    with pytest.raises(ChangedError):
        called()


@pytest.mark.parametrize(
    "value", [3, "text", [X], {"a": X}, object()], ids=lambda value: type(value).__name__
)
def test_no_tape_stands_for_other_results(value: Any) -> None:
    def strange(x: np.ndarray) -> Any:
        return value

    called = Called(strange, (X,), {}, number())
    assert called.result is value
    assert called.obstacle == f"strange returns {type(value).__name__}"
    tape = Tape(0, player)
    with tape.record():
        assert tape.call(strange, (X,), {}) is value
    assert tape.obstacle == called.obstacle


CHANGES = {
    "an array, then none": (X, None),
    "none, then an array": (None, X),
    "none, then a number": (None, 0.5),
    "truth, then falsehood": (True, False),
    "another shape": (X, X[:1]),
    "one element more": (X[0], np.ones(4, np.float32)),
    "a shape that would be repeated": (X, X[0]),
    "another type": (X, X.astype(float)),
    "an array, then a number": (X, 0.5),
    "a number, then an array": (0.5, X),
    "a number, then truth": (0.5, True),
    "an integer of NumPy, then a number": (np.int64(3), 3.5),
    "a number, then none": (0.5, None),
    "a tuple, then an array": ((X, X), X),
    "an array, then a tuple": (X, (X, X)),
    "a tuple, then none": ((X, X), None),
    "a tuple, then a number": ((X, X), 0.5),
    "a longer tuple": ((X,), (X, X)),
    "a shorter tuple": ((X, X), (X,)),
    "within a tuple": ((X, None), (X, X)),
    "a list": (X, [X]),
}


@pytest.mark.parametrize(("first", "second"), CHANGES.values(), ids=CHANGES)
def test_another_kind_of_result_is_told(first: Any, second: Any) -> None:
    called = calling([first, second], X)
    with pytest.raises(ChangedError):
        called()


# Arguments ---------------------------------------------------------------------------------


def test_a_step_is_given_its_own_number() -> None:
    """By name, by the name of the parameter, and as the third argument of ``forward``."""
    seen: list[Any] = []

    class Layer:
        name = "noise"

        def forward(self, x: Any, training: bool, number: int) -> None:
            seen.append(number)

    def by_name(x: Any, *, step: int) -> None:
        seen.append(step)

    def by_place(x: Any, step: int, other: int) -> None:
        seen.append((step, other))

    now = number(7)
    calls = [
        Called(Layer().forward, (X, True, 7), {}, now),
        Called(by_name, (X,), {"step": 8}, now),  # one ahead
        Called(by_place, (X, 7, 7), {}, now),
    ]
    now[0] = 20
    for called in calls:
        called()
    assert seen == [7, 8, (7, 7), 20, 21, (20, 7)]
    assert calls[0].name == "noise.forward"
    assert calls[1].name == "by_name"


def test_what_has_no_signature_is_called_as_it_was() -> None:
    called = Called(max, (3.0, 4.0), {}, number())
    called()
    assert called.result == 4


def test_arguments_are_the_arrays_themselves() -> None:
    x = np.zeros(3)
    called = Called(lambda x, factor: x * factor, (x,), {"factor": 3}, number())
    x += 2
    called()
    np.testing.assert_array_equal(called.result, 6)


# Within a step -----------------------------------------------------------------------------


def strange(x: np.ndarray) -> np.ndarray:
    """float64, from formulas and kernels that no tape sees."""
    work = x.astype(np.float64)
    plus(work, 1.0, work)
    halve(work, out=work)
    return work + np.cumsum(work).reshape(work.shape)


def test_a_step_reads_what_it_returns_each_time() -> None:
    """Also float64 in a float32 step; and nothing within the call is recorded."""

    def step(x: np.ndarray, out: np.ndarray) -> None:
        plus(x, 1.0, x)
        tape = recorder.tape
        y = strange(x) if tape is None else tape.call(strange, (x,), {})
        np.testing.assert_array_equal(y.dtype, np.float64)
        halve(y, out=y)
        np_copy(y, out)
        plus(out, 0.5, out)

    x, out = X.copy(), np.zeros_like(X)
    a, b = x.copy(), out.copy()
    tape = Tape(0, player)
    with tape.record():
        step(x, out)
    step(a, b)
    for k in range(1, 4):
        np.testing.assert_array_equal(out, b)
        tape.play(k)
        step(a, b)
    np.testing.assert_array_equal(x, a)
    np.testing.assert_array_equal(out, b)
    assert [each.name for each in tape.called] == ["strange"]
    functions = [entry for entry in tape.entries if callable(entry)]
    assert functions == tape.called


@kernel
def np_copy(x: Any, out: Any) -> None:
    """out = x."""
    np.copyto(out, x)


def test_whether_it_spares_the_weights_is_seen() -> None:
    weights = [np.ones(3), np.zeros(2)]

    def touching(x: np.ndarray) -> None:
        x[1] = 5

    for x, spares in ((np.ones(3), True), (weights[0], False), (weights[1], False)):
        tape = Tape(0, player, weights)
        with tape.record():
            tape.call(touching, (x,), {})
        assert tape.called[0].spares_weights == spares


def test_its_errors_are_the_step_s() -> None:
    x, errors = np.zeros(3), iter([None, None, KeyboardInterrupt, None])

    def failing(x: np.ndarray) -> None:
        if error := next(errors):
            raise error
        x += 10

    tape = Tape(0, player)
    with tape.record():
        plus(x, 1.0, x)
        tape.call(failing, (x,), {})
        plus(x, 100.0, x)
    tape.play(1)
    np.testing.assert_array_equal(x, 222)
    with pytest.raises(KeyboardInterrupt):
        tape.play(2)
    np.testing.assert_array_equal(x, 223)  # what came before it
    tape.play(3)
    np.testing.assert_array_equal(x, 334)
    with pytest.raises(ValueError, match="at once"), Tape(0, player).record():
        recorder.tape.call(lambda: (_ for _ in ()).throw(ValueError("at once")).__next__(), (), {})


# What is watched ---------------------------------------------------------------------------


class Strange(metrics.Accuracy):
    """A metric of somebody else's."""

    def update(self, *given: Any) -> str:
        """Call another of its own methods."""
        return self.helper("update")

    def helper(self, what: str) -> str:
        """Another one."""
        return what

    @staticmethod
    def still(what: str) -> str:
        """One that needs no object."""
        return what


def held(x: float) -> float:
    """A function that an object of minidl's holds."""
    return x + 1


class Handed:
    """What has been handed over."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.ends: list[Any] = []

    def call(self, function: Any, arguments: Any, named: Any, method: str) -> Any:
        self.calls.append((method, arguments, named))
        before, recorder.tape = recorder.tape, None
        try:
            return function(*arguments, **named)
        finally:
            recorder.tape = before

    def end(self, function: Any, arguments: Any, named: Any) -> None:
        self.ends.append((function.__name__, arguments, named))


@pytest.fixture
def handed() -> Handed:
    return Handed()


def test_methods_of_somebody_elses_are_handed_over_while_a_step_is_recorded(
    handed: Handed,
) -> None:
    thing, own, optimizer = Strange(), metrics.Accuracy(), optimizers.SGD()
    own.held = held
    with watching([thing, own], [(optimizer, "update")], handed.call, handed.end):
        assert thing.update(1) == "update"  # no step is recorded
        assert own.held(2) == 3
        assert not handed.calls
        with Tape(0, player).record():
            assert thing.update(1, 2) == "update"
            assert own.held(x=2) == 3
            assert optimizer.update(3, grad=4) is None
            assert thing.still("yes") == "yes"
    # Not the method that ``update`` calls.
    wanted = [("update", (1, 2), {}), ("held", (), {"x": 2}), ("still", ("yes",), {})]
    assert handed.calls == wanted
    assert handed.ends == [("update", (3,), {"grad": 4})]


def test_an_ending_of_somebody_elses_is_no_ending(handed: Handed) -> None:
    class Slow(optimizers.SGD):
        def update(self, theta: Any, grad: Any) -> None: ...

    slow = Slow()
    with (
        watching([slow], [(slow, "update")], handed.call, handed.end),
        Tape(0, player).record(),
    ):
        slow.update(1, 2)
    assert not handed.ends
    assert [name for name, *_ in handed.calls] == ["update"]


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, GeneratorExit])
def test_attributes_are_afterwards_as_they_were(handed: Handed, error: Any) -> None:
    thing, own, optimizer = Strange(), metrics.Accuracy(), optimizers.SGD()
    own.held = held
    thing.helper = lambda what: "mine"  # type: ignore[method-assign]
    before = [dict(vars(each)) for each in (thing, own, optimizer)]
    with (
        contextlib.suppress(*([error] if error else [])),
        watching([thing, own], [(optimizer, "update")], handed.call, handed.end),
    ):
        assert thing.update.__name__ == "update"
        assert thing.update.__doc__ == Strange.update.__doc__
        assert "update" in vars(thing)
        assert "update" in vars(optimizer)
        assert thing.helper("yours") == "mine"
        if error is not None:
            raise error
    for each, then in zip((thing, own, optimizer), before, strict=True):
        assert list(vars(each)) == list(then)
        assert all(vars(each)[name] is then[name] for name in then)


def test_what_an_interrupt_left_is_replaced(handed: Handed) -> None:
    """A wrapper that was not taken away hands nothing to the tape of then."""
    gone, thing = Handed(), Strange()
    interrupted = watching([thing], [], gone.call, gone.end)
    interrupted.__enter__()
    with watching([thing], [], handed.call, handed.end), Tape(0, player).record():
        assert thing.update() == "update"
    assert not gone.calls
    assert len(handed.calls) == 1
    assert "update" not in vars(thing)


def test_what_takes_no_attributes_cannot_be_watched(handed: Handed) -> None:
    """And what has been put in the place of others' methods until then, is taken away."""

    class Slotted:
        __slots__ = ()

        def forward(self) -> None: ...

    thing = Strange()
    before = dict(vars(thing))
    with (
        pytest.raises(UnsupportedError, match="Slotted takes no attributes"),
        watching([Slotted(), thing, Slotted()], [], handed.call, handed.end),
    ):
        pass
    assert vars(thing) == before


def test_a_leftover_stands_for_the_method_that_somebody_had_put_there() -> None:
    """Whatever an interrupt leaves, the object has its own method in the end."""

    class Part:
        def result(self) -> int:
            return 1

    thing = Part()
    thing.result = lambda: 2  # type: ignore[method-assign]
    mine = thing.result
    left = watching([thing], [], lambda real, arguments, named: real(), lambda *_: None)
    left.__enter__()
    with watching([thing], [], lambda real, arguments, named: real(), lambda *_: None):
        assert thing.result() == 2
    assert thing.result is mine
    plain = Part()
    left = watching([plain], [], lambda real, arguments, named: real(), lambda *_: None)
    left.__enter__()
    with watching([plain], [], lambda real, arguments, named: real(), lambda *_: None):
        assert plain.result() == 1
    assert "result" not in vars(plain)
