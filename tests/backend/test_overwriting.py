"""Outputs of a fused formula that overwrite its arguments, on every executor."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.accelerator.cpu.machine import machine_code
from minidl.accelerator.cpu.machine.storage import Storage
from minidl.accelerator.trace import blocks
from minidl.accelerator.trace.blocks import BLOCK
from minidl.backend import fused, to_host
from tests.accelerator.trace.formulas import RandomFormula, call, numbers, random_formulas, weighted
from tests.kernels.running import blank, device

ON_EVERY_EXECUTOR = pytest.mark.usefixtures("executor")


@fused
def sum_and_difference(x, y):
    return x + y, x - y


@fused
def three(a, b, c, d):
    """Three outputs, each of which needs inputs that the others may have overwritten."""
    p = a * b + c
    q = np.maximum(p, d) - a
    return q * b, p + d * c, c - q


@fused
def first_waits(x, y):
    """The first result is read early, and has to be kept until x has been read for good."""
    p = x + y
    q = p * 2
    return p, (q - y) * x


@fused
def swap(x, y):
    return y, x


@fused
def sum_and_first(x, y):
    return x + y, x


@fused
def twice_and_thrice(x, y):
    return x * 2, y * 3


def alias_patterns(outputs, inputs):
    """Every way in which outputs can overwrite distinct inputs, or none."""
    patterns = itertools.product([None, *range(inputs)], repeat=outputs)
    return [p for p in patterns if all(k is None or p.count(k) == 1 for k in p)]


@pytest.mark.parametrize("pattern", alias_patterns(2, 2), ids=str)
@ON_EVERY_EXECUTOR
def test_two_outputs_may_overwrite_any_inputs(pattern):
    x, y = numbers(BLOCK + 9), numbers(BLOCK + 9, seed=1)
    for formula in (sum_and_difference, first_waits, swap, sum_and_first):
        expected = formula.formula(x, y)
        results = call(formula, [x, y], 2, pattern, "float64")
        for actual, wanted in zip(results, expected, strict=True):
            np.testing.assert_array_equal(actual, wanted)


# Where each pattern is compiled anew, a few stand for the 73 by default.
FEW_PATTERNS = [(None, None, None), (0, 1, 2), (2, 0, 3), (3, None, 1), (1, 2, 0)]


@pytest.mark.parametrize(
    "patterns",
    [pytest.param(FEW_PATTERNS, id="few"),
     pytest.param(alias_patterns(3, 4), id="all", marks=pytest.mark.thorough)],
)  # fmt: skip
def test_three_outputs_may_overwrite_any_inputs(executor, patterns):
    # Of few digits: all is exact, also where a device rounds a product and a sum once.
    arrays = [np.round(64 * numbers(50, seed=k)) / 64 for k in range(4)]
    expected = three.formula(*arrays)
    for pattern in alias_patterns(3, 4) if executor == "blocks" else patterns:
        results = call(three, arrays, 3, pattern, "float64")
        for actual, wanted in zip(results, expected, strict=True):
            np.testing.assert_array_equal(actual, wanted, err_msg=str(pattern))


@ON_EVERY_EXECUTOR
def test_an_array_given_twice_may_be_overwritten():
    x = numbers(20)
    array = device(x)
    weighted(array, array, 3.0, out=array)
    np.testing.assert_array_equal(to_host(array), 3 * x + x)
    for slot in (0, 1):
        array, fresh = device(x), blank(20)
        out = (array, fresh) if slot == 0 else (fresh, array)
        twice_and_thrice(array, array, out=out)
        np.testing.assert_array_equal(to_host(out[0]), 2 * x)
        np.testing.assert_array_equal(to_host(out[1]), 3 * x)


@pytest.fixture
def several_blocks(monkeypatch, tmp_path):
    """Blocks of 8, so that small arrays take several; generated loops in a folder of their own."""
    monkeypatch.setattr(blocks, "BLOCK", 8)
    storage = Storage(tmp_path)
    monkeypatch.setattr(machine_code, "storage", lambda: storage)


def check_random(formula: RandomFormula, dtype, n, k, number):
    plain = formula.function()
    random = np.random.default_rng(n * 100 + k)
    arrays = [
        random.integers(-64, 65, (k,) if row else (n, k)) / np.dtype(dtype).type(16)
        for row in formula.rows
    ]
    arrays = [a.astype(dtype) for a in arrays]
    expected = plain(*arrays, number)
    expected = expected if isinstance(expected, tuple) else (expected,)
    given = [device(a) for a in arrays]
    outs = tuple(
        blank((n, k), dtype) if alias is None else given[alias] for alias in formula.aliases
    )
    fused(plain)(*given, number, out=outs if len(outs) > 1 else outs[0])
    for actual, wanted in zip(outs, expected, strict=True):
        # The same operations on the same numbers in the same precision: equal, not near.
        np.testing.assert_array_equal(to_host(actual), np.broadcast_to(wanted, (n, k)))


@pytest.mark.usefixtures("several_blocks")
@given(
    formula=random_formulas(),
    dtype=st.sampled_from(["float32", "float64"]),
    n=st.integers(0, 9),
    k=st.integers(1, 9),
    number=st.sampled_from([-1.5, 0, 2]),
)
def test_random_formulas_with_random_overwriting(executor, formula, dtype, n, k, number):
    check_random(formula, dtype, n, k, number)
