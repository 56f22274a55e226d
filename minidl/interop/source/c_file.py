"""A network as one C99 file without dependencies: traced kernels, and the network's numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minidl.interop.calls import Call, calls_of
from minidl.interop.source.c_loops import NAMED, block, in_comment, literal

_HEAD = """\
/* The network {name}: predict(x, y), one row at a time. Written by minidl.

   x: {inputs} numbers, in C order of the shape {shape}. y: {outputs} numbers, not in x.
   predict takes {stack} bytes of the stack, calls nothing but math.h, and keeps no state.
   Compile with -ffp-contract=off (or -std=c99, for GCC) and without -ffast-math, and the bits are
   the same everywhere but for exp, log and tanh. Above each part stands its kernel. */
#include <math.h>
#include <stddef.h>

typedef {type} real;

"""

_PER_LINE = 6


def to_c_source(model: Any) -> str:
    """The text of a C99 file that defines ``void predict(const real x[], real y[])``.

    ``real`` is float or double, as the model's type. The file needs ``math.h`` alone and allocates
    nothing. The first lines say how much of the stack a row takes. The file has the operations of
    the kernels in the same order, and sums run from the first feature to the last. So the outputs
    equal the kernels' outputs under NumPy bit for bit, if NumPy adds in this order and takes exp,
    log, log1p and tanh from the C library. NumPy's own functions differ by up to 4 units of the
    last place. The outputs of ``model.predict`` differ by rounding, because BLAS adds in another
    order. The compiler must not reorder or contract operations: ``-ffp-contract=off`` (for GCC,
    ``-std=c99`` does the same) and no ``-ffast-math``.

    Args:
        model: any model; your own activations may apply functions of NumPy.

    Raises:
        ConversionError: the model has layers of your own, or an activation that branches or calls
            a function that C lacks; the message names each.
        ValueError: the shape of a row is not known yet.
    """
    calls = [call for call in calls_of(model, "C source") if call.function is not None]
    single = np.dtype(model.dtype) == np.float32
    inputs, outputs = math.prod(model.input_row), math.prod(model.output_row)
    widest = max([1, *(math.prod(call.output_shape) for call in calls[:-1])])
    body, used = [], set()
    for number, (call, source, target) in enumerate(_places(calls)):
        text, functions = block(call, number, source, target, single)
        body.append(text)
        used |= functions
    if not calls:
        body.append(f"    for (size_t k = 0; k < {inputs}; k++) y[k] = x[k];\n")
    memory = [name for name in "ab" if any(name in (s, t) for _, s, t in _places(calls))]
    head = _HEAD.format(
        name=in_comment(model.name), inputs=inputs, outputs=outputs,
        shape=tuple(model.input_row), stack=widest * len(memory) * (4 if single else 8),
        type="float" if single else "double",
    )  # fmt: skip
    arrays = "".join(_arrays(calls, single))
    helpers = "".join(NAMED[name] for name in sorted(used))
    declared = f"    real {', '.join(f'{name}[{widest}]' for name in memory)};\n" if memory else ""
    start = f"void predict(const real x[{inputs}], real y[{outputs}]);\n\n"
    start += f"void predict(const real x[{inputs}], real y[{outputs}])\n{{\n"
    return f"{head}{helpers}{arrays}{start}{declared}{''.join(body)}}}\n"


def _places(calls: Sequence[Call]) -> Iterator[tuple[Call, str, str]]:
    """Each call, with the names of the memory to read and of the memory to write.

    A formula may overwrite its input; a kernel that needs whole rows may not.
    """
    source = "x"
    for call in calls:
        rowwise = "out" in call.arguments
        target = source if source != "x" and not rowwise else "b" if source == "a" else "a"
        target = "y" if call is calls[-1] else target
        yield call, source, target
        source = target


def _arrays(calls: Sequence[Call], single: bool) -> Iterator[str]:
    """The arrays of all calls as constants; a matrix is transposed, for reading by columns."""
    for number, call in enumerate(calls):
        for name, values in call.arrays.items():
            listed = np.ravel(values.T if name == "W" else values).tolist()
            words = [literal(each, single) for each in listed]
            lines = (words[at : at + _PER_LINE] for at in range(0, len(words), _PER_LINE))
            text = ",\n".join(f"    {', '.join(line)}" for line in lines)
            what = f"{call.layer.name}: {name}, {values.shape}"
            note = in_comment(what) + (", transposed" if name == "W" else "")
            declared = f"static const real {name}{number}[{len(words)}]"
            yield f"/* {note} */\n{declared} = {{\n{text}\n}};\n\n"
