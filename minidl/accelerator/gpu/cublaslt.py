"""Matrix products by cuBLASLt, which unlike cuBLAS can be called while a stream is captured.

NVIDIA, "cuBLAS library" (docs.nvidia.com/cuda/cublas), chapter "Using the cuBLASLt API". The
library assumes column-major matrices; rows of NumPy's are columns of the transposed matrix, so out
= a b is asked for as outᵀ = bᵀ aᵀ.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.accelerator.gpu.nodes import pointer
from minidl.accelerator.record.operands import UnsupportedError
from minidl.backend import cuda

# Of cudaDataType_t, cublasComputeType_t, cublasLtMatmulDescAttributes_t, cublasOperation_t and
# cublasLtMatmulPreferenceAttributes_t.
_TYPES = {"float32": 0, "float64": 1}
_COMPUTE = {"float32": 68, "float64": 70}
_COMPUTE_TF32 = 77
_TRANSPOSE_A, _TRANSPOSE_B = 3, 4
_TRANSPOSED = 1
_MOST_WORKSPACE = 1
_ALIGNMENTS = 5, 6, 7, 8
#: Bytes that an algorithm may use beside the matrices: a piece for each stream of a device, as
#: products of different streams may run at once.
WORKSPACE = 32 << 20


class _Heuristic(ctypes.Structure):
    """cublasLtMatmulHeuristicResult_t."""

    _fields_ = (
        ("algorithm", ctypes.c_uint64 * 8),
        ("workspace", ctypes.c_size_t),
        ("state", ctypes.c_int),
        ("waves", ctypes.c_float),
        ("reserved", ctypes.c_int * 4),
    )


class UnavailableError(RuntimeError):
    """cuBLASLt is missing, or reports an error; the message says which."""


def load() -> Any:
    """The library.

    Raises:
        UnavailableError: the library is not found.
    """
    try:
        pathfinder = importlib.import_module("cuda.pathfinder")
        return ctypes.CDLL(pathfinder.load_nvidia_dynamic_lib("cublasLt").abs_path)
    except (ImportError, OSError, RuntimeError) as error:
        raise UnavailableError(f"cuBLASLt cannot be loaded: {error}") from error


def version() -> str:
    """Version of the library, "12.9.1".

    Raises:
        UnavailableError: the library is not found.
    """
    get = load().cublasLtGetVersion
    get.restype = ctypes.c_size_t
    number = get()
    return f"{number // 10_000}.{number % 10_000 // 100}.{number % 100}"


class Library:
    """cuBLASLt, with a handle and workspaces of the device that is the current one."""

    def __init__(self) -> None:
        self._library = load()
        self._xp = importlib.import_module("cupy")
        self._handle = ctypes.c_void_p()
        self.call("Create", ctypes.byref(self._handle))
        self._workspaces: dict[int, Any] = {}

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function, and raise if the function reports an error."""
        status = getattr(self._library, f"cublasLt{name}")(*arguments)
        if status:
            raise UnavailableError(f"cublasLt{name} reports status {status}")

    def _workspace(self, stream: int) -> Any:
        """The workspace of all products in a stream of graphs."""
        if stream not in self._workspaces:
            self._workspaces[stream] = self._xp.empty((WORKSPACE,), dtype=np.uint8)
        return self._workspaces[stream]

    def product(
        self, a: Any, b: Any, out: Any, tf32: bool = False, stream: int = 0
    ) -> Callable[[], None]:
        """A call that computes out = a b, with an algorithm chosen now.

        Args:
            a, b: (N, K), (K, O), contiguous or the transposed of a contiguous matrix.
            out: (N, O), contiguous.
            tf32: True allows ten bits of mantissa in products of float32.
            stream: products of different numbers may run at once.

        Raises:
            UnsupportedError: other layouts or types.
            UnavailableError: the library has no algorithm.
        """
        name = out.dtype.name
        if not (a.dtype == b.dtype == out.dtype and name in _TYPES and out.flags.c_contiguous):
            raise UnsupportedError(f"a product of {a.dtype} and {b.dtype} into {out.dtype}")
        description = ctypes.c_void_p()
        compute = _COMPUTE_TF32 if tf32 and name == "float32" else _COMPUTE[name]
        self.call("MatmulDescCreate", ctypes.byref(description), compute, _TYPES[name])
        # The library's first matrix is bᵀ, its second aᵀ.
        stored = [self._as_stored(b, description, _TRANSPOSE_A)]
        stored += [self._as_stored(a, description, _TRANSPOSE_B), out, out]
        layouts = list(map(self._layout, stored))
        algorithm = self._algorithm(description, layouts, [pointer(array) for array in stored])
        number = ctypes.c_float if name == "float32" else ctypes.c_double
        one, zero = number(1), number(0)
        matrices = [
            value
            for array, layout in zip(stored, layouts, strict=True)
            for value in (ctypes.c_void_p(pointer(array)), layout)
        ]
        before = self._handle, description, ctypes.byref(one), *matrices[:4]
        after = ctypes.byref(zero), *matrices[4:], ctypes.byref(algorithm)
        workspace = ctypes.c_void_p(pointer(self._workspace(stream)))
        beside = workspace, ctypes.c_size_t(WORKSPACE)
        current = self._xp.cuda.get_current_stream

        def run() -> None:
            self.call("Matmul", *before, *after, *beside, ctypes.c_void_p(current().ptr))

        run.kept = a, b, out  # type: ignore[attr-defined]
        weakref.finalize(run, self._destroy, description, layouts).atexit = False
        return run

    def _as_stored(self, array: Any, description: ctypes.c_void_p, attribute: int) -> Any:
        """The contiguous matrix behind ``array``; a transposed one is noted in the description."""
        if array.flags.c_contiguous:
            return array
        if not array.T.flags.c_contiguous:
            raise UnsupportedError(f"a matrix with strides {array.strides}")
        value = ctypes.byref(ctypes.c_int32(_TRANSPOSED))
        self.call("MatmulDescSetAttribute", description, attribute, value, ctypes.c_size_t(4))
        return array.T

    def _layout(self, array: Any) -> ctypes.c_void_p:
        """Layout of the transposed of a contiguous matrix."""
        layout = ctypes.c_void_p()
        rows, columns = array.shape
        sizes = ctypes.c_uint64(columns), ctypes.c_uint64(rows), ctypes.c_int64(columns)
        self.call("MatrixLayoutCreate", ctypes.byref(layout), _TYPES[array.dtype.name], *sizes)
        return layout

    def _algorithm(
        self, description: ctypes.c_void_p, layouts: Sequence[ctypes.c_void_p], places: list[int]
    ) -> Any:
        """The best algorithm for matrices at given places."""
        preference = ctypes.c_void_p()
        self.call("MatmulPreferenceCreate", ctypes.byref(preference))
        wishes: list[tuple[int, Any]] = [(_MOST_WORKSPACE, ctypes.c_size_t(WORKSPACE))]
        # Tensors begin anywhere within a parameter vector; the library expects multiples of 256.
        wishes += [
            (attribute, ctypes.c_uint32(min(place & -place, 256)))
            for attribute, place in zip(_ALIGNMENTS, places, strict=True)
        ]
        for attribute, value in wishes:
            size = ctypes.c_size_t(ctypes.sizeof(value))
            wish = preference, attribute, ctypes.byref(value), size
            self.call("MatmulPreferenceSetAttribute", *wish)
        best, count = _Heuristic(), ctypes.c_int()
        found = ctypes.byref(best), ctypes.byref(count)
        self.call(
            "MatmulAlgoGetHeuristic", self._handle, description, *layouts, preference, 1, *found
        )
        self.call("MatmulPreferenceDestroy", preference)
        # Each result has a state of its own, beside the status of the call.
        if not count.value or best.state:
            raise UnavailableError(
                "cuBLASLt has no algorithm for a product"
                + (f", and reports state {best.state}" if count.value else "")
            )
        return best.algorithm

    def _destroy(self, description: ctypes.c_void_p, layouts: Sequence[ctypes.c_void_p]) -> None:
        for layout in layouts:
            self.call("MatrixLayoutDestroy", layout)
        self.call("MatmulDescDestroy", description)


def library() -> Library:
    """The library, with the handle and the workspaces of the current device.

    Raises:
        UnavailableError: there is none.
    """
    return _library_of(cuda.current())


@functools.cache
def _library_of(device: int) -> Library:
    return Library()


def forget() -> None:
    """Forget handles and workspaces; the next use makes new ones."""
    _library_of.cache_clear()
