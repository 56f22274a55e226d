"""A student's file in a process of its own, with limits on time and on printed bytes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, NamedTuple

from minidl.teaching.exercises import apart, files
from minidl.teaching.exercises.course import Exercise
from minidl.teaching.exercises.grading import BROKEN, EMPTY, Grade

SECONDS = 10.0
PRINTED = 2**20  # bytes at most
KEPT = 2000  # bytes that are shown


class Run(NamedTuple):
    """A grade, the beginning of the printed text, and True for a file with a student's lines."""

    grade: Grade
    printed: str = ""
    begun: bool = True


def run(path: Path, exercise: Exercise, seconds: float = SECONDS) -> Run:
    """Grade a file; an untouched file needs no process."""
    if not path.is_file():
        return Run(Grade(EMPTY, "there is no such file."), begun=False)
    if path.stat().st_size < apart.LARGEST and _untouched(path, exercise):
        return Run(Grade(EMPTY, f"to be written: {', '.join(exercise.functions)}."), begun=False)
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "grade.json"
        command = [sys.executable, "-m", apart.__name__, str(path.resolve()), exercise.name]
        process = subprocess.Popen(
            [*command, str(answer)],
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        listener = _Listener(process)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            text = f"the file did not come to an end within {seconds:g} seconds."
            return Run(Grade(BROKEN, text, ("too long",)), listener.end())
        finally:
            _kill(process)
        printed = listener.end()
        if listener.count > PRINTED:
            text = f"the file printed more than {PRINTED:,} bytes and was stopped."
            return Run(Grade(BROKEN, text, ("prints too much",)), printed)
        return Run(_answered(answer, process.returncode), printed)


def run_all(jobs: Iterable[tuple[Path, Exercise]]) -> Iterator[Run]:
    """Grade files, as many at once as there are processors, in the order of the jobs."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda job: run(*job), jobs)


def _untouched(path: Path, exercise: Exercise) -> bool:
    return path.read_bytes().decode(errors="replace").split() == files.text_of(exercise).split()


def _environment() -> dict[str, str]:
    """The environment of a process in another folder, with one thread of BLAS."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    paths = [str(Path(apart.__file__).parents[3]), *(os.path.abspath(p) for p in given if p)]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _answered(answer: Path, status: int) -> Grade:
    try:
        found = json.loads(answer.read_text(encoding="utf-8"))
        return Grade(found["state"], " ".join(found["text"].split()), tuple(found["mistakes"]))
    except (OSError, ValueError, KeyError, TypeError):
        how = f"exit status {status}" if status >= 0 else _signal(-status)
        return Grade(BROKEN, f"the file ended Python before it was graded: {how}.", ("exit",))


def _signal(number: int) -> str:
    with contextlib.suppress(ValueError):
        return f"{signal.Signals(number).name}, a crash"
    return f"signal {number}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children."""
    with contextlib.suppress(OSError):  # it has ended
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


class _Listener:
    """Reads the output of a process, keeps the beginning, and ends a process that prints on."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self.count, self._kept, self._process = 0, b"", process
        self._thread = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._thread.start()

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            while part := stream.read1(2**16):  # type: ignore[attr-defined]
                self._kept += part[: KEPT - len(self._kept)]
                self.count += len(part)
                if self.count > PRINTED:
                    _kill(self._process)
                    return

    def end(self) -> str:
        """The beginning of the printed text."""
        self._thread.join(1.0)
        return self._kept.decode(errors="replace")
