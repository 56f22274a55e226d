"""Functions of :mod:`minidl.ops` that make arrays, or bring arrays to another shape or type."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import backend_of, current, floatx, to_host
from minidl.backend.array import Array
from minidl.ops.tensors import convert_to_tensor, shown, wrapped


def convert_to_numpy(x: Any) -> np.ndarray:
    """``x`` as an array of NumPy, from any device."""
    return np.asarray(to_host(convert_to_tensor(x)))


def is_tensor(x: Any) -> bool:
    """True for an array, False for numbers in lists."""
    return hasattr(x, "dtype") and hasattr(x, "shape") and not isinstance(x, np.generic)


def cast(x: Any, dtype: Any) -> Any:
    """``x`` in another type, by name: "float32", "int32", "bool"."""
    return convert_to_tensor(convert_to_tensor(x).astype(np.dtype(dtype)))


def shape(x: Any) -> tuple[int, ...]:
    """Sizes of the axes."""
    return tuple(int(size) for size in np.shape(x))


def size(x: Any) -> Any:
    """The number of elements."""
    return convert_to_tensor(np.size(x))


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Zeros of a shape, in the default floating type for None."""
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = None) -> Any:
    """The number 1 in a shape, in the default floating type for None."""
    return full(shape, 1, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """One value everywhere, in the default floating type for None."""
    made = current().xp.full(shape, fill_value, dtype=floatx() if dtype is None else dtype)
    return convert_to_tensor(made)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    """Numbers from ``start`` up to ``stop``, which is left out; from 0 to ``start`` for None."""
    start, stop = (0, start) if stop is None else (start, stop)
    whole = all(isinstance(each, int | np.integer) for each in (start, stop, step))
    dtype = ("int32" if whole else floatx()) if dtype is None else dtype
    return convert_to_tensor(current().xp.arange(start, stop, step, dtype=dtype))


def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None) -> Any:
    """``num`` equidistant numbers."""
    dtype = floatx() if dtype is None else dtype
    made = current().xp.linspace(start, stop, num, endpoint=endpoint, dtype=dtype)
    return convert_to_tensor(made)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """1 on the k-th diagonal, 0 elsewhere."""
    dtype = floatx() if dtype is None else dtype
    return convert_to_tensor(current().xp.eye(N, M, k=k, dtype=dtype))


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None) -> Any:
    """1 at the place of each number in an axis of ``num_classes``, 0 elsewhere.

    Raises:
        TypeError, ValueError: fractions; no such number of classes.
    """
    x = checks.whole("x", convert_to_tensor(x))
    classes = backend_of(x).xp.arange(checks.integer("num_classes", num_classes, 0))
    found = (x[..., None] == classes).astype(floatx() if dtype is None else dtype)
    return shown(np.moveaxis(found, -1, axis) if axis != -1 else found, [x])


@wrapped
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros of the shape and type of ``x``."""
    return backend_of(x).xp.zeros_like(x, dtype=dtype)


@wrapped
def ones_like(x: Any, dtype: Any = None) -> Any:
    """The number 1 in the shape and type of ``x``."""
    return backend_of(x).xp.ones_like(x, dtype=dtype)


@wrapped
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """One value in the shape and type of ``x``."""
    return backend_of(x).xp.full_like(x, fill_value, dtype=dtype)


@wrapped
def reshape(x: Any, newshape: Any) -> Any:
    """The elements in another shape; one size may be -1."""
    return x.reshape(newshape)


@wrapped
def transpose(x: Any, axes: Any = None) -> Any:
    """The axes in another order, the reverse one for None."""
    return x.transpose(axes)


@wrapped
def expand_dims(x: Any, axis: Any) -> Any:
    """An axis more, of size 1."""
    return backend_of(x).xp.expand_dims(x, tuple(axis) if isinstance(axis, list) else axis)


@wrapped
def squeeze(x: Any, axis: Any = None) -> Any:
    """Without the axes of size 1, or without one such axis."""
    return backend_of(x).xp.squeeze(x, axis=tuple(axis) if isinstance(axis, list) else axis)


@wrapped
def ravel(x: Any) -> Any:
    """One axis."""
    return x.ravel()


@wrapped
def copy(x: Any) -> Any:
    """A copy."""
    return x.copy()


@wrapped
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """Elements between two bounds."""
    return backend_of(x).xp.clip(x, x_min, x_max)


@wrapped
def round(x: Any, decimals: int = 0) -> Any:
    """Elements rounded to a number of decimals."""
    return backend_of(x).xp.round(x, decimals)


@wrapped
def nan_to_num(x: Any, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Finite numbers in the places of NaN and infinity."""
    return backend_of(x).xp.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


@wrapped
def broadcast_to(x: Any, shape: Any) -> Any:
    """Elements repeated along axes of size 1."""
    return backend_of(x).xp.broadcast_to(x, shape)


@wrapped
def flip(x: Any, axis: Any = None) -> Any:
    """Elements in the reverse order along an axis, or along all."""
    return backend_of(x).xp.flip(x, axis=axis)


@wrapped
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Elements moved on along an axis; the last elements come first."""
    return backend_of(x).xp.roll(x, shift, axis=axis)


@wrapped
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element several times."""
    return backend_of(x).xp.repeat(x, repeats, axis=axis)


@wrapped
def tile(x: Any, repeats: Any) -> Any:
    """The array several times along the axes."""
    return backend_of(x).xp.tile(x, repeats)


@wrapped
def diag(x: Any, k: int = 0) -> Any:
    """The k-th diagonal of a matrix, or the matrix of a diagonal."""
    return backend_of(x).xp.diag(x, k)


@wrapped
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Parts along an axis: a number of equal parts, or the parts between indices."""
    return backend_of(x).xp.split(x, indices_or_sections, axis=axis)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """The parts of size 1 along an axis, without the axis."""
    x = convert_to_tensor(x)
    if num not in (None, x.shape[axis]):
        raise ValueError(f"num: expected {x.shape[axis]}, the axis's size, received {num}")
    return [shown(part, [x]) for part in np.moveaxis(x, axis, 0)]


def concatenate(xs: Any, axis: int = 0) -> Any:
    """Arrays one after the other along an axis of all."""
    return _together("concatenate", xs, axis)


def stack(x: Any, axis: int = 0) -> Any:
    """Arrays one after the other along a new axis."""
    return _together("stack", x, axis)


def hstack(xs: Any) -> Any:
    """Arrays side by side."""
    return _together("hstack", xs)


def vstack(xs: Any) -> Any:
    """Arrays one below the other."""
    return _together("vstack", xs)


def _together(name: str, arrays: Any, *axis: int) -> Any:
    given = [convert_to_tensor(x) for x in arrays]
    if not given:
        raise ValueError(f"{name}: expected at least one array, received none")
    return shown(getattr(backend_of(given[0]).xp, name)(given, *axis), given)


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where a condition holds, else x2; without both the indices where the condition holds."""
    condition = convert_to_tensor(condition)
    xp = backend_of(condition).xp
    if x1 is None and x2 is None:
        return shown(tuple(each.astype(np.int32) for each in xp.where(condition)), [])
    given = [x if isinstance(x, int | float) else convert_to_tensor(x) for x in (x1, x2)]
    return shown(xp.where(condition, *given), given)


def stop_gradient(variable: Any) -> Any:
    """``variable`` as it is: no gradient is derived here, so that there is none to stop."""
    return convert_to_tensor(variable)


def array(x: Any, dtype: Any = None) -> Array:
    """A new array."""
    made: Array = convert_to_tensor(x, dtype).copy()
    return made


FUNCTIONS = {
    name: function
    for name, function in vars().items()
    if callable(function)
    and name[0] != "_"
    and (getattr(function, "__module__", "") == __name__ or name == "convert_to_tensor")
}
