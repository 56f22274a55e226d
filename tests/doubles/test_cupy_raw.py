"""The double's RawKernel: CUDA C++ runs on the CPU, and what CuPy would not check is checked."""

from __future__ import annotations

import numpy as np
import pytest

from ._cupy_raw import CompileException
from .cupy_double import STATE, installed
from .cupy_double import cupy as cp
from .support import device, same

SOURCE = """
typedef unsigned long long Word;  // long long x, say

__device__ float twice(float x) { return x + x; }

extern "C" __global__ void scaled(
    const float* __restrict__ x, float* y, double factor, Word size)
{
    for (Word i = blockIdx.x * Word(blockDim.x) + threadIdx.x; i < size;
         i += gridDim.x * Word(blockDim.x))
        y[i] = twice(x[i]) * (float)factor;
}
"""
GRID, BLOCK = (2,), (4,)


@pytest.fixture
def kernel():
    return cp.RawKernel(SOURCE, "scaled", options=("--std=c++17",))


def given(size=11):
    x = device(np.arange(size))
    return [x, device(np.zeros(size)), np.float64(1.5), np.uint64(size)]


def test_it_computes_on_the_arrays(kernel):
    args = given()
    kernel(GRID, BLOCK, tuple(args))
    same(args[1], np.arange(11, dtype="f4") * 3)


def test_each_thread_of_each_block_runs_once():
    source = """
    extern "C" __global__ void places(int* out)
    {
        const int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
        const int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
        out[block * blockDim.x * blockDim.y * blockDim.z + thread] += 1;
    }
    """
    out = device(np.zeros(24 * 30), np.int32)
    cp.RawKernel(source, "places")((2, 3, 4), (5, 3, 2), (out,))
    same(out, np.ones(24 * 30, np.int32))


WRONG = {
    "an array of another type": (0, lambda: device(np.zeros(11), np.float64), "expected float32"),
    "an array of NumPy": (0, lambda: np.zeros(11, np.float32), "expected float32"),
    "a number in place of an array": (1, lambda: np.float32(1), "expected float32"),
    "a number of another type": (2, lambda: np.float32(1), "expected float64"),
    "a number of Python": (3, lambda: 11, "expected uint64"),
    "an array in place of a number": (2, lambda: device(1.0, np.float64), "expected float64"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_argument_that_the_source_does_not_say_is_refused(kernel, wrong):
    place, make, words = WRONG[wrong]
    args = given()
    args[place] = make()
    with pytest.raises(TypeError, match=words):
        kernel(GRID, BLOCK, tuple(args))


def test_too_few_arguments_are_refused(kernel):
    with pytest.raises(TypeError, match="expected 4 arguments, received 3"):
        kernel(GRID, BLOCK, tuple(given()[:3]))


def test_an_array_that_shall_be_alone_is_written_nowhere_else(kernel):
    args = given()
    args[1] = args[0]
    with pytest.raises(ValueError, match="__restrict__"):
        kernel(GRID, BLOCK, tuple(args))


@pytest.mark.parametrize(
    ("grid", "block"), [((0,), (4,)), ((1,), (0,)), ((1,), (1025,)), ((), (4,)), (1, (4,))]
)
def test_sizes_that_cannot_be_launched_are_refused(kernel, grid, block):
    with pytest.raises(ValueError, match="scaled"):
        kernel(grid, block, tuple(given()))


def test_a_source_that_does_not_compile_says_why():
    broken = cp.RawKernel('extern "C" __global__ void broken(float* x) { x[0] = y; }', "broken")
    with pytest.raises(CompileException, match="y"):
        broken((1,), (1,), (device([1.0]),))


def test_a_kernel_needs_a_device(kernel):
    args = tuple(given())
    with installed("device"), pytest.raises(RuntimeError, match="cudaErrorNoDevice"):
        kernel(GRID, BLOCK, args)


def test_a_kernel_that_the_source_has_not_is_named():
    with pytest.raises(ValueError, match="void other"):
        cp.RawKernel(SOURCE, "other")(GRID, BLOCK, tuple(given()))


def test_a_block_has_no_more_threads_than_the_source_says():
    bounded = SOURCE.replace("void scaled", "void __launch_bounds__(3) scaled")
    with pytest.raises(ValueError, match="more than 3 threads"):
        cp.RawKernel(bounded, "scaled")(GRID, BLOCK, tuple(given()))
    cp.RawKernel(bounded, "scaled")(GRID, (3,), tuple(given()))


NEIGHBOURS = """
extern "C" __global__ void neighbours(int* x, int* out, int away)
{
    x[threadIdx.x] = threadIdx.x;
    WAIT;
    out[threadIdx.x] = x[(threadIdx.x + away) % blockDim.x];
}
"""


@pytest.mark.parametrize("backwards", [False, True])
def test_threads_of_a_warp_wait_for_no_other_warp(monkeypatch, backwards):
    monkeypatch.setattr(STATE, "backwards", backwards)
    x, out = device(np.full(70, -1), np.int32), device(np.zeros(70), np.int32)

    def found(wait, away):
        x.fill(-1)
        source = NEIGHBOURS.replace("WAIT", wait)
        cp.RawKernel(source, "neighbours")((1,), (70,), (x, out, np.int32(away)))
        return out.get()

    expected = np.roll(np.arange(70), -32)
    np.testing.assert_array_equal(found("__syncthreads()", 32), expected)
    # The next warp, or the one before, has not begun.
    assert (found("__syncwarp()", 32) == -1).sum() >= 32
    near = found("__syncwarp()", 1)
    inside = np.arange(70) % 32 < 31
    inside[-1] = False
    np.testing.assert_array_equal(near[inside], np.arange(70)[inside] + 1)


def test_threads_that_wait_for_some_of_a_warp_are_refused():
    source = NEIGHBOURS.replace("WAIT", "if (threadIdx.x % 2) __syncwarp()")
    x, out = device(np.zeros(8), np.int32), device(np.zeros(8), np.int32)
    cp.RawKernel(source, "neighbours")((1,), (8,), (x, out, np.int32(1)))
    with pytest.raises(RuntimeError, match="some threads of a block wait"):
        out.get()
