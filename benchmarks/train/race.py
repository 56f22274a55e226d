"""Epochs of all workers in turn, over several rounds.

A round gives each worker one epoch, in the opposite order every other time, so that other work on
the machine meets all workers alike. A worker's first epoch, which compiles, is not counted. A
worker that takes more than :data:`SLOW` times as long as the fastest sits out after :data:`ENOUGH`
rounds. If the peers' rows are too large for more than one process at a time, each round starts each
worker anew, for :data:`AT_ONCE` epochs that count.

An epoch that began or ended while the machine was slow is repeated (``steady``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from benchmarks.train.steady import PATIENCE, Machine
from benchmarks.train.worker import WorkerError

SLOW, ENOUGH = 3.0, 3
AT_ONCE, RESTARTS = 3, 2


class Runner(Protocol):
    """Interface of a worker in a race; see :class:`benchmarks.train.worker.Worker`."""

    facts: dict[str, Any]
    startup: float

    def start(self) -> dict[str, Any]: ...
    def epoch(self) -> dict[str, Any]: ...
    def stop(self) -> None: ...


class Trained:
    """A worker that trains some extra epochs before the first epoch that counts."""

    def __init__(self, worker: Runner, epochs: int) -> None:
        self._worker, self._epochs = worker, epochs
        self.facts: dict[str, Any] = {}
        self.startup = 0.0
        self.epoch, self.stop = worker.epoch, worker.stop

    def start(self) -> dict[str, Any]:
        """Train the first epoch and the extra epochs; return the first answer."""
        first = self._worker.start()
        self.facts, self.startup = self._worker.facts, self._worker.startup
        for _ in range(self._epochs):
            self._worker.epoch()
        return first


@dataclass
class Run:
    """Results of one peer on one job.

    Attributes:
        first: seconds of the first epoch.
        startup: seconds from the start of the process to the end of the first epoch.
        seconds: seconds of each epoch that counts.
        losses, accuracies: figures of each epoch since the last start, including the first.
        unsteady: number of counted epochs on a slow machine.
        idle_cpu, idle_wall: processor time while other peers trained, and the length of that time.
        facts: the worker's facts about itself.
        error: the reason of an early end.
    """

    first: float = 0.0
    startup: float = 0.0
    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    accuracies: list[float | None] = field(default_factory=list)
    unsteady: int = 0
    idle_cpu: float = 0.0
    idle_wall: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    def started(self, worker: Runner, answer: dict[str, Any]) -> None:
        """Note the first epoch after a start."""
        self.first, self.startup, self.facts = answer["seconds"], worker.startup, worker.facts
        self.losses, self.accuracies = [], []
        self._measured(answer)

    def trained(self, answers: Sequence[dict[str, Any]], steady: bool = True) -> None:
        """Note epochs; the last epoch counts."""
        self.seconds.append(answers[-1]["seconds"])
        self.unsteady += not steady
        for answer in answers:
            cpu, wall = answer["idle"]
            self.idle_cpu += cpu
            self.idle_wall += wall
            self._measured(answer)

    def _measured(self, answer: dict[str, Any]) -> None:
        self.losses.append(answer["loss"])
        self.accuracies.append(answer["accuracy"])


Start = Callable[[], Runner]


def together(
    starts: dict[str, Start], rounds: int, machine: Machine | None = None
) -> dict[str, Run]:
    """All workers live, one epoch each a round.

    Args:
        starts: peer -> function that starts the worker.
        rounds: epochs that count, at least 1.
        machine: machine of the run, which remembers the best speed.
    """
    machine = machine or Machine()
    machine.patience = PATIENCE
    runs = {name: Run() for name in starts}
    workers: dict[str, Runner] = {}
    with contextlib.ExitStack() as stack:
        for name, start in starts.items():
            with failing(runs[name]):
                worker = start()
                stack.callback(worker.stop)
                runs[name].started(worker, worker.start())
                workers[name] = worker
        for number in range(rounds):
            for name in turn(list(workers), runs, number):
                with failing(runs[name]):
                    runs[name].trained(*machine.epochs(workers[name].epoch))
                if runs[name].error:
                    del workers[name]
    return runs


def alone(
    starts: dict[str, Start],
    rounds: int = RESTARTS,
    epochs: int = AT_ONCE,
    machine: Machine | None = None,
) -> dict[str, Run]:
    """One worker live at a time."""
    machine = machine or Machine()
    machine.patience = PATIENCE
    runs = {name: Run() for name in starts}
    for _ in range(rounds):
        for name, start in starts.items():
            if runs[name].error:
                continue
            with failing(runs[name]), contextlib.ExitStack() as stack:
                worker = start()
                stack.callback(worker.stop)
                runs[name].started(worker, worker.start())
                for _ in range(epochs):
                    runs[name].trained(*machine.epochs(worker.epoch))
    return runs


@contextlib.contextmanager
def failing(run: Run) -> Iterator[None]:
    """End the race for a worker that fails; all other workers continue."""
    try:
        yield
    except WorkerError as error:
        run.error = str(error)


def turn(names: Sequence[str], runs: dict[str, Run], number: int) -> list[str]:
    """The peers that train in a round, in order."""
    times = {name: min(runs[name].seconds) for name in names if runs[name].seconds}
    if number >= ENOUGH and times:
        limit = SLOW * min(times.values())
        names = [name for name in names if times.get(name, 0.0) <= limit]
    return list(names if number % 2 == 0 else reversed(names))
