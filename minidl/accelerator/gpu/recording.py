"""Nodes for the calls of NumPy within a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.accelerator.gpu.nodes import Node, Product, Reduction, loop, overlap, reduction
from minidl.accelerator.record.operands import UnsupportedError, of_ufunc
from minidl.accelerator.trace.program import MASKS, Program, Step

_FILL = Program("fill", (), (0,), {}, (), (Step("positive", (0,), 1),), (1,))
#: Sums of more elements are first made of parts, so many elements at least.
MANY, PART = 1 << 14, 1 << 10


class OnDevice:
    """Maker of nodes for a kernel's calls on arrays of the device.

    Args:
        array: the type of such arrays.
    """

    def __init__(self, array: type[Any]) -> None:
        self._array = array

    @property
    def array(self) -> type[Any]:
        """The type of arrays there."""
        return self._array

    def overlap(self, a: Any, b: Any) -> bool:
        """True if two arrays may have elements in common."""
        return overlap(a, b)

    def copy(self, x: Any, out: Any) -> list[Node]:
        """out = x, in the type of out."""
        return [loop(of_ufunc("positive", (isinstance(x, self.array),)), {0: x}, [out])]

    def fill(self, value: float, out: Any) -> list[Node]:
        """out = a number."""
        return [loop(_FILL, {0: value}, [out])]

    def ufunc(self, ufunc: np.ufunc, inputs: Sequence[Any], out: Any) -> list[Node]:
        """out = a function of NumPy, matmul included."""
        if ufunc is np.matmul:
            if any(array.ndim != 2 for array in (*inputs, out)):
                raise UnsupportedError("a product of others than matrices")
            return [Product(inputs[0], inputs[1], out)]
        dtypes = [i.dtype if hasattr(i, "dtype") else i for i in inputs]
        working = np.result_type(*dtypes)
        if working.kind != "f" and (ufunc.__name__ not in MASKS or working.kind not in "iub"):
            raise UnsupportedError(f"np.{ufunc.__name__} in {working}")
        flags = tuple(isinstance(i, self.array) for i in inputs)
        values = [i if flag else float(i) for i, flag in zip(inputs, flags, strict=True)]
        return [loop(of_ufunc(ufunc.__name__, flags), dict(enumerate(values)), [out], working)]

    def formula(
        self, program: Program, arguments: Sequence[Any], outs: Sequence[Any]
    ) -> list[Node]:
        """outs = program(arguments)."""
        return [loop(program, dict(enumerate(arguments)), outs)]

    def reduction(self, kind: str, x: Any, axis: Any, out: Any) -> list[Node]:
        """out = the "sum", "max" or "argmax" of x along an axis."""
        whole = reduction(kind, x, axis, out)
        if whole.axis is not None or x.size <= MANY or kind != "sum":
            return [whole]
        # Sums of rows, for many blocks; sums of the elements left; and the sum of all the sums.
        rows = min(x.size // PART, PART)
        columns = x.size // rows
        flat = x.reshape(-1)
        sums = np.empty_like(out, shape=(rows + 1,))
        used = rows * columns
        return [
            Reduction("sum", flat[:used].reshape(rows, columns), 1, sums[:rows]),
            Reduction("sum", flat[used:], None, sums[rows:]),
            Reduction("sum", sums, None, out),
        ]

    def sparse_product(self, x: Any, factor: Any, out: Any, transposed: bool) -> list[Node]:
        """No node: CuPy's product stays a call."""
        raise UnsupportedError("a product with sparse rows")
