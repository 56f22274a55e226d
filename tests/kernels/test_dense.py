"""Dense: y = x W + b, for arrays and for CSR matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from minidl.backend import is_sparse, to_device, to_host
from minidl.backend.sparse import canonical
from minidl.kernels.dense import dense_backward, dense_forward
from minidl.kernels.sparse import sparse_dense_backward, sparse_dense_forward
from tests.gradients import check_gradient
from tests.kernels.running import blank, close, device
from tests.strategies import csr, smooth, tensors

T = tensors(x=smooth("NI"), W=smooth("IO"), b=smooth("O"), dy=smooth("NO"))
SPARSE = tensors(x=csr("NI"), W=smooth("IO"), b=smooth("O"), dy=smooth("NO"))


def rows(x):
    """x where the kernels run."""
    return to_device(canonical(x)) if is_sparse(x) else device(x)


def forward(x, W, b=None):
    y = blank((x.shape[0], W.shape[1]))
    multiplied = sparse_dense_forward if is_sparse(x) else dense_forward
    result = multiplied(rows(x), device(W), None if b is None else device(b), y)
    assert result is y
    return to_host(y)


def backward(dy, x, W, bias=True, inputs=True):
    dW, db, dx = blank(W.shape), blank(W.shape[1]), blank(x.shape)
    if is_sparse(x):
        assert sparse_dense_backward(device(dy), rows(x), dW, db) is None
        return to_host(dW), to_host(db), None
    result = dense_backward(
        device(dy), rows(x), device(W), dW, db if bias else None, dx if inputs else None
    )
    assert result is (dx if inputs else None)
    return to_host(dW), to_host(db), to_host(dx)


@pytest.mark.usefixtures("executor")
@given(T)
def test_forward_is_a_sum_over_the_inputs(t):
    by_hand = np.zeros((len(t.x), t.W.shape[1]))
    for n, o in np.ndindex(by_hand.shape):
        by_hand[n, o] = sum(t.x[n, i] * t.W[i, o] for i in range(len(t.W)))
    close(forward(t.x, t.W), by_hand)
    close(forward(t.x, t.W, t.b), by_hand + t.b)


@pytest.mark.usefixtures("executor")
@given(T)
def test_backward_is_the_gradient(t):
    dW, db, dx = backward(t.dy, t.x, t.W)
    check_gradient(forward, {"x": t.x, "W": t.W, "b": t.b}, {"x": dx, "W": dW, "b": db}, t.dy)


@pytest.mark.usefixtures("executor")
@given(T)
def test_backward_without_bias_and_without_dx(t):
    full = backward(t.dy, t.x, t.W)
    for bias in (True, False):
        for inputs in (True, False):
            dW, db, dx = backward(t.dy, t.x, t.W, bias, inputs)
            np.testing.assert_array_equal(dW, full[0])
            np.testing.assert_array_equal(db, full[1] if bias else np.nan)
            np.testing.assert_array_equal(dx, full[2] if inputs else np.nan)
    check_gradient(forward, {"x": t.x, "W": t.W}, {"x": full[2], "W": full[0]}, t.dy)


@pytest.mark.usefixtures("executor")
@given(T)
def test_without_dx_its_product_is_not_computed(t):
    dW, db = blank(t.W.shape), blank(t.b.shape)
    # Nothing else needs W: without one, the product could not even be begun.
    assert dense_backward(device(t.dy), device(t.x), None, dW, db, None) is None
    np.testing.assert_array_equal(to_host(dW), backward(t.dy, t.x, t.W)[0])


@pytest.mark.usefixtures("executor")
@given(SPARSE)
def test_sparse_rows_give_what_dense_ones_do(t):
    """Up to the order in which the same products are added."""
    full = t.x.toarray()
    close(forward(t.x, t.W, t.b), forward(full, t.W, t.b))
    sparse, dense = backward(t.dy, t.x, t.W), backward(t.dy, full, t.W, inputs=False)
    for mine, theirs in zip(sparse[:2], dense[:2], strict=True):
        close(mine, theirs)


@pytest.mark.usefixtures("executor")
@given(SPARSE)
def test_backward_of_sparse_rows_is_the_gradient(t):
    dW, db, _ = backward(t.dy, t.x, t.W)
    check_gradient(lambda W, b: forward(t.x, W, b), {"W": t.W, "b": t.b}, {"W": dW, "b": db}, t.dy)


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(SPARSE)
def test_sparse_products_stay_in_their_type(dtype, t):
    """Rows of the working type: SciPy and CuPy would widen anything else."""
    x = to_device(canonical(t.x.astype(dtype)))
    W, dy = device(t.W, dtype), device(t.dy, dtype)
    assert (x @ W).dtype == (x.T @ dy).dtype == np.dtype(dtype)
    y, dW = blank(t.dy.shape, dtype), blank(t.W.shape, dtype)
    sparse_dense_forward(x, W, None, y)
    sparse_dense_backward(dy, x, dW, None)
    close(to_host(y), t.x.toarray() @ t.W)
    close(to_host(dW), t.x.toarray().T @ t.dy)


@given(SPARSE)
def test_scipy_takes_entries_in_any_order(t):
    """As a layer alone may be handed them: its products add up what is stored twice."""
    y, dW = blank(t.dy.shape), blank(t.W.shape)
    sparse_dense_forward(t.x, t.W, t.b, y)
    sparse_dense_backward(t.dy, t.x, dW, None)
    close(y, t.x.toarray() @ t.W + t.b)
    close(dW, t.x.toarray().T @ t.dy)
