"""Arrays that record: NumPy called on them leaves commands instead of results.

A kernel is called once with :class:`Operand` in the place of its arrays. Each call of NumPy with an
``out`` among them becomes a command; what has no command raises :class:`UnsupportedError`, and the
kernel stays a call of Python. So a kernel is written once, in NumPy, and knows nothing of this.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from minidl.backend.formula import MASKS, Program, Step
from minidl.backend.native import sparse
from minidl.backend.native.commands import Command, UnsupportedError
from minidl.backend.native.elementwise import elementwise
from minidl.backend.native.formulas import commands
from minidl.backend.native.products import product
from minidl.backend.native.reductions import reduction
from minidl.backend.native.sources import KNOWN
from minidl.backend.native.ufuncs import ufunc_loop

_FILL = Program("fill", (), (0,), {}, (), (Step("positive", (0,), 1),), (1,))


class Operand(NDArrayOperatorsMixin):
    """An array within a kernel that is recorded."""

    __slots__ = ("array", "record")
    #: Above numbers and arrays, so that every call with an operand comes here.
    __array_priority__ = 1000

    def __init__(self, array: np.ndarray, record: list[Command]) -> None:
        self.array = array
        self.record = record

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array."""
        return self.array.dtype

    @property
    def size(self) -> int:
        """Of the array."""
        return self.array.size

    @property
    def ndim(self) -> int:
        """Of the array."""
        return self.array.ndim

    @property
    def T(self) -> Operand:  # noqa: N802 - NumPy's name
        """The transposed array."""
        return Operand(self.array.T, self.record)

    def __len__(self) -> int:
        return len(self.array)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise UnsupportedError("an array of the elements")

    def __getitem__(self, key: Any) -> Operand:
        return self._view(self.array[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(value, Operand):
            self.record.append(_copy(value.array, self.array[key]))
        else:
            self._fill(key, value)

    def reshape(self, *shape: Any) -> Operand:
        """A view in another shape."""
        return self._view(self.array.reshape(*shape))

    def _view(self, array: np.ndarray) -> Operand:
        if not np.may_share_memory(array, self.array):
            raise UnsupportedError("a copy")
        return Operand(array, self.record)

    def _fill(self, key: Any, value: Any) -> None:
        if not isinstance(value, int | float):
            raise UnsupportedError(f"an assignment of {type(value).__name__}")
        self.record.append(elementwise(_FILL, {0: value}, [self.array[key]]))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", (None,))
        if method != "__call__" or options or len(out) != 1 or not isinstance(out[0], Operand):
            raise UnsupportedError(f"np.{ufunc.__name__} {method} without out=, or with {options}")
        self.record += _ufunc(ufunc, [_plain(i) for i in inputs], out[0].array)
        return out[0]

    def __fused__(self, program: Program, arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        """Record a formula that the kernel calls on its operands."""
        plain = [_plain(a) for a in arguments]
        self.record += commands(program, plain, [_plain(o) for o in outs])

    def __sparse_product__(self, x: Any, factor: Any, transposed: bool) -> Operand:
        """Record the product of CSR rows, or of their transposed matrix, into this array."""
        product = sparse.backward if transposed else sparse.forward
        self.record.append(product(x, _plain(factor), self.array))
        return self

    def __array_function__(self, function: Any, types: Any, inputs: Any, named: Any) -> Any:
        if function is np.empty_like:
            return Operand(np.empty_like(*map(_plain, inputs), **named), self.record)
        if function is np.copyto and len(inputs) == 2 and not named.keys() - {"casting"}:
            self.record.append(_copy(*map(_plain, (inputs[1], inputs[0]))))
            return None
        kind = {np.sum: "sum", np.max: "max", np.argmax: "argmax"}.get(function)
        out = named.pop("out", None)
        if kind is None or not isinstance(out, Operand) or not isinstance(inputs[0], Operand):
            raise UnsupportedError(f"np.{function.__name__}")
        axis = named.pop("axis", None)
        named.pop("keepdims", None)  # the shape of out says it
        if named.pop("dtype", out.dtype) != out.dtype or named or len(inputs) > 1:
            raise UnsupportedError(f"np.{function.__name__} with other arguments")
        self.record += reduction(kind, inputs[0].array, axis, out.array)
        return out


def record_kernel(
    function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
) -> list[Command]:
    """The commands of a kernel for these arguments.

    Raises:
        UnsupportedError: it does something that no command does.
    """
    record: list[Command] = []

    def wrapped(value: Any) -> Any:
        return Operand(value, record) if isinstance(value, np.ndarray) else value

    try:
        function(*map(wrapped, arguments), **{k: wrapped(v) for k, v in named.items()})
    except Exception as error:
        # An operand is no array: whatever is wrong with the kernel, running it as it is will show.
        raise UnsupportedError(f"{function.__name__}: {error}") from error
    return record


def _plain(value: Any) -> Any:
    return value.array if isinstance(value, Operand) else value


def _copy(x: Any, out: np.ndarray) -> Command:
    """out = x, in the type of out."""
    if out.dtype.kind != "f":
        raise UnsupportedError(f"a copy to {out.dtype}")
    program = _program("positive", (isinstance(x, np.ndarray),))
    return elementwise(program, {0: x}, [out])


def _ufunc(ufunc: np.ufunc, inputs: Sequence[Any], out: np.ndarray) -> list[Command]:
    if ufunc is np.matmul:
        return product(inputs[0], inputs[1], out)
    arrays = [i if isinstance(i, np.ndarray | int | float) else np.asarray(i) for i in inputs]
    working = np.result_type(*arrays)
    if working.kind != "f" and (ufunc.__name__ not in MASKS or working.kind not in "iub"):
        raise UnsupportedError(f"np.{ufunc.__name__} in {working}")
    if ufunc.__name__ not in KNOWN:
        return [ufunc_loop(ufunc, [np.broadcast_to(a, out.shape) for a in arrays], out)]
    flags = tuple(isinstance(a, np.ndarray) for a in arrays)
    program = _program(ufunc.__name__, flags)
    return [elementwise(program, dict(enumerate(arrays)), [out], working)]


@functools.cache
def _program(ufunc: str, arrays: tuple[bool, ...]) -> Program:
    """One function of NumPy as a program."""
    places = range(len(arrays))
    step = Step(ufunc, tuple(places), len(arrays))
    return Program(
        name=ufunc,
        arrays=tuple(i for i in places if arrays[i]),
        scalars=tuple(i for i in places if not arrays[i]),
        constants={},
        prologue=(),
        steps=(step,),
        outputs=(step.target,),
    )
