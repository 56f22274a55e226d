"""The process in which a student's file runs: ``python -m minidl.teaching.exercises.apart``.

The file runs with a limit on memory, may import a few packages only, and reaches neither the
network nor other programs nor files for writing. The limits prevent accidents; a student who
sets out to deceive the process that grades can do so.
"""

from __future__ import annotations

import builtins
import contextlib
import json
import os
import sys
import traceback
from pathlib import Path
from types import CodeType
from typing import Any

from minidl.teaching.exercises.course import EXERCISES, Exercise
from minidl.teaching.exercises.grading import BROKEN, Grade, grade

MEMORY = 4 * 2**30  # bytes of addresses; NumPy, SciPy and their libraries take one GiB
LARGEST = 2**20  # bytes of a file

ALLOWED = {
    "__future__", "cmath", "collections", "dataclasses", "functools", "itertools", "math", "numpy",
    "operator", "scipy", "typing",
}  # fmt: skip

# Events that Python reports before they happen, by the beginning of their names.
REFUSED = {
    "socket.": "reaches for the network",
    "subprocess.": "starts a program",
    "os.system": "starts a program",
    "os.exec": "starts a program",
    "os.fork": "starts a process",
    "os.posix_spawn": "starts a program",
    "os.spawn": "starts a program",
    "os.kill": "ends a process",
    "os.remove": "removes a file",
    "os.rmdir": "removes a folder",
    "os.rename": "renames a file",
    "shutil.": "moves files",
}


class Refused(BaseException):
    """An exercise does something that no exercise needs."""


def graded(path: Path, exercise: Exercise) -> Grade:
    """The grade of a file, which runs in this process."""
    try:
        code = _compiled(path)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        what = error.msg if isinstance(error, SyntaxError) else str(error) or "too deep"
        return Grade(BROKEN, f"the file is no Python{line}: {what}.", ("no Python",))
    except OSError as error:
        return Grade(BROKEN, f"the file cannot be read: {error.strerror}.", ("cannot be read",))
    names = {"__name__": path.stem, "__file__": str(path), "__builtins__": _guarded()}
    try:
        exec(code, names)
        return grade(exercise, names)
    except BaseException as error:  # SystemExit and the like are a student's, too
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        where = f", in line {frames[-1].lineno}" if frames else ""
        if isinstance(error, Refused):
            return Grade(BROKEN, f"{error}{where}.", ("refused",))
        if isinstance(error, SystemExit):
            return Grade(BROKEN, f"the file ends Python{where}.", ("exit",))
        raised = type(error).__name__ + (f": {error}" if str(error) else "")
        return Grade(BROKEN, f"the file raised {raised}{where}.", (type(error).__name__,))


def _compiled(path: Path) -> CodeType:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"larger than {LARGEST:,} bytes")
    return compile(path.read_bytes(), str(path), "exec", dont_inherit=True)


def _guarded() -> dict[str, Any]:
    """Python's own names, with an import for few packages."""

    def guarded(name: str, *arguments: Any) -> Any:
        if (len(arguments) > 3 and arguments[3]) or name.partition(".")[0] not in ALLOWED:
            what = f"the file imports {name or 'a file beside it'}"
            raise Refused(f"{what}; an exercise needs numpy, scipy or math, and no more")
        return __import__(name, *arguments)

    return {**vars(builtins), "__import__": guarded}


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Raise for an event, about to happen, that no exercise needs."""
    for beginning, what in REFUSED.items():
        if event.startswith(beginning):
            raise Refused(f"the file {what}, which no exercise does")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        raise Refused("the file opens a file for writing, which no exercise does")


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(path: str, name: str, answer: str) -> None:
    """Grade a file, write the grade into another, and end, even if threads still run."""
    del sys.argv[:]
    with open(answer, "w", encoding="utf-8") as file:
        _limit_memory()
        sys.addaudithook(_refuse)
        json.dump(graded(Path(path), EXERCISES[name])._asdict(), file)
    with contextlib.suppress(Exception):  # a student may have closed them
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
