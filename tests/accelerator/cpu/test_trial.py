"""Own tiles take the place of NumPy's BLAS only where they come to the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from minidl.accelerator.cpu import shares
from minidl.accelerator.cpu.products import plan, trial
from minidl.accelerator.cpu.products.plan import product
from minidl.accelerator.cpu.products.trial import Layout, comes_to_numpys_bits
from minidl.accelerator.cpu.products.words import PLAIN, TRANSPOSED
from tests.accelerator.cpu.running import play, random, sliced

SIZE = st.integers(1, 90) | st.integers(1, 4) | st.integers(90, 400)
FLOAT64 = np.dtype(np.float64)


def factor(rows: int, columns: int, dtype: str, transposed: bool, beyond: int, seed: int) -> Any:
    """A matrix that lies by rows or by columns, each with so many elements behind."""
    shape = (columns, rows) if transposed else (rows, columns)
    made = sliced(random(shape, dtype, seed), beyond)
    return made.T if transposed else made


# Tiles come to other bits than OpenBLAS: of float32 as made for Haswell, of float64 for AVX-512.
@example((32, 64, 64), False, False, 0)
@example((150, 100, 4), False, True, 0)
@given(st.tuples(SIZE, SIZE, SIZE), st.booleans(), st.booleans(), st.sampled_from([0, 0, 3]))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_products_have_numpys_bits(
    dtype: str, sizes: tuple[int, int, int], by_columns_a: bool, by_columns_b: bool, beyond: int
) -> None:
    n, k, m = sizes
    assume(n * k * m <= shares.SMALL)
    a = factor(n, k, dtype, by_columns_a, beyond, 0)
    b = factor(k, m, dtype, by_columns_b, beyond, 1)
    out = np.full((n, m), np.nan, dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "SMALL", shares.SMALL)
        play(product(a, b, out))
    np.testing.assert_array_equal(out, a @ b)


def by_blas(a: Any, b: Any, out: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "TILES", False)
        (made,) = product(a, b, out)
    return made


def by_blas_from_the_end(a: Any, b: Any, out: Any) -> Any:
    """The same sums, added up from the last product to the first."""
    return by_blas(np.ascontiguousarray(a[:, ::-1]), np.ascontiguousarray(b[::-1]), out)


@pytest.mark.parametrize("sizes", [(2, 3, 2), (20, 5, 100), (7, 60, 9)], ids=str)
@pytest.mark.parametrize("transposed", [PLAIN, TRANSPOSED])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_trial_tells_the_order_of_sums(
    dtype: str, transposed: int, sizes: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    n, k, m = sizes
    a = Layout(n, k, transposed, k if transposed == PLAIN else n)
    b = Layout(k, m, PLAIN, m + 1)
    for make, same in ((by_blas, True), (by_blas_from_the_end, False)):
        monkeypatch.setattr(trial, "_found", {})
        assert comes_to_numpys_bits(make, a, b, np.dtype(dtype)) == same


def test_a_kind_of_product_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_found", {})
    calls = []

    def make(a: Any, b: Any, out: Any) -> Any:
        calls.append(out.shape)
        return by_blas(a, b, out)

    layouts = Layout(20, 30, PLAIN, 30), Layout(30, 40, PLAIN, 40)
    for _ in range(3):
        assert comes_to_numpys_bits(make, *layouts, FLOAT64)
    assert calls == [(20, 40)]


def test_rows_far_apart_are_left_to_blas() -> None:
    """A trial would take more memory than the factors do."""

    def make(a: Any, b: Any, out: Any) -> Any:
        raise AssertionError("tried")

    layouts = Layout(20, 5, PLAIN, 10_000_000), Layout(5, 9, PLAIN, 9)
    assert not comes_to_numpys_bits(make, *layouts, FLOAT64)
