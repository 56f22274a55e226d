"""The CUDA C++ source of the CUDA kernel that a traced formula is compiled to."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from minidl.accelerator.broadcasting import EACH
from minidl.accelerator.trace.program import MASKS, OPERATORS, Program, Step

#: C++ names of NumPy's types; the sizes are CUDA's on every system.
TYPES = {
    "bool": "bool",
    "int8": "signed char",
    "int16": "short",
    "int32": "int",
    "int64": "long long",
    "uint8": "unsigned char",
    "uint16": "unsigned short",
    "uint32": "unsigned int",
    "uint64": "unsigned long long",
    "float32": "float",
    "float64": "double",
}

#: C++ expressions of NumPy's functions, on numbers of the working type T.
SCALAR = {
    **OPERATORS,
    "reciprocal": "1 / {0}",
    "absolute": "fabs({0})",
    "power": "pow({0}, {1})",
    # NaN comes through, as in NumPy.
    "sign": "{0} != {0} ? {0} : T({0} > 0) - T({0} < 0)",
    "maximum": "{0} < {1} || {1} != {1} ? {1} : {0}",
    "minimum": "{0} > {1} || {1} != {1} ? {1} : {0}",
    "isfinite": "bool(isfinite({0}))",
    "logical_and": "{0} != 0 && {1} != 0",
    "logical_or": "{0} != 0 || {1} != 0",
    "arcsin": "asin({0})",
    "arccos": "acos({0})",
    "arctan": "atan({0})",
    "arcsinh": "asinh({0})",
    "arccosh": "acosh({0})",
    "arctanh": "atanh({0})",
    "arctan2": "atan2({0}, {1})",
    # C's functions of the same names.
    **{
        name: name + "({0})"
        for name in (
            "cbrt", "ceil", "cos", "cosh", "exp", "exp2", "expm1", "floor", "log", "log10", "log1p",
            "log2", "rint", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
        )
    },
    **{name: name + "({0}, {1})" for name in ("copysign", "fmax", "fmin", "hypot")},
}  # fmt: skip

_KERNEL = """\
typedef {working} T;
typedef {index} I;

extern "C" __global__ void {name}({parameters})
{{
    const I threads = I(blockDim.x) * gridDim.x;
    for (I i = I(blockDim.x) * blockIdx.x + threadIdx.x; i < size; i += threads) {{
{body}
    }}
}}
"""


def name_of(program: Program) -> str:
    """Name of the program's CUDA kernel; no word of C++ and no function of C++."""
    return f"minidl_{re.sub(r'[^0-9A-Za-z_]', '_', program.name)}"


def elementwise(
    program: Program,
    kinds: Sequence[str],
    types: Sequence[str],
    places: Sequence[int],
    overwritten: Collection[int],
    working: str,
    index: str = "uint32",
) -> str:
    """A CUDA kernel of pointers to arrays, the program's numbers, the size, and the column count.

    Each thread computes some of the elements; an array that is read and overwritten is passed once.

    Args:
        program: the formula.
        kinds, types: of the arrays: the program's, then the outputs that are no program arrays.
        places: for each output, the number of its array; -1 for the next array after the program's.
        overwritten: arrays of the program that share memory with outputs.
        working: the type of the numbers and of the computation.
        index: the type of the size; an unsigned type in which no index overflows.

    Raises:
        TypeError: no source is known for a function of the program, or for a type.
    """
    count = len(program.arrays)
    fresh = iter(range(count, len(kinds)))
    targets = [next(fresh) if place < 0 else place for place in places]
    parameters = [
        _pointer(k, name, k in targets or k in overwritten) for k, name in enumerate(types)
    ]
    parameters += [f"T r{register}" for register in program.scalar_registers]
    parameters += ["I size", "I columns"]
    at = {
        register: f"x{k}[{'i' if kinds[k] == EACH else 'i % columns'}]"
        for k, register in enumerate(program.arrays)
    }
    body = statements(program, at, [f"x{k}[i]" for k in targets], [types[k] for k in targets])
    return _KERNEL.format(
        working=_type(working),
        index=_type(index),
        name=name_of(program),
        parameters=", ".join(parameters),
        body="\n".join(f"        {line}" for line in body),
    )


def statements(
    program: Program, at: Mapping[int, str], outs: Sequence[str], types: Sequence[str]
) -> list[str]:
    """Statements that compute one element, in the type T, from the numbers r0, r1 and so on.

    Args:
        program: the formula.
        at: the expressions that read the elements of the program's arrays, by register.
        outs, types: the expressions that hold the results, and the types of the results.

    Raises:
        TypeError: no source is known for a function of the program, or for a type.
    """
    lines = [f"const T r{i} = T({place});" for i, place in at.items() if i in program.read]
    masks: set[int] = set()
    for step in program.steps:
        kind = "bool" if step.ufunc in MASKS else "T"
        lines.append(f"const {kind} r{step.target} = {_expression(program, step, masks)};")
        if step.ufunc in MASKS:
            masks.add(step.target)
    return lines + [
        f"{out} = ({_type(name)})r{register};"
        for out, name, register in zip(outs, types, program.outputs, strict=True)
    ]


def _pointer(k: int, name: str, changes: bool) -> str:
    return f"{_type(name)}* x{k}" if changes else f"const {_type(name)}* __restrict__ x{k}"


def _type(name: str) -> str:
    if name not in TYPES:
        raise TypeError(f"expected an array of {', '.join(TYPES)} on the device, received {name}")
    return TYPES[name]


def _expression(program: Program, step: Step, masks: set[int]) -> str:
    if step.ufunc not in SCALAR:
        raise TypeError(
            f"formula {program.name!r}: np.{step.ufunc} has no form on the device; expected one of "
            f"{', '.join(sorted(SCALAR))}"
        )
    numbers = masks if step.ufunc not in MASKS else ()
    names = [f"T(r{i})" if i in numbers else f"r{i}" for i in step.operands]
    return SCALAR[step.ufunc].format(*names)
