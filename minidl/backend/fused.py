"""``@fused``: hand an elementwise formula to the executor of the formula's arrays."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.backend import switch
from minidl.backend.addresses import OverlapError, location, overlapping
from minidl.backend.recorder import recorder


class Fused:
    """An elementwise formula that runs in one pass, on the host or on a device.

    ``call(*arguments)`` is the plain function and returns new arrays. ``call(*arguments, out=...)``
    writes the results into ``out`` (one array, or a tuple for a formula that returns a tuple).
    Arguments, in their order or by name, are numbers or C-contiguous arrays of the outputs' shape,
    or of their last axis alone (one row, repeated). An output may *be* one of the arguments, which
    is then overwritten; otherwise outputs do not overlap arguments.

    Raises:
        ValueError: an array has another shape or is not contiguous, an output is not float32 or
            float64, or there are too few or too many outputs.
        TypeError: the formula is not elementwise.
    """

    def __init__(self, formula: Callable[..., Any]) -> None:
        functools.update_wrapper(self, formula)
        self.formula = formula
        #: Compiled forms of the formula, by the executors' keys.
        self.compiled: dict[Any, Callable[..., None]] = {}
        self._programs: dict[tuple[bool, ...], Any] = {}

    def __reduce__(self) -> str:
        # By name: copies and pickles of an object with a formula hold this formula.
        return self.formula.__qualname__

    def __repr__(self) -> str:
        return f"<formula {self.formula.__name__}{inspect.signature(self.formula)}>"

    def __call__(self, *arguments: Any, out: Any = None, **named: Any) -> Any:
        if out is None:
            return self.formula(*arguments, **named)
        if named:
            bound = inspect.signature(self.formula).bind(*arguments, **named)
            bound.apply_defaults()
            arguments = bound.args
        outs = out if isinstance(out, tuple) else (out,)
        first = outs[0]
        tape = recorder.tape
        if tape is not None and tape.expects(self, arguments, outs):
            return out
        if not isinstance(first, np.ndarray) and hasattr(first, "__fused__"):
            given = tuple(map(_number, arguments))
            first.__fused__(self.program(given, outs), given, outs)
            return out
        if not self._check(arguments, outs):
            return self(*map(_number, arguments), out=out)
        runner = switch.executor_for(first) if tape is None else tape
        try:
            runner.formula(self, arguments, outs)
        except OverlapError:
            # Two views of the same elements are one array to a formula.
            same = [next((o for o in outs if a is not o and _one(a, o)), a) for a in arguments]
            if all(map(operator.is_, same, arguments)):
                raise
            return self(*same, out=out)
        return out

    def _check(self, arguments: tuple[Any, ...], outs: tuple[Any, ...]) -> bool:
        """Raise where arguments and outputs do not fit; whether all numbers are Python's own."""
        first = outs[0]
        try:
            shape, dtype = first.shape, first.dtype
        except AttributeError:
            raise TypeError(
                f"{self.formula.__name__}: expected an array as the output, received "
                f"{type(first).__name__}"
            ) from None
        host = isinstance(first, np.ndarray)
        for array in outs:
            # A compiled loop relies on this check: it would write past the end of a smaller array.
            self._check_array(array, shape, host, True)
            if array.shape != shape:
                raise ValueError(
                    f"{self.formula.__name__}: expected outputs of one shape, received "
                    f"{[o.shape for o in outs]}"
                )
            if array.dtype != dtype or dtype.char not in "fd":
                raise ValueError(
                    f"{self.formula.__name__}: expected outputs of one floating dtype, float32 "
                    f"or float64, received {[str(o.dtype) for o in outs]}"
                )
        for argument in arguments:
            if isinstance(argument, float | int):
                continue
            if isinstance(argument, np.number):
                return False
            self._check_array(argument, shape, host, False)
        if len(outs) > 1 and len(set(map(id, outs))) < len(outs):
            raise overlapping(self.formula.__name__)
        return True

    def program(self, arguments: Sequence[Any], outs: Sequence[Any]) -> Any:
        """The traced formula for such arguments, arrays or numbers.

        Raises:
            ValueError: too few or too many outputs.
        """
        flags = tuple(not isinstance(a, float | int) for a in arguments)
        program = self._programs.get(flags)
        if program is None:
            from minidl.accelerator.trace.program import trace

            program = self._programs[flags] = trace(self.formula, flags)
        self.check_count(len(program.outputs), outs)
        return program

    def check_count(self, results: int, outs: Sequence[Any]) -> None:
        """Raise unless there are as many outputs as results.

        Raises:
            ValueError: there are more or fewer.
        """
        if results != len(outs):
            raise ValueError(
                f"{self.formula.__name__}: expected {results} output arrays, received {len(outs)}"
            )

    def _check_array(self, array: Any, shape: tuple[int, ...], host: bool, written: bool) -> None:
        """Raise where machine code would leave an array, or write to read-only memory.

        Args:
            array: an output or an argument.
            shape: of the outputs.
            host: True for an array that has to be an array of NumPy.
            written: True for an output.
        """
        if host and not isinstance(array, np.ndarray):
            raise TypeError(
                f"{self.formula.__name__}: expected NumPy arrays and numbers, received "
                f"{type(array).__name__}"
            )
        if array.shape != shape and array.shape != shape[-1:]:
            raise ValueError(
                f"{self.formula.__name__}: expected arrays of shape {shape} or {shape[-1:]}, "
                f"received {array.shape}"
            )
        flags = array.flags
        if host and flags.carray:  # contiguous, aligned, writeable
            return
        if not flags.c_contiguous:
            raise ValueError(
                f"{self.formula.__name__}: expected C-contiguous arrays, received one of shape "
                f"{array.shape} whose elements do not lie one after the other"
            )
        if host and not flags.aligned:
            raise ValueError(
                f"{self.formula.__name__}: expected arrays whose elements are aligned, received "
                f"one of {array.dtype} at an odd address; copy it, with .copy()"
            )
        if host and written:
            raise ValueError(
                f"{self.formula.__name__}: expected outputs that can be written, received one that "
                "is read-only"
            )


def _number(argument: Any) -> Any:
    return argument.item() if isinstance(argument, np.number) else argument


def _one(a: Any, b: Any) -> bool:
    return isinstance(a, np.ndarray) and location(a) == location(b)


def fused(formula: Callable[..., Any]) -> Fused:
    """Decorate an elementwise formula so that each backend runs it in one pass."""
    return Fused(formula)
