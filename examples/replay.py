"""The experiments of the five tutorials, run again: published beside measured.

    python examples/replay.py                 # lists the experiments
    python examples/replay.py 001 dropout     # runs one
    python examples/replay.py 003             # runs those of a tutorial
    python examples/replay.py all             # runs all

Prints for each quantity the difference, the band from the tutorials' own noise, and the verdict;
writes tables, results and the tutorials' pictures.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

# The names are the same from here, from the tests and from the benchmarks.
sys.path.insert(0, str(Path(__file__).parents[1]))

import minidl
from examples.replays import catalogue, report, running
from minidl import checks


def main() -> int:
    """Run the command line; return the exit status."""
    parser = make_parser()
    options = parser.parse_args()
    if options.tutorial is None:
        print(report.listing(catalogue.EXPERIMENTS))
        return 0
    try:
        chosen = catalogue.find(options.tutorial, options.names)
        checks.integer("--seeds", options.seeds, 1)
        if options.epochs is not None:
            checks.integer("--epochs", options.epochs, 1)
            if options.quick:
                raise ValueError("--quick: expected no --epochs beside it")
    except ValueError as error:
        parser.error(str(error))
    try:
        minidl.backend.use(options.backend)
    except minidl.backend.BackendUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    command = shlex.join(["python", "examples/replay.py", *sys.argv[1:]])
    return running.run(chosen, options, command)


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description="Run the tutorials' experiments again.")
    parser.add_argument("tutorial", nargs="?", help="000 … 004, or all; lists all if left out")
    parser.add_argument("names", nargs="*", help="experiments of the tutorial; default, all")
    parser.add_argument("--epochs", type=int, help="instead of the tutorial's")
    parser.add_argument("--quick", action="store_true", help="a fifth of the tutorial's epochs")
    parser.add_argument(
        "--seeds", type=int, default=1, help="runs, for mean and spread (default: 1)"
    )
    parser.add_argument(
        "--corrected",
        nargs="?",
        choices=("only", "both"),
        const="only",
        help="the tutorial's slip mended, where there is one; both: beside it as published",
    )
    backend = os.environ.get("MINIDL_BACKEND") or "numpy"
    parser.add_argument("--backend", choices=("numpy", "cupy"), default=backend)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("outputs/replay"),
        help="folder for tables and pictures (default: outputs/replay)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
