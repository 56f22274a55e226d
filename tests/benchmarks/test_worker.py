"""The lines to and fro between a race and its workers, which here have no engine."""

from __future__ import annotations

import io
import json
import sys
from functools import partial

import numpy as np
import pytest

from benchmarks.train import gate, jobs, peers, race, worker
from benchmarks.train.steady import Machine
from benchmarks.train.worker import Worker, WorkerError

STEADY = Machine(lambda: 1.0)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    """Nothing here is timed."""
    monkeypatch.setattr(worker, "SETTLE", 0.0)


def fake(behaviour="trains"):
    return Worker([sys.executable, "-m", "tests.benchmarks.fake_peer", behaviour])


@pytest.fixture
def started(request):
    """A worker of this behaviour that was started; it is stopped after the test."""
    found = fake(getattr(request, "param", "trains"))
    yield found
    found.stop()
    assert found.process.poll() is not None


@pytest.mark.parametrize("started", ["trains", "chatters"], indirect=True)
def test_epochs_are_answered_one_by_one(started):
    first = started.start()
    assert first["loss"] == 1
    assert started.facts["parameters"] == 7
    assert started.facts["colour"] == "green"
    assert isinstance(started.facts["libraries"], list)
    answers = [started.epoch() for _ in range(3)]
    assert [answer["loss"] for answer in answers] == [1 / 2, 1 / 3, 1 / 4]
    assert [answer["accuracy"] for answer in answers] == [1 - 1 / k for k in (2, 3, 4)]


def test_the_startup_goes_from_the_start_of_the_process_to_the_end_of_the_first_epoch(monkeypatch):
    clock = iter([100.0, 107.0])
    monkeypatch.setattr(worker.time, "perf_counter", lambda: next(clock))
    found = fake()
    try:
        found.start()
    finally:
        found.stop()
    assert found.startup == 7


def test_the_end_of_its_input_ends_it(started):
    started.start()
    started.stop()
    assert started.process.returncode == 0


@pytest.mark.parametrize(
    ("started", "message"),
    [("dies", "ended with status 3\nno memory left"), ("fails", "ArithmeticError: diverged")],
    indirect=["started"],
)
def test_a_failure_is_reported_in_its_own_words(started, message):
    with pytest.raises(WorkerError, match=message):
        started.start(), started.epoch()


def test_clocks_run_from_wait_to_done_and_from_the_settled_end_to_the_next_wait(monkeypatch):
    clock = {"wall": 0.0, "cpu": 0.0}

    def passes(wall, cpu):
        clock["wall"] += wall
        clock["cpu"] += cpu

    class Commands:
        """An order comes after ten seconds, of which threads of this process spin for one."""

        def __init__(self):
            self.lines = ['"epoch"\n', '"epoch"\n', ""]

        def readline(self):
            passes(10, 1)
            return self.lines.pop(0)

    monkeypatch.setattr(gate.time, "perf_counter", lambda: clock["wall"])
    monkeypatch.setattr(gate.time, "process_time", lambda: clock["cpu"])
    monkeypatch.setattr(gate, "SETTLE", 0.25)  # exact in binary

    # While an epoch's threads fall asleep, they may spin.
    def sleep(seconds):
        slept.append(seconds)
        passes(seconds, 2 * seconds)

    slept = []
    monkeypatch.setattr(gate.time, "sleep", sleep)
    answers = io.StringIO()
    entry = gate.Gate(Commands(), answers)
    for seconds in (3, 5):
        entry.wait()
        passes(seconds, 2 * seconds)
        entry.done(np.float32(0.5), None)
    with pytest.raises(gate.Finished):
        entry.wait()
    first, second = map(json.loads, answers.getvalue().splitlines())
    assert (first["seconds"], second["seconds"]) == (3, 5)
    assert second == {"seconds": 5, "loss": 0.5, "accuracy": None, "idle": [1, 10]}
    assert "libraries" in first
    assert slept == [0.25, 0.25]  # after each epoch


def test_the_race_goes_on_without_one_that_fails():
    starts = {name: partial(fake, name) for name in ("trains", "fails", "dies")}
    runs = race.together(starts, 3, STEADY)
    assert [len(runs[name].seconds) for name in starts] == [3, 0, 0]
    assert runs["trains"].losses == [1, 1 / 2, 1 / 3, 1 / 4]
    assert runs["trains"].facts["parameters"] == 7
    assert runs["fails"].error.endswith("ArithmeticError: diverged")
    assert "no memory left" in runs["dies"].error
    assert not runs["trains"].error


def test_one_that_failed_is_not_asked_again():
    class Failing:
        facts, startup, asked = {}, 0.0, 0

        def start(self):
            return {"seconds": 1, "loss": 1, "accuracy": 1, "idle": (0, 1)}

        def epoch(self):
            self.asked += 1
            raise WorkerError("no")

        def stop(self):
            self.stopped = True

    one = Failing()
    run = race.together({"a": lambda: one}, 5, STEADY)["a"]
    assert (one.asked, one.stopped, run.error) == (1, True, "no")


def test_alone_each_is_started_again_and_again():
    live = []

    class Watched(Worker):
        def start(self):
            live.append(self)
            assert [w for w in live if w.process.poll() is None] == [self]
            return super().start()

    def start(behaviour):
        return Watched([sys.executable, "-m", "tests.benchmarks.fake_peer", behaviour])

    starts = {name: partial(start, behaviour) for name, behaviour in
              (("a", "trains"), ("b", "trains"), ("c", "fails"))}  # fmt: skip
    runs = race.alone(starts, rounds=2, epochs=3, machine=STEADY)
    assert [len(runs[name].seconds) for name in starts] == [6, 6, 0]
    assert runs["a"].losses == [1, 1 / 2, 1 / 3, 1 / 4]  # since its last start
    assert len(live) == 5  # the one that failed is not tried again
    assert all(w.process.poll() is not None for w in live)


def test_who_is_slow_sits_out_and_the_order_turns_round():
    runs = {name: race.Run(seconds=[s]) for name, s in (("a", 1.0), ("b", 2.9), ("c", 3.1))}
    assert race.turn(list(runs), runs, 0) == ["a", "b", "c"]
    assert race.turn(list(runs), runs, 1) == ["c", "b", "a"]
    assert race.turn(list(runs), runs, race.ENOUGH) == ["b", "a"]
    assert race.turn(list(runs), runs, race.ENOUGH + 1) == ["a", "b"]


def test_minidl_trains_in_a_worker(tmp_path):
    random = np.random.default_rng(0)
    np.save(tmp_path / "images.npy", random.integers(0, 256, (150, 784), dtype=np.uint8))
    np.save(tmp_path / "images.labels.npy", np.arange(150, dtype=np.int32) % 10)
    (job,) = jobs.find(["odd-sizes"], 150)
    for name, trains in ((peers.MINIDL, True), (peers.FLOOR, False)):
        found = Worker.of(peers.PEERS[name], job, tmp_path)
        try:
            losses = [found.start()["loss"], *(found.epoch()["loss"] for _ in range(4))]
        finally:
            found.stop()
        assert found.facts["parameters"] == job.parameters
        assert (losses[-1] < losses[0]) == trains


def test_what_tells_a_blas_how_to_compute_stays_outside(monkeypatch):
    told = ("OPENBLAS_CORETYPE", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "KMP_BLOCKTIME")
    for name in (*told, "MINIDL_DATA"):
        monkeypatch.setenv(name, "1")
    program = "import json, os; print(json.dumps({'ready': dict(os.environ)}))"
    process = Worker([sys.executable, "-c", program], {"OMP_DYNAMIC": "FALSE"})
    found = process._answer("ready")["ready"]
    process.stop()
    assert not set(told) & set(found)
    assert found["MINIDL_DATA"] == "1"
    assert found["OMP_DYNAMIC"] == "FALSE"


def test_epochs_before_the_race_do_not_count():
    """Of a worker that has trained for a while already, the facts are those of its start."""

    class Counting:
        facts, startup, epochs = {}, 0.0, 0

        def start(self):
            self.facts, self.startup = {"engine": "a"}, 2.0
            return self.epoch()

        def epoch(self):
            self.epochs += 1
            return {
                "seconds": float(self.epochs),
                "loss": 0.5,
                "accuracy": None,
                "idle": (0.0, 1.0),
            }

        def stop(self):
            self.epochs = -1

    worker = Counting()
    run = race.together({"late": lambda: race.Trained(worker, 14)}, 2, STEADY)["late"]
    assert run.error == ""
    assert (run.first, run.startup, run.facts) == (1.0, 2.0, {"engine": "a"})
    assert run.seconds == [16.0, 17.0]
    assert worker.epochs == -1
