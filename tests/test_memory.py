"""Compiled code stays within its arrays, whatever it is given: a right answer, or an error."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

import minidl
from minidl.accelerator.record.products import multiply
from minidl.backend import current, use
from minidl.backend.gather import Gather, buffer
from minidl.backend.random import DROPOUT, RandomBits
from minidl.callbacks import Callback
from minidl.kernels import activations, dropout, updates
from minidl.layers import Dense
from minidl.models import Network
from tests.accelerator.cpu.running import random


@pytest.fixture(params=["blocks", "compiled"], autouse=True)
def executor(request):
    """What runs the formulas."""
    with use("numpy", executor=request.param):
        yield request.param


def network(*layers, inputs=784):
    made = Network([minidl.Input((inputs,)), *layers])
    made.build()
    return made


def test_more_rows_than_a_layer_is_bound_for():
    made = network(Dense(100))
    made.forward(random((32, 784), np.float32))
    layer, x = made.layers[0], random((3000, 784), np.float32)
    with pytest.raises(ValueError, match=r"at most 32 rows.*received 3000.*bind"):
        layer.forward(x)
    made.bind(3000)
    np.testing.assert_allclose(layer.forward(x), x @ layer.W + layer.b, atol=1e-4)


def test_a_gradient_of_other_rows_than_the_forward():
    made = network(Dense(100))
    made.forward(random((300, 784), np.float32))
    with pytest.raises(ValueError, match="size 200 is different from 300"):
        made.backward(random((200, 100), np.float32))


A, B = random((130, 65), np.float32), random((65, 70), np.float32)


@pytest.mark.parametrize(
    "a",
    [
        A[::-1],
        A[:, ::-1],
        np.broadcast_to(A[0], A.shape),
        np.lib.stride_tricks.sliding_window_view(random(194, np.float32), 65),
        np.lib.stride_tricks.as_strided(A, A.shape, (66 * 4, 4))[:100],
        A.astype(A.dtype.newbyteorder()),
        np.frombuffer(b"0" + A.tobytes(), np.float32, offset=1).reshape(A.shape),
        random((130, 130), np.float32)[:, ::2],
        np.asfortranarray(A),
        A.T.copy().T[:129],
    ],
    ids=["up", "left", "repeated", "sliding", "apart", "swapped", "odd", "columns", "fortran", "t"],
)
def test_a_large_product_of_rows_wherever_they_lie(a):
    a = np.repeat(a, 2, 0) if len(a) * 65 * 70 < 1 << 18 else a  # no small one
    out = np.empty((len(a), 70), np.float32)
    for b, into in itertools.product((B, np.asfortranarray(B)), (out, np.asfortranarray(out))):
        np.testing.assert_allclose(multiply(a, b, into), np.array(a) @ b, 1e-4, 1e-4)


@pytest.mark.parametrize(
    ("a", "b", "out"),
    [
        ((130, 65), (60, 70), (130, 70)),
        ((130, 65), (65, 70), (120, 70)),
        ((130, 65), (65, 70), (130, 71)),
        ((130, 2001), (2000, 1), (130, 1)),
    ],
)
def test_a_product_of_other_shapes_is_refused(a, b, out):
    with pytest.raises(ValueError, match=r"matmul: .* mismatch"):
        multiply(np.ones(a), np.ones(b), np.ones(out))


def test_a_product_into_its_own_factor_or_a_read_only_array():
    a, b = random((70, 70), np.float32), random((70, 70), np.float32)
    for out in (a, b, a[::-1], a.T):
        wanted = a @ b
        before = a.copy(), b.copy()
        np.testing.assert_allclose(multiply(a, b, out), wanted, 1e-4, 1e-4)
        a[...], b[...] = before
    out = np.empty_like(a)
    multiply(a, b, out)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        multiply(a, b, out)


def test_the_same_memory_in_another_byte_order_is_another_product():
    a, b, out = random((70, 70)), random((70, 70)), np.empty((70, 70))
    multiply(a, b, out)
    swapped = a.view(a.dtype.newbyteorder())
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(multiply(swapped, b, out), swapped @ b)


def test_a_formula_on_arrays_that_it_cannot_take():
    x, out = random((20, 30)), np.empty((20, 30))
    odd = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    fixed = x.copy()
    fixed.flags.writeable = False
    relu, adam = activations.relu_forward, updates.momentum
    for arguments, into, words in [
        ([odd], out, "aligned"),
        ([x], odd, "aligned"),
        ([x], fixed, "read-only"),
        ([x[:19]], x[1:], "overlaps"),
        ([x.T], out.T, "C-contiguous"),
        ([x[:, 1:]], out, "shape"),
    ]:
        with pytest.raises(ValueError, match=words):
            relu(*arguments, out=into)
    with pytest.raises(ValueError, match="overlaps"):
        adam(x, out, x.copy(), 0.1, 0.9, out=(x, x))
    with pytest.raises(TypeError, match=r"numbers, received .*complex"):
        relu(x.astype(complex), out=out)
    for wrong in ([1.0], None, "x"):
        with pytest.raises(TypeError, match="expected NumPy arrays"):
            relu(wrong, out=out)
        if wrong is not None:  # which asks for a new array
            with pytest.raises(TypeError, match="expected an array as the output"):
                relu(x, out=wrong)
    np.testing.assert_array_equal(relu(fixed, out=out), np.maximum(x, 0))
    y = x.copy()  # two views of the same elements are one array
    np.testing.assert_array_equal(relu(y[:], out=y), np.maximum(x, 0))
    assert relu(np.empty((0, 3)), out=np.empty((0, 3))).shape == (0, 3)


def test_a_number_of_numpy_is_a_number():
    x = np.ones(5, np.float32)
    wanted = updates.sgd(x.copy(), x, 0.5, out=np.empty_like(x))
    np.testing.assert_array_equal(updates.sgd(x, x, np.float32(0.5), out=x), wanted)


def test_rows_at_odd_addresses_go_through_a_network():
    made = network(minidl.layers.Rescaling(0.5), Dense(3, "relu"), inputs=40)
    x = random((30, 40), np.float32)
    odd = np.frombuffer(b"0" + x.tobytes(), np.float32, offset=1).reshape(x.shape)
    assert not odd.flags.aligned
    wanted = made.forward(x).copy()
    np.testing.assert_array_equal(made.forward(odd), wanted)


@pytest.mark.parametrize(
    "out",
    [
        np.zeros(40, np.uint8),
        np.zeros(40, np.float32),
        np.zeros(40, np.uint16)[::2],
        np.zeros(40, ">u2"),
        np.frombuffer(bytes(40), np.uint16),
    ],
)
def test_random_bits_go_where_they_have_place(out):
    before = out.copy()
    with pytest.raises(ValueError, match="expected a contiguous array of uint16"):
        RandomBits(1, DROPOUT, 0).fill(out, 3)
    np.testing.assert_array_equal(out, before)


def test_bits_of_fewer_elements_than_a_mask_needs():
    x, bits = random((20, 30)), np.zeros((20, 29), np.uint16)
    with pytest.raises(ValueError, match="shape"):
        dropout.dropout_forward(x, bits, 3, 1.0, out=np.empty_like(x))


def test_rows_that_are_none_are_the_nearest_ones():
    x, out = random((20, 40)), np.empty((5, 40))
    gather = Gather(current(), [x], [out])
    gather.order[:5] = -7, 3, 10**12, 19, -(10**12)
    gather.where[:] = 0, 5
    gather()
    np.testing.assert_array_equal(out, x[[0, 3, 19, 19, 0]])


def test_rows_beyond_order_and_buffer_are_left_out():
    with use("numpy", executor="compiled"):
        x, whole = random((20, 40)), np.full((6, 40), 7.0)
        gather = Gather(current(), [x], [whole[:5]])
        gather.where[:] = 18, 10**9
        gather()
        np.testing.assert_array_equal(whole[:2], x[18:])
        gather.where[:] = -3, 10**9
        gather()
        np.testing.assert_array_equal(whole[:5], x[:5])
        assert (whole[5] == 7).all()


class AtTheEnd(Callback):
    """Does something at the end of the first epoch."""

    def __init__(self, do):
        self._do = do

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            self._do(self.model)


def fitted(x, do, **options):
    model = minidl.Sequential([minidl.Input((x.shape[1],)), Dense(8, "relu"), Dense(1)])
    model.compile("adam", "mse")
    y = random((x.shape[0], 1), np.float32)
    model.fit(x, y, 10, 3, 0, [AtTheEnd(do)], **options)
    return model


def _columns(x):
    x.indices[3] = 10**9


def _negative(x):
    x.indices[3] = -5


def _order(x):
    row = slice(x.indptr[5], x.indptr[6])
    x.indices[row] = x.indices[row][::-1].copy()


def _ends(x):
    x.indptr[5] = 10**9


def _backwards(x):
    x.indptr[5] = x.indptr[7] + 1


@pytest.mark.parametrize("spoil", [_columns, _negative, _ends, _backwards, _order])
def test_sparse_rows_that_a_callback_changes(spoil, executor):
    x = sp.random(64, 500, 0.05, "csr", np.float32, rng=np.random.default_rng(1))
    if spoil is _order and executor == "blocks":  # SciPy's product is right in any order
        fitted(x, lambda _: spoil(x))
        return
    with pytest.raises(ValueError, match=r"expected a CS[RC] matrix"):
        fitted(x, lambda _: spoil(x))


def test_sparse_rows_whose_arrays_are_replaced_are_those_of_before():
    made = []
    for replaces in (False, True):
        x = sp.random(64, 500, 0.05, "csr", np.float32, rng=np.random.default_rng(1))
        minidl.utils.set_random_seed(3)

        def replace(_, x=x, replaces=replaces):
            if replaces:
                x.data, x.indices, x.indptr = (
                    np.ones(3, a.dtype) for a in (x.data, x.indices, x.indptr)
                )

        made.append(fitted(x, replace).theta.copy())
    assert np.isfinite(made[0]).all()
    np.testing.assert_array_equal(made[1], made[0])


def test_a_sparse_matrix_changed_between_two_passes():
    made = network(Dense(4), inputs=500)
    x = sp.random(64, 500, 0.05, "csr", np.float32, rng=np.random.default_rng(1))
    made.forward(x)
    x.indices[3] = 10**9
    with pytest.raises(ValueError, match="1000000000 in indices"):
        made.forward(x)
    with pytest.raises(ValueError, match="1000000000 in indices"):
        made.layers[0].forward(x)
    with pytest.raises(ValueError, match="1000000000 in indices"):
        made.backward(np.ones((64, 4), np.float32))
    with pytest.raises(TypeError, match="format COO"):
        made.layers[0].forward(x[:2].tocoo())


def test_arrays_of_a_recorded_step_cannot_be_resized(executor):
    x = random((60, 30), np.float32)
    refused = []

    def resize(model):
        layer = model.layers[0]
        for array in (x, layer._z, layer._dx, layer.activation._y, model.theta):
            if array is not None and array.base is None:
                try:
                    array.resize(7, refcheck=False)
                except ValueError:
                    refused.append(array)

    if executor == "compiled":
        model = fitted(x, resize)
        assert len(refused) == 4
        assert np.isfinite(model.predict(x)).all()


def test_room_for_sparse_rows_is_kept():
    with use("numpy", executor="compiled"):
        x = sp.random(64, 500, 0.05, "csr", np.float32, rng=np.random.default_rng(1))
        out = buffer(current(), x, 10)
        gather = Gather(current(), [x], [out])
        gather.where[:] = 0, 10
        held = out.data, out.indices, out.indptr
        out.data = out.indices = out.indptr = None  # whoever has the matrix may give it others
        gather()
        made = sp.csr_matrix(held, out.shape)
        np.testing.assert_array_equal(made.toarray(), x[:10].toarray())


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "elu", "softmax"])
def test_what_is_too_small_raises_nothing(activation):
    x, y = 300 * random((200, 20), np.float32), np.arange(200) % 2
    model = minidl.Sequential([minidl.Input((20,)), Dense(30, activation), Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x, y, epochs=3, verbose=0)
        model.predict(x)
        model.evaluate(x, y, verbose=0)
        assert np.geterr()["under"] == "raise"
