"""Which test notices each mutant: mutants handed out to workers, outcomes taken back."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.mutation.mutants import ROOT, Mutant

_COPIED = ("minidl", "tests", "benchmarks", "examples", "docs", "pyproject.toml", "README.md")


class Outcome(NamedTuple):
    """What became of a mutant.

    Attributes:
        test: the first test that failed, "" if none did.
        message: how.
    """

    mutant: Mutant
    test: str
    message: str

    @property
    def killed(self) -> bool:
        """Whether anything noticed it."""
        return bool(self.test)

    @property
    def named(self) -> bool:
        """Whether the failure says which kernel or class was changed.

        The message has its name, or the test's name, file and parameters included, all of its
        words: ``test_dense.py::test_backward`` is about dense_backward.
        """
        name = self.mutant.definition.partition(".")[0].lower()
        words = name.strip("_").split("_")
        return name in self.message.lower() or all(word in self.test.lower() for word in words)


def run(mutants: Iterable[Mutant], workers: int) -> Iterator[Outcome]:
    """Each mutant's outcome, as they come.

    Raises:
        RuntimeError: a worker gave up; the tests fail without any change.
    """
    waiting: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
    for mutant in mutants:
        waiting.put(mutant)
    count = waiting.qsize()
    done: queue.SimpleQueue[Outcome | None] = queue.SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        started = [_started(Path(folder, str(k))) for k in range(min(workers, count))]
        for process in started:
            threading.Thread(target=_serve, args=(process, waiting, done), daemon=True).start()
        try:
            for _ in range(count):
                outcome = done.get()
                if outcome is None:
                    raise RuntimeError("a worker ended before its work; what it said is above")
                yield outcome
        finally:
            for process in started:
                process.kill()
                process.wait()


def _started(copy: Path) -> subprocess.Popen[str]:
    """A worker in a copy of what the tests need of the repository."""
    copy.mkdir()
    for name in _COPIED:
        if (ROOT / name).is_dir():
            idle = shutil.ignore_patterns("__pycache__", "_build", "*.png")
            shutil.copytree(ROOT / name, copy / name, ignore=idle)
        else:
            shutil.copy(ROOT / name, copy / name)
    own = {"XDG_CACHE_HOME": f"{copy}/.cache", "PYTHONPATH": str(copy)}
    # Compiled files know seconds and sizes, and mutants of one size follow each other in one.
    own |= {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "HYPOTHESIS_PROFILE": "mutants"}
    own |= {"MINIDL_EXECUTOR": "blocks"}  # where a test does not choose
    own |= {"PYTEST_ADDOPTS": "--thorough"}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.mutation.worker"],
        cwd=copy,
        env={**os.environ, **own},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _serve(process: subprocess.Popen[str], waiting: Any, done: Any) -> None:
    """Hand out mutants to one worker until there are no more, or it has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    while not waiting.empty():
        mutant = waiting.get()
        try:
            process.stdin.write(json.dumps([mutant.path, mutant.source]) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        done.put(Outcome(mutant, *json.loads(answer)) if answer else None)
