"""A network as one Python file that needs NumPy alone: copies of kernels, and arrays."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minidl.interop.calls import Call, Memory, calls_of
from minidl.interop.source.quoting import Quotation

_HEAD = '''"""The network {name}: ``predict(x)`` with NumPy alone.

Written by minidl; the functions are the kernels that minidl ran.
"""

from __future__ import annotations

import base64
{modules}from typing import Any

import numpy as np

{constants}
'''

_PREDICT = '''
def _array(text: str, *shape: int) -> Any:
    """Numbers of type {code}, in base64."""
    return np.frombuffer(base64.b64decode(text), "{code}").astype("{dtype}").reshape(shape)


def _empty(x: Any, *shape: int) -> Any:
    """Memory for as many rows as x has."""
    return np.empty((len(x), *shape), x.dtype)


{arrays}


def predict(x: Any) -> Any:
    """The outputs for the rows x: {inputs} -> {outputs}, {dtype}."""
    x = np.ascontiguousarray(x, dtype="{dtype}")
    if x.shape[1:] != {input_shape}:
        raise ValueError(f"expected rows of shape {input_shape}, received {{x.shape[1:]}}")
{body}    return x
'''

_COLUMNS = 100
# Names in the text above, and names of arrays.
_RESERVED = r"predict|base64|Any|annotations|_array|_empty|_[A-Za-z_]+[0-9]+"


def to_numpy_source(model: Any) -> str:
    """The text of a Python file with a function ``predict(x)`` for the model's outputs.

    The file needs NumPy alone. It has copies of the model's kernels, and the model's tensors as
    base64 text. On the same NumPy, ``predict`` equals ``model.predict`` bit for bit, under the
    executor "python" and with equally many rows at a time. Between two installations of NumPy,
    products, exp, log and tanh may differ in the last bits.

    Args:
        model: any model; your own activations need functions with available source.

    Raises:
        ConversionError: the model has layers of your own, or an activation without source to copy;
            the message names each.
        ValueError: the shape of a row is not known yet.
    """
    calls = calls_of(model, "source code")
    quoted = Quotation(_RESERVED)
    arrays: list[str] = []
    body = "".join(f"    x = {line}\n" for line in _lines(calls, quoted, arrays, model.dtype))
    shape = tuple(model.input_row)
    modules = {k: v for k, v in quoted.modules.items() if (k, v) != ("np", "numpy")}
    head = _HEAD.format(
        name=re.sub(r"[^\w .-]", "_", model.name),
        modules="".join(f"import {v} as {k}\n" if k != v else f"import {v}\n"
                        for k, v in modules.items()),
        constants="\n".join(f"{k} = {_literal(v)}" for k, v in quoted.constants.items()),
    )  # fmt: skip
    predict = _PREDICT.format(
        code=np.dtype(model.dtype).newbyteorder("<").str, dtype=np.dtype(model.dtype).name,
        arrays="\n".join(arrays), body=body, input_shape=shape,
        inputs=_axes(shape), outputs=_axes(model.output_row),
    )  # fmt: skip
    return "\n\n\n".join([head.rstrip(), *quoted.functions.values(), predict.strip()]) + "\n"


def _lines(
    calls: Sequence[Call], quoted: Quotation, arrays: list[str], dtype: Any
) -> Iterator[str]:
    """The calls as expressions; the arrays of the expressions are added to ``arrays``."""
    for number, call in enumerate(calls):
        if call.function is None:
            yield f"x.reshape(len(x), {', '.join(map(str, call.output_shape))})"
            continue
        given = []
        for name, value in call.arguments.items():
            if isinstance(value, np.ndarray):
                arrays.append(f"_{name}{number} = {_array(value, dtype)}")
                value = f"_{name}{number}"
            elif isinstance(value, Memory):
                value = _memory(value, call)
            else:
                value = _literal(value)
            given.append(value if name == "x" else f"{name}={value}")
        result = f"{quoted.add(call.function, call.layer)}({', '.join(given)})"
        yield f"{result}[-1]" if call.results > 1 else result


def _memory(value: Memory, call: Call) -> str:
    if value is Memory.X:
        return "x"
    shape = (1,) if value is Memory.COLUMN else call.output_shape
    return f"_empty(x, {', '.join(map(str, shape))})"


def _array(values: np.ndarray, dtype: Any) -> str:
    """The expression that makes an array, in lines of some length."""
    code = np.dtype(dtype).newbyteorder("<")
    text = base64.b64encode(values.astype(code).tobytes()).decode("ascii")
    lines = [text[at : at + _COLUMNS] for at in range(0, len(text), _COLUMNS)] or [""]
    joined = "\n".join(f'    "{line}"' for line in lines)
    return f"_array(\n{joined},\n    {', '.join(map(str, values.shape))},\n)"


def _literal(value: Any) -> str:
    """Python text of a number, of None, or of a tuple of numbers."""
    if isinstance(value, tuple):
        return f"({''.join(f'{_literal(each)}, ' for each in value)})"
    # A NumPy number would print with its type, and infinity is no literal.
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if value is None or math.isfinite(value) else f'float("{text}")'


def _axes(shape: Sequence[int]) -> str:
    return f"(N, {', '.join(map(str, shape))})"
