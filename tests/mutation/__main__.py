"""Change the engine's arithmetic in every small way there is, and see whether a test notices.

    python -m tests.mutation                      everything: an hour on two cores
    python -m tests.mutation minidl/layers        some files or folders
    python -m tests.mutation --survivors          what no test noticed the last time
    python -m tests.mutation --sample 20          so many at random, of what a test should notice

All but the last write ``tests/mutation/results.json``, where every survivor has the reason why it
may live: it computes the same. Exit status 1 if one has none, if fewer than 95 % are killed, or
if one of a sample survives.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from tests.mutation.mutants import Mutant, files, mutants
from tests.mutation.results import Results
from tests.mutation.running import run

TARGET = 0.95


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Mutation test.")
    parser.add_argument("paths", nargs="*", help="files or folders; all if left out")
    parser.add_argument("--survivors", action="store_true", help="only those of the last time")
    parser.add_argument("--sample", type=int, metavar="N", help="N at random; write nothing")
    parser.add_argument("--seed", type=int, default=0, help="of the sample; default %(default)s")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), metavar="N")
    options = parser.parse_args()
    chosen = [f for f in files() if not options.paths or _within(f, options.paths)]
    if not chosen:
        known = "\n  ".join(files())
        parser.error(f"expected files that are mutated, received {options.paths}:\n  {known}")
    if options.sample:
        return sample(chosen, options.sample, options.seed, options.workers)
    return score(chosen, options.survivors, options.workers)


def _within(path: str, wanted: Iterable[str]) -> bool:
    return any(Path(path).is_relative_to(w) for w in wanted)


def score(chosen: list[str], survivors: bool, workers: int) -> int:
    """Run all mutants of the files, keep what came out, and say it."""
    results = Results.load()
    waiting: dict[str, list[Mutant]] = {path: list(mutants(path)) for path in chosen}
    if survivors:
        waiting = {p: [m for m in ms if results.survived(m)] for p, ms in waiting.items()}
    found = run([m for ms in waiting.values() for m in ms], workers)
    left = {path: len(ms) for path, ms in waiting.items()}
    outcomes = {path: [] for path in waiting}
    for outcome in tqdm(found, total=sum(left.values()), unit="mutant", smoothing=0, disable=None):
        path = outcome.mutant.path
        outcomes[path].append(outcome)
        if not outcome.killed:
            tqdm.write(f"SURVIVED {outcome.mutant}\n")
        elif not outcome.named:
            tqdm.write(f"KILLED WITHOUT A NAME by {outcome.test}: {outcome.mutant}\n")
        left[path] -= 1
        if not left[path]:
            results.put(path, outcomes[path], part=survivors)
            results.save()
    print(results.table())
    unexplained = results.unexplained()
    for survivor in unexplained:
        print(f"survived, without a reason: {survivor}")
    return int(bool(unexplained) or results.score() < TARGET)


def sample(chosen: list[str], count: int, seed: int, workers: int) -> int:
    """Run some of the mutants that the last full run killed."""
    results, draw = Results.load(), random.Random(seed)
    known = [path for path in chosen if path in results.files]
    # A file first: to make all mutants of all files takes minutes.
    paths = draw.sample(known, min(count, len(known)))
    alive = [[m for m in mutants(path) if not results.survived(m)] for path in paths]
    outcomes = list(run([draw.choice(each) for each in alive if each], workers))
    for outcome in outcomes:
        if not outcome.killed:
            print(f"SURVIVED {outcome.mutant}\n")
    killed = sum(outcome.killed for outcome in outcomes)
    print(f"{killed} of {len(outcomes)} mutants killed")
    return int(killed < len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
