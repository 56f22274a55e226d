"""Run a formula as one loop, compiled by LLVM.

The program becomes the source of a loop over elements, and the loop becomes machine code in the
user's cache (``cpu/machine/machine_code.py``): a second process starts without compiling. Formulas
with exponentials stay in blocks: NumPy computes some five in the time that C's ``exp`` takes for
one.
"""

from __future__ import annotations

import functools
import importlib.util
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.accelerator.record.operands import CompilationUnavailableError
from minidl.accelerator.trace import blocks
from minidl.accelerator.trace.program import Program

name = "compiled"

#: Packages needed beyond the requirements of minidl, with the modules of each.
_NEEDED = {"llvmlite": "llvmlite", "pyelftools": "elftools"}


def lacking() -> list[str]:
    """The packages that this needs and that are not installed; imports none."""
    return [package for package, module in _NEEDED.items() if not importlib.util.find_spec(module)]


def available() -> bool:
    """True if no package is lacking."""
    return not lacking()


class _Here(threading.local):
    passing = False


_here = _Here()


@contextmanager
def passing() -> Iterator[None]:
    """Run formulas in blocks here, unless compiled already: the formulas will not be called again.

    The first steps of a training are called, and all later steps are played, by other loops.
    """
    before = _here.passing
    try:
        _here.passing = True
        yield
    finally:
        _here.passing = before


@functools.cache
def obstacle() -> CompilationUnavailableError | None:
    """Reason why this process can have or run no compiled code although no package is lacking.

    The first call compiles a command, or loads the command from the cache, and runs it; LLVM is
    loaded only to compile.
    """
    try:
        from minidl.accelerator.cpu.machine import trial

        trial.attempt()
    except CompilationUnavailableError as error:
        return error.with_traceback(None)
    except ImportError as error:  # of what this package itself needs
        return CompilationUnavailableError(str(error), "pip install --upgrade 'minidl[fast]'")
    return None


def compile(program: Program, aliases: Sequence[Sequence[int]]) -> Callable[..., None]:
    """Compile ``program`` to ``run(arguments, outs)`` over NumPy arrays.

    Args:
        program: the traced formula.
        aliases: for each output, the arguments whose array the output overwrites.
    """
    from minidl.accelerator.cpu import player

    if not program.ufuncs() <= player.KNOWN:
        return blocks.compile(program, aliases)
    # An array that is overwritten is one array of the loop, read and written.
    read = program.arrays
    places = [next((read.index(i) for i in alias if i in read), -1) for alias in aliases]
    fresh = [k for k, place in enumerate(places) if place < 0]
    loops: dict[Any, Any] = {}
    in_blocks = functools.cache(lambda: blocks.compile(program, aliases))

    def run(arguments: Sequence[Any], outs: Sequence[np.ndarray]) -> None:
        first = outs[0]
        shape = first.shape
        arrays = [arguments[i] for i in read] + [outs[k] for k in fresh]
        each = [array.shape == shape for array in arrays]
        key = (first.dtype, *each, *[array.dtype for array in arrays])
        loop = loops.get(key)
        if loop is None and _here.passing:
            in_blocks()(arguments, outs)
            return
        try:
            if loop is None:
                loop = loops[key] = player.Eager(program, each, arrays, places, first.dtype)
            loop(arrays, program.numbers(arguments), shape)
        except player.UnsupportedError:  # raised before anything is written
            in_blocks()(arguments, outs)

    return run
