"""Run a formula as one CUDA kernel, with CuPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.accelerator.broadcasting import BY_COLUMN, EACH
from minidl.accelerator.gpu import kernels
from minidl.accelerator.trace.cuda_source import elementwise, name_of
from minidl.accelerator.trace.program import Program

name = "cuda"

#: From so many elements on a place takes more than 32 bits: threads may count beyond the last.
MANY = 1 << 31


def compile(program: Program, aliases: Sequence[Sequence[int]]) -> Callable[..., None]:
    """Compile ``program`` to ``run(arguments, outs)`` over CuPy arrays.

    Args:
        program: the traced formula.
        aliases: for each output, the arguments whose array the output overwrites.

    Raises:
        TypeError: a function or a type that has no form on the device.
    """
    read = program.arrays
    places = [next((read.index(i) for i in alias if i in read), -1) for alias in aliases]
    overwritten = {read.index(i) for alias in aliases for i in alias if i in read}
    fresh = [k for k, place in enumerate(places) if place < 0]
    made: dict[Any, Any] = {}

    def run(arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        first = outs[0]
        shape, number = first.shape, first.dtype.type
        arrays = [arguments[i] for i in read] + [outs[k] for k in fresh]
        index = np.uint32 if first.size < MANY else np.uint64
        key = index, first.dtype, *[(a.dtype, a.shape == shape) for a in arrays]
        function = made.get(key)
        if function is None:
            if not all(hasattr(a, "__cuda_array_interface__") for a in arrays):
                raise TypeError(f"{program.name}: expected arrays on the device, received NumPy's")
            kinds = [EACH if a.shape == shape else BY_COLUMN for a in arrays]
            types = [a.dtype.name for a in arrays]
            text = elementwise(
                program, kinds, types, places, overwritten, first.dtype.name, index.__name__
            )
            function = made[key] = kernels.cuda_kernel(text, name_of(program))
        numbers = map(number, program.numbers(arguments))
        sizes = index(first.size), index(shape[-1] if shape else 1)
        kernels.launch(function, first.size, (*arrays, *numbers, *sizes))

    return run
