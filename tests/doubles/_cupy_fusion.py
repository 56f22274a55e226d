"""``cupy.fuse`` of the double: traces a function once for each set of dtypes and replays it.

The trace follows CuPy 14.2's first tracer (cupy/_core/fusion.pyx): loops are chosen as there
(see _cupy_ufuncs.py on weak scalars), Python constants are frozen at the first call, and every
result has the broadcast shape of all arguments. Where that tracer gives up, CuPy tries a second
one, which also knows one-axis reductions and reversed views; the double stops there, with the
error the second one ends in.
"""

from __future__ import annotations

import functools
import re
from typing import Any, NamedTuple

import numpy as np

from ._cupy_array import ndarray, wrap
from ._cupy_state import MODULE, STATE, publish, require_device
from ._cupy_ufuncs import Loop, astype_ufunc, check_cast, copy_ufunc, ufunc

_OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide",
    "floordiv": "floor_divide", "mod": "remainder", "lshift": "left_shift",
    "rshift": "right_shift", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
}  # fmt: skip
_COMPARISONS = {
    "lt": "less", "le": "less_equal", "eq": "equal",
    "ne": "not_equal", "gt": "greater", "ge": "greater_equal",
}  # fmt: skip


class ScalarVariable:
    """A scalar inside a fused function. It has operators, ``dtype`` and ``ndim``: no ``shape``,
    no indexing, no ``abs``, no reductions, no truth value, and NumPy's ufuncs do not know it.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, index: int, dtype: np.dtype, ndim: int, weak: Any) -> None:
        self._index = index
        self.dtype = dtype
        self.ndim = ndim  # -1 for a scalar
        self._weak = weak

    def __repr__(self) -> str:
        return f"<_FusionVar {self.dtype} {self.ndim}-dim>"

    @property
    def shape(self) -> Any:
        raise NotImplementedError("`shape` is not supported, currently.")

    def _no_host_value(self) -> Any:
        raise TypeError("Cannot convert to Python scalar in cupy.fuse")

    __bool__ = __int__ = __float__ = _no_host_value

    def __neg__(self) -> Any:
        return MODULE.negative(self)

    def __invert__(self) -> Any:
        return MODULE.invert(self)

    def __pow__(self, other: Any) -> Any:  # without a reflected form
        return MODULE.power(self, other)

    def __setitem__(self, index: Any, value: Any) -> None:
        if not (index is Ellipsis or (isinstance(index, slice) and index == slice(None))):
            raise ValueError("The fusion supports `[...]` or `[:]`.")
        copy_ufunc(value, out=self)

    def copy(self) -> Any:
        return MODULE.copy(self)

    def astype(
        self, dtype: Any, order: Any = None, casting: Any = None, subok: Any = None,
        copy: bool = True,
    ) -> Any:  # fmt: skip
        if not order is casting is subok is None:
            raise TypeError("order, casting and subok are not supported yet")
        return self if not copy and self.dtype == dtype else astype_ufunc(np.dtype(dtype))(self)


class ArrayVariable(ScalarVariable):
    """An array inside a fused function: its in-place operators write into it."""


def _equip() -> None:
    def forward(name: str) -> Any:
        return lambda self, other: getattr(MODULE, name)(self, other)

    def reflected(name: str) -> Any:
        return lambda self, other: getattr(MODULE, name)(other, self)

    def in_place(name: str) -> Any:
        return lambda self, other: getattr(MODULE, name)(self, other, self)

    for symbol, name in _OPERATORS.items():
        setattr(ScalarVariable, f"__{symbol}__", forward(name))
        setattr(ScalarVariable, f"__r{symbol}__", reflected(name))
        setattr(ArrayVariable, f"__i{symbol}__", in_place(name))
    ArrayVariable.__ipow__ = in_place("power")
    for symbol, name in _COMPARISONS.items():
        setattr(ScalarVariable, f"__{symbol}__", forward(name))


_equip()


class Step(NamedTuple):
    function: ufunc
    loop: Loop
    inputs: list[int]
    result: int


class Tracer:
    """Records what a function does with its arguments; `replay` does it to arrays."""

    def __init__(self, args: tuple[Any, ...]) -> None:
        self.dtypes: list[np.dtype] = []
        self.constants: dict[int, Any] = {}
        self.steps: list[Step] = []
        self.arguments = [None if arg is None else self._argument(arg) for arg in args]
        self.written: set[int] = set()
        self.results: list[int] = []
        self.returns_tuple = False

    def _variable(self, dtype: np.dtype, ndim: int, weak: Any = False) -> ScalarVariable:
        self.dtypes.append(dtype)
        kind = ScalarVariable if ndim == -1 else ArrayVariable
        return kind(len(self.dtypes) - 1, dtype, ndim, weak)

    def _argument(self, arg: Any) -> ScalarVariable:
        if isinstance(arg, ndarray):
            return self._variable(arg.dtype, arg.ndim)
        return self._variable(np.dtype(type(arg)), -1, type(arg))

    def _lift(self, value: Any) -> ScalarVariable:
        if isinstance(value, ScalarVariable):
            return value
        if isinstance(value, (bool, int, float, np.generic)):
            variable = self._argument(value)
            self.constants[variable._index] = value
            return variable
        if isinstance(value, (ndarray, np.ndarray)):
            raise TypeError("Concrete ndarray is not supported in fusion.")
        raise TypeError(f"{type(value)} type is not supported")

    def trace(self, function: Any) -> None:
        STATE.tracer = self
        try:
            value = function(*self.arguments)
        finally:
            STATE.tracer = None
        results = value if isinstance(value, tuple) else () if value is None else (value,)
        if not all(isinstance(result, ScalarVariable) for result in results):
            raise ValueError(
                "The return value of fused functions must be `None`, ndarray or a tuple of ndarays."
            )
        self.results = [result._index for result in results]
        self.returns_tuple = isinstance(value, tuple)

    def call_ufunc(self, function: ufunc, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        variables = [self._lift(arg) for arg in args]
        inputs, outputs = variables[: function.nin], variables[function.nin :]
        out = kwargs.pop("out", None)
        if out is not None:
            if outputs:
                raise ValueError("cannot specify 'out' as both a positional and keyword argument")
            outputs = [self._lift(out)]
        if kwargs:
            raise TypeError(f"Wrong arguments {kwargs}")
        if len(inputs) != function.nin or len(outputs) > 1:
            raise ValueError("invalid number of arguments")
        if not all(isinstance(variable, ArrayVariable) for variable in outputs):
            raise TypeError("return arrays must be of ArrayType")
        ndim = max(variable.ndim for variable in inputs)
        if any(variable.ndim < ndim for variable in outputs):
            raise ValueError("non-broadcastable output operand")

        dtypes = tuple(variable.dtype for variable in inputs)
        loop = function.loop(dtypes, tuple(variable._weak for variable in inputs))
        if loop is None:
            raise TypeError(f"Invalid type cast in 'cupy_{function.__name__}': {dtypes}")
        if outputs:
            check_cast(loop.result, outputs[0].dtype, "same_kind", "output 0")
            result = outputs[0]
            self.written.add(result._index)
        else:
            result = self._variable(loop.result, ndim)
        indices = [variable._index for variable in inputs]
        self.steps.append(Step(function, loop, indices, result._index))
        return result

    def replay(self, args: tuple[Any, ...]) -> Any:
        shape = np.broadcast_shapes(*(arg.shape for arg in args if isinstance(arg, ndarray)))
        values: dict[int, Any] = dict(self.constants)
        for variable, arg in zip(self.arguments, args, strict=True):
            if variable is not None:
                is_array = isinstance(arg, ndarray)
                values[variable._index] = arg._host if is_array else variable.dtype.type(arg)
        arrays = {index: value for index, value in values.items() if isinstance(value, np.ndarray)}
        self._check_written(arrays, shape)
        for step in self.steps:
            result = step.function.compute(step.loop, [values[i] for i in step.inputs])
            with np.errstate(all="ignore"):
                if step.result in arrays:
                    np.copyto(arrays[step.result], result, casting="unsafe")
                else:  # a register
                    values[step.result] = result.astype(self.dtypes[step.result])
        results = []
        for index in self.results:
            host = np.empty(shape, self.dtypes[index])
            host[...] = values[index]
            results.append(wrap(host))
        if self.returns_tuple:
            return tuple(results)
        return results[0] if results else None

    def _check_written(self, arrays: dict[int, np.ndarray], shape: tuple[int, ...]) -> None:
        """On a device these two are races, and no error."""
        for index in self.written & arrays.keys():
            target = arrays[index]
            if target.shape != shape:
                raise ValueError(
                    f"expected an argument of shape {shape} to write into, received {target.shape}"
                )
            for other in arrays.values():
                same = target.__array_interface__ == other.__array_interface__
                if not same and np.shares_memory(target, other):
                    raise ValueError("an argument that is written overlaps another one")


class Fusion:
    """A fused function. Without a device array among its arguments it is the plain function."""

    def __init__(self, func: Any, name: str | None = None) -> None:
        self.func = func
        self.name = name or func.__name__
        self._traces: dict[Any, Tracer] = {}

    def __repr__(self) -> str:
        return f"<Fusion '{self.name}'>"

    def clear_cache(self) -> None:
        self._traces = {}

    def __call__(self, *args: Any) -> Any:
        if STATE.tracer is not None or not any(isinstance(arg, ndarray) for arg in args):
            return self.func(*args)
        accepted = (ndarray, np.ndarray, np.generic, int, float, type(None))
        if not all(isinstance(arg, accepted) for arg in args):
            kinds = ", ".join(repr(type(arg)) for arg in args)
            raise TypeError(f"Invalid argument type for '{self.name}': ({kinds})")
        require_device()
        key = tuple(map(self._key, args))
        if key not in self._traces:
            tracer = Tracer(args)
            tracer.trace(self.func)
            if not re.match("^[a-zA-Z_][a-zA-Z_0-9]*$", self.name):  # a lambda, say
                raise ValueError(f'Invalid kernel name: "{self.name}"')
            self._traces[key] = tracer
        return self._traces[key].replay(args)

    @staticmethod
    def _key(arg: Any) -> Any:
        if isinstance(arg, ndarray):
            return arg.dtype.char, arg.ndim
        if isinstance(arg, np.generic):
            return arg.dtype.char
        if arg is None:
            return None
        for kind in (float, int):  # a bool counts as an int here
            if isinstance(arg, kind):
                return kind
        raise AssertionError("a NumPy array beside a device array")


@publish
def fuse(*args: Any, **kwargs: Any) -> Any:
    def wrapper(f: Any, kernel_name: str | None = None) -> Fusion:
        return Fusion(f, kernel_name)

    if len(args) == 1 and not kwargs and callable(args[0]):
        return functools.update_wrapper(wrapper(args[0]), args[0])
    return lambda f: functools.update_wrapper(wrapper(f, *args, **kwargs), f)
