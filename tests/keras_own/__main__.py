"""Run Keras's own tests on minidl, and print how many of those that apply pass.

    python -m tests.keras_own [part of the paths] [--outside]

The tests are those of the Keras that is installed, whose package has them beside its code. They run
as they lie there; their imports are answered with minidl (:mod:`tests.keras_own.redirect`), and
Keras's test case with :mod:`tests.keras_own.case`. Errors are compared by their kind alone, because
their words are each engine's own. :mod:`tests.keras_own.scope` says which tests do not apply.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import importlib.util
import inspect
import io
import os
import sys
import unittest
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.keras_own.scope import FOLDERS, outside

SOURCE = Path(getattr(importlib.util.find_spec("keras"), "origin", None) or "").parent / "src"


class Outcome(NamedTuple):
    """A test: its name, the reason why it is left aside or None, and the reason of a failure."""

    name: str
    aside: str | None
    failure: str | None


def _each(suite: Any) -> Iterator[Any]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _each(test)
        else:
            yield test


def _text(test: Any) -> str:
    """Source of a test's function, without the decorators around it."""
    function = getattr(type(test), test._testMethodName)
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def _failure(test: Any) -> str | None:
    """Run a test; the last line of its error, or None."""
    result = unittest.TestResult()
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        test.run(result)
    if result.skipped:
        return f"skipped: {result.skipped[0][1]}"
    problems = [*result.errors, *result.failures]
    if not problems:
        return None
    lines = [line for line in problems[0][1].splitlines() if line.strip()]
    named = (line for line in reversed(lines) if line[0] not in " EA?+-" or "Error:" in line)
    return next(named, lines[-1])


def run(chosen: str = "") -> Iterator[Outcome]:
    """The outcome of each test of the files whose path contains ``chosen``."""
    from tests.keras_own.redirect import loaded

    for folder in FOLDERS:
        place = SOURCE / folder
        for path in sorted(place.glob("*_test.py")) if place.is_dir() else [place]:
            if chosen not in str(path):
                continue
            file = f"{path.parent.relative_to(SOURCE)}/{path.name}"
            why = outside(path.name, "", "")
            if why:
                count = path.read_text(encoding="utf-8").count("    def test_")
                yield from (Outcome(f"{file} {number}", why, None) for number in range(count))
                continue
            for test in _each(unittest.defaultTestLoader.loadTestsFromModule(loaded(path))):
                name = f"{file} {test.id().partition('.')[2].partition('.')[2]}"
                why = outside(path.name, str(test), _text(test))
                yield Outcome(name, why, None if why else _failure(test))


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit status, 1 where a test that applies fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.keras_own", description=__doc__)
    parser.add_argument("files", nargs="?", default="", help="a part of the paths to run")
    parser.add_argument("--outside", action="store_true", help="list the tests left aside, too")
    options = parser.parse_args(arguments)
    os.environ.setdefault("KERAS_BACKEND", "numpy")
    warnings.simplefilter("ignore")
    passed, failed, aside = 0, [], []
    for outcome in run(options.files):
        if outcome.aside:
            aside.append(outcome)
        elif outcome.failure:
            failed.append(outcome)
        else:
            passed += 1
    for outcome in failed:
        print(f"failed: {outcome.name}: {outcome.failure}")
    if options.outside:
        for outcome in aside:
            print(f"left aside: {outcome.name}: {outcome.aside}")
    print(f"{passed} of {passed + len(failed)} tests that apply pass")
    reasons = collections.Counter(outcome.aside for outcome in aside)
    print(f"{len(aside)} do not apply:")
    for why, count in reasons.most_common():
        print(f"{count:>5} {why}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
