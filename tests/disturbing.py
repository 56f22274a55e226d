"""Programs in which threads, forks and exits come at bad moments; each ends, with right numbers.

``python -m tests.disturbing NAME`` runs one in a process of its own, as the tests do.
"""

from __future__ import annotations

import atexit
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import minidl
from minidl.accelerator.cpu.team.team import part_count, team
from minidl.layers import Dense, Dropout, Input

ROWS, COLUMNS = 1000, 64
X = np.random.default_rng(0).random((ROWS, COLUMNS), dtype=np.float32)
Y = np.random.default_rng(1).integers(0, 5, ROWS)
_making = threading.Lock()


def network(units: int = 200, seed: int = 1) -> minidl.Sequential:
    """A compiled one; with as many units its products are shared out among threads."""
    with _making:  # the seed is the process's
        minidl.utils.set_random_seed(seed)
        layers = [Input((COLUMNS,)), Dense(units, "relu"), Dropout(0.2), Dense(5, "softmax")]
        model = minidl.Sequential(layers)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.build()
        return model


def fit(model: minidl.Sequential, epochs: int = 1, *callbacks: Any) -> minidl.Sequential:
    """Train on all rows."""
    model.fit(X, Y, 250, epochs, 0, list(callbacks))
    return model


def in_threads(count: int, work: Callable[[], None]) -> None:
    """Have so many threads do it; an error of one is the caller's."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def one_model_in_four_threads() -> None:
    """Predictions of one model are those that one thread gets, whatever the batches are."""
    model = fit(network())
    sizes = (100, 333, 1000)
    expected = {size: model.predict(X, batch_size=size) for size in sizes}

    def work() -> None:
        for k in range(15):
            size = sizes[k % 3]
            np.testing.assert_array_equal(model.predict(X, batch_size=size), expected[size])

    in_threads(4, work)


def training_beside_predictions() -> None:
    """A model that others look at while it is trained comes to the same weights."""
    alone = fit(network(), 10)
    model, ended = network(), threading.Event()
    x = X[:300]

    def look() -> None:
        while not ended.is_set():
            model.predict(x)
            model.get_weights()

    other = threading.Thread(target=look)
    other.start()
    fit(model, 10)
    ended.set()
    other.join()
    np.testing.assert_array_equal(model.theta, alone.theta)


def many_models_in_four_threads() -> None:
    """Each of 200 living models comes to what it comes to by itself."""
    expected = [fit(network(20, seed), 2).predict(X) for seed in range(5)]
    alive: list[minidl.Sequential] = []

    def work() -> None:
        for k in range(50):
            alive.append(fit(network(20, k % 5), 2))
            np.testing.assert_array_equal(alive[-1].predict(X), expected[k % 5])

    in_threads(4, work)
    assert len(alive) == 200


def blas_keeps_its_threads() -> None:
    """NumPy's BLAS has as many threads after models of one output were trained in threads."""
    from threadpoolctl import threadpool_info

    def counts() -> list[int]:
        return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]

    def work() -> None:
        for _ in range(5):
            with _making:
                model = minidl.Sequential([Input((COLUMNS,)), Dense(30, "relu"), Dense(1)])
            model.compile("sgd", "mse")
            model.fit(X, Y, 100, 3, 0)

    before = counts()
    in_threads(4, work)
    assert set(counts()) == set(before), (before, counts())


def wait_for(child: int, seconds: float = 60.0) -> int:
    """The exit status of a child process; it is killed where it does not end."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError("a child does not end")


def forks_while_a_thread_trains() -> None:
    """A child predicts, trains the model that was being trained, and exits as usual."""
    warnings.simplefilter("ignore")
    chance = random.Random(0)
    trained, other = network(), fit(network(seed=2))
    expected = other.predict(X)
    ended = threading.Event()

    def train() -> None:
        while not ended.is_set():
            fit(trained)

    thread = threading.Thread(target=train, daemon=True)
    thread.start()
    try:
        for _ in range(8):
            time.sleep(chance.uniform(0, 0.03))
            child = os.fork()
            if child == 0:
                np.testing.assert_array_equal(other.predict(X), expected)
                # Before a step of the other thread or after it, never in its midst.
                assert trained.optimizer is not None
                assert trained.step == trained.optimizer.iterations
                fit(trained)
                sys.exit(7)
            assert wait_for(child) == 7
    finally:
        ended.set()
    thread.join()


def a_callback_forks(processors: str) -> None:
    """Parent and child train on to the same weights, also where the child may use fewer."""
    undisturbed = fit(network(), 3)

    class Fork(minidl.callbacks.Callback):
        child = -1

        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            if epoch == 0:
                self.child = os.fork()
                if self.child == 0:
                    os.environ["OMP_NUM_THREADS"] = processors

    fork = Fork()
    model = fit(network(), 3, fork)
    if fork.child == 0 and processors == "1":
        assert team().threads == 1
    assert team().parts == part_count()
    np.testing.assert_array_equal(model.theta, undisturbed.theta)
    if fork.child == 0:
        sys.exit(7)
    assert wait_for(fork.child) == 7


def a_daemon_thread_trains() -> None:
    """The process ends while a thread trains, and a handler at its exit predicts and trains."""
    late = fit(network(seed=3))
    expected = late.predict(X)

    def at_exit() -> None:
        np.testing.assert_array_equal(late.predict(X), expected)
        fit(late)
        print("at exit", flush=True)

    atexit.register(at_exit)
    thread = threading.Thread(target=fit, args=(network(), 1_000_000), daemon=True)
    thread.start()
    time.sleep(0.3)


def an_exit_handler_makes_the_first_product() -> None:
    """The team may be made when everything else is taken down."""
    atexit.register(lambda: print(len(fit(network()).get_weights()), flush=True))


def an_explicit_loop_under_signals() -> None:
    """A handler predicts between forward and backward: the loop comes to the same weights."""

    def train(model: minidl.Sequential) -> np.ndarray:
        loss = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
        loss.bind(100, 5, model.backend, model.dtype)
        optimizer = minidl.optimizers.Adam()
        for _ in range(200):
            loss.forward(model.forward(X[:100], training=True, logits=True), Y[:100, None])
            model.backward(loss.backward(), logits=True)
            optimizer.update(model.theta, model.grad)
        return model.theta.copy()

    expected = train(network())
    model, calls = network(), 0

    def handle(*_: Any) -> None:
        nonlocal calls
        calls += 1
        model.predict(X)
        signal.setitimer(signal.ITIMER_REAL, 0.003)

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    found = train(model)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert calls > 3
    np.testing.assert_array_equal(found, expected)


def interrupted(count: str) -> None:
    """The short form of the campaign of interrupts."""
    from tests.campaigns import interrupts

    figures = interrupts.run(int(count), seed=1, steps=640)
    assert figures["interrupts"] >= int(count)
    assert not figures["wrong"], figures


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
    print("done", flush=True)
