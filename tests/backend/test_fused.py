"""``@fused``: results, shapes and refusals, on every executor."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest

from minidl.accelerator.trace.blocks import BLOCK
from minidl.backend import fused, to_device, to_host, use
from minidl.kernels import activations, updates
from tests.accelerator.trace.formulas import call, numbers, weighted
from tests.kernels.running import blank, device

ON_EVERY_EXECUTOR = pytest.mark.usefixtures("executor")


@fused
def sum_and_difference(x, y):
    return x + y, x - y


@fused
def rows(x, mean, inverse, gamma):
    x_hat = (x - mean) * inverse
    return x_hat, gamma * inverse * x_hat + np.maximum(x, gamma)


def test_it_is_still_the_function_that_was_written():
    assert weighted.__name__ == "weighted"
    assert weighted.__doc__ == "weight · x + y."
    assert weighted.formula(2.0, 3.0, 10) == 23
    np.testing.assert_array_equal(weighted.formula(np.array([1, 2]), 1, 2), [3, 5])


@ON_EVERY_EXECUTOR
def test_arguments_have_names():
    """As in any function of Python; a default value may be left out between them."""
    x = numbers(5)
    for given in ({"negative_slope": 0.5}, {}):
        expected = activations.leaky_relu_forward(x, given.get("negative_slope", 0.2))
        np.testing.assert_array_equal(activations.leaky_relu_forward(x=x, **given), expected)
        where = to_device(np.empty_like(x))
        activations.leaky_relu_forward(x=to_device(x), out=where, **given)
        np.testing.assert_array_equal(to_host(where), expected)
    with pytest.raises(TypeError, match="slope"):
        activations.leaky_relu_forward(to_device(x), slope=0.5, out=where)
    assert repr(activations.relu_backward) == "<formula relu_backward(dy, y)>"


# Results -----------------------------------------------------------------------------------

SIZES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7]


@pytest.mark.parametrize("size", SIZES)
@ON_EVERY_EXECUTOR
def test_every_length_is_covered(size):
    x, y = numbers(size), numbers(size, seed=1)
    (result,) = call(weighted, [x, y], 1, [None], "float64", 0.5)
    np.testing.assert_array_equal(result, 0.5 * x + y)
    (result,) = call(weighted, [x, y], 1, [0], "float64", 0.5)
    np.testing.assert_array_equal(result, 0.5 * x + y)


@pytest.mark.parametrize(
    "shape",
    [(0, 3), (1, 1), (1, 5), (5, 1), (7, BLOCK), (3, BLOCK + 5), (BLOCK + 5, 3), (BLOCK // 3, 7)],
)
@ON_EVERY_EXECUTOR
def test_a_row_is_repeated_over_all_rows(shape):
    x, (mean, inverse, gamma) = numbers(shape), numbers((3, shape[1]), seed=1)
    expected = rows.formula(x, mean, inverse, gamma)
    for aliases in ([None, None], [0, None], [None, 0]):
        results = call(rows, [x, mean, inverse, gamma], 2, aliases, "float64")
        for actual, wanted in zip(results, expected, strict=True):
            np.testing.assert_array_equal(actual, wanted)


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (2, 3, 4), (2, 3, 4, 5)])
@ON_EVERY_EXECUTOR
def test_any_number_of_axes(shape):
    x, y = numbers(shape), numbers(shape, seed=1)
    (result,) = call(weighted, [x, y], 1, [None], "float64", 2)
    np.testing.assert_array_equal(result, 2 * x + y)
    if len(shape) > 1:
        row = numbers(shape[-1:], seed=2)
        (result,) = call(weighted, [x, row], 1, [None], "float64", 2)
        np.testing.assert_array_equal(result, 2 * x + row)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "int32", "bool"])
@ON_EVERY_EXECUTOR
def test_integers_meet_numbers_in_the_type_of_the_output(kind, dtype):
    x = (numbers(BLOCK + 3) * 100).astype(kind)
    y = numbers(BLOCK + 3, dtype)
    (result,) = call(weighted, [x, y], 1, [1], dtype, 1 / 255)
    # One product and one sum, each rounded once.
    eps = np.finfo(dtype).eps
    expected = x * (1 / 255) + y.astype("float64")
    np.testing.assert_allclose(result, expected, rtol=2 * eps, atol=2 * eps * abs(x * 1.0).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@ON_EVERY_EXECUTOR
def test_integers_among_themselves_do_not_wrap_around(dtype):
    @fused
    def formula(x, y):
        return x - y, x * y, -x

    x, y = np.array([0, 1, 200], "uint8"), np.array([255, 2, 200], "uint8")
    outs = tuple(blank(3, dtype) for _ in range(3))
    formula(device(x), device(y), out=outs)
    for out, expected in zip(outs, ([-255, -1, 0], [0, 2, 40_000], [0, -1, -200]), strict=True):
        np.testing.assert_array_equal(to_host(out), expected)


@pytest.mark.parametrize("threshold", [0, 1, 32_768, 65_535, 65_536, -1])
@ON_EVERY_EXECUTOR
def test_integers_are_compared_exactly(threshold):
    @fused
    def mask(bits, threshold):
        return 1.0 * (bits >= threshold)

    every = np.arange(65_536, dtype=np.uint16)
    out = blank(every.shape, "float32")
    mask(device(every), threshold, out=out)
    np.testing.assert_array_equal(to_host(out), np.arange(65_536) >= threshold)


@ON_EVERY_EXECUTOR
def test_a_comparison_can_be_the_result():
    @fused
    def positive(x):
        return x > 0

    x = numbers(BLOCK + 1)
    (result,) = call(positive, [x], 1, [None], "float64")
    np.testing.assert_array_equal(result, x > 0)


@ON_EVERY_EXECUTOR
def test_masks_multiply_and_subtract_as_zero_and_one():
    @fused
    def between(x, low, high):
        inside = (x > low) * (x < high)
        return inside * x + (1 - inside) * 7

    x = numbers(1000)
    (result,) = call(between, [x], 1, [None], "float64", -0.5, 0.5)
    np.testing.assert_array_equal(result, np.where((x > -0.5) & (x < 0.5), x, 7))


@ON_EVERY_EXECUTOR
def test_masks_combine_as_in_numpy():
    @fused
    def combined(x, y):
        p, q = x > 0, y > 0
        return p + q, p * q, np.maximum(p, q), np.minimum(p, q), p == q

    arrays = [numbers(200), numbers(200, seed=1)]
    expected = combined.formula(*arrays)
    assert expected[0].dtype == bool
    results = call(combined, arrays, 5, [None] * 5, "float64")
    for actual, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(actual, wanted)


@ON_EVERY_EXECUTOR
def test_numbers_may_change_from_call_to_call():
    x, y = device([1.0, 2.0]), device([10.0, 20.0])
    out = blank(2)
    for weight in (1, 2.5, -3, np.float64(0.5)):
        weighted(x, y, weight, out=out)
        np.testing.assert_array_equal(to_host(out), np.array([1, 2]) * weight + [10, 20])


@ON_EVERY_EXECUTOR
def test_float32_stays_float32():
    # 1 + 2⁻³⁰ is 1 in float32: an operation in double would show.
    x, y = np.full(5, 2.0**-30, "float32"), np.ones(5, "float32")
    one = device(y)

    @fused
    def residue(x, y):
        return (x + y) - y

    out = blank(5, "float32")
    residue(device(x), one, out=out)
    np.testing.assert_array_equal(to_host(out), 0)


# Refusals ----------------------------------------------------------------------------------


@ON_EVERY_EXECUTOR
def test_arrays_of_another_shape_are_refused():
    out = blank((2, 3))
    good = device(np.ones((2, 3)))
    for shape in [(3, 2), (2,), (6,), (1, 3), (2, 1), (2, 3, 1), ()]:
        message = f"weighted: expected arrays of shape (2, 3) or (3,), received {shape}"
        with pytest.raises(ValueError, match=re.escape(message)):
            weighted(good, device(np.ones(shape)), 1.0, out=out)


@ON_EVERY_EXECUTOR
def test_arrays_that_are_not_contiguous_are_refused():
    out = blank((4, 4))
    good = device(np.ones((4, 4)))
    wide = device(np.ones((4, 8)))
    for bad in (good.T, wide[:, ::2], wide[:, :4]):
        with pytest.raises(ValueError, match="weighted: expected C-contiguous"):
            weighted(good, bad, 1.0, out=out)


def warm_up(formula, *arguments, out):
    """Call once as it should be called: what is checked must be checked the next time too."""
    formula(*arguments, out=out)


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("kind", ["int32", "float16", "bool"])
@ON_EVERY_EXECUTOR
def test_outputs_are_float32_or_float64(kind, warm):
    @fused
    def double(x):
        return 2 * x

    x = device(np.ones(3))
    if warm:
        warm_up(double, x, out=blank(3))
    bad = to_device(np.zeros(3, kind))
    with pytest.raises(ValueError, match=f"double: expected outputs of one floating.*{kind}"):
        double(x, out=bad)


@pytest.mark.parametrize("warm", [False, True])
@ON_EVERY_EXECUTOR
def test_outputs_are_of_one_dtype(warm):
    x, y = device(np.ones(3)), device(np.ones(3))
    if warm:
        warm_up(sum_and_difference, x, y, out=(blank(3), blank(3)))
    formula = sum_and_difference if warm else fused(sum_and_difference.formula)
    with pytest.raises(ValueError, match="expected outputs of one floating dtype"):
        formula(x, y, out=(blank(3, "float32"), blank(3, "float64")))


@pytest.mark.parametrize("warm", [False, True])
@ON_EVERY_EXECUTOR
def test_outputs_are_contiguous(warm):
    @fused
    def double(x):
        return 2 * x

    x = device(np.ones((4, 4)))
    if warm:
        warm_up(double, x, out=blank((4, 4)))
    with pytest.raises(ValueError, match="double: expected C-contiguous"):
        double(x, out=blank((4, 8))[:, :4])


# Not smaller than the first: a compiled loop that is not stopped writes past the end.
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("shape", [(3, 2), (4, 3), (2, 3, 1)])
@ON_EVERY_EXECUTOR
def test_outputs_are_of_one_shape(shape, warm):
    check_output_shape(shape, warm)


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("shape", [(3,), (2,), ()])
def test_outputs_are_not_rows(shape, warm):
    with use("numpy", executor="blocks"):
        check_output_shape(shape, warm)


def check_output_shape(shape, warm):
    formula = fused(sum_and_difference.formula)
    x, y = device(np.ones((2, 3))), device(np.ones((2, 3)))
    if warm:
        warm_up(formula, x, y, out=(blank((2, 3)), blank((2, 3))))
    with pytest.raises(ValueError, match="sum_and_difference: expected"):
        formula(x, y, out=(blank((2, 3)), blank(shape)))


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("count", [1, 3])
@ON_EVERY_EXECUTOR
def test_a_wrong_number_of_outputs_is_refused(count, warm):
    formula = fused(sum_and_difference.formula)
    x, y = device(np.ones(3)), device(np.ones(3))
    if warm:
        warm_up(formula, x, y, out=(blank(3), blank(3)))
    outs = tuple(blank(3) for _ in range(count))
    with pytest.raises(ValueError, match=f"expected 2 output arrays, received {count}"):
        formula(x, y, out=outs if count > 1 else outs[0])


@ON_EVERY_EXECUTOR
def test_a_wrong_number_of_arguments_is_refused():
    x = device(np.ones(3))
    with pytest.raises(TypeError, match="'weighted': expected 3 arguments, received 2"):
        weighted(x, x, out=blank(3))


# Economy -----------------------------------------------------------------------------------


@ON_EVERY_EXECUTOR
def test_a_formula_is_traced_once_for_each_pattern_of_arguments():
    traced = []

    @fused
    def formula(x, y):
        traced.append(1)
        return x + y

    x, y = device(np.ones(3)), device(np.ones(3))
    for _ in range(3):
        formula(x, y, out=blank(3))
    assert len(traced) == 1
    for _ in range(3):
        formula(x, y, out=x)
    assert len(traced) == 1
    for _ in range(3):
        formula(x, 2.0, out=x)
    assert len(traced) == 2


@pytest.mark.parametrize("executor", ["blocks", "compiled"])
def test_memory_does_not_grow_with_the_arrays(executor):
    with use("numpy", executor=executor):
        arrays = [np.ones(64 * BLOCK, "float32") for _ in range(4)]
        outs = (arrays[0], *arrays[2:])

        def step():
            updates.adam(*arrays, 0.1, 0.9, 0.999, 1e-7, out=outs)

        step()
        tracemalloc.start()
        try:
            step()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    # A handful of registers; one whole-array temporary would be 64 blocks.
    assert peak <= 6 * BLOCK * 4
