"""The double as a package: its names and signatures, how it is installed, what it refuses to mix.

Each test of the double says what CuPy 14.2 does: the expectations were read in CuPy's source and,
where it answers without a device, asked of it.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys

import numpy as np
import pytest

from . import cupy_double as double
from . import signatures
from .cupy_double import cupy as cp
from .support import device, same

CUPY = json.loads(signatures.FILE.read_text(encoding="utf-8"))


def ours():
    """(Place, name, member) of all that the double has in public."""
    for place in signatures.PLACES:
        thing = signatures._within(cp, place)
        for name in vars(thing):
            if not name.startswith("_"):
                yield place, name, getattr(thing, name)


NAMES = [(place, name) for place, name, _ in ours()]


@pytest.mark.parametrize(("place", "name"), NAMES)
def test_what_the_double_has_cupy_has(place, name):
    if (place, name) in ATTRIBUTES:
        return
    assert name in CUPY["names"][place]


# What objects of CuPy have once they are made, and classes do not show.
ATTRIBUTES = {("cuda.Stream", "ptr")}


@pytest.mark.parametrize(("place", "name"), NAMES)
def test_signatures_and_loops_are_those_of_cupy(place, name):
    theirs = CUPY["names"][place].get(name)
    member = getattr(signatures._within(cp, place), name)
    if isinstance(theirs, list):
        assert [f"{''.join(t.char for t in i)}->{o.char}" for i, o in member.loops] == theirs
    elif theirs is not None and inspect.isfunction(member):
        assert signatures._known(member) == theirs


def test_most_of_the_double_is_compared():
    known = [CUPY["names"][place].get(name) for place, name in NAMES]
    assert sum(isinstance(each, list) for each in known) > 50
    assert sum(isinstance(each, str) for each in known) > 90


@pytest.mark.parametrize(
    "call",
    [
        lambda x: cp.sum(x, where=x > 0),
        lambda x: np.sum(x, where=x > 0),
        lambda x: x.sum(initial=0),
        lambda x: cp.max(x, initial=0),
        lambda x: np.mean(x, where=x > 0),
        lambda x: cp.take(x, device([0], np.int64), mode="clip"),
        lambda x: np.take(x, device([0], np.int64), mode="clip"),
        lambda x: cp.count_nonzero(x, keepdims=True),
        lambda x: cp.clip(x, min=0, max=1),
        lambda x: np.linalg.norm(x, bad=1),
        lambda x: cp.add(x, x, where=True),
        lambda x: np.add(x, x, where=True),
        lambda x: cp.exp(x, order="C"),
        lambda x: x.astype("d", casting="safe"),
        lambda x: x.astype("d", subok=True),
        lambda x: cp.empty_like(x, subok=False),
    ],
)
def test_keywords_that_only_numpy_has_are_refused(x, call):
    with pytest.raises(TypeError):
        call(x)


@pytest.mark.parametrize("name", ["rsqrt", "einsum", "random", "fuse", "complex64", "nosuch"])
def test_what_the_module_lacks_is_a_missing_attribute(name):
    # CuPy itself has no `rsqrt` (it is in cupyx) and no `nosuch`; the others are not doubled.
    with pytest.raises(AttributeError, match=f"module 'cupy' has no attribute '{name}'"):
        getattr(cp, name)


@pytest.mark.parametrize("name", ["__index__", "ctypes", "__array_interface__", "nosuch"])
def test_what_an_array_lacks_is_a_missing_attribute(x, name):
    with pytest.raises(AttributeError):
        getattr(x, name)
    with pytest.raises(AttributeError):
        x.own_name = 1


@pytest.mark.parametrize(
    "convert", [np.asarray, np.array, np.ascontiguousarray, np.float32, lambda x: np.ones(2)[x]]
)
def test_implicit_conversion_raises(x, convert):
    with pytest.raises(TypeError, match="Implicit conversion to a NumPy array is not allowed"):
        convert(x)


@pytest.mark.parametrize(
    "mix",
    [
        lambda x, h: x + h,
        lambda x, h: h + x,
        lambda x, h: x > h,
        lambda x, h: h == x,
        lambda x, h: x @ h.T,
        lambda x, h: h @ x.T,
        lambda x, h: x.__iadd__(h),
        lambda x, h: h.__iadd__(x),
        lambda x, h: np.add(x, 1.0, out=h),
        lambda x, h: np.add(h, 1.0, out=x),
        lambda x, h: cp.exp(h),
        lambda x, h: cp.exp(x, out=h),
        lambda x, h: cp.where(x > 0, x, h),
        lambda x, h: cp.matmul(x, h.T),
        lambda x, h: cp.matmul(x, x.T, out=h[:, :2]),
        lambda x, h: cp.dot(x, h.T),
        lambda x, h: cp.vdot(x, h),
        lambda x, h: x.sum(out=h[0, 0:1]),
        lambda x, h: cp.concatenate([x, h]),
        lambda x, h: np.stack([h, x]),
        lambda x, h: cp.ascontiguousarray(h),
        lambda x, h: cp.count_nonzero(h),
        lambda x, h: cp.may_share_memory(x, h),
        lambda x, h: x + h[0, 0:1].reshape(()),  # 0-d arrays too, unlike NumPy scalars
    ],
)
def test_a_host_array_beside_a_device_array_raises(x, host, mix):
    with pytest.raises(TypeError):
        mix(x, host)


@pytest.mark.parametrize(
    "store",
    [
        lambda x, h: x.__setitem__(Ellipsis, h),
        lambda x, h: x.__setitem__(0, h[0]),
        lambda x, h: x.__setitem__(0, [1.0, 2.0, 3.0]),
        lambda x, h: x.fill(h),
        lambda x, h: cp.copyto(x, h),
        lambda x, h: np.copyto(x, h),
    ],
)
def test_storing_a_host_array_raises_value_error(x, host, store):
    with pytest.raises(ValueError, match=r"non-scalar numpy\.ndarray cannot be used"):
        store(x, host)


@pytest.mark.parametrize("scalar", [2, 2.0, True, np.float32(2), np.int8(2)])
def test_scalars_mix_with_arrays(x, scalar):
    same(x + scalar, x.get() + scalar)
    same(scalar * x, scalar * x.get())
    x[...] = scalar
    same(x, np.full((2, 3), scalar, np.float32))


def test_comparison_takes_a_0d_host_array(x):
    same(x > np.array(0.0, np.float32), x.get() > 0)  # CuPy's workaround, comparisons only


class Other:
    """Takes part in NumPy's protocols as far as a test says."""

    def __radd__(self, array):
        return "reflected"


def test_arithmetic_defers_to_operands_that_ask_for_it(x):
    shy, proud = Other(), Other()
    shy.__class__ = type("Shy", (Other,), {"__array_priority__": 50})
    proud.__class__ = type("Proud", (Other,), {"__array_priority__": 150})
    assert x + proud == "reflected"  # CuPy's own priority is 100
    with pytest.raises(TypeError):
        x + shy
    assert x + type("Refuses", (Other,), {"__array_ufunc__": None})() == "reflected"
    handler = type("Handles", (), {"__array_ufunc__": lambda *args: "handled"})()
    assert np.add(x, handler) == x + handler == "handled"


@pytest.mark.parametrize("other", [None, [1.0, 2.0, 3.0], "x", object()])
def test_arithmetic_with_other_objects_raises(x, other):
    with pytest.raises(TypeError):
        x + other
    with pytest.raises(TypeError):
        other * x


def test_equality_with_an_object_is_false_everywhere(x):
    same(x == None, np.zeros((2, 3), bool))  # noqa: E711 - an array of falses
    same(x != None, np.ones((2, 3), bool))  # noqa: E711


def test_numpy_functions_dispatch_to_the_double(x):
    h = x.get()
    same(np.exp(x), np.exp(h))
    same(np.sum(x, axis=0), h.sum(axis=0))
    same(np.where(x > 0, x, 0), np.where(h > 0, h, 0))
    same(np.concatenate([x, x]), np.concatenate([h, h]))
    same(np.zeros_like(x), np.zeros_like(h))
    same(np.linalg.norm(x), np.linalg.norm(h))
    same(np.matmul(x, x.T), h @ h.T)
    same(np.clip(x, -1, 1), np.clip(h, -1, 1))
    assert np.shape(x) == (2, 3)
    assert np.ndim(x) == 2
    assert np.size(x) == 6
    out = cp.empty_like(x)
    assert np.add(x, x, out=out) is out
    same(out, h + h)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.fft.fft(x),
        lambda x: np.median(x),
        lambda x: np.frexp(x),
        lambda x: np.add.outer(x, x),
    ],
)
def test_numpy_functions_without_a_twin_raise(x, call):
    with pytest.raises(ValueError, match="exactly one array"):
        np.divmod(x, x, out=(x, x))
    # CuPy has these four; the double must refuse what it does not know, never fall back to NumPy.
    with pytest.raises(TypeError):
        call(x)


def test_installed_replaces_the_import_and_restores_it(monkeypatch):
    real, submodule = object(), object()
    before = sys.modules.get("cupy.cuda")  # CuPy's own, where a test has imported it
    monkeypatch.setitem(sys.modules, "cupy", real)
    monkeypatch.setitem(sys.modules, "cupy._core", submodule)
    monkeypatch.setitem(sys.modules, "cupyx", real)
    with double.installed():
        import cupy
        import cupy.cuda.runtime
        import cupy.linalg
        from cupy.cuda import Stream

        assert cupy is cp
        assert Stream is cp.cuda.Stream
        assert cupy.__version__ == "14.2.0"
        assert importlib.util.find_spec("cupy") is not None
        assert "cupy._core" not in sys.modules
        assert sys.modules["cupyx"] is not real
        with pytest.raises(ModuleNotFoundError):
            import cupy.random
    assert sys.modules["cupy"] is real
    assert sys.modules["cupy._core"] is submodule
    assert sys.modules["cupyx"] is real
    assert sys.modules.get("cupy.cuda") is before


def test_a_machine_with_a_device():
    with double.installed():
        assert cp.cuda.is_available()
        assert cp.cuda.runtime.getDeviceCount() == 1
        assert cp.cuda.runtime.getDeviceProperties(0)["name"] == b"CuPy double"  # bytes, as in CuPy
        assert cp.cuda.Device().id == cp.cuda.runtime.getDevice() == 0
        with cp.cuda.Device(0), cp.cuda.Stream() as stream:
            stream.use()
        assert cp.cuda.runtime.driverGetVersion() > 0


@pytest.mark.parametrize(("fault", "status"), [("driver", 35), ("device", 100)])
def test_a_machine_without_driver_or_device(x, fault, status):
    with double.installed(fault=fault):
        assert cp.cuda.is_available() is False  # it does not raise
        assert (cp.cuda.runtime.driverGetVersion() == 0) == (fault == "driver")
        assert cp.cuda.Stream(null=True).ptr == cp.cuda.Stream.null.ptr == 0
        for call in (
            cp.cuda.runtime.getDeviceCount,
            cp.cuda.Device,
            cp.cuda.Stream,
            cp.cuda.get_current_stream,
            cp.cuda.Stream.null.synchronize,
            lambda: cp.zeros(3),
            lambda: cp.asarray([1.0]),
            lambda: x + 1,
        ):
            with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="cudaError") as caught:
                call()
            assert caught.value.status == status
    assert cp.cuda.is_available()
    with pytest.raises(ValueError, match="expected fault"), double.installed(fault="nosuch"):
        pass


def test_get_array_module(x, host):
    assert cp.get_array_module(host, x) is cp
    assert cp.get_array_module(host, 1) is np
    assert cp.result_type(x, 1.0) == np.float32
    assert cp.float32 is np.float32
    assert cp.bool_ is np.bool_
    assert cp.newaxis is None
