"""Every kernel gives the same numbers on every executor.

The kernels are found, not listed: a new one is tested here as soon as it exists; one that is not
fused needs its arguments in :data:`UNFUSED`, and fails here without.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import warnings
import zlib
from typing import NamedTuple

import numpy as np
import pytest

import minidl.kernels
from minidl.accelerator.trace.blocks import BLOCK
from minidl.accelerator.trace.program import trace
from minidl.backend import to_host, use
from minidl.backend.fused import Fused
from tests.doubles.cupy_double import STATE
from tests.kernels.running import blank, close, device

FUSED = {
    f"{info.name}.{name}": value
    for info in pkgutil.iter_modules(minidl.kernels.__path__)
    for name, value in vars(importlib.import_module(f"minidl.kernels.{info.name}")).items()
    # What a module defines, not what it imports.
    if isinstance(value, Fused) and value.__module__ == f"minidl.kernels.{info.name}"
}
# How far an executor's float32 results may be from those of NumPy in blocks, in ulps of the
# result, or of 1 where it is smaller; of sums, of what is added up.
ULPS = {
    "blocks": 0,  # the same
    "compiled": 0,  # the same operations in the same order, and NumPy's exp, log, tanh and power
    # Where no product and sum are one step: the same operations in the same order; C's exp, log,
    # tanh and pow, below.
    "cupy-double": 0,
    "cupy": 100,  # CUDA's exp, log, tanh, pow; products and sums in one step; sums in a tree
}

NUMBERS = {
    "negative_slope": 0.3, "alpha": 1.3, "epsilon": 1e-3, "momentum": 0.9, "rows": 96, "units": 3,
    "limit": 0.7, "max_value": 1.5, "threshold": 19_661, "scale": 1 / 0.7, "offset": -0.5,
    "l1": 0.01, "l2": 0.03,
    "learning_rate": 0.1, "rho": 0.9, "rate": 0.1, "beta_1": 0.9, "beta_2": 0.999, "m_rate": 0.1,
    "grad_rate": 0.2, "v_scale": 1.5, "factor": 0.01, "smallest": 0.5,
    "lp": 0.02, "exponent": 1.5, "gain": 0.1, "delta": 0.8, "smoothing": 0.1,
    "classes": 3, "low": 0.4, "high": 0.8, "shift": 0.2, "stddev": 0.3, "shrinkage": 0.05,
    "batches": 3, "power": 0.4, "b": 4.0, "gamma": 1.7, "positive": 0.4, "negative": 0.6,
}  # fmt: skip
ROWS = {"mean", "inverse", "gamma", "beta", "dgamma", "dbeta"}  # in the fused kernels, (O,)
BITS = {"bits", "radius", "angle"}
POSITIVE = {"norm", "variance", "v", "v_max", "accumulator", "step", "u", "d"}
PROBABILITIES = {"p", "t"}
SHAPE = (96, 2 * BLOCK // 96 + 5)  # three blocks, the last one not full
# No standard says how they round. NumPy has vector code of its own for them on some processors:
# with AVX-512 its power differs from the C library's by up to two ulps.
TRANSCENDENTAL = {"exp", "expm1", "log", "log1p", "power", "tanh", "cos"}


def arguments(name, formula, dtype):
    """Random arguments by the names of the parameters, with zeros, ends and equal values."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    values = []
    for parameter in inspect.signature(formula).parameters:
        row = parameter in ROWS and name.startswith("batchnorm.")
        row = row or (parameter == "alpha" and name.startswith("prelu."))
        shape = SHAPE[1:] if row else SHAPE
        if parameter == "momentum" and name == "updates.momentum":
            values.append(0.9)
        elif parameter == "threshold" and not name.startswith("dropout."):
            values.append(0.5)  # not of random bits
        elif parameter in NUMBERS and not row:
            values.append(NUMBERS[parameter])
        elif parameter in BITS:
            values.append(random.integers(0, 65_536, shape, np.uint16))
        elif parameter in PROBABILITIES:
            # Not up to 1: float32 has no number at 1 - 1e-7, where the clip is.
            x = np.clip(random.uniform(-0.1, 1.05, shape), 0, 0.95)
            values.append(x.astype(dtype))
        elif parameter in POSITIVE or (parameter == "y" and name.startswith("distances.poisson")):
            values.append((random.uniform(0, 2, shape) ** 2 + 1).astype(dtype))
        elif parameter == "m":  # an average: its square is below that of the squares
            values.append(random.uniform(-0.9, 0.9, shape).astype(dtype))
        else:
            x = random.standard_normal(shape)
            x.flat[::7] = np.round(x.flat[::7])
            values.append(x.astype(dtype))
    return values


def results(formula, given):
    outputs = len(trace(formula.formula, [isinstance(a, np.ndarray) for a in given]).outputs)
    dtype = next(a.dtype for a in given if isinstance(a, np.ndarray) and a.dtype.kind == "f")
    outs = tuple(blank(SHAPE, dtype) for _ in range(outputs))
    moved = [device(a) if isinstance(a, np.ndarray) else a for a in given]
    formula(*moved, out=outs if outputs > 1 else outs[0])
    return [to_host(out) for out in outs]


def _program(name, given):
    return trace(FUSED[name].formula, [isinstance(a, np.ndarray) for a in given])


def bits(array):
    # Adding 0 turns -0 to 0: IEEE 754 leaves open which zero max(0, -0) is.
    return (array + 0).view(f"u{array.itemsize}")


def test_the_kernels_were_found():
    modules = {name.partition(".")[0] for name in FUSED}
    assert modules == {
        "activations", "activities", "adaptive", "alpha_dropout", "averaging", "batchnorm",
        "clipping", "constraints", "counts", "distances", "dropout", "elastic", "focal", "gated",
        "losses", "margins", "noise", "penalties", "piecewise", "prelu", "probabilities",
        "proximal", "rescaling", "smooth", "soft_targets", "step_sizes", "unitnorm", "updates",
    }  # fmt: skip
    assert "updates.adam" in FUSED


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUSED)
def test_blocks_and_loops_agree_to_the_bit(name, dtype):
    """+, -, ×, ÷, √, comparisons, max and min have one right result in IEEE 754, both execute
    the same ones in the same order, and neither contracts a product and a sum into one step.
    """
    given = arguments(name, FUSED[name].formula, dtype)
    with use("numpy", executor="blocks"):
        expected = results(FUSED[name], given)
    with use("numpy", executor="compiled"):
        actual = results(FUSED[name], given)
    program = _program(name, given)
    for one, other in zip(expected, actual, strict=True):
        assert one.dtype == other.dtype == np.dtype(dtype)
        if program.ufuncs() & TRANSCENDENTAL:
            # Two libraries may round these differently: up to 4 ulps after a few operations
            # more. (Today both executors use NumPy's.)
            np.testing.assert_array_max_ulp(one, other, 4)
        else:
            np.testing.assert_array_equal(bits(one), bits(other))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pixels", ["uint8", "uint16"])
def test_blocks_and_loops_scale_pixels_to_the_same_bits(pixels, dtype):
    x = np.arange(np.iinfo(pixels).max + 1, dtype=pixels)
    scaled = {}
    for executor in ("blocks", "compiled"):
        out = np.empty(x.shape, dtype)
        with use("numpy", executor=executor):
            FUSED["rescaling.rescaling_forward"](x, 1 / 255, -0.3, out=out)
        scaled[executor] = out
    np.testing.assert_array_equal(bits(scaled["blocks"]), bits(scaled["compiled"]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUSED)
def test_every_executor_gives_what_the_formula_says(name, dtype, executor):
    """The plain formula on whole arrays in float64 is the reference.

    Each result comes from some 20 operations at most on numbers of size 10 at most, each
    rounded to half an ulp, whether contracted (CUDA) or not.
    """
    given = arguments(name, FUSED[name].formula, dtype)
    wide = [a.astype("f8") if isinstance(a, np.ndarray) else a for a in given]
    reference = FUSED[name].formula(*wide)
    expected = reference if isinstance(reference, tuple) else (reference,)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        actual = results(FUSED[name], given)
    allowed = 100 * np.finfo(dtype).eps
    if executor == "blocks" and dtype == "float64":
        allowed = 0  # the same NumPy functions on the same numbers, block by block
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=allowed, atol=allowed)


@pytest.mark.parametrize("name", FUSED)
def test_fused_kernels_agree_with_blocks_in_float32(name, executor, monkeypatch):
    monkeypatch.setattr(STATE, "contracted", False)
    given = arguments(name, FUSED[name].formula, "float32")
    actual = results(FUSED[name], given)
    with use("numpy", executor="blocks"):
        expected = results(FUSED[name], given)
    allowed = ULPS[executor]
    if executor == "cupy-double" and _program(name, given).ufuncs() & TRANSCENDENTAL:
        allowed = 16  # two libraries: up to 4 ulps each, and some operations more
    if executor == "cupy-double" and name == "adaptive.ftrl_power":
        allowed = 160  # it divides a difference of powers by the learning rate, 0.1
    for one, other in zip(actual, expected, strict=True):
        agrees(one, other, allowed)


@pytest.mark.thorough
@pytest.mark.parametrize("executor", ["cupy-double"], indirect=True)
@pytest.mark.parametrize("name", FUSED)
@pytest.mark.usefixtures("executor")
def test_products_and_sums_in_one_step_differ_by_no_more_than_a_device_may(name):
    given = arguments(name, FUSED[name].formula, "float32")
    actual = results(FUSED[name], given)
    with use("numpy", executor="blocks"):
        expected = results(FUSED[name], given)
    for one, other in zip(actual, expected, strict=True):
        agrees(one, other, ULPS["cupy"])


def agrees(actual, expected, ulps, scale=1.0):
    """Bit for bit where no ulps are allowed."""
    assert actual.dtype == expected.dtype == np.float32
    if ulps == 0:
        np.testing.assert_array_equal(bits(actual), bits(expected))
    close(actual, expected, ulps * scale)


# Kernels that are not fused ----------------------------------------------------------------

N, I, O = 1000, 37, 5  # noqa: E741 - two blocks of rows


class Out(NamedTuple):
    """An array that a kernel overwrites."""

    shape: tuple[int, ...]


def normal(*shape, seed=0):
    """Random numbers near 1."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def shares(*shape):
    """Rows that sum to 1."""
    p = np.abs(normal(*shape)) + 0.01
    return p / p.sum(axis=1, keepdims=True)


# name: its arguments in order. The numbers added up are some 1000 of size 1.
UNFUSED = {
    "activations.softmax_forward": (normal(N, O), Out((N, 1)), Out((N, O))),
    "activations.softmax_backward": (normal(N, O), shares(N, O), Out((N, 1)), Out((N, O))),
    "rowwise.log_softmax_forward": (
        normal(N, O), Out((N, 1)), Out((N, 1)), Out((N, O)),
    ),
    "rowwise.log_softmax_backward": (
        normal(N, O), np.log(shares(N, O)), Out((N, 1)), Out((N, O)),
    ),
    "batchnorm.batch_statistics": (normal(N, O), Out((O,)), Out((O,)), Out((N, O))),
    "batchnorm.batchnorm_parameter_gradients": (
        normal(N, O), normal(N, O, seed=1), Out((O,)), Out((O,)), Out((N, O)),
    ),
    "clipping.clip_by_norm": (normal(N), 0.5, Out((N,)), Out(())),
    "constraints.scale_to_norm": (normal(N, I), 0, 0.1, 0.9, 0.7, 1e-7, Out((N, I))),
    "dense.dense_forward": (normal(N, I), normal(I, O), normal(O), Out((N, O))),
    "dense.dense_backward": (
        normal(N, O), normal(N, I), normal(I, O), Out((I, O)), Out((O,)), Out((N, I)),
    ),
    "layernorm.layernorm_forward": (
        normal(N, O), normal(O), normal(O, seed=1), 1e-3, Out((N, 1)), Out((N, 1)), Out((N, O)),
        Out((N, O)),
    ),
    "layernorm.layernorm_backward": (
        normal(N, O), normal(N, O, seed=1), shares(N, 1), normal(O), Out((N, 1)), Out((N, 1)),
        Out((N, O)), Out((N, O)),
    ),
    "losses.one_hot": (np.arange(N).reshape(N, 1) % O, np.arange(O), Out((N, O))),
    "losses.softmax_crossentropy_forward": (
        normal(N, O), shares(N, O), Out((N, O)), Out((N, O)), Out((N, 1)), Out((N, 1)),
    ),
    "soft_targets.surplus_forward": (normal(N, O), normal(N, 1), Out((N, 1)), normal(N, 1, seed=1)),
    "soft_targets.surplus_backward": (
        shares(N, O), normal(N, 1), Out((N, O)), normal(N, O),
    ),
    "probabilities.shares_forward": (shares(N, O), Out((N, 1)), Out((N, O))),
    "probabilities.shares_backward": (
        normal(N, O), shares(N, O), 1 + shares(N, 1), Out((N, O)), Out((N, 1)),
    ),
    "probabilities.log_total_forward": (
        shares(N, O), Out((N, O)), Out((N, 1)), Out((N, 1)), normal(N, 1),
    ),
    "probabilities.log_total_backward": (normal(N, O), shares(N, O), Out((N, O)), 1 + shares(N, 1)),
    "margins.signs": ((normal(N, O) > 0).astype(np.float32), Out((N, O)), Out(())),
    "margins.categorical_hinge_forward": (
        normal(N, O), shares(N, O), Out((N, O)), Out((N, 1)), Out((N, 1)), Out((N, 1)),
    ),
    "margins.categorical_hinge_backward": (
        shares(N, O), normal(N, O), normal(N, O).max(axis=1, keepdims=True), normal(N, 1, seed=1),
        Out((N, O)), Out((N, 1)), Out((N, O)),
    ),
    "margins.unit_rows": (normal(N, O), Out((N, O)), Out((N, 1)), Out((N, O))),
    "margins.cosine_similarity_forward": (
        normal(N, O), shares(N, O), Out((N, O)), Out((N, 1)), Out((N, 1)),
    ),
    "margins.cosine_similarity_backward": (
        normal(N, O), shares(N, O), normal(N, 1), 1 + shares(N, 1), Out((N, 1)), Out((N, O)),
    ),
    "sums.clear": (Out((N, O)),),
    "sums.convert": (np.arange(N * O, dtype=np.uint8).reshape(N, O), Out((N, O))),
    "sums.scale": (normal(N, O), 1.7, Out((N, O))),
    "sums.weigh": (normal(N, O), normal(N, 1), Out((N, O))),
    "sums.add": (np.array(2.5, np.float32), np.array(0.3, np.float32)),
    "sums.add_sum": (np.array(2.5, np.float32), normal(N, O), Out(())),
    "sums.sum_units": (normal(N, O), Out((N, 1))),
    "sums.mean_units": (normal(N, O), Out((N, 1))),
    "sums.mean_all": (normal(N, 1), Out(())),
    "sums.largest": (normal(N, O), np.zeros(N, np.int64)),
    "sums.count_equal": (
        np.arange(N) % 3, np.arange(N) % 2, np.zeros(N, np.bool_), Out(()),
    ),
    "sums.count_right_units": (
        normal(N, O), (normal(N, O, seed=1) > 0).astype(np.float32), 0.2,
        np.zeros((N, O), np.bool_), Out(()),
    ),
    "sums.sum_all": (normal(N, 1), Out(())),
    "counts.one_by_sum": (shares(N, 1), Out(()), Out(())),
    "normalization.deviation_of": (shares(1, O)[0], 1e-7, Out((O,))),
    "normalization.normalize": (normal(N, O), normal(O), shares(1, O)[0], Out((N, O))),
    "normalization.normalize_back": (normal(N, O), shares(1, O)[0], Out((N, O))),
    "normalization.denormalize": (normal(N, O), normal(O), shares(1, O)[0], Out((N, O))),
    "normalization.denormalize_back": (normal(N, O), shares(1, O)[0], Out((N, O))),
    "activities.add_activity": (
        np.array(2.5, np.float32), normal(N, O), N, np.array(0, np.float32),
    ),
    "prelu.prelu_parameter_gradient": (normal(N, O), normal(N, O, seed=1), Out((O,)), Out((N, O))),
    "unitnorm.unitnorm_forward": (normal(N, O), 1e-12, Out((N, 1)), Out((N, O))),
    "unitnorm.unitnorm_backward": (
        normal(N, O), normal(N, O, seed=1), 1e-12, shares(N, 1), Out((N, 1)), Out((N, O)),
        Out((N, O)),
    ),
    "sums.sum_rows": (normal(N, O), Out((O,))),
    "sums.mean_rows": (normal(N, O), Out((O,))),
}  # fmt: skip


def test_every_kernel_is_fused_or_listed():
    found = {
        f"{info.name}.{name}"
        for info in pkgutil.iter_modules(minidl.kernels.__path__)
        for name, value in vars(importlib.import_module(f"minidl.kernels.{info.name}")).items()
        if inspect.isfunction(value)
        and value.__module__ == f"minidl.kernels.{info.name}"
        and not name.startswith("_")
    }
    sparse = {"sparse.sparse_dense_forward", "sparse.sparse_dense_backward"}  # of CSR rows
    elsewhere = {name for name in found if name.startswith("counts.")}  # in test_counts.py
    found -= elsewhere - {*UNFUSED}
    # Of numbers alone; a part of formulas.
    assert found == {*UNFUSED, *sparse, "alpha_dropout.alpha_dropout_affine",
                     "dropout.dropout_threshold", "erfc.erfc", "noise.standard_normal"}  # fmt: skip


def overwritten(name):
    """What the kernel leaves in its arguments."""
    module, _, function = name.partition(".")
    made = [
        blank(a.shape, np.float32) if isinstance(a, Out)
        else device(a) if isinstance(a, np.ndarray | np.generic)
        else a
        for a in UNFUSED[name]
    ]  # fmt: skip
    getattr(importlib.import_module(f"minidl.kernels.{module}"), function)(*made)
    return [to_host(a) for a in made if hasattr(a, "dtype") and a.dtype == np.float32]


@pytest.mark.parametrize("name", UNFUSED)
def test_other_kernels_agree_with_blocks_in_float32(name, executor):
    actual = overwritten(name)
    with use("numpy", executor="blocks"):
        expected = overwritten(name)
    for one, other in zip(actual, expected, strict=True):
        assert not np.isnan(one).any()
        agrees(one, other, ULPS[executor], scale=max(1.0, float(np.max(np.abs(other)))))
