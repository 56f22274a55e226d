"""``cupy.ndarray`` of the double: a NumPy array that the host may not touch.

Where a method follows a file of CuPy 14.2, the file is named: ``core.pyx`` and
``_routines_*.pyx`` lie in ``cupy/_core``.
"""

# ruff: noqa: N801, N802, A002 - the names are CuPy's
from __future__ import annotations

import ctypes
import functools
import warnings
import weakref
from typing import Any, NamedTuple

import numpy as np

from ._cupy_state import CURRENT, MODULE, STATE, allocate, count_wait, require_device
from ._cupy_streams import Allocation, catch_up, check_device, current_stream, free, spoil, submit

_SCALARS = (bool, int, float)
_COMPARISONS = ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal")


def own(host: Any) -> ndarray:
    """A new device array in C order that holds a copy of `host`."""
    made = np.array(host, order="C", copy=True)
    allocate(made.nbytes)
    return wrap(made)


def wrap(host: np.ndarray, base: ndarray | None = None) -> ndarray:
    """The device array on the memory of `host`."""
    require_device()
    array = object.__new__(ndarray)
    array._memory = host
    array._base = base
    if base is None:
        array._allocation = Allocation(host)
        weakref.finalize(array, free, array._allocation).atexit = False
    else:
        array._allocation = base._allocation
    return array


def unset(host: np.ndarray) -> ndarray:
    """The device array on `host`, filled with what makes a forgotten write show."""
    allocate(host.nbytes)
    spoil(host)
    return wrap(host)


def require_array(array: Any, name: str) -> ndarray:
    """CuPy's compiled functions are typed: a host array in their place is a TypeError."""
    if not isinstance(array, ndarray):
        raise TypeError(
            f"Argument '{name}' has incorrect type (expected cupy._core.core._ndarray_base,"
            f" got {type(array).__module__}.{type(array).__name__})"
        )
    return array


def _owner(host: np.ndarray) -> np.ndarray:
    """The array whose memory this is."""
    while isinstance(host.base, np.ndarray):
        host = host.base
    return host


def supported(dtype: Any) -> np.dtype:
    dtype = np.dtype(dtype)
    if dtype.char not in "?bBhHiIlLqQefd":
        raise ValueError(f"Unsupported dtype {dtype}")
    return dtype


class Flags:
    """cupy/_core/flags.pyx: three flags, and no ``writeable``."""

    def __init__(self, c_contiguous: bool, f_contiguous: bool, owndata: bool) -> None:
        self.c_contiguous = c_contiguous
        self.f_contiguous = f_contiguous
        self.owndata = owndata
        self.fnc = f_contiguous and not c_contiguous
        self.forc = f_contiguous or c_contiguous

    def __getitem__(self, name: str) -> bool:
        if name not in ("C_CONTIGUOUS", "F_CONTIGUOUS", "OWNDATA"):
            raise KeyError(f"{name} is not defined for cupy.ndarray.flags")
        return bool(getattr(self, name.lower()))


class MemoryPointer(NamedTuple):
    """Where an array begins."""

    ptr: int


class ndarray:
    """An array on the pretended device. Only `get` and `asnumpy` bring its values to the host.

    ``_memory`` is the array's memory; whoever asks for ``_host`` finds the work of the current
    stream done.
    """

    __slots__ = ("__weakref__", "_allocation", "_base", "_memory")
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    def __new__(cls, shape: Any, dtype: Any = float, memptr=None, strides=None, order="C") -> Any:
        if memptr is not None or strides is not None:
            raise NotImplementedError("the double has no memory pointers and no strides to set")
        return unset(np.empty(shape, supported(dtype), order=order or "C"))

    @property
    def _host(self) -> np.ndarray:
        check_device(self._allocation)
        catch_up()
        return self._memory

    # Layout ---------------------------------------------------------------------------------

    dtype = property(lambda self: self._memory.dtype)
    shape = property(lambda self: self._memory.shape)
    strides = property(lambda self: self._memory.strides)
    ndim = property(lambda self: self._memory.ndim)
    size = property(lambda self: self._memory.size)
    itemsize = property(lambda self: self._memory.itemsize)
    nbytes = property(lambda self: self._memory.nbytes)
    base = property(lambda self: self._base)
    device = property(lambda self: MODULE.cuda.Device(self._allocation.device))
    data = property(lambda self: MemoryPointer(self._memory.ctypes.data))

    @property
    def flags(self) -> Flags:
        flags = self._memory.flags
        return Flags(flags.c_contiguous, flags.f_contiguous, self._base is None)

    @property
    def T(self) -> ndarray:
        return self if self.ndim < 2 else self._view(self._memory.T)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """What makes other libraries see a device array; the address is no address."""
        return {"shape": self.shape, "typestr": self.dtype.str, "data": (0, False), "version": 3}

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Any:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))  # views: no value reaches the host

    def _view(self, host: np.ndarray) -> ndarray:
        return wrap(host, self if self._base is None else self._base)

    def _view_or_own(self, change: Any) -> ndarray:
        """What a change of the shape makes; a copy is made when the work before it is done."""
        host = change(self._memory)
        if np.may_share_memory(host, self._memory):
            return self._view(host)
        return own(change(self._host))

    def view(self, dtype: Any = None, type: Any = None) -> ndarray:
        if type is not None:
            raise NotImplementedError("the double has no subclasses of ndarray")
        return self._view(self._memory.view() if dtype is None else self._memory.view(dtype))

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> ndarray:
        if copy is not None:
            raise NotImplementedError("the double does not know reshape(copy=)")
        return self._view_or_own(lambda host: host.reshape(*shape, order=order))

    def ravel(self, order: str = "C") -> ndarray:
        return self._view_or_own(lambda host: host.ravel(order))

    def flatten(self, order: str = "C") -> ndarray:
        return own(self._host.flatten(order))

    def transpose(self, *axes: Any) -> ndarray:
        return self._view(self._memory.transpose(*axes))

    def squeeze(self, axis: Any = None) -> ndarray:
        return self._view(self._memory.squeeze(axis))

    # Copies ---------------------------------------------------------------------------------

    def astype(self, dtype, order="K", casting=None, subok=None, copy=True) -> ndarray:
        if casting is not None:
            raise TypeError("casting is not supported yet")
        if subok is not None:
            raise TypeError("subok is not supported yet")
        with np.errstate(all="ignore"):
            host = self._host.astype(supported(dtype), order=order or "K", copy=bool(copy))
        return self if host is self._host else wrap(host)

    def copy(self, order: str = "C") -> ndarray:
        if (
            self._allocation.device != CURRENT.device
        ):  # to the current device, which waits for nobody
            return wrap(self._memory.copy(order))
        return wrap(self._host.copy(order))

    def __copy__(self) -> ndarray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> ndarray:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return MODULE.array, (self.get(order="A"),)

    def fill(self, value: Any) -> None:
        """core.pyx `fill`: one value, from the host or from a 0-d device array."""
        if isinstance(value, ndarray):
            if value.shape != ():
                raise ValueError("non-scalar cupy.ndarray cannot be used for fill")
            value = value.astype(self.dtype)._host[...]
        else:
            value = np.asarray(value, dtype=self.dtype)
            if value.shape != ():
                raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        require_device()
        check_device(self._allocation)
        memory = self._memory
        if not memory.flags.writeable:
            raise ValueError("assignment destination is read-only")

        def work() -> None:
            memory[...] = value

        submit(work)

    def set(self, arr: np.ndarray, stream: Any = None) -> None:
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if self.dtype != arr.dtype:
            raise TypeError(f"{arr.dtype} array cannot be set to {self.dtype} array")
        if self.shape != arr.shape:
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {arr.shape}")
        if not self.flags.forc:
            raise RuntimeError("Cannot set to non-contiguous array")
        require_device()
        STATE.transfers += 1
        # CuPy keeps nothing of it, not even the copy that it makes here where the order is another.
        arr = np.asarray(arr, order="C" if self.flags.c_contiguous else "F")
        memory, place, owner = self._memory, arr.ctypes.data, weakref.ref(_owner(arr))
        source = np.frombuffer(
            (ctypes.c_char * arr.nbytes).from_address(place), arr.dtype, arr.size
        ).reshape(arr.shape, order="C" if self.flags.c_contiguous else "F")

        def work() -> None:  # the memory of the host is read when the stream comes to it
            if owner() is None:
                raise RuntimeError("the source of a copy was freed before the device came to it")
            memory[...] = source

        device = self._allocation.device
        submit(work, current_stream(device))

    # To the host: each of these waits for the device -------------------------------------------

    def get(self, stream=None, order="C", out=None, blocking=True) -> np.ndarray:
        if out is not None:
            if not isinstance(out, np.ndarray):
                raise TypeError("Only numpy.ndarray can be obtained from cupy.ndarray")
            if self.dtype != out.dtype:
                raise TypeError(f"{out.dtype} array cannot be obtained from {self.dtype} array")
            if self.shape != out.shape:
                raise ValueError(
                    f"Shape mismatch. Expected shape: {self.shape}, actual shape: {out.shape}"
                )
        if self.size:  # core.pyx returns early for an empty array
            device = self._allocation.device  # which need not be the current one
            count_wait("bringing an array to the host")
            catch_up(current_stream(device))
        if out is None:
            return np.array(self._memory, order=order, copy=True)
        out[...] = self._memory
        return out

    def item(self) -> Any:
        if self.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return self.get().item()

    def tolist(self) -> Any:
        return self.get().tolist()

    def tobytes(self, order: str = "C") -> bytes:
        return self.get().tobytes(order)

    def __int__(self) -> int:
        return int(self.get())

    def __float__(self) -> float:
        return float(self.get())

    def __bool__(self) -> bool:
        if self.size == 0:
            message = "The truth value of an empty array is ambiguous."
            warnings.warn(message, DeprecationWarning, stacklevel=2)
            return False
        if self.size > 1:
            raise ValueError(
                "The truth value of an array with more than one element is ambiguous."
                " Use a.any() or a.all()"
            )
        return bool(self.get())

    def __repr__(self) -> str:
        return repr(self.get())

    def __str__(self) -> str:
        return str(self.get())

    def __format__(self, format_spec: str) -> str:
        return format(self.get(), format_spec)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    # NumPy's protocols: core.pyx `__array_ufunc__`, `__array_function__` --------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        arrays = inputs
        if "out" in kwargs:
            out = kwargs["out"]
            if len(out) != 1:
                raise ValueError("The 'out' parameter must have exactly one array value")
            arrays += out
            kwargs["out"] = out[0]
        # CuPy also knows a few `reduce`, `accumulate`, `outer` and `at`; the double does not.
        function = getattr(MODULE, ufunc.__name__, None)
        if method != "__call__" or function is None:
            return NotImplemented
        for array in arrays:
            known = type(array) in _SCALARS or isinstance(array, np.generic)
            if not known and not isinstance(array, (ndarray, np.ndarray)):
                return NotImplemented
        if ufunc.__name__ in _COMPARISONS:
            inputs = tuple(
                x.item() if isinstance(x, np.ndarray) and x.ndim == 0 else x for x in inputs
            )
        return function(*inputs, **kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        try:
            module = functools.reduce(getattr, func.__module__.split(".")[1:], MODULE)
            function = getattr(module, func.__name__)
        except AttributeError:
            return NotImplemented
        if function is func or not all(issubclass(t, (ndarray, np.ndarray)) for t in types):
            return NotImplemented
        return function(*args, **kwargs)


ndarray.__module__ = "cupy"
