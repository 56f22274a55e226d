"""Commands for the calls of NumPy within a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.accelerator.cpu.commands import Command, UnsupportedError
from minidl.accelerator.cpu.elementwise import elementwise
from minidl.accelerator.cpu.formulas import commands
from minidl.accelerator.cpu.products.plan import product
from minidl.accelerator.cpu.sparse import plan as sparse
from minidl.accelerator.cpu.sums.plan import reduction
from minidl.accelerator.cpu.ufuncs.plan import ufunc_loop
from minidl.accelerator.record.operands import of_ufunc
from minidl.accelerator.trace.loop_source import KNOWN
from minidl.accelerator.trace.program import MASKS, Program, Step

_FILL = Program("fill", (), (0,), {}, (), (Step("positive", (0,), 1),), (1,))


class Compiled:
    """Maker of compiled commands for a kernel's calls on arrays of NumPy."""

    array = np.ndarray

    def overlap(self, a: np.ndarray, b: np.ndarray) -> bool:
        """True if two arrays may have elements in common."""
        return np.may_share_memory(a, b)

    def copy(self, x: Any, out: np.ndarray) -> list[Command]:
        """out = x, in the type of out."""
        if out.dtype.kind != "f":
            raise UnsupportedError(f"a copy to {out.dtype}")
        program = of_ufunc("positive", (isinstance(x, np.ndarray),))
        return [elementwise(program, {0: x}, [out])]

    def fill(self, value: float, out: np.ndarray) -> list[Command]:
        """out = a number."""
        return [elementwise(_FILL, {0: value}, [out])]

    def ufunc(self, ufunc: np.ufunc, inputs: Sequence[Any], out: np.ndarray) -> list[Command]:
        """out = a function of NumPy, matmul included."""
        if ufunc is np.matmul:
            return product(inputs[0], inputs[1], out)
        arrays = [i if isinstance(i, np.ndarray | int | float) else np.asarray(i) for i in inputs]
        working = np.result_type(*arrays)
        if working.kind != "f" and (ufunc.__name__ not in MASKS or working.kind not in "iub"):
            raise UnsupportedError(f"np.{ufunc.__name__} in {working}")
        if ufunc.__name__ not in KNOWN:
            return [ufunc_loop(ufunc, [np.broadcast_to(a, out.shape) for a in arrays], out)]
        program = of_ufunc(ufunc.__name__, tuple(isinstance(a, np.ndarray) for a in arrays))
        return [elementwise(program, dict(enumerate(arrays)), [out], working)]

    def formula(
        self, program: Program, arguments: Sequence[Any], outs: Sequence[np.ndarray]
    ) -> list[Command]:
        """outs = program(arguments)."""
        return commands(program, arguments, outs)

    def reduction(self, kind: str, x: np.ndarray, axis: Any, out: np.ndarray) -> list[Command]:
        """out = the "sum", "max" or "argmax" of x along an axis."""
        return reduction(kind, x, axis, out)

    def sparse_product(
        self, x: Any, factor: np.ndarray, out: np.ndarray, transposed: bool
    ) -> list[Command]:
        """out = x factor, or xᵀ factor, for CSR rows x."""
        return [(sparse.backward if transposed else sparse.forward)(x, factor, out)]
