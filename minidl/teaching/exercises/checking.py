"""Checking a folder: a sentence for each exercise, and the progress."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minidl.printing import say
from minidl.teaching.exercises.course import EXERCISES, Exercise
from minidl.teaching.exercises.grading import EMPTY, RIGHT, Grade
from minidl.teaching.exercises.running import Run, run_all

BAR = 30  # characters
LINES, LENGTH = 10, 88  # of what a file printed, at most


def check(folder: Path, names: Sequence[str] = ()) -> bool:
    """Grade exercises of a folder, say each grade and the progress; True if none is wrong.

    Args:
        folder: with the exercises' files.
        names: of exercises; default all whose file has been written in.
    """
    chosen = [EXERCISES[name] for name in names or EXERCISES]
    runs = run_all((folder / f"{exercise.name}.py", exercise) for exercise in chosen)
    grades = {}
    for exercise, run in zip(chosen, runs, strict=True):
        grades[exercise.name] = run.grade
        if names or run.begun:
            say(_line(exercise, run))
    if not names:
        say(progress(grades))
    return all(grade.state in (RIGHT, EMPTY) for grade in grades.values())


def progress(grades: dict[str, Grade]) -> str:
    """A bar, the counts, and the next exercise."""
    states = [grade.state for grade in grades.values()]
    right, empty = states.count(RIGHT), states.count(EMPTY)
    filled = round(BAR * right / len(states))
    bar = "#" * filled + "." * (BAR - filled)
    wrong = len(states) - right - empty
    counts = f"{right} of {len(states)} right, {wrong} wrong, {empty} to write"
    unfinished = next((name for name, grade in grades.items() if grade.state != RIGHT), None)
    return f"[{bar}] {counts}" + (f"; next: {unfinished}" if unfinished else "")


def strangers(folder: Path) -> list[str]:
    """Names of Python files in a folder that are no exercises."""
    found = (path.stem for path in folder.glob("*.py"))
    return sorted(name for name in found if name not in EXERCISES)


def _line(exercise: Exercise, run: Run) -> str:
    lines = [f"{exercise.name}: {run.grade.text}"]
    printed = run.printed.split("\n")
    if run.printed.strip():
        lines.append("  it printed:")
        lines += [f"    {line[:LENGTH]}{'…' * (len(line) > LENGTH)}" for line in printed[:LINES]]
        lines += ["    …"] if len(printed) > LINES else []
    return "\n".join(lines)
