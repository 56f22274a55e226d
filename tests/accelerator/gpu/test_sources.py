"""Formulas as CUDA C++: each compiles for devices, and computes on the CPU what NumPy does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.accelerator import gpu
from minidl.accelerator.broadcasting import BY_COLUMN, EACH
from minidl.accelerator.gpu import draws, kernels
from minidl.accelerator.gpu.kernels import source
from minidl.accelerator.trace import cuda
from minidl.accelerator.trace.cuda_source import SCALAR, elementwise
from minidl.accelerator.trace.program import Program, Step, trace
from minidl.backend import fused, to_device
from minidl.backend.random import DROPOUT, RandomBits
from tests.accelerator.gpu.nvcc import PROCESSORS, compile_all
from tests.conftest import on_devices
from tests.doubles.cupy_double import (
    count_synchronisations,
    forbid_synchronisation,
)
from tests.kernels.test_agreement import FUSED, arguments

# These take long.
pytestmark = pytest.mark.thorough


def sources_of_formulas():
    """Of every formula of minidl, for both types."""
    for name, formula in FUSED.items():
        for dtype in ("float32", "float64"):
            given_ = arguments(name, formula.formula, dtype)
            arrays = [a for a in given_ if isinstance(a, np.ndarray)]
            program = trace(formula.formula, [isinstance(a, np.ndarray) for a in given_])
            outputs = len(program.outputs)
            kinds = [EACH if a.ndim == 2 else BY_COLUMN for a in arrays] + [EACH] * outputs
            types = [a.dtype.name for a in arrays] + [dtype] * outputs
            yield elementwise(program, kinds, types, [-1] * outputs, (), dtype)


@pytest.mark.parametrize("processor", PROCESSORS)
def test_every_formula_compiles_for_the_processor_without_a_warning(processor):
    texts = list(sources_of_formulas())
    assert len(texts) == 2 * len(FUSED)
    said = compile_all(texts, processor)
    assert said == "", said[:3000]


def one_function(ufunc):
    """A formula of one function of NumPy."""
    places = tuple(range(getattr(np, ufunc).nin))
    return Program(f"only_{ufunc}", places, (), {}, (), (Step(ufunc, places, 2),), (2,))


@pytest.mark.parametrize("processor", PROCESSORS)
def test_every_function_that_formulas_may_use_compiles_for_the_processor(processor):
    texts = []
    for dtype in ("float32", "float64"):
        for program in map(one_function, SCALAR):
            arrays = len(program.arrays) + 1
            texts.append(elementwise(program, [EACH] * arrays, [dtype] * arrays, [-1], (), dtype))
    said = compile_all(texts, processor)
    assert said == "", said[:3000]


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("name", sorted(p.stem for p in Path(gpu.__file__).parent.glob("*.cu")))
def test_every_file_of_kernels_compiles_for_the_processor(name, processor):
    said = compile_all([source(name)], processor)
    assert said == "", said[:3000]


EDGES = [0.0, -0.0, 0.25, -0.25, 1.0, -1.0, 2.0, -2.5, 1e-30, 3e4, np.inf, -np.inf, np.nan]


@on_devices
@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ufunc", sorted(SCALAR))
def test_every_function_computes_what_that_of_numpy_does(ufunc, dtype):
    numpy_s = getattr(np, ufunc)

    def unary(x):
        return numpy_s(x) * 1.0

    def binary(x, y):
        return numpy_s(x, y) * 1.0

    pairs = np.array([(a, b) for a in EDGES for b in EDGES], dtype)
    inputs = [np.ascontiguousarray(column) for column in pairs.T[: numpy_s.nin]]
    out = to_device(np.empty(len(pairs), dtype))
    fused(unary if numpy_s.nin == 1 else binary)(*map(to_device, inputs), out=out)
    with np.errstate(all="ignore"):
        expected = numpy_s(*inputs).astype(dtype)
    # Two libraries, each within some ulps.
    np.testing.assert_allclose(out.get(), expected, rtol=16 * np.finfo(dtype).eps)


@pytest.mark.usefixtures("double")
def test_a_function_without_a_form_on_the_device_is_named():
    @fused
    def odd(x):
        return np.spacing(x)

    x = to_device(np.ones(3))
    with pytest.raises(TypeError, match=r"'odd': np\.spacing has no form on the device; expected"):
        odd(x, out=x)


def test_a_type_that_the_device_has_not_is_named():
    program = one_function("exp")
    with pytest.raises(TypeError, match=r"expected an array of bool, .*, received float16"):
        elementwise(program, [EACH] * 2, ["float16", "float32"], [-1], (), "float32")


@on_devices
@pytest.mark.usefixtures("executor")
@given(rows=st.integers(1, 5), columns=st.integers(1, 40), pixels=st.booleans())
def test_rows_are_repeated_and_integers_become_numbers(rows, columns, pixels):
    @fused
    def both(x, row, scale):
        return x * scale + row, x - row

    x = np.arange(rows * columns).reshape(rows, columns).astype("uint8" if pixels else "f4")
    row = np.linspace(-1, 1, columns, dtype="f4")
    outs = tuple(to_device(np.full((rows, columns), np.nan, "f4")) for _ in range(2))
    both(to_device(x), to_device(row), 0.5, out=outs)
    expected = both.formula(x.astype("f4"), row, np.float32(0.5))
    for one, other in zip(outs, expected, strict=True):
        np.testing.assert_array_equal(one.get(), other)


@on_devices
@pytest.mark.usefixtures("executor")
@given(size=st.integers(1, 70))
def test_outputs_may_overwrite_arguments_in_any_order(size):
    @fused
    def exchange(x, y, z):
        return y + z, x - z

    x, y = np.arange(size) + 0.5, np.arange(size) * 2.0
    ours = to_device(x), to_device(y)
    exchange(*ours, ours[0], out=ours)  # the third is the first once more
    np.testing.assert_array_equal(ours[0].get(), y + x)
    np.testing.assert_array_equal(ours[1].get(), x - x)


@on_devices
@pytest.mark.usefixtures("executor")
def test_a_kernel_has_more_elements_than_threads(monkeypatch):
    monkeypatch.setattr(kernels, "BLOCKS", 2)
    monkeypatch.setattr(kernels, "THREADS", 8)

    @fused
    def doubled(x):
        return x + x

    x = to_device(np.arange(100.0))
    doubled(x, out=x)
    np.testing.assert_array_equal(x.get(), 2 * np.arange(100.0))


@pytest.mark.usefixtures("double")
def test_many_elements_are_counted_in_64_bits(monkeypatch):
    seen = []
    monkeypatch.setattr(cuda, "MANY", 50)
    monkeypatch.setattr(kernels, "launch", lambda kernel, size, given: seen.append((kernel, given)))

    @fused
    def tripled(x):
        return x * 3

    for size in (49, 50):
        x = to_device(np.ones(size))
        tripled(x, out=x)
    (few, small), (many, large) = seen
    assert "typedef unsigned int I;" in few.code
    assert "typedef unsigned long long I;" in many.code
    assert (type(small[-2]), type(large[-2])) == (np.uint32, np.uint64)


@on_devices
@pytest.mark.usefixtures("executor")
def test_no_elements_are_no_launch():
    @fused
    def same(x):
        return +x

    same(to_device(np.ones((0, 3))), out=to_device(np.ones((0, 3))))


@on_devices
@pytest.mark.usefixtures("executor")
@given(
    key=st.tuples(*[st.integers(0, 2**64 - 1)] * 2),
    step=st.integers(0, 2**63),
    size=st.integers(1, 200),
)
def test_random_bits_are_those_of_numpy(key, step, size):
    out = to_device(np.zeros(size, np.uint16))
    draws.fill(out, np.array(key, np.uint64), step)
    philox = np.random.Philox(key=np.array(key, np.uint64), counter=[0, step, 0, 0])
    expected = philox.random_raw(-(-size // 4)).view(np.uint16)[:size]
    np.testing.assert_array_equal(out.get(), expected)


@pytest.mark.usefixtures("double")
def test_random_bits_of_many_threads_are_those_of_the_layer_on_the_cpu():
    bits = RandomBits(seed=5, purpose=DROPOUT, index=3)
    here, there = np.zeros((300, 77), np.uint16), to_device(np.zeros((300, 77), np.uint16))
    bits.fill(here, 12)
    with forbid_synchronisation(), count_synchronisations() as counts:
        bits.fill(there, 12)
    assert counts.transfers == 0
    np.testing.assert_array_equal(there.get(), here)
