"""An hour of everything at once, in one process: memory and numbers end as in the beginning.

``python -m tests.campaigns.soak --minutes 60 --seed 1``

Rounds follow each other: fits with callbacks, interrupts by callbacks and by signals, threads,
files, sparse rows, models of 154 MiB. A round is drawn from (seed, number of the round): ``--round
N`` runs one alone. A round fails

- where a model's arrays are not freed with the model, without the cycle collector;
- where the weights after a fit differ in a bit from the first such fit in this process;
- where the predictions of the one lasting model differ from the first;
- after ten minutes: then all threads' tracebacks are printed, and the campaign ends.

Memory is the resident set after a collection and ``malloc_trim``, every few rounds. The measurement
begins after two rounds of each kind and a tenth of the time: compiled code and imports are there by
then. The C library is told to give back freed memory: two arenas, and memory maps for arrays from
128 KiB on.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import importlib
import json
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tests import campaigns
from tests.campaigns.rounds import ROUNDS, TURNS, Soak

#: Least numbers of an hour.
WANTED = {"epochs": 2_000, "models": 5_000, "predictions": 100_000, "large": 12}

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of mallopt


def _quiet_allocator() -> Any:
    """The C library, told to give back freed memory."""
    library = ctypes.CDLL(None)
    library.mallopt(_M_MMAP_THRESHOLD, 128 * 1024)
    library.mallopt(_M_ARENA_MAX, 2)
    return library


def memory(library: Any) -> float:
    """MiB of resident memory in use."""
    gc.collect()
    library.malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def soak(seconds: float, seed: int, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Rounds for a number of seconds; return the counts, the failures, and the memory."""
    library, begin = _quiet_allocator(), time.perf_counter()
    # LLVM, 80 MiB, which else comes with the first command that is not in the cache.
    importlib.import_module("minidl.accelerator.cpu.machine.compiler")
    measured: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        campaign = Soak(seed, Path(folder))
        number, said = 0, begin
        warm = TURNS * (len(ROUNDS) - len(without))
        while (elapsed := time.perf_counter() - begin) < seconds or len(measured) < 6:
            campaign.round(number, without)
            number += 1
            if number >= warm and elapsed >= seconds / 10 and number % 5 == 0:
                measured.append(memory(library))
            if time.perf_counter() - said > 60:
                said = time.perf_counter()
                done = ", ".join(f"{campaign.done[name]:,} {name}" for name in WANTED)
                print(f"{elapsed / 60:4.0f} min  {measured[-1:]} MiB  {done}", flush=True)
    began, ended = float(np.median(measured[:3])), float(np.median(measured[-3:]))
    return {
        "minutes": round((time.perf_counter() - begin) / 60, 1),
        "rounds": number,
        "done": dict(sorted(campaign.done.items())),
        "MiB at the beginning": round(began, 1),
        "MiB at the end": round(ended, 1),
        "MiB at most between rounds": round(max(measured), 1),
        "memory at the end": round(ended / began, 4),
        "without": list(without),
        "failures": campaign.failures,
    }


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int, help="run this round alone, and write nothing")
    parser.add_argument("--without", nargs="*", default=[], choices=list(ROUNDS))
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    without = tuple(chosen.without)
    print(f"seed {chosen.seed}, {chosen.minutes:g} minutes", flush=True)
    if chosen.round is not None:
        with tempfile.TemporaryDirectory() as folder:
            alone = Soak(chosen.seed, Path(folder))
            print(alone.round(chosen.round, without), *alone.failures)
        return bool(alone.failures)
    figures = soak(60 * chosen.minutes, chosen.seed, without)
    short = {k: n for k, n in WANTED.items() if figures["done"].get(k, 0) < n}
    if chosen.minutes >= 60 and short:
        figures["failures"].append(f"expected at least {short}")
    print(json.dumps(figures, indent=1))
    command = " ".join(["python -m tests.campaigns.soak", *sys.argv[1:]])
    print(campaigns.write("soak", command, chosen.seed, figures))
    return bool(figures["failures"]) or abs(figures["memory at the end"] - 1) > 0.01


if __name__ == "__main__":
    sys.exit(main())
