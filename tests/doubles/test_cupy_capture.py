"""The double's streams that are captured, and its cuBLASLt: what they refuse, and what they do."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.accelerator.gpu import cublaslt
from minidl.accelerator.record.operands import UnsupportedError

from .cupy_double import STATE, installed
from .cupy_double import cupy as cp
from .support import device, same

SOURCE = 'extern "C" __global__ void more(float* x) { x[threadIdx.x] += 1; }'


@pytest.fixture
def stream():
    yield cp.cuda.Stream(non_blocking=True)
    STATE.captured = None


def test_what_is_captured_runs_when_the_graph_is_launched(stream):
    x, kernel = device([1, 2]), cp.RawKernel(SOURCE, "more")
    with stream:
        stream.begin_capture()
        assert stream.is_capturing()
        kernel((1,), (2,), (x,))
        kernel((1,), (2,), (x,))
        graph = stream.end_capture()
    assert not stream.is_capturing()
    same(x, np.array([1, 2], "f4"))
    graph.launch()
    cp.cuda.Stream.null.synchronize()
    graph.launch(stream)
    stream.synchronize()
    same(x, np.array([5, 6], "f4"))


REFUSED = {
    "a value on the host": lambda x: float(x[0]),
    "a copy to the host": lambda x: x.get(),
    "a wait": lambda x: cp.cuda.Stream.null.synchronize(),
    "fresh memory": lambda x: cp.empty(3),
    "a function that makes an array": lambda x: x + 1,
    "cuBLAS": lambda x: cp.matmul(x, x, out=x),
    "a function with a place for its result": lambda x: cp.exp(x, out=x),
    "a sum with a place for it": lambda x: x.sum(axis=1, out=x[0]),
    "a copy into an array": lambda x: x.set(np.ones((2, 2), np.float32)),
    "a number for all elements": lambda x: x.fill(1),
    "an array from the host": lambda x: cp.asarray(np.ones(3)),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_capture_does_not_allow(what, stream):
    x = device(np.ones((2, 2)))
    with stream:
        stream.begin_capture()
        with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="StreamCaptureUnsupported"):
            REFUSED[what](x)


def test_the_default_stream_cannot_be_captured():
    with pytest.raises(RuntimeError, match="default"):
        cp.cuda.Stream.null.begin_capture()


def test_a_capture_that_was_not_begun_cannot_end(stream):
    with pytest.raises(cp.cuda.runtime.CUDARuntimeError):
        stream.end_capture()


@pytest.fixture
def library():
    with installed():
        yield cublaslt.Library()


SHAPES = [(1, 1, 1), (4, 3, 2), (3, 5, 5), (1, 7, 2), (6, 1, 4)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", SHAPES)
@pytest.mark.parametrize("transposed", ["", "a", "b", "ab"])
def test_products_are_those_of_numpy(library, sizes, transposed, dtype):
    rows, between, columns = sizes
    random = np.random.default_rng(0)
    a = random.normal(size=(between, rows) if "a" in transposed else (rows, between)).astype(dtype)
    b = random.normal(size=(columns, between) if "b" in transposed else (between, columns))
    b, out = b.astype(dtype), device(np.full((rows, columns), np.nan), dtype)
    left, right = device(a, dtype), device(b, dtype)
    left, right = left.T if "a" in transposed else left, right.T if "b" in transposed else right
    library.product(left, right, out)()
    expected = (a.T if "a" in transposed else a) @ (b.T if "b" in transposed else b)
    np.testing.assert_allclose(out.get(), expected, rtol=1e-5, atol=1e-5)


def test_matrices_may_begin_anywhere_in_a_vector(library):
    vector = device(np.arange(40))
    a, b, out = (vector[k : k + 9].reshape(3, 3) for k in (1, 12, 23))
    expected = a.get() @ b.get()
    library.product(a, b, out)()
    np.testing.assert_array_equal(out.get(), expected)


def test_tf32_is_what_somebody_asked_for(library):
    x = device(np.ones((2, 2)))

    def computes(**options):
        run = library.product(x, x, device(np.ones((2, 2))), **options)
        things = library._library.things.values()
        found = [thing["compute"] for thing in things if thing["kind"] == "description"]
        del run
        return found[-1]

    assert (computes(), computes(tf32=True)) == (68, 77)


def test_what_a_product_was_asked_with_is_given_back(library):
    x = device(np.ones((2, 2)))
    run = library.product(x, x, device(np.ones((2, 2))))
    kinds = sorted(thing["kind"] for thing in library._library.things.values())
    assert kinds == ["description", "handle", "layout", "layout", "layout", "layout"]
    del run
    assert [thing["kind"] for thing in library._library.things.values()] == ["handle"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: (device(np.ones((2, 2)), "f8"), device(np.ones((2, 2)))),
        lambda: (device(np.ones((2, 2)), "i4"), device(np.ones((2, 2)), "i4")),
        lambda: (device(np.ones((2, 4)))[:, ::2], device(np.ones((2, 2)))),
    ],
)
def test_other_matrices_are_refused(library, make):
    a, b = make()
    with pytest.raises(UnsupportedError):
        library.product(a, b, device(np.ones((2, 2)), b.dtype))


def test_an_error_of_the_library_is_named(library):
    library._library.cublasLtMatmulDescCreate = lambda *_: 7
    x = device(np.ones((2, 2)))
    with pytest.raises(
        cublaslt.UnavailableError, match="cublasLtMatmulDescCreate reports status 7"
    ):
        library.product(x, x, device(np.ones((2, 2))))
