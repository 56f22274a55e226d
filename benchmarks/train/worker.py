"""A peer in a separate process, which trains an epoch on request.

    python -m benchmarks.train.worker jax 001 --data FOLDER

Parent and worker exchange lines of JSON. The worker writes ``{"ready": {…}}`` once data and network
are ready. For each line ``"epoch"`` the worker trains an epoch and answers ``{"seconds": …,
"loss": …, "accuracy": …, "idle": [processor seconds since the last epoch, seconds]}``. The end of
the input ends the worker. After an error, the last line is ``{"error": …}``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.train import jobs, peers
from benchmarks.train.data import Rows
from benchmarks.train.gate import SETTLE, Gate, serve

ROOT = Path(__file__).parents[2]


class WorkerError(RuntimeError):
    """A worker failed; the message is the worker's, or the end of the worker's output."""


class Worker:
    """The parent's side of a worker.

    Args:
        command: command line that starts the worker.
        environment: variables in addition to :func:`machine.environment`.

    Attributes:
        process: process of the worker.
        facts: the worker's facts in the ready line; after :meth:`start`.
        startup: seconds from the start to the end of the first epoch; after :meth:`start`.
    """

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self.facts: dict[str, Any] = {}
        self.startup = 0.0
        self._begin = time.perf_counter()
        self._errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - see stop
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**machine.environment(), **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    @classmethod
    def of(
        cls,
        peer: peers.Peer,
        job: jobs.Job,
        folder: Path,
        place: str = peers.CPU,
        tf32: bool = False,
    ) -> Worker:
        """A worker for a job, with data in ``folder``, that computes at ``place``.

        With ``tf32`` products may round to ten bits of mantissa, on a GPU.
        """
        module = "benchmarks.train.worker"
        arguments = [peer.name, job.name, "--rows", str(job.rows), "--data", str(folder)]
        return cls([sys.executable, "-m", module, *arguments], peer.variables(place, tf32))

    def start(self) -> dict[str, Any]:
        """Wait for the ready line, and train the first epoch, which compiles; return the answer."""
        self.facts = self._answer("ready")["ready"]
        answer = self.epoch()
        self.startup = time.perf_counter() - self._begin - SETTLE
        self.facts["libraries"] = answer.pop("libraries")
        return answer

    def epoch(self) -> dict[str, Any]:
        """Train one epoch, and let the worker's threads fall asleep; return the answer.

        Raises:
            WorkerError: the worker failed.
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write('"epoch"\n')
            self.process.stdin.flush()
        except OSError:
            raise WorkerError(self._last_words()) from None
        answer = self._answer("seconds")
        time.sleep(SETTLE)
        return answer

    def stop(self) -> None:
        """Let the worker end; kill a worker that does not."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # an unread "epoch"
            self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._errors.close()

    def _answer(self, expected: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if expected not in answer:
            raise WorkerError(str(answer.get("error", f"expected {expected!r}, received {line}")))
        return answer

    def _last_words(self) -> str:
        status = self.process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return "\n".join([f"ended with status {status}", *lines[-5:]])


def main() -> int:
    """Run one peer on one job; the exit status."""
    parser = argparse.ArgumentParser(description="Train epochs on demand, for benchmarks.train.")
    parser.add_argument("peer", choices=peers.PEERS)
    parser.add_argument("job", choices=jobs.JOBS)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    (job,) = jobs.find([options.job], options.rows)

    def train(gate: Gate) -> None:
        module = importlib.import_module(peers.PEERS[options.peer].module)
        module.train(job, Rows(job, options.data), gate)

    return serve(train)


if __name__ == "__main__":
    sys.exit(main())
