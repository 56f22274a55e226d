"""What fails when a step is captured ends in launches one by one, with one warning."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from minidl.accelerator.gpu import cublaslt, launches
from minidl.accelerator.gpu.branches import MAIN, turns
from minidl.accelerator.gpu.grouping import grouped
from minidl.accelerator.gpu.launches import Launches
from minidl.accelerator.gpu.numbers import Numbers
from minidl.accelerator.gpu.playing import Player
from minidl.backend import to_device
from tests.accelerator.gpu.test_playing import on_the_cpu, same, trained
from tests.doubles.cupy_double import STATE
from tests.doubles.cupy_double import cupy as cp

pytestmark = pytest.mark.usefixtures("double")


@pytest.fixture(autouse=True)
def fresh():
    launches._say.cache_clear()
    cublaslt.forget()
    yield
    STATE.statuses = {}


def lacking():
    raise cublaslt.UnavailableError("cuBLASLt cannot be loaded: none here")


FAILURES = {
    "Matmul": (13, "cublasLtMatmul reports status 13"),
    "Create": (1, "cublasLtCreate reports status 1"),
    "MatmulAlgoGetHeuristic": (15, "cublasLtMatmulAlgoGetHeuristic reports status 15"),
    "state": (15, "no algorithm for a product, and reports state 15"),
    "count": (0, "no algorithm for a product"),
}


def products(a):
    """Nodes of a product, and of what needs it; and what they come to."""

    def step(a, out):
        np.matmul(a, a, out=out)
        np.add(out, 1, out=out)

    out = to_device(np.zeros((3, 3)))
    return Player().record_kernel(step, [a, out], {}), out


@pytest.mark.parametrize("what", FAILURES)
def test_products_that_fail_are_left_to_cupy(what):
    status, words = FAILURES[what]
    STATE.statuses = {what: status}
    host, before = np.arange(9.0).reshape(3, 3), STATE.graphs
    nodes, out = products(to_device(host))
    with pytest.warns(UserWarning, match=f"kernel by kernel, not as a CUDA graph: .*{words}"):
        run = Launches(nodes, Numbers([]))
    run()
    np.testing.assert_array_equal(out.get(), host @ host + 1)
    assert STATE.graphs == before
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # one warning is enough
        Launches(nodes, Numbers([]))


def test_where_a_launch_beside_others_fails_all_are_made_outside():
    """Of two products the first lies beside the second; its stream is then as any other."""
    host = np.arange(9.0).reshape(3, 3)
    a, *outs = map(to_device, (host, np.zeros((3, 3)), np.zeros((3, 3))))

    def step(a, first, second):
        np.matmul(a, a, out=first)
        np.matmul(a, a, out=second)

    nodes = Player().record_kernel(step, [a, *outs], {})
    assert [turn.stream for turn in turns(grouped(nodes))] == [1, MAIN]
    STATE.statuses = {"Matmul": 13}
    with pytest.warns(UserWarning, match="cublasLtMatmul reports status 13"):
        run = Launches(nodes, Numbers([]))
    assert STATE.captured is None
    assert cp.cuda.get_current_stream() is cp.cuda.Stream.null
    run()
    for out in outs:
        np.testing.assert_array_equal(out.get(), host @ host)


def test_a_training_goes_on_where_products_fail():
    STATE.statuses = {"Matmul": 13}
    before = STATE.graphs
    with pytest.warns(UserWarning, match="cublasLtMatmul reports status 13"):
        called = trained(epochs=2)
    assert STATE.graphs == before
    same(called, on_the_cpu(epochs=2), 1e-9)


def test_where_memory_is_short_for_products_they_are_left_to_cupy(monkeypatch):
    host = np.arange(9.0).reshape(3, 3)
    nodes, out = products(to_device(host))
    numbers = Numbers([])
    monkeypatch.setattr(STATE, "free", cublaslt.WORKSPACE // 2)
    with pytest.warns(UserWarning, match="CUDA graph: Out of memory allocating 65,536 bytes"):
        Launches(nodes, numbers)()
    np.testing.assert_array_equal(out.get(), host @ host + 1)


def test_without_the_library_kernels_are_launched_one_by_one(monkeypatch):
    monkeypatch.setattr(cublaslt, "load", lacking)
    nodes, _ = products(to_device(np.ones((3, 3))))
    with pytest.warns(UserWarning, match="kernel by kernel, not as a CUDA graph: .* none here"):
        Launches(nodes, Numbers([]))


def made(x):
    def step(x):
        np.add(x, 1, out=x)

    return Player().record_kernel(step, [x], {})


@pytest.mark.parametrize("error", [cp.cuda.driver.CUDADriverError("no room"), MemoryError("none")])
def test_a_launch_that_cannot_be_captured_is_made_outside(error):
    """What has failed inside makes the capture fail as well; the stream is left as any other."""
    x = to_device(np.zeros(3))

    def only_outside():
        if STATE.captured is not None:
            STATE.invalid = True
            raise error

    with pytest.warns(UserWarning, match=f"CUDA graph: {error}"):
        run = Launches(made(x), Numbers([]), [only_outside])
    assert STATE.captured is None
    assert cp.cuda.get_current_stream() is cp.cuda.Stream.null
    run()
    np.testing.assert_array_equal(x.get(), np.ones(3))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError()])
def test_another_error_ends_the_capture_and_is_told(error):
    x = to_device(np.zeros(3))

    def broken():
        raise error

    with pytest.raises(type(error)):
        Launches(made(x), Numbers([]), [broken])
    assert STATE.captured is None
    Launches(made(x), Numbers([]))()
    np.testing.assert_array_equal(x.get(), np.ones(3))


def test_a_graph_that_is_launched_when_an_array_is_gone_says_so():
    """The recorded step keeps its arrays; the double would notice where it did not."""
    x = to_device(np.zeros(3))
    kernel = cp.RawKernel('extern "C" __global__ void one(double* x) { x[0] = 1; }', "one")
    stream = cp.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        kernel((1,), (1,), (x,))
        graph = stream.end_capture()
    del x
    graph.launch()
    with pytest.raises(
        RuntimeError, match="one: an array that it was launched with has been freed"
    ):
        cp.cuda.Stream.null.synchronize()


def test_a_recorded_step_keeps_its_arrays():
    x = to_device(np.zeros(3))
    run, other = Launches(made(x), Numbers([])), x[:]
    run()
    np.testing.assert_array_equal(other.get(), np.ones(3))
    del x, other
    run()
    cp.cuda.Stream.null.synchronize()
