"""Interrupts at random moments: every counted step is done, and everything else is unchanged.

A network is trained on equal batches, so that its state depends on the number of steps alone,
with any interrupts. Signals come at random moments and raise KeyboardInterrupt, are set into the
thread as exceptions, or are handled by a function that predicts, evaluates, saves or trains. After
each interrupt the network has, bit for bit, the state of an undisturbed training after as many
steps; and a second network still predicts the same.

    python -m tests.campaigns.interrupts [--count 10000] [--seed 0] [--executor compiled]
"""

from __future__ import annotations

import argparse
import ctypes
import io
import random
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

import minidl
from minidl.layers import BatchNormalization, Dense, Dropout, Input
from minidl.optimizers import Adam
from minidl.optimizers.schedules import ExponentialDecay
from tests.campaigns import write

BATCH, BATCHES, COLUMNS, CLASSES = 32, 40, 24, 5


def network(seed: int) -> minidl.Sequential:
    """A compiled one with all that a step can change."""
    model = minidl.Sequential(
        [
            Input((COLUMNS,)),
            Dense(48, "relu", kernel_regularizer=minidl.regularizers.L2(0.001)),
            BatchNormalization(),
            Dropout(0.3),
            Dense(CLASSES, "softmax"),
        ]
    )
    model.seed = seed
    model.compile(
        Adam(ExponentialDecay(0.01, 50, 0.9), global_clipnorm=1.0),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.build()
    return model


def state(model: minidl.Sequential) -> bytes:
    """Everything that training changes."""
    assert model.optimizer is not None
    counts = model.step, model.optimizer.iterations, model.optimizer.accumulated_learning_rate
    arrays = [model.theta, model.statistics.theta, *model.optimizer.state.values()]
    return repr(counts).encode() + b"".join(array.tobytes() for array in arrays)


class Scene:
    """Networks with data, and the states of an undisturbed training.

    Args:
        seed: of everything random, the moments of the signals included.
        steps: of the undisturbed training.
    """

    def __init__(self, seed: int, steps: int) -> None:
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((BATCH, COLUMNS)).astype(np.float32)
        y = rng.integers(0, CLASSES, BATCH)
        self.x, self.y = np.tile(x, (BATCHES, 1)), np.tile(y, BATCHES)
        self.seed, self.steps = seed, steps
        self.chance = random.Random(seed)
        self.states = self._undisturbed()
        self.other = network(seed + 1)
        self.other.fit(self.x, self.y, BATCH, 2, 0)
        self.predicted = self.other.predict(self.x)
        self.model = network(seed)
        self.happened: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.last: tuple[Any, ...] = ()

    def _undisturbed(self) -> list[bytes]:
        states: list[bytes] = []
        model = network(self.seed)
        note = minidl.callbacks.LambdaCallback(
            on_train_begin=lambda logs: states.append(state(model)),
            on_train_batch_end=lambda batch, logs: states.append(state(model)),
        )
        model.fit(self.x, self.y, BATCH, self.steps // BATCHES, 0, note, shuffle=False)
        return states

    def fit(self) -> None:
        """Train on; from the beginning where the undisturbed training ends."""
        if self.model.step > self.steps - 4 * BATCHES:
            self.model = network(self.seed)
        self.model.fit(self.x, self.y, BATCH, self.chance.choice([1, 1, 2, 3]), 0, shuffle=False)

    def predict(self) -> None:
        """Both networks."""
        self.model.predict(self.x)
        self.other.predict(self.x, batch_size=self.chance.choice([7, 100, 2000]))

    def evaluate(self) -> None:
        """Both networks."""
        self.model.evaluate(self.x, self.y, verbose=0)
        self.other.evaluate(self.x, self.y, verbose=0)

    def checkpoint(self) -> None:
        """Save, into memory, and load."""
        kept = io.BytesIO()
        self.model.save(kept)
        kept.seek(0)
        loaded = minidl.models.load_model(kept)
        self._holds(loaded, "a loaded network")

    def check(self) -> None:
        """Note every difference from the undisturbed state."""
        self._holds(self.model, "the network")
        self._check_other()

    def _check_other(self) -> None:
        if not np.array_equal(self.other.predict(self.x), self.predicted):
            self.wrong.append("the second network predicts something else")

    def _holds(self, model: minidl.Sequential, what: str) -> None:
        assert model.optimizer is not None
        if not model.optimizer.state:
            model.optimizer.build(model.theta, model.parameters)
        now, expected = state(model), self.states[model.step]
        if now != expected:
            both = zip(_numbers(now), _numbers(expected), strict=True)
            differences = [abs(a - b) for a, b in both if a != b]
            self.wrong.append(
                f"{what} counts {model.step} steps and has another state after {self.last}: "
                f"{len(differences)} numbers differ, by up to {max(differences, default=0)}"
            )

    def handle(self, *_: Any) -> None:
        """Action of a signal's handler in place of an interrupt."""
        what = self.chance.choice(["predict", "evaluate", "checkpoint", "other fit", "fit"])
        self.happened[f"handler: {what}"] += 1
        self.last = *self.last, what, self.model.step
        if what == "other fit":
            weights = self.other.get_weights()
            self.other.fit(self.x[:200], self.y[:200], 50, 2, 0)
            self.other.set_weights(weights)
        elif what == "fit":
            if self.model.step < self.steps - 8 * BATCHES:
                self.model.fit(self.x, self.y, BATCH, 1, 0, shuffle=False)
        else:
            getattr(self, what)()
            self._check_other()


def _numbers(found: bytes) -> list[float]:
    start = found.index(b")") + 1
    return np.frombuffer(found[start:], np.float32).tolist()


def raised_by_signal(delay: float, work: Callable[[], None]) -> bool:
    """Work to the end or to a signal's KeyboardInterrupt; True for the latter."""
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, delay)
            work()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        return True
    return False


class _SetInto(BaseException):
    """The exception that another thread sets into this one."""


def raised_by_thread(delay: float, work: Callable[[], None]) -> bool:
    """Work to the end or to an exception that another thread sets; True for the latter."""
    here, ended = threading.get_ident(), threading.Event()

    def interrupt() -> None:
        if not ended.wait(delay):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(here), ctypes.py_object(_SetInto)
            )

    other = threading.Thread(target=interrupt)
    try:
        other.start()
        try:
            work()
        finally:
            ended.set()
            other.join()
    except _SetInto:
        ended.set()
        other.join()
        return True
    return False


def handled(delay: float, work: Callable[[], None], scene: Scene) -> bool:
    """Work with a handler that does not raise; True if the handler was called."""
    before = sum(scene.happened.values())
    former = signal.signal(signal.SIGALRM, scene.handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, delay)
        work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    return sum(scene.happened.values()) > before


def run(count: int, seed: int, steps: int = 2000) -> dict[str, Any]:
    """Interrupt so many times; return the count of each kind, and the failures."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    scene = Scene(seed, steps)
    done: Counter[str] = Counter()
    begun = time.monotonic()
    while sum(done.values()) < count and not scene.wrong:
        name = scene.chance.choice(["fit", "fit", "fit", "predict", "evaluate", "checkpoint"])
        kind = scene.chance.choice(["signal", "thread", "handler"])
        delay = scene.chance.uniform(0.0002, 0.02)
        work = getattr(scene, name)
        scene.last = name, kind, delay, scene.model.step
        if kind == "signal":
            happened = raised_by_signal(delay, work)
        elif kind == "thread":
            happened = raised_by_thread(delay, work)
        else:
            happened = handled(delay, work, scene)
        done[f"{name}, {kind}"] += happened
        scene.check()
    # In the end, the numbers of an undisturbed run.
    scene.model = network(seed)
    scene.model.fit(scene.x, scene.y, BATCH, steps // BATCHES, 0, shuffle=False)
    if state(scene.model) != scene.states[-1]:
        scene.wrong.append("an undisturbed training comes to another end")
    return {
        "interrupts": sum(done.values()),
        "of which": dict(sorted(done.items())),
        "handlers": dict(sorted(scene.happened.items())),
        "seconds": round(time.monotonic() - begun),
        "wrong": scene.wrong,
    }


def main() -> int:
    """Run the campaign as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--executor", default="compiled", choices=["compiled", "blocks", "python"])
    parser.add_argument("--keep", action="store_true", help="write the figures beside this file")
    options = parser.parse_args()
    minidl.backend.use("numpy", executor=options.executor)
    figures = run(options.count, options.seed)
    print(figures)
    if options.keep:
        command = f"python -m tests.campaigns.interrupts --count {options.count} --keep"
        command += f" --seed {options.seed} --executor {options.executor}"
        print(write(f"interrupts-{options.executor}", command, options.seed, figures))
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
