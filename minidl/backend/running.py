"""Runners of formulas and kernels: the plain executor, which calls both as they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from minidl.backend import cuda

if TYPE_CHECKING:
    from minidl.backend.fused import Fused


class Runner(Protocol):
    """Receiver of formulas, kernels and draws: an executor, or a tape that records a step."""

    def formula(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        """Write the results of a formula into ``outs``; sizes and types are checked."""

    def draw(self, bits: Any, out: Any, step: int) -> None:
        """Overwrite ``out`` with the random bits of a step."""


class Executor:
    """Calls each formula and each kernel as it stands, with whole arrays.

    A ``print`` or a breakpoint in a formula meets real arrays, each time. Faster executors
    derive from this class.
    """

    name = "python"
    #: Runs a kernel that multiplies matrices, (function, arguments, named); None: a plain call.
    kernel: Callable[..., Any] | None = None
    #: True if the executor gathers rows of a CSR matrix into memory that is allocated once.
    gathers_sparse_rows = False

    def load(self) -> None:
        """Import what the executor needs later on."""

    def formula(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        """Write the formula's results for the arguments into ``outs``.

        Numbers of another type count as numbers of the outputs' type, as on every executor.
        """
        dtype = outs[0].dtype
        given = [
            a.astype(dtype, copy=False) if hasattr(a, "dtype") and a.dtype.kind in "biuf" else a
            for a in arguments
        ]
        results = formula.formula(*given)
        results = results if isinstance(results, tuple) else (results,)
        formula.check_count(len(results), outs)
        for out, result in zip(outs, results, strict=True):
            out[...] = result

    def draw(self, bits: Any, out: Any, step: int) -> None:
        """Overwrite ``out`` with the random bits of a step, drawn by NumPy."""
        if isinstance(out, np.ndarray):
            bits.draw_on_host(out, step)
        else:
            drawn = np.empty(out.shape, np.uint16)
            bits.draw_on_host(drawn, step)
            cuda.overwrite(out, drawn)

    def gather(self, gather: Any) -> tuple[list[Any], list[Any]] | None:
        """Calls that gather rows, and the commands of a recorded step in place of the calls.

        None where :class:`minidl.backend.gather.Gather` itself copies the rows.
        """
        return None

    def recording(self, network: Any) -> Any:
        """A recorder and player of a network's training steps; None where each step is called."""
        return None


PYTHON = Executor()
