"""Run the campaign on memory: ``python -m tests.campaigns.memory --count 1000000``.

Each of both executors makes a quarter of the calls with untouchable pages before arrays, and one
with pages after the arrays. ``--replay`` makes one call again, and the fifty before, in this
terminal, with the words of a finding.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.campaigns import write
from tests.campaigns.memory.guarded import build
from tests.campaigns.memory.running import ROOT, Outcome, run

PLACES = list(itertools.product(("compiled", "blocks"), ("after", "before")))


def main() -> int:
    """Run the campaign. 0 where nothing was found."""
    parser = argparse.ArgumentParser(description="Call every public method with wrong arrays.")
    parser.add_argument("--count", type=int, default=1_000_000, help="calls")
    parser.add_argument("--seed", type=int, default=19)
    parser.add_argument("--minutes", type=float, default=600.0, help="at most")
    parser.add_argument("--replay", nargs=4, metavar=("SEED", "NUMBER", "EXECUTOR", "SIDE"))
    options = parser.parse_args()
    if options.replay:
        return replay(*options.replay)
    until = time.monotonic() + 60 * options.minutes
    share = options.count // len(PLACES)

    def one(place: int) -> Outcome:
        return run(options.seed + place, 0, share, *PLACES[place], library, until)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(len(PLACES)) as pool:
        library = build(Path(folder))
        outcomes = list(pool.map(one, range(len(PLACES))))
    ends: collections.Counter[str] = collections.Counter()
    for outcome in outcomes:
        ends.update(outcome.ends)
    findings = [found for outcome in outcomes for found in outcome.findings]
    figures = {
        "calls": sum(outcome.calls for outcome in outcomes),
        "by executor and side": {
            f"{executor}, page {side}": outcome.calls
            for (executor, side), outcome in zip(PLACES, outcomes, strict=True)
        },
        "ends": dict(sorted(ends.items())),
        "findings": findings,
    }
    command = f"python -m tests.campaigns.memory --count {options.count} --seed {options.seed}"
    path = write("memory", command, options.seed, figures)
    for found in findings:
        print(f"{found['found']}: python -m tests.campaigns.memory {found['again']}")
        print(found.get("trace", ""))
    print(f"{figures['calls']:,} calls, {len(findings)} findings; written to {path}")
    return int(bool(findings))


def replay(seed: str, number: str, executor: str, side: str) -> int:
    """Make one call again, after the calls before."""
    with tempfile.TemporaryDirectory() as folder:
        place, library = Path(folder, "place"), build(Path(folder))
        place.write_bytes(bytes(8))
        first, last = max(int(number) - 50, 0), int(number) + 1
        command = [sys.executable, "-m", "tests.campaigns.memory.child", seed, str(first)]
        command += [str(last), executor, side, str(library), str(place)]
        return subprocess.run(command, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
