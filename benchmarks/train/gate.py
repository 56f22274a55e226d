"""The gate at which a peer waits between epochs: the worker's side of the lines to and fro.

Between epochs a worker is blocked in a read, and no thread of the worker should run: a spinning
core is lost for the training peer. Idle threads of BLAS and of OpenMP spin for some milliseconds
before they sleep. So both sides wait :data:`SETTLE` seconds after an epoch. After this pause and
until the next epoch, each worker measures the processor time of all its threads.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, TextIO

import threadpoolctl

#: Seconds for the threads of an epoch to fall asleep, before the next peer trains.
SETTLE = 0.15


class Finished(Exception):  # noqa: N818 - not an error: the way out of a peer's own loop
    """No more epochs are wanted."""


class Gate:
    """The gate at which a peer waits between epochs. The clock runs from ``wait`` to ``done``."""

    def __init__(self, commands: TextIO, answers: TextIO) -> None:
        self._commands = commands
        self._answers = answers
        self._start = 0.0
        self._idle = 0.0, 0.0
        self._first = True

    def ready(self, parameters: int, **facts: Any) -> None:
        """Report that data and network are ready.

        Args:
            parameters: number of trained parameters.
            facts: further facts for the report.
        """
        self.send({"ready": {"parameters": int(parameters), **facts}})

    def wait(self) -> None:
        """Wait for the request of an epoch.

        Raises:
            Finished: no more epochs are wanted.
        """
        if not self._first:
            time.sleep(SETTLE)
        wall, cpu = time.perf_counter(), time.process_time()
        line = self._commands.readline()
        if not line:
            raise Finished
        if json.loads(line) != "epoch":
            raise ValueError(f'expected the line "epoch", received {line!r}')
        self._start = time.perf_counter()
        self._idle = time.process_time() - cpu, self._start - wall

    def done(self, loss: Any, accuracy: Any) -> None:
        """Report a trained epoch; the first answer also names the loaded numeric libraries.

        Args:
            loss: mean over the rows, with penalties. Reading the loss waits for running work.
            accuracy: accuracy in training; None if the peer measures no accuracy.
        """
        loss = float(loss)
        accuracy = None if accuracy is None else float(accuracy)
        seconds = time.perf_counter() - self._start
        answer = {"seconds": seconds, "loss": loss, "accuracy": accuracy, "idle": self._idle}
        if self._first:
            self._first = False
            answer["libraries"] = libraries()
        self.send(answer)

    def send(self, message: dict[str, Any]) -> None:
        """Send one line to the parent."""
        self._answers.write(json.dumps(message) + "\n")
        self._answers.flush()


def libraries() -> list[str]:
    """The libraries of BLAS and OpenMP that this process has loaded, with their threads."""
    return [
        f"{found['internal_api']} {found['version'] or ''} {found.get('architecture', '')}, "
        f"{found['num_threads']} threads, {os.path.basename(found['filepath'])}"
        for found in threadpoolctl.threadpool_info()
    ]


def serve(train: Callable[[Gate], None]) -> int:
    """Run ``train`` until no more epochs are wanted; the exit status."""
    # Output of libraries goes to stderr, not between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    gate = Gate(sys.stdin, answers)
    try:
        train(gate)
    except Finished:
        return 0
    except Exception:
        traceback.print_exc()
        gate.send({"error": traceback.format_exc(limit=-1).strip()})
        return 1
    return 0
