"""Arrays that record: a call of NumPy on such arrays leaves commands instead of results.

A kernel is called once with :class:`Operand` in the place of its arrays. Each call of NumPy with an
``out`` among the operands becomes commands; a call without raises :class:`UnsupportedError`, and
the kernel stays a call of Python. So a kernel is written once, in NumPy, unaware of commands.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from minidl.accelerator.trace.program import Program, Step


class UnsupportedError(ValueError):
    """No command does the work of this call: the call stays with NumPy."""


class CompilationUnavailableError(UnsupportedError):
    """No machine code can be made here, or none can be run: the call stays with NumPy as well.

    Attributes:
        reason: in words.
        mend: a command or another remedy.
    """

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason, mend)
        self.reason, self.mend = reason, mend

    def __str__(self) -> str:
        return f"{self.reason}. To mend it: {self.mend}"


class Maker(Protocol):
    """Maker of the commands of a device.

    Each method raises :class:`UnsupportedError` where no command exists, and returns commands for
    the given arrays, in order of execution.
    """

    @property
    def array(self) -> type[Any]:
        """The type of arrays there."""

    def overlap(self, a: Any, b: Any) -> bool:
        """True if two arrays may have elements in common."""

    def copy(self, x: Any, out: Any) -> list[Any]:
        """out = x, in the type of out."""

    def fill(self, value: float, out: Any) -> list[Any]:
        """out = a number."""

    def ufunc(self, ufunc: np.ufunc, inputs: Sequence[Any], out: Any) -> list[Any]:
        """out = a function of NumPy, including matmul."""

    def formula(self, program: Program, arguments: Sequence[Any], outs: Sequence[Any]) -> list[Any]:
        """outs = program(arguments)."""

    def reduction(self, kind: str, x: Any, axis: Any, out: Any) -> list[Any]:
        """out = the "sum", "max" or "argmax" of x along an axis."""

    def sparse_product(self, x: Any, factor: Any, out: Any, transposed: bool) -> list[Any]:
        """out = x factor, or xᵀ factor, for CSR rows x."""


class Operand(NDArrayOperatorsMixin):
    """An array within a kernel that is recorded."""

    __slots__ = ("array", "maker", "record")
    #: Above numbers and arrays, so that every call with an operand comes here.
    __array_priority__ = 1000

    def __init__(self, array: Any, record: list[Any], maker: Maker) -> None:
        self.array = array
        self.record = record
        self.maker = maker

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        shape: tuple[int, ...] = self.array.shape
        return shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the array's elements."""
        dtype: np.dtype[Any] = self.array.dtype
        return dtype

    @property
    def size(self) -> int:
        """Number of the array's elements."""
        return int(self.array.size)

    @property
    def ndim(self) -> int:
        """Number of the array's axes."""
        return int(self.array.ndim)

    @property
    def T(self) -> Operand:  # noqa: N802 - NumPy's name
        """The transposed array."""
        return Operand(self.array.T, self.record, self.maker)

    def __len__(self) -> int:
        return len(self.array)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise UnsupportedError("it reads the numbers themselves, as np.asarray does")

    def __getitem__(self, key: Any) -> Operand:
        return self._view(self.array[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(value, Operand):
            self.record += self.maker.copy(value.array, self.array[key])
        elif isinstance(value, int | float):
            self.record += self.maker.fill(value, self.array[key])
        else:
            raise UnsupportedError(f"an assignment of {type(value).__name__}")

    def reshape(self, *shape: Any) -> Operand:
        """A view in another shape."""
        return self._view(self.array.reshape(*shape))

    def _view(self, array: Any) -> Operand:
        if not self.maker.overlap(array, self.array):
            raise UnsupportedError("a copy")
        return Operand(array, self.record, self.maker)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", (None,))
        if method != "__call__" or options or len(out) != 1 or not isinstance(out[0], Operand):
            raise UnsupportedError(f"np.{ufunc.__name__} {method} without out=, or with {options}")
        self.record += self.maker.ufunc(ufunc, [_plain(i) for i in inputs], out[0].array)
        return out[0]

    def __fused__(self, program: Program, arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        """Record a formula that the kernel calls on operands."""
        plain = [_plain(a) for a in arguments]
        self.record += self.maker.formula(program, plain, [_plain(o) for o in outs])

    def __sparse_product__(self, x: Any, factor: Any, transposed: bool) -> Operand:
        """Record the product of CSR rows, or of their transposed matrix, into this array."""
        self.record += self.maker.sparse_product(x, _plain(factor), self.array, transposed)
        return self

    def __array_function__(self, function: Any, types: Any, inputs: Any, named: Any) -> Any:
        if function is np.empty_like:
            made = np.empty_like(*map(_plain, inputs), **named)
            return Operand(made, self.record, self.maker)
        if function is np.copyto and len(inputs) == 2 and not named.keys() - {"casting"}:
            self.record += self.maker.copy(*map(_plain, (inputs[1], inputs[0])))
            return None
        kind = {np.sum: "sum", np.max: "max", np.argmax: "argmax"}.get(function)
        out = named.pop("out", None)
        if kind is None or not isinstance(out, Operand) or not isinstance(inputs[0], Operand):
            raise UnsupportedError(f"np.{function.__name__}")
        axis = named.pop("axis", None)
        named.pop("keepdims", None)  # the shape of out says it
        # NumPy adds floats up in their own type, unless told another.
        floats = kind == "sum" and inputs[0].dtype.kind == "f"
        natural = inputs[0].dtype if floats else out.dtype
        if named.pop("dtype", natural) != out.dtype or named or len(inputs) > 1:
            raise UnsupportedError(f"np.{function.__name__} with other arguments")
        self.record += self.maker.reduction(kind, inputs[0].array, axis, out.array)
        return out


def record_kernel(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    named: dict[str, Any],
    maker: Maker,
) -> list[Any]:
    """The commands of a kernel for these arguments.

    Raises:
        UnsupportedError: the kernel makes a call that no command can replace.
    """
    record: list[Any] = []

    def wrapped(value: Any) -> Any:
        return Operand(value, record, maker) if isinstance(value, maker.array) else value

    try:
        function(*map(wrapped, arguments), **{k: wrapped(v) for k, v in named.items()})
    except Exception as error:
        # An operand is no array: a run of the kernel on arrays will show any mistake of the kernel.
        raise UnsupportedError(f"{function.__name__}: {error}") from error
    return record


def calls_of(
    entries: Iterable[Any], kind: type[Any], make: Callable[[list[Any]], Callable[[], Any]]
) -> list[Callable[[], Any]]:
    """Calls for the parts of a step: commands in a row as one, functions between unchanged.

    Args:
        entries: commands and functions, in their order.
        kind: the type of commands.
        make: makes a call of some.
    """
    calls: list[Callable[[], Any]] = []
    for are_commands, row in itertools.groupby(entries, lambda entry: isinstance(entry, kind)):
        some = list(row)
        calls += [make(some)] if are_commands else some
    return calls


def without_command(name: str, error: UnsupportedError) -> str:
    """Words for a formula or kernel that is called in Python, with the reason."""
    lines = str(error).removeprefix(f"{name}: ").splitlines()
    return f"{name}, for which there is no command{': ' if lines else ''}{''.join(lines[:1])}"


def has_operands(arguments: Sequence[Any], named: dict[str, Any]) -> bool:
    """True if a kernel is called by another kernel that is being recorded."""
    return any(isinstance(value, Operand) for value in (*arguments, *named.values()))


def _plain(value: Any) -> Any:
    """The array of an operand; a number of NumPy as Python's own, which has no address to keep."""
    if isinstance(value, np.number):
        return value.item()
    return value.array if isinstance(value, Operand) else value


@functools.cache
def of_ufunc(ufunc: str, arrays: tuple[bool, ...]) -> Program:
    """One function of NumPy as a program.

    Args:
        ufunc: the function's name.
        arrays: for each argument, True for an array, False for a number.
    """
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
