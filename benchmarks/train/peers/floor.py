"""The floor: the bare matrix products of each step of an epoch, and nothing else.

For each dense layer x W, xᵀ dy and, except for the first, dy Wᵀ, one after the other through NumPy,
on float32 operands of the step's shapes. ``floor-mkl`` is the same through ``cblas_sgemm`` of
Intel's MKL, where the wheel ``mkl`` is installed. Sparse rows are multiplied by SciPy, in batches
sliced in advance. The loss is 0.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.train.data import Rows
from benchmarks.train.gate import Gate
from benchmarks.train.jobs import Job

Array = np.ndarray
Products = list[Callable[[], Any]]
ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112  # CBLAS's numbers


def train(job: Job, rows: Rows, gate: Gate) -> None:
    """Multiply as the gate asks; through MKL if ``FLOOR_BLAS`` says so."""
    matmul = mkl_matmul() if os.environ.get("FLOOR_BLAS") == "mkl" else np.matmul
    sizes = job.batches
    steps = {size: products(job.shapes, size, matmul, bool(job.sparse)) for size in set(sizes)}
    parts = sparse_products(job, rows) if job.sparse else [[] for _ in sizes]
    gate.ready(job.parameters)
    while True:
        gate.wait()
        for size, part in zip(sizes, parts, strict=True):
            for multiply in part:
                multiply()
            for multiply in steps[size]:
                multiply()
        gate.done(0.0, None)


def products(
    shapes: list[tuple[int, int]],
    batch: int,
    matmul: Callable[..., Any] = np.matmul,
    without_first: bool = False,
) -> Products:
    """The calls of a step: all forward products, then the backward products.

    Args:
        shapes: inputs and units of each layer.
        batch: rows.
        matmul: ``matmul(a, b, out=c)``.
        without_first: True leaves out the first layer's products.
    """
    random = np.random.default_rng(0)
    forward: Products = []
    backward: Products = []
    for k, (inputs, units) in enumerate(shapes):
        if without_first and not k:
            continue
        x, W, y, dx, dW = (
            random.standard_normal(shape, dtype=np.float32)
            for shape in (
                (batch, inputs), (inputs, units), (batch, units), (batch, inputs), (inputs, units)
            )
        )  # fmt: skip
        forward.append(_call(matmul, x, W, y))
        if k:
            backward.append(_call(matmul, y, W.T, dx))
        backward.append(_call(matmul, x.T, y, dW))
    return forward + backward[::-1]


def _call(matmul: Callable[..., Any], a: Array, b: Array, out: Array) -> Callable[[], Any]:
    return lambda: matmul(a, b, out=out)


def sparse_products(job: Job, rows: Rows) -> list[Products]:
    """The first layer's two products in each step."""
    units = job.shapes[0][1]
    random = np.random.default_rng(0)
    W = random.standard_normal((job.inputs, units), dtype=np.float32)
    dy = random.standard_normal((job.batch, units), dtype=np.float32)
    found: list[Products] = []
    for start in range(0, job.rows, job.batch):
        x = rows.csr[start : start + job.batch]
        found.append([lambda x=x: x @ W, lambda x=x: x.T @ dy[: x.shape[0]]])
    return found


def mkl_library() -> str | None:
    """The file of MKL's single library, from the wheel or the system."""
    for folder in (Path(sys.prefix, "lib"), Path(sys.prefix, "Library", "bin")):
        for path in sorted(folder.glob("*mkl_rt*")):
            return str(path)
    return ctypes.util.find_library("mkl_rt")


def mkl_matmul() -> Callable[..., None]:
    """``matmul(a, b, out=c)`` for float32 matrices, C-contiguous or their transposes."""
    library = mkl_library()
    if library is None:
        raise OSError("expected MKL's library mkl_rt, found none; install it with pip install mkl")
    sgemm = ctypes.CDLL(library).cblas_sgemm
    integer, real, pointer = ctypes.c_int, ctypes.c_float, ctypes.c_void_p
    sgemm.argtypes = [
        *[integer] * 6, real, pointer, integer, pointer, integer, real, pointer, integer
    ]  # fmt: skip
    sgemm.restype = None

    def matmul(a: Array, b: Array, out: Array) -> None:
        rows, inner = a.shape
        columns = b.shape[1]
        sgemm(
            ROW_MAJOR, _order(a), _order(b), rows, columns, inner,
            1.0, a.ctypes.data, _leading(a), b.ctypes.data, _leading(b),
            0.0, out.ctypes.data, _leading(out),
        )  # fmt: skip

    return matmul


def _order(matrix: Array) -> int:
    return PLAIN if matrix.flags.c_contiguous else TRANSPOSED


def _leading(matrix: Array) -> int:
    """Elements from one stored row to the next."""
    return max(matrix.shape[1] if matrix.flags.c_contiguous else matrix.shape[0], 1)
