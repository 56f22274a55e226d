"""The fast executors: formulas in blocks, as compiled loops, as CUDA kernels."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from minidl.accelerator.gpu import draws
from minidl.accelerator.record.operands import CompilationUnavailableError, UnsupportedError
from minidl.accelerator.trace import blocks, cuda, loops
from minidl.backend.fused import Fused
from minidl.backend.running import Executor
from minidl.backend.sparse import is_sparse


class Compiling(Executor):
    """Runs the code that a module compiles from a traced formula.

    Args:
        module: has ``compile(program, aliases)``, which gives ``run(arguments, outs)``.
    """

    def __init__(self, module: ModuleType) -> None:
        self.name = module.name
        self._module = module

    def formula(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        places = [
            0
            if isinstance(argument, float | int)
            else next((k + 1 for k, out in enumerate(outs) if out is argument), -1)
            for argument in arguments
        ]
        key = (self.name, len(outs), *places)
        run = formula.compiled.get(key)
        if run is None:
            aliases = [tuple(i for i, a in enumerate(arguments) if a is o) for o in outs]
            program = formula.program(arguments, outs)
            run = formula.compiled[key] = self._module.compile(program, aliases)
        if outs[0].size:
            run(arguments, outs)


class Loops(Compiling):
    """Compiled loops, products on the threads of a team, and recorded steps."""

    gathers_sparse_rows = True

    def __init__(self) -> None:
        super().__init__(loops)
        self.available, self.lacking, self.obstacle = (
            loops.available,
            loops.lacking,
            loops.obstacle,
        )

    def load(self) -> None:
        importlib.import_module("minidl.accelerator.cpu.player")
        importlib.import_module("minidl.accelerator.record.products")
        importlib.import_module("minidl.accelerator.record.recording")

    def kernel(
        self, function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
    ) -> Any:
        """Call a kernel; the team's threads share its large matrix products."""
        from minidl.accelerator.record import products

        return products.run(function, arguments, named)

    def gather(self, gather: Any) -> tuple[list[Any], list[Any]] | None:
        from minidl.accelerator.cpu import player

        with contextlib.suppress(CompilationUnavailableError):
            made: list[Any] = []
            for array, out in gather.pairs:
                where = array, gather.order, gather.where, out
                if is_sparse(array):
                    made += player.gather_rows(*where, gather.spoilt)
                else:
                    made += player.gather(*where)
            return player.assemble(made), made
        return None

    def recording(self, network: Any) -> Any:
        from minidl.accelerator.record.recording import Recording

        return Recording(network, importlib.import_module("minidl.accelerator.cpu.player"))


class Cuda(Compiling):
    """CUDA kernels, and recorded steps."""

    def __init__(self) -> None:
        super().__init__(cuda)

    def draw(self, bits: Any, out: Any, step: int) -> None:
        if isinstance(out, np.ndarray):
            super().draw(bits, out, step)
        else:
            draws.fill(out, bits.key, step)

    def gather(self, gather: Any) -> tuple[list[Any], list[Any]] | None:
        from minidl.accelerator.gpu import playing

        with contextlib.suppress(UnsupportedError):
            return [gather.take], [
                node
                for array, out in gather.pairs
                for node in playing.gather(array, gather.order, gather.where, out)
            ]
        return None

    def recording(self, network: Any) -> Any:
        from minidl.accelerator.gpu.playing import Player
        from minidl.accelerator.record.recording import Recording

        return Recording(network, Player(network.backend.tf32))


BLOCKS, LOOPS, CUDA = Compiling(blocks), Loops(), Cuda()
