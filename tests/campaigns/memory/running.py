"""Children that call, started again after each that a call has ended."""

from __future__ import annotations

import collections
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
# A call that takes so many seconds hangs; the first ones of a formula compile it.
PATIENCE = 600


@dataclass
class Outcome:
    """Ends of calls, and findings: for each the words and the command that repeats the call."""

    calls: int = 0
    ends: collections.Counter[str] = field(default_factory=collections.Counter)
    findings: list[dict[str, Any]] = field(default_factory=list)


def run(
    seed: int, first: int, last: int, executor: str, side: str, library: Path, until: float
) -> Outcome:
    """Make the calls from ``first`` up to ``last``, or as many as there is time for.

    Args:
        seed: of the calls.
        first, last: numbers of calls.
        executor: "blocks" or "compiled".
        side: of the arrays, with an untouchable page: "before" or "after".
        library: made by ``guarded.build``.
        until: time.monotonic() at which to stop.
    """
    outcome = Outcome()
    while first < last and time.monotonic() < until:
        first = _child(seed, first, last, (executor, side, str(library)), until, outcome)
    return outcome


def _child(
    seed: int, first: int, last: int, where: tuple[str, str, str], until: float, outcome: Outcome
) -> int:
    """Run one child; return the number after the child's last call."""
    with tempfile.TemporaryDirectory() as folder:
        place, output = Path(folder, "place"), Path(folder, "output")
        place.write_bytes(struct.pack("<q", first))
        command = [sys.executable, "-m", "tests.campaigns.memory.child"]
        command += [str(seed), str(first), str(last), *where, str(place)]
        parts = str(2 + seed % 2)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": parts}
        with output.open("wb") as out, Path(folder, "errors").open("wb") as errors:
            child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=errors)
            ended = _wait(child, place, until)
        at = struct.unpack("<q", place.read_bytes())[0]
        done = first
        for line in output.read_text().splitlines():
            try:
                said = json.loads(line)
            except ValueError:  # libraries that complain do so there, too
                said = {"found": f"printed: {line}", "number": done}
            if "found" in said:
                outcome.findings.append(_finding(seed, said["number"], where, said))
            else:
                done = said["done"]
                outcome.ends.update(said["ends"])
        if ended == "time":
            outcome.calls += at - first
            return last
        if child.returncode == 0:
            outcome.calls += done - first
            return last
        text = Path(folder, "errors").read_text(errors="replace")
        how = ended or _death(child.returncode)
        said = {"found": how, "trace": text[-3000:]}
        outcome.findings.append(_finding(seed, at, where, said))
        outcome.calls += at + 1 - first
        return int(at) + 1


def _wait(child: subprocess.Popen[bytes], place: Path, until: float) -> str:
    """Wait for a child: "hangs" or "time" for a child that had to be ended."""
    before, since = b"", time.monotonic()
    while True:
        try:
            child.wait(1)
            return ""
        except subprocess.TimeoutExpired:
            now = time.monotonic()
            at = place.read_bytes()
            if at != before:
                before, since = at, now
            if now > until or now - since > PATIENCE:
                child.kill()
                child.wait()
                return "time" if now > until else "hangs"


def _death(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"


def _finding(
    seed: int, number: int, where: tuple[str, str, str], said: dict[str, Any]
) -> dict[str, Any]:
    again = f"--replay {seed} {number} {where[0]} {where[1]}"
    return {"found": said["found"], "again": again, **{k: said[k] for k in said if k == "trace"}}
