"""Run a formula as one compiled loop, with Numba.

The program becomes the source of a loop over elements, written to a file in the user's
cache so that Numba can keep the compiled code beside it; a second process starts without
compiling. Formulas with exponentials stay in blocks: Numba without a vector mathematics
library takes some 6 ns for an ``exp``, NumPy's own about 1.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from minidl.backend import blocks
from minidl.backend.formula import MASKS, Program, Step

name = "numba"

# How each NumPy function reads on scalars. T is the working floating type: Numba, unlike
# NumPy, would widen float32 beside a Python number or a uint16 to float64.
_SCALAR = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "positive": "{0}",
    "square": "{0} * {0}",
    "sqrt": "math.sqrt({0})",
    "absolute": "abs({0})",
    # NaN comes through, as it does in NumPy.
    "sign": "{0} if {0} != {0} else T({0} > 0) - T({0} < 0)",
    "maximum": "{1} if {0} < {1} or {1} != {1} else {0}",
    "minimum": "{1} if {0} > {1} or {1} != {1} else {0}",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "isfinite": "math.isfinite({0})",
    "logical_and": "({0} != 0) & ({1} != 0)",
    "logical_or": "({0} != 0) | ({1} != 0)",
}


def available() -> bool:
    """Whether Numba is installed; does not import it."""
    return importlib.util.find_spec("numba") is not None


def compile(program: Program, aliases: Sequence[Sequence[int]]) -> Callable[..., None]:
    """Compile ``program`` to ``run(arguments, outs)`` over NumPy arrays.

    Args:
        program: the traced formula.
        aliases: for each output, the arguments whose array it overwrites.
    """
    if not program.ufuncs() <= set(_SCALAR):
        return blocks.compile(program, aliases)
    scalars = program.scalar_registers
    fresh = [k for k, alias in enumerate(aliases) if not alias]
    loops: dict[Any, Any] = {}

    def run(arguments: Sequence[Any], outs: Sequence[np.ndarray]) -> None:
        first = outs[0]
        shape = first.shape
        row = tuple(index for index in program.arrays if arguments[index].shape != shape)
        key = (first.dtype, row)
        loop = loops.get(key)
        if loop is None:
            source = loop_source(program, aliases, row, first.dtype)
            loop = loops[key] = _load(program.name, source)
        flat = (-1, shape[-1]) if row else (-1,)
        values = program.scalar_values(arguments)
        cast = first.dtype.type
        loop(
            *[arguments[i] if i in row else arguments[i].reshape(flat) for i in program.arrays],
            *[outs[k].reshape(flat) for k in fresh],
            *[cast(values[i]) for i in scalars],
        )

    return run


def loop_source(
    program: Program, aliases: Sequence[Sequence[int]], row: Sequence[int], dtype: np.dtype[Any]
) -> str:
    """Python source of the loop that Numba compiles.

    An array that is updated in place is one argument, read and written: passed twice, it
    would fail the compiler's overlap check and the loop would run one element at a time.
    """
    scalars = program.scalar_registers
    fresh = [k for k, alias in enumerate(aliases) if not alias]
    arrays = [f"x{i}" for i in program.arrays] + [f"out{k}" for k in fresh]
    size = next(a for a in arrays if not a.startswith("x") or int(a[1:]) not in row)
    here, pad = ("i, j", " " * 8) if row else ("i", " " * 4)
    body = [f"r{i} = T(x{i}[{'j' if i in row else here}])" for i in program.arrays]
    masks: set[int] = set()
    for step in program.steps:
        body.append(f"r{step.target} = {_expression(step, masks)}")
        if step.ufunc in MASKS:
            masks.add(step.target)
    for k, register in enumerate(program.outputs):
        target = f"x{aliases[k][0]}" if aliases[k] else f"out{k}"
        body.append(f"{target}[{here}] = r{register}")
    return "\n".join(
        [
            "import math",
            "import numba",
            f"from numpy import {dtype.name} as T",
            "",
            # NumPy's rules for division by zero: Numba's own would forbid vector code.
            '@numba.njit(cache=True, error_model="numpy", nogil=True)',
            f"def {program.name}({', '.join(arrays + [f'r{i}' for i in scalars])}):",
            f"    for i in range({size}.shape[0]):",
            *([f"        for j in range({size}.shape[1]):"] if row else []),
            *[f"    {pad}{line}" for line in body],
            "",
        ]
    )


def _expression(step: Step, masks: set[int]) -> str:
    numbers = masks if step.ufunc not in MASKS else ()
    names = [f"T(r{i})" if i in numbers else f"r{i}" for i in step.operands]
    return _SCALAR[step.ufunc].format(*names)


def _load(function: str, source: str) -> Any:
    """Write ``source`` into the cache, once for each content, and import the function."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    path = _directory() / f"{function}_{digest}.py"
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False) as file:
            file.write(source)
        os.replace(file.name, path)
    return getattr(_import(path), function)


def _import(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"minidl_loop_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import the generated loop {path}")
    module = importlib.util.module_from_spec(spec)
    # Compiled code taken from Numba's cache imports its module again, by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@functools.cache
def _directory() -> Path:
    """The user's cache, or a temporary folder where that cannot be written."""
    import pooch

    path = Path(pooch.os_cache("minidl")) / "loops"
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError:
        return Path(tempfile.mkdtemp(prefix="minidl-loops-"))
