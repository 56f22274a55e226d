"""Ufuncs, operators, reductions and products of the double against NumPy's values."""

from __future__ import annotations

import numpy as np
import pytest

from . import cupy_double as double
from .cupy_double import cupy as cp
from .support import device, same


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: cp.add(x, x, out=cp.empty((3, 2), "f")), ValueError),
        (lambda x: cp.add(x, x[0], out=cp.empty(3, "f")), ValueError),  # out does not broadcast
        (lambda x: cp.add(x[None], x, out=x), ValueError),  # nor does it drop leading axes
        (lambda x: cp.add(x, 1.0, out=cp.empty((2, 3), "i")), TypeError),  # same_kind
        (lambda x: cp.greater(x, 0, out=x, casting="no"), TypeError),
        (lambda x: cp.add(x, x, x, out=x), ValueError),
        (lambda x: cp.add(x, x, out=2.0), TypeError),
        (lambda x: cp.add(x, cp.ones(2, "f")), ValueError),
        (lambda x: cp.add(x), TypeError),
        (lambda x: cp.add(x, x, x, x), TypeError),
        (lambda x: cp.add(x, x, out=(x, x)), ValueError),
        (lambda x: cp.bitwise_and(x, 1), TypeError),
        (lambda x: cp.add(x, x, dtype="U1"), TypeError),
        (lambda x: cp.subtract(x > 0, x > 0), TypeError),
        (lambda x: device([1], np.uint8) + 300, OverflowError),
    ],
)
def test_ufuncs_check_out_and_dtypes(x, call, error):
    with pytest.raises(error):
        call(x)


def test_ufuncs_write_into_out(x):
    h, out = x.get(), cp.empty((2, 3), "f")
    assert cp.multiply(x, 2, out) is out
    same(out, h * 2)
    assert cp.exp(x, out=(out,)) is out
    same(out, np.exp(h))
    cp.add(x[:, ::-1], x, out=x)  # CuPy copies an input that overlaps the output
    same(x, h[:, ::-1] + h)
    assert cp.sqrt(x, dtype="d").dtype == np.float64
    same(cp.true_divide(device([0.5]), 2, dtype="d"), [0.25])  # not the loop of integers


@pytest.mark.parametrize(
    ("call", "dtype"),
    [
        (lambda f, u: f * 0.5, "f"),
        (lambda f, u: f * np.float64(0.5), "d"),  # NumPy scalars are strong
        (lambda f, u: u * 0.5, "d"),
        (lambda f, u: u / 255, "d"),
        (lambda f, u: u * 2, "B"),
        (lambda f, u: u > 300, "?"),
        (lambda f, u: u.astype("u8") > -1, "?"),  # no overflow: exact loops of mixed signs
        (lambda f, u: u.astype("i8") < 2**63, "?"),
        (lambda f, u: cp.exp(u), "e"),
        (lambda f, u: cp.where(f > 0, 1.0, 0.0), "d"),
        (lambda f, u: u**2, "B"),
        (lambda f, u: u**2.0, "d"),
        (lambda f, u: u**0.5, "d"),
        (lambda f, u: f**-1.0, "f"),
    ],
)
def test_result_dtypes(call, dtype):
    assert call(device([1, 2]), device([1, 2], np.uint8)).dtype == np.dtype(dtype)


def test_results_are_in_c_order_and_silent(x):
    with np.errstate(all="raise"):  # a device warns of nothing
        result = cp.log(x.T - x.T) / 0
    assert result.flags.c_contiguous
    assert not x.T.flags.c_contiguous


@pytest.mark.parametrize("name", sorted(n for n, f in vars(cp).items() if isinstance(f, cp.ufunc)))
def test_every_ufunc_gives_numpys_values(name):
    function = getattr(cp, name)
    dtype = function.loops[-1].inputs[0]
    arrays = [np.array([[1, 2, 3]], dtype), np.array([[3], [1]], dtype)][: function.nin]
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(*arrays)
    same(function(*map(cp.asarray, arrays)), expected)


@pytest.mark.parametrize(
    "symbol", ["+", "-", "*", "/", "//", "%", "**", "@", "<", "<=", "==", "!=", ">", ">="]
)
def test_operators_give_numpys_values(symbol):
    a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[2.0, 0.5], [3.0, 1.0]])
    same(eval(f"x {symbol} y", {"x": cp.asarray(a), "y": cp.asarray(b)}), eval(f"a {symbol} b"))
    if symbol != "@":
        same(eval(f"2.0 {symbol} y", {"y": cp.asarray(b)}), eval(f"2.0 {symbol} b"))
        same(eval(f"x {symbol} 2", {"x": cp.asarray(a)}), eval(f"a {symbol} 2"))


@pytest.mark.parametrize("symbol", ["&", "|", "^", "<<", ">>"])
def test_integer_operators_give_numpys_values(symbol):
    a, b = np.array([1, 6, 3]), np.array([2, 3, 1])
    same(eval(f"x {symbol} y", {"x": cp.asarray(a), "y": cp.asarray(b)}), eval(f"a {symbol} b"))


def test_unary_operators(x):
    h = x.get()
    same(-x, -h)
    same(+x, h)
    same(abs(x), abs(h))
    same(~(x > 0), ~(h > 0))
    with pytest.warns(DeprecationWarning, match="ill-defined"):
        same(+(x > 0), h > 0)


def test_in_place_operators_keep_the_memory(x):
    h, y = x.get(), x
    y += 1
    y *= x
    y /= 2
    assert y is x
    same(x, (h + 1) * (h + 1) / 2)
    with pytest.raises(TypeError, match="same_kind"):
        device([1, 2], np.int32).__itruediv__(2)
    z = x
    z @= cp.ones((3, 3), "f")  # CuPy has no in-place matmul: the name is bound anew
    assert z is not x


REDUCTIONS = [
    "sum", "prod", "max", "min", "amax", "amin", "mean", "var", "std", "argmax", "argmin",
]  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_stay_on_the_device(x, name):
    h, function = x.get(), getattr(cp, name)
    with double.forbid_synchronisation():
        whole, rows = function(x), function(x, axis=1)
    same(whole, getattr(np, name)(h))  # 0-d, not a scalar
    same(rows, getattr(np, name)(h, axis=1))
    same(function(x, axis=0, keepdims=True), getattr(np, name)(h, axis=0, keepdims=True))
    out = cp.empty(2, np.int16)
    assert function(x, axis=1, out=out) is out  # any dtype goes, even a narrower one
    same(out, getattr(np, name)(h, axis=1).astype(np.int16))
    with pytest.raises(ValueError, match="Out shape is mismatched"):
        function(x, axis=1, out=cp.empty(3, "f"))


@pytest.mark.parametrize("name", ["any", "all", "count_nonzero"])
def test_logical_reductions_stay_on_the_device(x, name):
    with double.forbid_synchronisation():
        result = getattr(cp, name)(x > 0, axis=1), getattr(cp, name)(x > 0)
    same(result[0], getattr(np, name)(x.get() > 0, axis=1))
    same(result[1], getattr(np, name)(x.get() > 0))
    assert name == "count_nonzero" or getattr(x, name)().dtype == bool


def test_reduction_methods_and_dtypes(x):
    same(x.sum(0, np.float64), x.get().sum(0, np.float64))
    same(x.var(axis=0, ddof=1), x.get().var(axis=0, ddof=1))
    same(x.argmax(dtype=np.int32), x.get().argmax().astype(np.int32))
    same(x.clip(max=2), x.get().clip(max=2))
    same(x.clip(min=0), x.get().clip(min=0))
    same(x.clip(2, -2), np.full((2, 3), -2, "f"))
    assert cp.mean(device([1, 2], np.uint8)).dtype == np.float64
    assert (x > 0).sum().dtype == np.int64


def test_norms_and_products(x):
    h = x.get()
    same(cp.linalg.norm(x), np.linalg.norm(h))
    same(cp.linalg.norm(x, np.inf, 1), np.linalg.norm(h, np.inf, 1))
    same(cp.vdot(x, x), np.vdot(h, h))
    same(cp.dot(x[0], x[1]), np.dot(h[0], h[1]))  # 0-d, not a scalar
    same(x.dot(x.T), h @ h.T)
    out = cp.empty((2, 2), "f")
    assert cp.matmul(x, x.T, out=out) is out
    assert cp.dot(x, x.T, out) is out
    same(out, h @ h.T)
    same(cp.matmul(cp.ones((4, 2, 3)), cp.ones((3, 5))), np.full((4, 2, 5), 3.0))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x, o: cp.matmul(x, x.T, o), TypeError),  # CuPy's `out` is a keyword
        (lambda x, o: cp.matmul(x, x.T, dtype="d"), NotImplementedError),
        (lambda x, o: cp.matmul(x, x.T, order="C"), NotImplementedError),
        (lambda x, o: cp.matmul(x, x), ValueError),
        (lambda x, o: cp.matmul(x, x.sum()), ValueError),
        (lambda x, o: cp.matmul(x, x.T, out=cp.empty((2, 2), "i")), TypeError),
        (lambda x, o: cp.matmul(x, x[0], out=o), ValueError),  # NumPy's assignment would broadcast
        (lambda x, o: cp.dot(x, x), ValueError),
        (lambda x, o: cp.dot(x, x.T, out=o.astype("d")), ValueError),
        (lambda x, o: cp.dot(x, x.T, out=o.T), ValueError),  # must be in C order
        (lambda x, o: cp.dot(x, x[0], out=o), ValueError),
        (lambda x, o: cp.vdot(x, x[0]), ValueError),
    ],
)
def test_products_check_their_operands(x, call, error):
    with pytest.raises(error):
        call(x, cp.empty((2, 2), "f"))
