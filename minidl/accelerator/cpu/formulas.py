"""A traced formula as commands: loops, NumPy's own loops in between, tensor by tensor."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from minidl.accelerator.cpu.commands import Command, CommandList, UnsupportedError
from minidl.accelerator.cpu.elementwise import elementwise, numbers_of
from minidl.accelerator.cpu.shares import ROWS
from minidl.accelerator.cpu.ufuncs.plan import ufunc_loop
from minidl.accelerator.trace.loop_source import KNOWN
from minidl.accelerator.trace.program import Program, Step
from minidl.backend.tensors import tensors_of


def commands(
    program: Program,
    arguments: Sequence[Any],
    outs: Sequence[np.ndarray],
    numbers: np.ndarray | None = None,
) -> list[Command]:
    """Commands that compute outs = program(arguments).

    A parameter vector is taken tensor by tensor, each shared out by rows, as are the products that
    make the gradient: so a thread finds both shares in its own cache.

    Raises:
        UnsupportedError: shapes, types or functions that commands cannot take.
    """
    tensors = tensors_of(outs[0]) if outs[0].ndim == 1 else None
    values = dict(enumerate(arguments))
    if tensors is None:
        return _commands(program, values, outs, None, numbers)
    numbers = numbers_of(program, values) if numbers is None else numbers
    made: list[Command] = []
    for offset, shape in tensors:

        def part(value: Any, offset: int = offset, shape: tuple[int, ...] = shape) -> Any:
            if not isinstance(value, np.ndarray) or value.ndim == 0:
                return value
            return value[offset : offset + math.prod(shape)].reshape(shape)

        axis = ROWS if len(shape) == 2 else None
        own = {k: part(value) for k, value in enumerate(arguments)}
        # An output that is an argument stays the same array.
        parts = [
            next((own[k] for k, a in enumerate(arguments) if a is out), part(out)) for out in outs
        ]
        made += _commands(program, own, parts, axis, numbers)
    return made


def _commands(
    program: Program,
    values: Mapping[int, Any],
    outs: Sequence[np.ndarray],
    axis: int | None,
    numbers: np.ndarray | None,
) -> list[Command]:
    pieces = _pieces(program)
    if len(pieces) == 1 and isinstance(pieces[0], Program):
        each = None if numbers is None else [numbers]
        return [elementwise(program, values, outs, axis=axis, numbers=each)]
    scalars = program.scalar_values(values)
    values = {**values, **scalars}
    made: list[Command] = []
    # Places for intermediate results: the output, unless a later piece may still read the output
    # as an argument; and intermediate results that have been read for the last time.
    given = [v for v in values.values() if isinstance(v, np.ndarray)]
    apart = len(outs) == 1 and not any(np.may_share_memory(outs[0], v) for v in given)
    free = list(outs) if apart else []
    placed: set[int] = set()
    for number, piece in enumerate(pieces):
        later = {i for after in pieces[number + 1 :] for i in _read(after)} | set(program.outputs)
        for register in placed - later:
            free.append(values[register])
        placed &= later
        targets = piece.outputs if isinstance(piece, Program) else (piece.target,)
        if tuple(targets) == program.outputs:
            places = list(outs)
        else:
            places = [free.pop() if free else np.empty_like(outs[0]) for _ in targets]
        if isinstance(piece, Program):
            made.append(elementwise(piece, values, places, axis=axis))
        else:
            shape, dtype = outs[0].shape, outs[0].dtype
            read = [values[i] for i in piece.operands]
            if any(isinstance(v, np.ndarray) and v.dtype != dtype for v in read):
                raise UnsupportedError(f"np.{piece.ufunc} of another type than {dtype}")
            operands = [np.broadcast_to(np.asarray(v, dtype), shape) for v in read]
            made.append(ufunc_loop(getattr(np, piece.ufunc), operands, places[0]))
        values.update(zip(targets, places, strict=True))
        placed |= set(targets)
    for register, out in zip(program.outputs, outs, strict=True):
        if values[register] is not out:
            made.append(elementwise(_COPY, {0: values[register]}, [out], axis=axis))
    return made


def _read(piece: Program | Step) -> tuple[int, ...]:
    """Registers that a piece reads."""
    return piece.arrays if isinstance(piece, Program) else piece.operands


class Bound:
    """A formula bound to arrays, run again with other numbers.

    Attributes:
        commands: of the formula, with the numbers last taken.
        numbers: float64; the numbers last taken.
        what: a note of the caller.

    Raises:
        UnsupportedError: as :func:`commands`; or a formula that is no single loop.
    """

    def __init__(
        self, program: Program, arguments: Sequence[Any], outs: Sequence[np.ndarray]
    ) -> None:
        if _pieces(program) != [program]:
            raise UnsupportedError(f"{program.name} is no single loop")
        self.what: Any = None
        self._program = program
        self._kept = arguments, outs
        self.numbers = numbers_of(program, dict(enumerate(arguments)))
        self.commands = commands(program, arguments, outs, self.numbers)

    def take(self, arguments: Sequence[Any]) -> None:
        """Take the numbers among the arguments."""
        self.numbers[:] = self._program.numbers(arguments)

    def __call__(self) -> None:
        """Run the formula with the numbers taken."""
        self._list()

    @functools.cached_property
    def _list(self) -> CommandList:
        """The commands alone, for the steps in which they are not played with other commands."""
        return CommandList(self.commands)


_COPY = Program("copy", (0,), (), {}, (), (Step("positive", (0,), 1),), (1,))


@functools.cache
def _pieces(program: Program) -> list[Program | Step]:
    """The program cut at functions that only NumPy's loops compute."""
    runs: list[list[Step] | Step] = []
    for step in program.steps:
        if step.ufunc not in KNOWN:
            runs.append(step)
        elif runs and isinstance(runs[-1], list):
            runs[-1].append(step)
        else:
            runs.append([step])
    if len(runs) == 1 and isinstance(runs[0], list):
        return [program]
    numbers = set(program.scalar_registers)
    pieces: list[Program | Step] = []
    for k, run in enumerate(runs):
        if isinstance(run, Step):
            pieces.append(run)
            continue
        made = {step.target for step in run}
        read = {i for step in run for i in step.operands} - made - numbers
        after = [[r] if isinstance(r, Step) else r for r in runs[k + 1 :]]
        later = {i for steps in after for step in steps for i in step.operands}
        needed = made & (later | set(program.outputs))
        pieces.append(
            replace(
                program,
                name=f"{program.name}_{k}",
                arrays=tuple(sorted(read)),
                steps=tuple(run),
                outputs=tuple(sorted(needed)),
            )
        )
    return pieces
