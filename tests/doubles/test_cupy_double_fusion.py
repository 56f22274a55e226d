"""``cupy.fuse`` of the double against what CuPy 14.2 does: see the notes in _cupy_fusion.py."""

from __future__ import annotations

import numpy as np
import pytest

from . import cupy_double as double
from .cupy_double import cupy as cp
from .support import same


def fused(function):
    """A lambda has no name that a kernel could bear."""
    return cp.fuse(kernel_name="kernel")(function)


def test_the_forms_of_the_decorator(x):
    @cp.fuse
    def bare(a):
        """Doubles."""
        return a * 2

    @cp.fuse()
    def called(a):
        return a * 2

    @cp.fuse(kernel_name="named")
    def named(a):
        return a * 2

    for function in (bare, called, named, cp.fuse("positional")(lambda a: a * 2)):
        same(function(x), x.get() * 2)
    assert bare.__doc__ == "Doubles."
    assert repr(named) == "<Fusion 'named'>"
    with pytest.raises(TypeError):
        cp.fuse(name="wrong keyword")(lambda a: a)
    with pytest.raises(TypeError):
        bare(a=x)  # positional arguments only
    with pytest.raises(ValueError, match="Invalid kernel name"):
        cp.fuse(lambda a: a * 2)(x)


def test_a_formula_gives_numpys_values(x):
    def formula(xp, a, b, s):
        return xp.where(a > 0, xp.exp(-a) + b * s, xp.maximum(a, b) - xp.sqrt(xp.absolute(b)))

    b, s = np.array([1.0, 2.0, 3.0], np.float32), np.float32(0.5)
    expected = formula(np, x.get(), b, s)
    result = fused(lambda *args: formula(cp, *args))(x, cp.asarray(b), s)
    same(result, expected)  # the same NumPy loops in the same order
    assert result.flags.c_contiguous


def test_without_device_arrays_it_is_the_plain_function():
    result = fused(lambda a, s: a.reshape(2, 1) * s)(np.ones(2), 3)
    assert type(result) is np.ndarray
    assert result.shape == (2, 1)


def test_writing_into_arguments(x):
    m, v, h = cp.zeros((2, 3), "f"), cp.ones((2, 3), "f"), x.get()

    @cp.fuse
    def update(g, m, v):
        cp.positive(m * np.float32(0.5) + g, m)
        v[...] = v + m  # reads the new m
        g *= 2
        g **= 2

    assert update(x, m, v) is None
    same(m, h)
    same(v, h + 1)
    same(x, (h * 2) ** 2)


def test_one_array_may_be_input_and_output(x):
    h = x.get()
    fused(lambda a, b, out: cp.add(a, b, out))(x, x, x)  # the same memory: element by element
    same(x, h + h)


def test_a_view_of_a_larger_vector_is_written(x):
    theta = cp.zeros(10, "f")
    fused(lambda out, a: cp.multiply(a, 2.0, out=out))(theta[2:8].reshape(2, 3), x)
    same(theta, np.concatenate([[0, 0], x.get().ravel() * 2, [0, 0]]).astype("f"))


def test_results_are_new_arrays_of_the_broadcast_shape_of_all_arguments(x):
    row = cp.ones(3, "f")
    result = fused(lambda a, b: b + 1)(x, row)
    same(result, np.full((2, 3), 2, "f"))
    (only,) = fused(lambda a, b: (a + b,))(x, row)  # a tuple stays one
    same(only, x.get() + 1)
    out, twice = fused(lambda a, b: (cp.add(a, 1.0, a), b * 2))(x, row)
    assert not cp.may_share_memory(out, x)
    assert twice.shape == (2, 3)
    same(out, x.get())


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda a: a[0], TypeError),
        (lambda a: a.shape, NotImplementedError),
        (lambda a: len(a), TypeError),
        (lambda a: abs(a), TypeError),  # CuPy's variables have no __abs__, __pos__, __rpow__
        (lambda a: +a, TypeError),
        (lambda a: 2**a, TypeError),
        (lambda a: a if a > 0 else -a, TypeError),
        (lambda a: float(a), TypeError),
        (lambda a: list(a), TypeError),
        (lambda a: a.sum(), AttributeError),
        (lambda a: cp.sum(a, axis=0), AttributeError),
        (lambda a: cp.zeros_like(a), AttributeError),
        (lambda a: a @ a, TypeError),
        (lambda a: cp.where(a > 0), TypeError),
        (lambda a: cp.add(a, 1, dtype="d"), TypeError),
        (lambda a: cp.add(a, 1, where=True), TypeError),
        (lambda a: np.exp(a), TypeError),  # NumPy's ufuncs see an unknown object
        (lambda a: np.sqrt(a), TypeError),
        (lambda a: np.maximum(a, 0), TypeError),
        (lambda a: np.where(a > 0, a, 0), TypeError),
        (lambda a: np.add(a, 1, out=a), TypeError),
        (lambda a: a.__setitem__(0, 1.0), ValueError),
        (lambda a: cp.add(a, 1, 2), TypeError),
        (lambda a: cp.add(a), ValueError),
        (lambda a: cp.bitwise_and(a, 1), TypeError),
        (lambda a: cp.copy(a, order="C"), NotImplementedError),
        (lambda a: a.astype("d", order="C"), TypeError),
        (lambda a: [a], ValueError),
        (lambda a: (a, None), ValueError),
        (lambda a: 3.0, ValueError),
        (lambda a: a + np.ones(3), TypeError),
        (lambda a: a + cp.ones(3), TypeError),
        (lambda a: a + None, TypeError),
    ],
)
def test_what_a_fused_function_may_not_do(x, function, error):
    with pytest.raises(error):
        fused(function)(x)
    same(fused(lambda a: a + 1)(x), x.get() + 1)  # the failed trace leaves nothing behind


def test_arithmetic_of_numpy_survives_as_python_operators(x):
    # np.add of an unknown object falls back to its `+`; np.exp has nothing to fall back to.
    same(fused(lambda a: np.add(a, 1))(x), x.get() + 1)


def test_arguments_of_the_wrong_kind(x):
    add = fused(lambda a, b: a + b)
    with pytest.raises(AssertionError):  # CuPy's own message: none
        add(x, np.ones(3))
    with pytest.raises(TypeError, match="Invalid argument type for 'kernel'"):
        add(x, "text")
    with pytest.raises(ValueError, match="broadcast"):
        add(x, cp.ones(2, "f"))


def test_a_trace_is_kept_and_python_values_are_frozen_in_it(x):
    calls, rate = [], 2.0

    def scale(a, b):
        calls.append(a.dtype)
        return a * rate * b

    kernel = fused(scale)
    same(kernel(x, 1.0), x.get() * 2)
    rate = 100.0
    same(kernel(x[:1], 1.0), x.get()[:1] * 2)  # another shape, the same trace, the old rate
    assert len(calls) == 1
    kernel(x, 1)  # an int is another key, and so are another dtype and another ndim
    kernel(x.astype("d"), 1.0)
    kernel(x[0], 1.0)
    assert len(calls) == 4
    same(kernel(x.astype("d"), 3.0), x.get().astype("d") * 300)


def test_a_bool_and_an_int_share_a_trace(x):
    kernel = fused(lambda a, b: a * b)
    same(kernel(x, True), x.get())
    same(kernel(x, 5), x.get())  # the 5 becomes True: CuPy compiled for a bool


def test_an_intermediate_result_may_be_written(x):
    def formula(a):
        t = a * 2
        cp.add(a.astype("d"), 0.1, t)  # rounds to float32
        return t * np.float64(1)

    same(fused(formula)(x), (x.get().astype("d") + 0.1).astype("f").astype("d"))


def test_none_passes_through(x):
    same(fused(lambda a, b: a + 1 if b is None else a + b)(x, None), x.get() + 1)


def test_a_fused_function_inside_another_is_inlined(x):
    inner = fused(lambda a: cp.exp(a))
    same(fused(lambda a: inner(a) + 1)(x), np.exp(x.get()) + 1)
    write, buffer = fused(lambda out: cp.add(out, 1, out)), cp.zeros(3)
    with pytest.raises(TypeError, match="Concrete ndarray"):  # no launch while tracing
        fused(lambda a: (write(buffer), a + 1)[1])(x)


# CuPy 14.2 looks for the first loop that weak scalars fit, and float16 is the first that a Python
# float fits: two Python scalars, or one beside integers, meet in half precision.
def half(value):
    return np.float16(value)


LOOPS = [
    (lambda a, s: a * s, 0.9, "f", lambda h, s: h * s),
    (lambda a, s: a * (1.0 - s), 0.9, "f", lambda h, s: h * np.float32(half(1) - half(s))),
    (lambda a, s: -s * a, 0.9, "f", lambda h, s: h * -np.float32(half(s))),
    (lambda a, s: cp.where(a > 0, 1, s), 0.9, "e", lambda h, s: np.where(h > 0, half(1), half(s))),
    (lambda a, s: (a > 0) * s, 0.9, "e", lambda h, s: (h > 0) * half(s)),
    (lambda a, s: a * (1.0 - s), np.float32(0.9), "f", lambda h, s: h * (1 - s)),
    (lambda a, s: cp.where(a > 0, 1, s), np.float32(0.9), "f", lambda h, s: np.where(h > 0, 1, s)),
    (lambda a, s: a * s, np.float64(0.9), "d", lambda h, s: h * s),
]


@pytest.mark.parametrize(("function", "scalar", "dtype", "expected"), LOOPS)
def test_scalars_meet_in_the_loops_that_cupy_chooses(x, function, scalar, dtype, expected):
    result = fused(function)(x, scalar)
    assert result.dtype == np.dtype(dtype)
    same(result, expected(x.get(), scalar))


def test_bytes_times_a_python_float_are_half_precision():
    pixels = cp.asarray(np.arange(256, dtype=np.uint8))
    result = fused(lambda p: p * (1 / 255))(pixels)
    assert result.dtype == np.float16  # outside `fuse` it is float64
    assert fused(lambda p: p * np.float32(1 / 255))(pixels).dtype == np.float32
    assert (pixels * (1 / 255)).dtype == np.float64


def test_output_arguments_are_checked(x):
    with pytest.raises(TypeError, match="same_kind"):
        fused(lambda a, out: cp.multiply(a, 1.5, out))(x, cp.zeros((2, 3), "i"))
    with pytest.raises(ValueError, match="non-broadcastable"):
        fused(lambda a, out: cp.add(a, 1, out))(x, cp.zeros(3, "f"))
    with pytest.raises(TypeError, match="ArrayType"):
        fused(lambda a, s: cp.add(a, 1, s))(x, 2.0)
    with pytest.raises(ValueError, match="both"):
        fused(lambda a, b: cp.add(a, 1, b, out=b))(x, x)


def test_races_are_refused(x):
    # A device would run both, with results that depend on the order of its threads.
    with pytest.raises(ValueError, match="expected an argument of shape"):
        fused(lambda a, out: cp.add(a, 1, out))(x, cp.zeros((1, 3), "f"))
    line = cp.arange(6)
    with pytest.raises(ValueError, match="overlaps"):
        fused(lambda a, out: cp.add(a, 1, out))(line[:-1], line[1:])


def test_methods_of_variables(x):
    h = x.get()
    same(fused(lambda a: a.astype("d") / 2)(x), h.astype("d") / 2)
    same(fused(lambda a: a.copy())(x), h)
    same(fused(lambda a: cp.clip(a, -1, 1))(x), h.clip(-1, 1))
    same(fused(lambda a: ~(a > 0) & (a < 4) | (a == 4))(x), ~(h > 0) & (h < 4) | (h == 4))
    same(fused(lambda a: a**2 % 5 // 2)(x), h**2 % 5 // 2)
    same(fused(lambda a: a * a.ndim)(x), h * 2)
    y = cp.zeros((2, 3), "f")
    fused(lambda a, out: cp.copyto(out, a))(x, y)
    same(y, h)
    same(fused(lambda a: cp.get_array_module(a).exp(a))(x), np.exp(h))


def test_a_launch_needs_a_device_and_does_not_wait(x):
    kernel = fused(lambda a: a.__setitem__(..., 1.0))
    with double.forbid_synchronisation():
        kernel(x)
    with double.installed(fault="device"), pytest.raises(cp.cuda.runtime.CUDARuntimeError):
        kernel(x)
