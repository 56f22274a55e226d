"""Arrays of the double: layout, creation, views, indexing, the checks of their methods."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from . import cupy_double as double
from .cupy_double import cupy as cp
from .support import device, same


def test_attributes(x):
    assert (x.shape, x.ndim, x.size, x.itemsize, x.nbytes, len(x)) == ((2, 3), 2, 6, 4, 24, 2)
    assert x.dtype == np.float32
    assert x.strides == (12, 4)
    assert x.flags.c_contiguous
    assert x.flags.owndata
    assert x.base is None
    assert x.T.flags.f_contiguous
    assert not x.T.flags.owndata
    assert x.T.base is x
    assert x[:, :2].T.base is x
    assert x.flags["C_CONTIGUOUS"]
    with pytest.raises(KeyError):
        x.flags["WRITEABLE"]
    assert x.device.id == 0
    assert type(x).__module__ == "cupy"


def test_fresh_memory_is_not_zero():
    # `empty` on a device returns what was there; code that relies on zeros must show.
    assert np.isnan(cp.empty(3).get()).all()
    assert np.isnan(cp.empty_like(cp.zeros(3)).get()).all()
    same(cp.empty(1, np.uint8), np.array([255], np.uint8))


@pytest.mark.parametrize("dtype", ["O", "U1", "complex64", "M8[s]"])
def test_unsupported_dtypes(dtype):
    with pytest.raises(ValueError, match="Unsupported dtype"):
        cp.empty(3, dtype)
    with pytest.raises(ValueError, match="Unsupported dtype"):
        cp.asarray(np.zeros(3, dtype))


def test_creation():
    same(cp.zeros(2), np.zeros(2))  # float64, as in CuPy
    same(cp.ones((2, 1), "i"), np.ones((2, 1), "i"))
    same(cp.full(2, 7), np.full(2, 7))
    same(cp.full_like(cp.zeros(2, "f"), 7), np.full(2, 7, "f"))
    same(cp.ones_like(cp.zeros(2, "B")), np.ones(2, "B"))
    same(cp.arange(5), np.arange(5))
    same(cp.arange(1, 2, 0.5), np.arange(1, 2, 0.5))
    same(cp.array([cp.ones(2), cp.zeros(2)]), [[1.0, 1.0], [0.0, 0.0]])
    same(cp.full(2, cp.ones((), "f")), np.ones(2, "f"))
    same(cp.asarray(np.arange(3, dtype=">i4")), np.arange(3, dtype="i4"))
    assert cp.empty_like(cp.zeros(3), shape=(2, 4)).shape == (2, 4)
    assert cp.empty_like(cp.zeros(3), shape=()).shape == (3,)  # as in CuPy
    assert not cp.asarray(np.ones((2, 3), order="F")).flags.c_contiguous
    assert cp.asarray(np.ones((2, 3, 4)).transpose(1, 0, 2)).flags.c_contiguous
    a = cp.zeros(2)
    assert cp.asarray(a) is a
    assert cp.array(a) is not a
    assert cp.ascontiguousarray(a) is a
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        cp.array(a, "f", copy=False)
    with pytest.raises(NotImplementedError):
        cp.array([1], subok=True)


def test_views_share_memory_and_copies_do_not(x):
    theta = cp.zeros(6, "f")
    W = theta[:4].reshape(2, 2)
    W[0, 1] = 5.0
    W.T[...] += 1.0
    W.ravel()[3] = 7.0
    theta[4:].fill(2.0)
    theta.view("i")[5] = 0
    same(theta, np.array([1, 6, 1, 7, 2, 0], "f"))
    assert cp.may_share_memory(theta, W)
    assert not cp.may_share_memory(theta[:4], theta[4:])
    for other in (x.copy(), x.astype("f"), x.flatten(), copy.copy(x), copy.deepcopy(x)):
        other[...] = 0
    same(x[0], np.array([1, -2, 3], "f"))
    with pytest.raises(ValueError, match="read-only"):  # a race on a device
        cp.broadcast_to(theta[:1], (3,))[...] = 1


def test_pickling_goes_through_the_host(x):
    with double.count_synchronisations() as counts:
        again = pickle.loads(pickle.dumps(x))
    assert (counts.synchronisations, counts.transfers) == (1, 1)
    same(again, x.get())


BASIC = [
    0, -1, slice(None), slice(1), slice(None, None, -1),
    (0, 1), (..., 0), (None, 1), ..., (1, ..., None),
]  # fmt: skip


@pytest.mark.parametrize("index", BASIC, ids=repr)
def test_basic_indexing_gives_views(x, index):
    h = x.get()
    with double.count_synchronisations() as counts:
        view = x[index]
    assert (counts.synchronisations, counts.transfers) == (0, 0)
    assert view.base is x  # a single element is a 0-d view, not a scalar
    same(view, np.asarray(h[index]))
    view[...] = 9.0
    h[index] = 9.0
    same(x, h)


@pytest.mark.parametrize(
    "index",
    [
        lambda a: a([1, 0, 1]),
        lambda a: (slice(None), a([2, 0])),
        lambda a: (a([0, 1]), a([1, 2])),
        lambda a: (..., a([[0], [2]])),
        lambda a: (a([1, 0]), None, slice(1)),
        lambda a: (0, a([1])),
        lambda a: a(1),
    ],
)
def test_index_arrays_on_the_device_give_copies(x, index):
    h = x.get()
    on_device = index(lambda values: cp.asarray(np.array(values)))
    on_host = index(np.array)
    with double.forbid_synchronisation():
        picked = x[on_device]
    same(picked, np.asarray(h[on_host]))
    assert picked.base is None
    assert not cp.may_share_memory(picked, x)
    x[on_device] = 5.0
    h[on_host] = 5.0
    same(x, h)


def test_index_arrays_wrap_around_silently():
    a = cp.arange(3)
    same(a[device([1, 3, -4], np.int64)], [1, 0, 2])
    same(cp.take(a, device([5], np.int32)), [2])
    same(a.reshape(1, 3).take(device([3], np.int64), axis=1), [[0]])
    a[device([4], np.int64)] = 9
    same(a, [0, 9, 2])


def test_host_index_arrays_are_copied_to_the_device(x):
    h = x.get()
    with double.count_synchronisations() as counts:
        same_row = x[np.array([1, 0])], x[[1, 0]], x.take([1, 0], axis=0)
        x[np.array([0])] = np.zeros(3)  # with an index array CuPy takes host values too
    assert (counts.synchronisations, counts.transfers) == (0, 5)
    for rows in same_row:
        same(rows, h[[1, 0]])
    same(x[0], np.zeros(3, "f"))
    same(cp.arange(3)[[]], np.zeros(0, np.int64))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: x[5], IndexError),
        (lambda x: x[0, 0, 0], IndexError),
        (lambda x: x[cp.ones(2)], IndexError),
        (lambda x: x[..., ...], IndexError),
        (lambda x: x[device([True, False, True], bool)], IndexError),
        (lambda x: x.sum()[0], IndexError),
        (lambda x: x.__setitem__(0, cp.ones(2, "f")), ValueError),
        (lambda x: cp.take(x, cp.ones(2)), TypeError),
        (lambda x: cp.take(x, cp.arange(2), 0, x.astype("d")), TypeError),
        (lambda x: cp.take(x, cp.arange(1), 0, x), ValueError),
        (lambda x: x.reshape(5), ValueError),
        (lambda x: len(x.sum()), TypeError),
        (lambda x: iter(x.sum()), TypeError),
        (lambda x: hash(x), TypeError),
        (lambda x: range(x.sum().astype(int)), TypeError),
        (lambda x: x.set([1]), TypeError),
        (lambda x: x.set(np.ones((2, 3))), TypeError),
        (lambda x: x[:, :1].set(np.ones((2, 1), "f")), RuntimeError),
        (lambda x: x.get(out=np.ones((2, 3))), TypeError),
        (lambda x: cp.nonzero([1]), TypeError),
        (lambda x: x.sum().nonzero(), ValueError),
        (lambda x: cp.where(x > 0, x), ValueError),
        (lambda x: cp.where(True, x, x), AttributeError),
        (lambda x: cp.may_share_memory(x, x, 3), NotImplementedError),
        (lambda x: x[cp.arange(1), cp.arange(1), cp.arange(1)], IndexError),
        (lambda x: x.get(out=[0]), TypeError),
        (lambda x: x.view("d"), ValueError),
        (lambda x: x.fill(cp.ones(3)), ValueError),
    ],
)
def test_arrays_raise_as_in_cupy(x, call, error):
    with pytest.raises(error):
        call(x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: bool(x), "more than one element is ambiguous"),
        (lambda x: x.item(), "can only convert an array of size 1"),
        (lambda x: x.set(np.ones((1, 3), "f")), "Shape mismatch"),  # NumPy would broadcast
        (lambda x: x[:1].get(out=np.ones((2, 3), "f")), "Shape mismatch"),
    ],
)
def test_arrays_say_what_is_wrong(x, call, message):
    with double.forbid_synchronisation(), pytest.raises(ValueError, match=message):
        call(x)  # before any value reaches the host


def test_where_takes_any_condition(x):
    same(cp.where(x - 1, x, 0), np.where(x.get() - 1, x.get(), 0))


def test_copyto(x):
    out = cp.zeros((2, 3), "f")
    cp.copyto(out, x)
    same(out, x.get())
    cp.copyto(out, 1.5, where=x > 0)
    same(out, np.where(x.get() > 0, 1.5, x.get()).astype("f"))
    cp.copyto(out, np.array([2.0]))  # one host value passes as a scalar
    same(out, np.full((2, 3), 2, "f"))
    cp.copyto(out[0], x[:1])  # leading axes of length 1 are dropped
    same(out[0], x.get()[0])
    with pytest.raises(TypeError):
        cp.copyto(out, x, where=x)
    with pytest.raises(TypeError):
        cp.copyto(cp.zeros((2, 3), "i"), x)
    with pytest.raises(TypeError):
        cp.copyto(cp.zeros(3, "i"), 2.5)
    with pytest.raises(ValueError, match="broadcast"):
        cp.copyto(x, cp.ones(2, "f"))


def test_shapes_and_joins(x):
    h = x.get()
    same(cp.reshape(x, (3, 2)), h.reshape(3, 2))
    same(cp.transpose(x, (1, 0)), h.T)
    same(x.transpose(1, 0), h.T)
    same(cp.ravel(x.T), h.T.ravel())
    same(cp.squeeze(x[None]), h)
    same(cp.expand_dims(x, 1), h[:, None])
    same(cp.broadcast_to(x[0], (2, 3)), np.broadcast_to(h[0], (2, 3)))
    same(cp.stack([x, x], axis=1), np.stack([h, h], axis=1))
    out = cp.empty((4, 3), "f")
    assert cp.concatenate([x, x], out=out) is out
    same(out, np.concatenate([h, h]))
    with pytest.raises(TypeError):
        cp.concatenate([x, x], out=out, dtype="d")
    with pytest.raises(TypeError, match="zero-dimensional"):
        cp.concatenate([x.sum()])
