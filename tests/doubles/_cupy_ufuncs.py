"""The double's ufuncs: CuPy's tables of loops, its choice of a loop, its checks.

A loop is written as in NumPy: ``ff->?`` takes two float32 and gives a bool. CuPy runs the first
loop of the table that the inputs can be cast to (cupy/_core/_kernel.pyx, `_Ops`). Python scalars
are weak there, as in NumPy. The tables are `ufunc.types` of CuPy 14.2 without its complex loops:
the double has no complex numbers.
"""

# ruff: noqa: N801 - the names are CuPy's
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._cupy_array import ndarray, wrap
from ._cupy_state import MODULE, require_device

Weak = Any  # the Python type of a weak scalar, or False


class Loop(NamedTuple):
    inputs: tuple[np.dtype, ...]
    result: np.dtype


_INTEGERS = "bBhHiIlLqQ"
_FLOATS = "efd"
_BITS = "?" + _INTEGERS
_NUMBERS = _INTEGERS + _FLOATS
_ALL = "?" + _NUMBERS
_PAIRS = "??->? qq->? QQ->? qQ->? Qq->?"


def _keep(nin: int, kinds: str) -> str:
    return " ".join(f"{kind * nin}->{kind}" for kind in kinds)


def _test(nin: int, kinds: str) -> str:
    return " ".join(f"{kind * nin}->?" for kind in kinds)


_LOOPS = {
    "add subtract multiply maximum minimum fmax fmin": _keep(2, _ALL),
    "power": "??->b " + _keep(2, _NUMBERS),
    "true_divide": "qq->d qQ->d Qq->d QQ->d " + _keep(2, _FLOATS),
    "floor_divide remainder fmod": _keep(2, _NUMBERS),
    "arctan2 copysign hypot logaddexp": _keep(2, _FLOATS),
    "negative positive absolute floor ceil trunc": _keep(1, _ALL),
    "sign square reciprocal": _keep(1, _NUMBERS),
    "sqrt exp exp2 expm1 log log2 log10 log1p cbrt fabs rint": _keep(1, _FLOATS),
    "sin cos tan arctan sinh cosh tanh": _keep(1, _FLOATS),
    "isfinite isinf isnan signbit": _test(1, _FLOATS),
    "greater greater_equal less less_equal equal not_equal": _PAIRS + " " + _test(2, _FLOATS),
    "logical_and logical_or": _PAIRS + " " + _test(2, _FLOATS),
    "logical_xor": _test(2, _ALL),
    "logical_not": _test(1, _ALL),
    "bitwise_and bitwise_or bitwise_xor": _keep(2, _BITS),
    "left_shift right_shift": _keep(2, _INTEGERS),
    "invert": _keep(1, _BITS),
}
_PROMOTES_WEAK_INTEGERS = {
    "greater", "greater_equal", "less", "less_equal", "equal", "not_equal",
    "logical_and", "logical_or",
}  # fmt: skip
#: What moves numbers and computes nothing.
_COPIES = {"copy", "where"}
_ALIASES = {"divide": "true_divide", "abs": "absolute", "mod": "remainder", "pow": "power"}


def _parse(text: str) -> list[Loop]:
    loops = []
    for item in text.split():
        inputs, result = item.split("->")
        loops.append(Loop(tuple(map(np.dtype, inputs)), np.dtype(result)))
    return loops


def _rank(scalar_type: type) -> int:
    if issubclass(scalar_type, np.bool_):
        return 0
    return 1 if issubclass(scalar_type, (np.integer, int)) else 2


def _weak_scalars_count(dtypes: tuple[np.dtype, ...], weak: tuple[Weak, ...]) -> bool:
    """Scalars stay weak beside an array of at least their kind (`_should_use_weak_scalar`)."""
    scalars = [_rank(w) for w in weak if w]
    arrays = [_rank(t.type) for t, w in zip(dtypes, weak, strict=True) if not w]
    return bool(scalars and arrays) and max(arrays) >= max(scalars)


def check_cast(source: np.dtype, target: np.dtype, casting: str, name: str) -> None:
    if not np.can_cast(source, target, casting):  # type: ignore[arg-type]
        raise TypeError(
            f"Cannot cast {name} from {source!r} to {target!r} according to the rule '{casting}'"
        )


def flushed(array: np.ndarray) -> np.ndarray:
    """Subnormal float32 numbers as 0: CuPy compiles its functions, too, with ``-ftz=true``."""
    if array.dtype != np.float32:
        return array
    small = np.abs(array) < np.finfo(np.float32).tiny
    return np.where(small, np.copysign(np.float32(0), array), array) if small.any() else array


class Operand(NamedTuple):
    value: Any
    dtype: np.dtype
    weak: Weak

    @classmethod
    def of(cls, value: Any) -> Operand:
        if isinstance(value, ndarray):
            return cls(value._host, value.dtype, False)
        if type(value) in (bool, int, float):
            unsigned = type(value) is int and value >= 2**63
            dtype = np.dtype(np.uint64 if unsigned else type(value))
            return cls(value, dtype, type(value))
        if isinstance(value, np.generic):
            return cls(value, value.dtype, False)
        raise TypeError(f"Unsupported type {type(value)}")


class ufunc:
    """An elementwise function; only ``out``, ``dtype`` and ``casting`` are keywords."""

    nout = 1

    def __init__(self, name: str, loops: str, host: Any, casting: str = "same_kind") -> None:
        self.__name__ = name
        self.loops = _parse(loops)
        self.nin = len(self.loops[0].inputs)
        self._host = host
        self._casting = casting
        self._chosen: dict[Any, Loop | None] = {}

    def __repr__(self) -> str:
        return f"<ufunc 'cupy_{self.__name__}'>"

    def loop(self, dtypes: tuple[np.dtype, ...], weak: tuple[Weak, ...]) -> Loop | None:
        """The first loop that takes the inputs, or None: `_guess_routine_from_in_types`."""
        key = (dtypes, weak)
        if key not in self._chosen:
            self._chosen[key] = self._find(dtypes, weak)
        return self._chosen[key]

    def _find(self, dtypes: tuple[np.dtype, ...], weak: tuple[Weak, ...]) -> Loop | None:
        if self.__name__ in _PROMOTES_WEAK_INTEGERS:
            strong_integer = [not w and t.kind in "iu" for t, w in zip(dtypes, weak, strict=True)]
            if any(strong_integer):
                weak = tuple(False if w is int else w for w in weak)
        for loop in self.loops:
            if all(map(self._fits, dtypes, weak, loop.inputs)):
                return loop
        return None

    @staticmethod
    def _fits(dtype: np.dtype, weak: Weak, target: np.dtype) -> bool:
        if np.can_cast(dtype, target):
            return True
        return bool(weak) and np.result_type(weak(0), target) == target

    def loop_for(self, operands: list[Operand], dtype: Any) -> Loop:
        """The loop of a call: `guess_routine`."""
        if dtype is None:
            dtypes = tuple(operand.dtype for operand in operands)
            weak = tuple(operand.weak for operand in operands)
            if not _weak_scalars_count(dtypes, weak):
                weak = (False,) * len(weak)
            loop, wanted = self.loop(dtypes, weak), str(dtypes)
        else:
            wanted = str(np.dtype(dtype))
            matching = [loop for loop in self.loops if loop.result == np.dtype(dtype)]
            if self.__name__ == "true_divide":  # explicit dtypes have a table of their own
                matching = [loop for loop in matching if loop.inputs[0] == loop.result]
            loop = matching[0] if matching else None
        if loop is None:
            raise TypeError(f"Wrong type ({wanted}) of arguments for cupy_{self.__name__}")
        return loop

    def compute(self, loop: Loop, values: list[Any]) -> np.ndarray:
        """The result on the host; a device warns of nothing."""
        with np.errstate(all="ignore"):
            inputs = [
                value.astype(dtype, copy=False)
                if isinstance(value, np.ndarray)
                else np.array(value, dtype=dtype)  # a Python integer out of range is an error
                for value, dtype in zip(values, loop.inputs, strict=True)
            ]
            if self.__name__ in _COPIES:
                return np.asarray(self._host(*inputs))
            return flushed(np.asarray(self._host(*map(flushed, inputs))))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        require_device()
        out = kwargs.pop("out", None)
        dtype = kwargs.pop("dtype", None)
        casting = kwargs.pop("casting", self._casting)
        if kwargs:
            raise TypeError(f"Wrong arguments {kwargs}")
        if not self.nin <= len(args) <= self.nin + 1:
            raise TypeError(
                f"Wrong number of arguments for 'cupy_{self.__name__}'. It must be either"
                f" {self.nin} or {self.nin + 1} (with outputs), but given {len(args)}."
            )
        if out is not None and len(args) > self.nin:
            raise ValueError("Cannot specify 'out' as both a positional and keyword argument")
        if isinstance(out, tuple):
            if len(out) != 1:
                raise ValueError("The 'out' tuple must have exactly one entry per ufunc output")
            out = out[0]
        out = args[self.nin] if len(args) > self.nin else out

        operands = [Operand.of(value) for value in args[: self.nin]]
        loop = self.loop_for(operands, dtype)
        if out is None:
            shapes = (np.shape(operand.value) for operand in operands)
            result = np.empty(np.broadcast_shapes(*shapes), loop.result)  # always in C order
        else:
            if not isinstance(out, ndarray):
                raise TypeError("Output arguments type must be cupy.ndarray")
            check_cast(loop.result, out.dtype, casting, "output operand")
            result = out._host
        values = self.compute(loop, [operand.value for operand in operands])
        if np.broadcast_shapes(values.shape, result.shape) != result.shape:
            raise ValueError("Out shape is mismatched")
        with np.errstate(all="ignore"):
            np.copyto(result, values, casting="unsafe")
        return wrap(result) if out is None else out


def _clip(x: Any, low: Any, high: Any) -> Any:
    inside = np.where(x < low, low, np.where(x > high, high, x))
    return np.where(low > high, high, inside)


# Reached through functions of other signatures.
where_ufunc = ufunc("where", " ".join(f"?{k}{k}->{k}" for k in _ALL), np.where)
clip_ufunc = ufunc("clip", _keep(3, _ALL), _clip)
copy_ufunc = ufunc("copy", _keep(1, _ALL), np.copy, casting="unsafe")


for _names, _table in _LOOPS.items():
    for _name in _names.split():
        setattr(MODULE, _name, ufunc(_name, _table, getattr(np, _name)))
for _alias, _name in _ALIASES.items():
    setattr(MODULE, _alias, getattr(MODULE, _name))
MODULE.ufunc = ufunc
