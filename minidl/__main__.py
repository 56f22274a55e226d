"""``minidl`` and ``python -m minidl``: commands for the shell."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    parser = argparse.ArgumentParser("minidl", description="A neural-network engine.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")
    commands.add_parser(
        "doctor",
        help="what is installed here, and the command that mends what is missing",
        description="Print Python, NumPy, Numba, CuPy, CUDA, devices and data sets as minidl finds "
        "them, and below each that is missing or does not fit what mends it. The exit status is 1 "
        "where something that is installed cannot work as it is.",
    )
    parser.parse_args(arguments)
    from minidl import doctor

    return doctor.report()


if __name__ == "__main__":
    sys.exit(main())
