"""NumPy's own loops as commands."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.accelerator.cpu.commands import UnsupportedError
from minidl.accelerator.cpu.ufuncs import plan as ufuncs
from minidl.accelerator.cpu.ufuncs.plan import ufunc_loop
from tests.accelerator.cpu.running import each_schedule, random, same_bits, sliced

UNARY = [np.exp, np.log, np.tanh, np.expm1, np.log1p]
ON_EVERY_TEAM = pytest.mark.usefixtures("parts")


def check(ufunc, inputs, out):
    made = ufunc_loop(ufunc, inputs, out)
    with np.errstate(all="ignore"):
        wanted = ufunc(*inputs)
    for _ in each_schedule([made], [out]):
        same_bits(out, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ufunc", [*UNARY, np.power], ids=lambda u: u.__name__)
@ON_EVERY_TEAM
def test_the_same_bits_as_numpys(ufunc, dtype):
    for shape in [(), (1,), (3,), (100,), (5, 70), (70, 5), (40, 33), (2, 3, 4), (5, 9, 33)]:
        inputs = [3 * random(shape, dtype, seed) for seed in range(ufunc.nin)]
        inputs = [np.asarray(x, dtype) for x in inputs]
        check(ufunc, inputs, np.full(shape, 7, dtype))
        # In place.
        made = ufunc_loop(ufunc, inputs, inputs[0])
        with np.errstate(all="ignore"):
            wanted = ufunc(*inputs)
        for _ in each_schedule([made], inputs):
            same_bits(inputs[0], wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ufunc", UNARY, ids=lambda u: u.__name__)
@ON_EVERY_TEAM
def test_numbers_at_the_ends_of_the_range(ufunc, dtype):
    info = np.finfo(dtype)
    ends = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, info.max, info.min, info.tiny, info.eps]
    ends += [float(info.smallest_subnormal), 88.7, -103.9, 709.8, -745.2, -0.9999999]
    check(ufunc, [np.array(ends, dtype)], np.empty(len(ends), dtype))


@pytest.mark.parametrize("rows", [1, 3, 40])
@ON_EVERY_TEAM
def test_a_column_may_say_any_distance_to_the_next(rows):
    """Where there is one column NumPy does not care, and says 0 of what it has broadcast."""
    x = np.broadcast_to(random((rows, 1)), (rows, 1))
    check(np.exp, [x], np.empty((rows, 1)))
    check(np.power, [abs(x), np.broadcast_to(2.5, (rows, 1))], np.empty((rows, 1)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("exponent", [-1, 0.5, 2])
@ON_EVERY_TEAM
def test_powers_that_numpy_computes_in_another_way(exponent, dtype):
    """1 / x, √x and x², of one element as of many: vector code of powers rounds otherwise."""
    for shape in [(), (1,), (1, 1), (1, 5), (5, 1), (40, 33)]:
        for seed in range(20):
            x = np.asarray(abs(random(shape, dtype, seed)) + 0.1, dtype)
            number = np.asarray(exponent, dtype)
            out = np.full(shape, 7, dtype)
            made = ufunc_loop(np.power, [x, np.broadcast_to(number, shape)], out)
            for _ in each_schedule([made], [out]):
                same_bits(out, np.asarray(np.power(x, number)))


SIZE = st.integers(1, 90) | st.integers(1, 4)


@given(st.sampled_from([*UNARY, np.power]), SIZE, SIZE, st.integers(0, 5), st.integers(0, 99))
@ON_EVERY_TEAM
def test_rows_that_lie_apart(ufunc, rows, columns, beyond, seed):
    inputs = [sliced(random((rows, columns), "float32", seed + k), beyond + k) for k in (0, 1)]
    whole = np.full((rows + 2, columns + 3), 7, "float32")
    out = whole[1:-1, 1:-2]
    made = ufunc_loop(ufunc, inputs[: ufunc.nin], out)
    wanted = whole.copy()
    with np.errstate(all="ignore"):
        wanted[1:-1, 1:-2] = ufunc(*inputs[: ufunc.nin])
    for _ in each_schedule([made], [whole]):
        same_bits(whole, wanted)


@pytest.mark.parametrize("shape", [(100,), (5, 70), (70, 5), (4, 5, 6), (8, 9, 33)])
@ON_EVERY_TEAM
def test_one_number_for_all_for_each_row_and_for_each_column(shape):
    x, out = np.abs(random(shape)), np.empty(shape)
    others = [np.array(1.5)]
    if len(shape) == 2:
        others += [random((shape[0], 1)), random(shape[1]), random((1, 1))]
    for other in others:
        check(np.power, [x, np.broadcast_to(other, shape)], out)


@ON_EVERY_TEAM
def test_no_elements():
    for shape in [(0,), (0, 3), (3, 0)]:
        check(np.exp, [np.empty(shape)], np.empty(shape))


# Refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ufunc", [np.gcd, np.isnan, np.logical_and, np.ldexp, np.divmod, np.invert]
)
def test_a_function_without_such_a_loop_is_refused(ufunc):
    x = random((4, 5))
    out = x.copy()
    with pytest.raises(UnsupportedError, match=ufunc.__name__):
        ufunc_loop(ufunc, [x] * ufunc.nin, out)
    np.testing.assert_array_equal(out, x)


def test_a_function_of_python_is_refused():
    ufunc = np.frompyfunc(lambda x: x, 1, 1)
    with pytest.raises(UnsupportedError):
        ufunc_loop(ufunc, [random(4)], random(4))


def test_other_types_and_shapes_are_refused():
    x = random((4, 5))
    for given_, out in [
        (x, np.empty((4, 5), "float32")),
        (x.astype("float32"), np.empty((4, 5))),
        (x, np.empty((5, 4))),
        (x[0], np.empty((4, 5))),
        (random((2, 3, 8))[..., ::2], np.empty((2, 3, 4))),
        (random((2, 3, 4)), np.empty((2, 3, 8))[..., ::2]),
        (np.broadcast_to(random(4), (2, 3, 4)), np.empty((2, 3, 4))),
    ]:
        with pytest.raises(UnsupportedError):
            ufunc_loop(np.exp, [given_], out)
    with pytest.raises(UnsupportedError):
        ufunc_loop(np.exp, [x] * 4, np.empty((4, 5)))


@pytest.mark.parametrize("wrong", ["nin", "nout", "ntypes"])
def test_another_layout_of_numpys_table_is_refused(wrong, monkeypatch):
    ufuncs._find.cache_clear()
    real = ufuncs._Ufunc.from_address(id(np.exp))
    fields = {name: getattr(real, name) for name, _ in ufuncs._Ufunc._fields_}
    fields[wrong] += 1
    table = SimpleNamespace(from_address=lambda address: SimpleNamespace(**fields))
    monkeypatch.setattr(ufuncs, "_Ufunc", table)
    with pytest.raises(UnsupportedError, match="exp: another layout"):
        ufunc_loop(np.exp, [random(4)], np.empty(4))


@pytest.mark.parametrize("ufunc", [*UNARY, np.power, np.add], ids=lambda u: u.__name__)
def test_the_table_is_read_where_numpy_has_it(ufunc):
    table = ufuncs._Ufunc.from_address(id(ufunc))
    assert (table.nin, table.nout, table.nargs) == (ufunc.nin, ufunc.nout, ufunc.nargs)
    assert table.name.decode() == ufunc.__name__
    assert table.ntypes == ufunc.ntypes
