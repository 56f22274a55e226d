"""The command ``minidl exercises``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from minidl import checks
from minidl.printing import say
from minidl.teaching.exercises import checking, files, report, watching
from minidl.teaching.exercises.course import EXERCISES

FOLDER = "exercises"


def main(arguments: Sequence[str] | None = None) -> int:
    """Copy the exercises, or check them; the exit status.

    The status is 0 if all is right or still to be written, 1 if something is wrong, and 2 if the
    command cannot be carried out.
    """
    given = _parser().parse_args(arguments)
    try:
        if given.what == "copy":
            return _copy(given.folder)
        return _check(given)
    except (OSError, ValueError, ModuleNotFoundError) as error:
        say(f"minidl exercises: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "minidl exercises",
        description="Exercises: functions to write, each graded in a sentence.",
    )
    whats = parser.add_subparsers(dest="what", metavar="copy | check")
    parser.set_defaults(what="copy", folder=Path(FOLDER))
    copy = whats.add_parser("copy", help="write the files that are not there yet (the default)")
    copy.add_argument("folder", nargs="?", type=Path, default=Path(FOLDER), help=FOLDER)
    check = whats.add_parser("check", help="grade exercises")
    check.add_argument("names", nargs="*", metavar="NAME", help="exercises; default all begun")
    check.add_argument(
        "--folder", nargs="+", type=Path, metavar="FOLDER",
        help=f"the exercises' folder; default {FOLDER}, or this folder if it has exercises; with "
        "--report one of each student",
    )  # fmt: skip
    check.add_argument("--watch", action="store_true", help="grade each file when it is saved")
    check.add_argument(
        "--report", type=Path, metavar="FILE", help="write a table of all students, JSON and HTML"
    )
    return parser


def _copy(folder: Path) -> int:
    new = files.write(folder)
    kept = len(EXERCISES) - len(new)
    there = f"; {kept} were there already and are as they were" if kept else ""
    say(f"{len(new)} exercises are in {folder}{there}")
    first = next(iter(EXERCISES))
    say(f"begin with {folder / first}.py, then: minidl exercises check {first}")
    return 0


def _check(given: argparse.Namespace) -> int:
    folders = given.folder or [_default_folder()]
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f"expected a folder, received {folder}; minidl exercises makes one")
    names = [_exercise(name) for name in given.names]
    if given.report:
        written = report.write(report.grade_all(folders), given.report)
        say(f"{len(folders)} folders are in {written[0]} and {written[1]}")
        return 0
    if len(folders) > 1:
        raise ValueError("expected one folder, or --report FILE for several")
    for name in checking.strangers(folders[0]):
        say(f"{name}.py: no exercise of this name", file=sys.stderr)
    if given.watch:
        watching.watch(folders[0])
        return 0
    return 0 if checking.check(folders[0], names) else 1


def _exercise(name: str) -> str:
    """The name of an exercise, given by name or by the path of its file."""
    if name not in EXERCISES and Path(name).is_dir():
        raise ValueError(f"{name} is a folder, expected names of exercises; or --folder {name}")
    name = Path(name).stem if name.endswith(".py") else name
    return str(checks.lookup("exercise", name, EXERCISES).name)


def _default_folder() -> Path:
    here = Path()
    return here if any((here / f"{name}.py").exists() for name in EXERCISES) else Path(FOLDER)
