"""A process that makes calls, one after the other, and records the call's number.

    python -m tests.campaigns.memory.child <seed> <first> <last> <executor> <side> <library> <file>

The child writes the number of the present call into the file, and a line of JSON for each finding
and for each thousand calls to its output.
"""

from __future__ import annotations

import collections
import contextlib
import faulthandler
import json
import mmap
import os
import struct
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import minidl
from tests.campaigns.memory import kernels, objects
from tests.campaigns.memory.arrays import KINDS, Maker
from tests.campaigns.memory.guarded import Memory

#: Calls, and the number of each among a hundred and some.
CALLS = {
    kernels.a_formula: 40,
    kernels.a_function: 40,
    kernels.random_bits: 4,
    kernels.rows: 6,
    objects.a_layer: 8,
    objects.passes: 3,
    objects.sparse_passes: 3,
    objects.a_loss: 8,
    objects.a_metric: 8,
    objects.an_optimizer: 5,
    objects.an_activation: 6,
    objects.training: 0.5,
}
#: How a call may end that cannot be answered.
REFUSALS = (
    ValueError, TypeError, IndexError, AttributeError, RuntimeError, OverflowError,
    ZeroDivisionError, NotImplementedError,
)  # fmt: skip


class Caller:
    """Makes calls by their numbers.

    Args:
        seed: of all calls.
        memory: where arrays lie.

    Attributes:
        ends: how often calls ended in which way.
    """

    def __init__(self, seed: int, memory: Memory) -> None:
        self._seed, self._memory = seed, memory
        self.ends: collections.Counter[str] = collections.Counter()
        shares = np.array(list(CALLS.values()), float)
        self._calls, self._shares = list(CALLS), shares / shares.sum()

    def call(self, number: int) -> list[str]:
        """Make a call; return the faults, in words."""
        random = np.random.default_rng([self._seed, number])
        maker = Maker(random, self._memory, "float64" if random.random() < 0.15 else "float32")
        share = float(random.choice([0.0, 0.1, 0.4]))

        def kind() -> str | None:
            return str(random.choice(KINDS)) if random.random() < share else None

        what = self._calls[int(random.choice(len(self._calls), p=self._shares))]
        recorded = random.random() < 0.2 and what.__module__ == kernels.__name__
        wrong = []
        function, expected = what(random, maker, kind)
        wanted = None
        with contextlib.suppress(*REFUSALS):
            wanted = expected() if expected is not None else None
        end, result = self._run(function, recorded)
        self.ends[f"{what.__name__}: {end}"] += 1
        if end == "answered" and wanted is not None and not _alike(result, wanted):
            wrong.append(f"{what.__name__}: the answer is wrong")
        if end.startswith("failed"):
            wrong.append(f"{what.__name__}: {end}")
        wrong += maker.done()
        function = wanted = result = None
        damage = self._memory.damage()
        if damage:
            wrong.append(f"{what.__name__}: something was written beside {damage} arrays")
        return wrong

    def _run(self, function: Any, recorded: bool) -> tuple[str, Any]:
        try:
            if not recorded or minidl.backend.executor != "compiled":
                return "answered", function()
            from minidl.accelerator.cpu import player
            from minidl.accelerator.record.tape import Tape

            tape = Tape(0, player)
            with tape.record():
                result = function()
            tape.play(1)
            tape.play(2)
            return "recorded", result
        except REFUSALS as error:
            return f"refused, {type(error).__name__}", None
        except Exception as error:
            return f"failed, {type(error).__name__}: {error}", None


def _alike(result: Any, wanted: Any) -> bool:
    """True if outputs agree with the expected ones, to rounding."""
    results = result if isinstance(result, tuple) else (result,)
    wanteds = wanted if isinstance(wanted, tuple) else (wanted,)
    return all(
        np.allclose(np.asarray(a, np.float64), b, 1e-3, 1e-3, equal_nan=True)
        for a, b in zip(results, wanteds, strict=True)
        if np.isfinite(b).all() and np.abs(b).max(initial=0) < 1e6
    )


def main() -> None:
    """Make the calls that the command line asks for."""
    seed, first, last = map(int, sys.argv[1:4])
    executor, side, library, path = sys.argv[4:]
    faulthandler.enable()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    minidl.backend.use("numpy", executor=executor)
    with Path(path).open("r+b") as file:
        place = mmap.mmap(file.fileno(), 8)
    caller = Caller(seed, Memory(Path(library), side))
    for number in range(first, last):
        struct.pack_into("<q", place, 0, number)
        for words in caller.call(number):
            print(json.dumps({"number": number, "found": words}), flush=True)
        if number % 1000 == 999 or number == last - 1:
            print(json.dumps({"done": number + 1, "ends": dict(caller.ends)}), flush=True)
            caller.ends.clear()
    sys.stdout.flush()
    # Arrays that NumPy frees later would find the pages' functions gone.
    os._exit(0)


if __name__ == "__main__":
    main()
