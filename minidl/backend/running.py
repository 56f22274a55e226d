"""What runs formulas and kernels: the plain one, which calls them as they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from minidl.backend.fused import Fused


class Runner(Protocol):
    """What a formula, a kernel and a draw are handed to: an executor, or what records a step."""

    def formula(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        """Write what a formula makes of arguments into ``outs``; sizes and types are checked."""

    def kernel(
        self, function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
    ) -> Any:
        """What a kernel returns for these arguments.

        A tape is handed the decorated function, an executor the plain one.
        """

    def draw(self, bits: Any, out: Any, step: int) -> None:
        """Overwrite ``out`` with the random bits of a step."""


class Executor:
    """Calls each formula and each kernel as it stands, with whole arrays.

    A ``print`` or a breakpoint in any of them meets real arrays, each time. Other executors,
    which are faster, derive from this class.
    """

    name = "python"
    #: Whether it gathers rows of a CSR matrix into memory that is allocated once.
    gathers_sparse_rows = False

    def formula(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        """Write what the formula returns for the arguments into ``outs``.

        Integers count as numbers of the outputs' type, as on every executor.
        """
        dtype = outs[0].dtype
        given = [
            a.astype(dtype) if hasattr(a, "dtype") and a.dtype.kind in "biu" else a
            for a in arguments
        ]
        results = formula.formula(*given)
        results = results if isinstance(results, tuple) else (results,)
        formula.check_count(len(results), outs)
        for out, result in zip(outs, results, strict=True):
            out[...] = result

    def kernel(
        self, function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
    ) -> Any:
        """What the function returns."""
        return function(*arguments, **named)

    def draw(self, bits: Any, out: Any, step: int) -> None:
        """Overwrite ``out`` with the random bits of a step, drawn by NumPy."""
        if isinstance(out, np.ndarray):
            bits.draw_on_host(out, step)
        else:
            drawn = np.empty(out.shape, np.uint16)
            bits.draw_on_host(drawn, step)
            out.set(drawn)

    def gather(self, gather: Any) -> tuple[list[Any], list[Any]] | None:
        """Calls that gather rows, and what a recorded step does in their place.

        None where :class:`minidl.backend.gather.Gather` itself copies the rows.
        """
        return None

    def recording(self, network: Any) -> Any:
        """What records training steps of a network and plays them; None where each is called."""
        return None


PYTHON = Executor()
