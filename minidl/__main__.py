"""``minidl`` and ``python -m minidl``: commands for the shell."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    parser = argparse.ArgumentParser("minidl", description="A neural-network engine.")
    version = sys.modules["minidl"].__version__
    parser.add_argument("--version", action="version", version=f"minidl {version}")
    commands = parser.add_subparsers(title="commands", required=True, dest="command")
    commands.add_parser(
        "doctor",
        help="what is installed here, and the command that mends what is missing",
        description="Print Python, NumPy, LLVM, CuPy, CUDA, devices and data sets as minidl finds "
        "them, and below each that is missing or does not fit what mends it. The exit status is 1 "
        "where something that is installed cannot work as it is.",
    )
    kept = commands.add_parser(
        "cache",
        help="the machine code that is kept for this user",
        description="Look after the machine code that is kept for this user. Without it, commands "
        "are compiled anew when they are needed.",
    )
    kept.add_argument(
        "what",
        choices=("list", "verify", "clear"),
        help="list: the folder, whether it is used, and what lies in it; verify: check owner, mode "
        "and checksum of each file, and exit with the status 1 if one is not to be run; clear: "
        "remove the files",
    )
    commands.add_parser(
        "exercises",
        add_help=False,  # the command has its own
        help="exercises: backwards to write, each graded in a sentence",
    )
    given, rest = parser.parse_known_args(arguments)
    if given.command == "exercises":
        from minidl.teaching.exercises import command

        return command.main(rest)
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    from minidl.commands import cache, doctor

    if given.command == "doctor":
        return doctor.report()
    return {"list": cache.show, "verify": cache.verify, "clear": cache.clear}[given.what]()


if __name__ == "__main__":
    sys.exit(main())
