"""The executor that calls formulas and kernels as they stand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import Sequential, backend, layers
from minidl.backend import fused, kernel, use
from minidl.backend.gather import Gather, buffer
from minidl.backend.random import DROPOUT, RandomBits
from tests.accelerator.cpu.kernels_of_minidl import FORMULAS, arguments_of, outputs_of

HOSTS = ["python", "blocks", "compiled"]
ON_EVERY_HOST = pytest.mark.parametrize("name", HOSTS)
TYPES = ["float32", "float64"]


@pytest.fixture(autouse=True)
def _python() -> None:
    use("numpy", executor="python")


def counted() -> tuple[Any, list[tuple[Any, ...]]]:
    """A formula, and the arguments of each of its calls."""
    calls: list[tuple[Any, ...]] = []

    @fused
    def noting(x, y, rate):
        calls.append((x, y, rate))
        return x - rate * y, x + y

    return noting, calls


def arrays(count: int, *shape: int, dtype: str = "float64") -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(dtype) for _ in range(count)]


# What is called -----------------------------------------------------------------------------


def test_it_has_a_name() -> None:
    assert backend.executor == "python"
    with use("numpy", executor="blocks"):
        assert backend.executor == "blocks"
    assert backend.executor == "python"


def test_a_formula_is_called_each_time_with_the_whole_arrays() -> None:
    noting, calls = counted()
    x, y, a, b = arrays(4, 300, 200)
    for count in (1, 2, 3):
        assert noting(x, y, 0.5, out=(a, b)) == (a, b)
        assert len(calls) == count
        assert calls[-1][0] is x
        assert calls[-1][1] is y
        assert calls[-1][2] == 0.5
    np.testing.assert_array_equal(a, x - 0.5 * y)
    np.testing.assert_array_equal(b, x + y)


def test_fast_executors_do_not_call_it_each_time() -> None:
    """Else the test above would show nothing."""
    for name in ("blocks", "compiled"):
        noting, calls = counted()
        x, y, a, b = arrays(4, 3)
        with use("numpy", executor=name):
            for _ in range(3):
                noting(x, y, 0.5, out=(a, b))
        assert all(not isinstance(given[0], np.ndarray) for given in calls)


def test_a_kernel_is_called_each_time_with_the_arrays_themselves() -> None:
    calls = []

    @kernel
    def product(x: Any, W: Any, out: Any) -> Any:
        calls.append((x, W, out))
        return np.matmul(x, W, out=out)

    given = x, W, out = arrays(3, 120, 120)  # large enough for a team's threads, elsewhere
    for count in (1, 2):
        assert product(x, W, out=out) is out
        assert len(calls) == count
        assert all(a is b for a, b in zip(calls[-1], given, strict=True))
    np.testing.assert_array_equal(out, x @ W)


def test_a_training_calls_its_formulas_at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is recorded: each step runs what stands in the book."""
    from minidl.kernels import updates

    def noting(*given: Any) -> Any:
        calls.append(given)
        return right(*given)

    calls: list[Any] = []
    right = updates.sgd.formula
    monkeypatch.setattr(updates.sgd, "formula", noting)
    model = Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    x, y = arrays(1, 12, 3)[0], arrays(1, 12, 2)[0]
    model.fit(x, y, 4, epochs=5, verbose=0)
    assert len(calls) == 15
    assert calls[0][0].shape == (8,)
    assert all(type(given[0]) is np.ndarray for given in calls)


def test_an_error_in_a_formula_comes_from_its_line() -> None:
    @fused
    def wrong(x):
        return x.nothing

    (x,) = arrays(1, 3)
    with pytest.raises(AttributeError, match="ndarray"):
        wrong(x, out=x)


# What formulas may be given ------------------------------------------------------------------


@ON_EVERY_HOST
def test_without_out_a_formula_makes_new_arrays(name: str) -> None:
    noting, _ = counted()
    x, y = arrays(2, 5, 3, dtype="float32")
    before = x.copy(), y.copy()
    with use("numpy", executor=name):
        first, second = noting(x, y, 0.5)
        again, _ = noting(x, y, 0.5)
    for made, wanted in ((first, x - 0.5 * y), (second, x + y)):
        np.testing.assert_array_equal(made, wanted)
        assert made.dtype == np.float32
    assert not any(np.shares_memory(first, each) for each in (x, y, second, again))
    np.testing.assert_array_equal([x, y], before)


@ON_EVERY_HOST
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("integer", ["uint8", "int32", "int64", "bool"])
def test_integers_count_as_the_working_type(name: str, integer: str, dtype: str) -> None:
    """Not as NumPy's type for integers, in which 200 + 100 of a byte is 44."""

    @fused
    def scaled(x, y):
        return (x + y) / 2

    x = np.array([200, 100, 1, 0]).astype(integer)
    out = np.full(4, np.nan, dtype)
    with use("numpy", executor=name):
        scaled(x, x, out=out)
    np.testing.assert_array_equal(out, x.astype(dtype))


@ON_EVERY_HOST
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("given", ["float16", "float32", "float64"])
def test_other_floats_count_as_the_working_type(name: str, given: str, dtype: str) -> None:
    """A layer of one's own may return float64 in a network of float32."""

    @fused
    def rounded(x, y):
        return (x * y + 1) * y

    x, y = np.random.default_rng(1).standard_normal((2, 40)).astype(given)
    a, b = x.astype(dtype), y.astype(dtype)
    out = np.full(40, np.nan, dtype)
    with use("numpy", executor=name):
        rounded(x, y, out=out)
    np.testing.assert_array_equal(out, (a * b + 1) * b)


@ON_EVERY_HOST
def test_outputs_may_be_arguments(name: str) -> None:
    noting, _ = counted()
    x, y = arrays(2, 40)
    wanted = x - 0.5 * y, x + y
    with use("numpy", executor=name):
        noting(x, y, 0.5, out=(y, x))
    np.testing.assert_array_equal((y, x), wanted)


@ON_EVERY_HOST
def test_what_does_not_fit_is_refused(name: str) -> None:
    noting, _ = counted()
    x, y, a = arrays(3, 4)
    with use("numpy", executor=name):
        with pytest.raises(ValueError, match="expected 2 output arrays, received 1"):
            noting(x, y, 0.5, out=a)
        with pytest.raises(ValueError, match="expected arrays of shape"):
            noting(x[:3], y, 0.5, out=(a, y))
        with pytest.raises(ValueError, match="floating dtype"):
            noting(x, y, 0.5, out=(np.zeros(4, int), np.zeros(4, int)))


@ON_EVERY_HOST
def test_random_bits_and_gathered_rows_are_the_same(name: str) -> None:
    bits, wanted = np.zeros(41, np.uint16), np.zeros(41, np.uint16)
    RandomBits(7, DROPOUT, 2).draw_on_host(wanted, 5)
    (x,) = arrays(1, 9, 3)
    with use("numpy", executor=name) as _:
        RandomBits(7, DROPOUT, 2).fill(bits, 5)
        out = buffer(backend.current(), x, 4)
        gather = Gather(backend.current(), [x], [out])
        gather.order[:] = np.arange(9)[::-1]
        gather.where[:] = 3, 4
        gather()
    np.testing.assert_array_equal(bits, wanted)
    np.testing.assert_array_equal(out, x[::-1][3:7])


# Bits ---------------------------------------------------------------------------------------

SIZES = st.sampled_from([1, 2, 3, 7, 31, 33, 1023]) | st.integers(1, 9000)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", FORMULAS)
def test_plain_formulas_stay_in_the_working_type(name: str, dtype: str) -> None:
    """NumPy makes float64 of a Python number times a mask: the mask meets an array first.

    A result that is a mask alone is 0 or 1 in any type; of integers NumPy makes float64.
    """
    given_ = arguments_of(FORMULAS[name], (3, 5), dtype)
    wide = any(getattr(value, "dtype", None) == np.uint16 for value in given_)
    with np.errstate(all="ignore"):
        results = FORMULAS[name](*given_)
    for result in results if isinstance(results, tuple) else (results,):
        assert result.shape == (3, 5)
        assert result.dtype in (dtype, "?", *["float64"] * wide)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", FORMULAS)
@given(size=SIZES, seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_bits_are_those_of_blocks(name: str, dtype: str, size: int, seed: int) -> None:
    """For exp, log and tanh, too: NumPy computes them here and there."""
    formula = FORMULAS[name]
    results = []
    for executor in ("python", "blocks"):
        outs = tuple(np.full(size, np.nan, dtype) for _ in outputs_of(formula))
        with use("numpy", executor=executor), np.errstate(all="ignore"):
            given_ = arguments_of(formula, size, dtype, seed)
            formula(*given_, out=outs if len(outs) > 1 else outs[0])
        results.append(outs)
    for mine, theirs in zip(*results, strict=True):
        assert mine.dtype == theirs.dtype == dtype
        np.testing.assert_array_equal(mine.view("u1"), theirs.view("u1"))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", FORMULAS)
def test_bits_are_those_of_blocks_in_place_and_on_rows(name: str, dtype: str) -> None:
    formula, shape = FORMULAS[name], (37, 301)
    results = []
    for executor in ("python", "blocks"):
        given_ = arguments_of(formula, shape, dtype)
        places = [a for a in given_ if isinstance(a, np.ndarray) and a.dtype == dtype]
        count = len(outputs_of(formula))
        more = [np.full(shape, np.nan, dtype) for _ in range(count - len(places))]
        outs = tuple([*places, *more][:count])
        with use("numpy", executor=executor), np.errstate(all="ignore"):
            formula(*given_, out=outs if len(outs) > 1 else outs[0])
        results.append(outs)
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(mine.view("u1"), theirs.view("u1"))
