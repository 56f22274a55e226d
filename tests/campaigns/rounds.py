"""The rounds of ``soak``: tasks for a process, with checks after each."""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import gc
import hashlib
import io
import signal
import sys
import threading
import traceback
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

import minidl
from minidl import callbacks, optimizers
from minidl.layers import BatchNormalization, Dense, Dropout

LOSS = "sparse_categorical_crossentropy"
HANG = 600  # seconds
TURNS = 2  # so many times each kind of round comes at the beginning
RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((1200, 60)).astype(np.float32)
ROWS = scipy.sparse.csr_matrix(np.where(X > 1, X, 0))
Y = RANDOM.integers(0, 10, len(X))
#: Networks and optimizers, by number: few enough to have been compiled when memory begins.
KINDS = 8


def made(kind: int, seed: int) -> Any:
    """A network of a kind, compiled, with the initial weights of a seed."""
    minidl.utils.set_random_seed(seed)
    units = (30, 200, 400, 64)[kind % 4]
    inner = [BatchNormalization(), Dropout(0.3)] if kind % 2 else []
    penalty = (None, "l2")[kind // 4]
    model = minidl.Sequential(
        [
            Dense(units, "relu", kernel_regularizer=penalty, input_shape=X.shape[1:]),
            *inner,
            Dense(64, "tanh"),
            Dense(10, "softmax"),
        ]
    )
    rules = (optimizers.Adam, optimizers.SGD, optimizers.RMSprop, optimizers.Nadam)
    model.compile(rules[kind % 4](learning_rate=1e-3), LOSS, metrics=["accuracy"])
    return model


class _Stop(callbacks.Callback):
    """Ctrl-C, or an error, at a batch."""

    def __init__(self, batch: int, error: type[BaseException]) -> None:
        self.batch, self.error = batch, error

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        if batch == self.batch:
            raise self.error


class Soak:
    """The rounds of a campaign.

    Args:
        seed: of all rounds.
        folder: for files.

    Attributes:
        done: numbers of rounds of each kind, and of epochs, models and predictions.
        failures: findings, each with the command that repeats the round.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder
        self.done: Counter[str] = Counter()
        self.failures: list[str] = []
        self._first: dict[Any, str] = {}
        self._alive: list[Any] = []
        self.stays = made(1, 0)
        self._fit(self.stays, epochs=2)

    def round(self, number: int, without: tuple[str, ...] = ()) -> str:
        """Run a round; return the kind."""
        random = np.random.default_rng([self.seed, number])
        kinds = [kind for kind in ROUNDS if kind not in without]
        shares = np.array([ROUNDS[kind] for kind in kinds], float)
        kind = str(random.choice(kinds, p=shares / shares.sum()))
        if number < TURNS * len(kinds):
            kind = kinds[number % len(kinds)]
        faulthandler.dump_traceback_later(HANG, exit=True, file=sys.__stderr__)
        gc.disable()
        try:
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
                getattr(self, f"_{kind}")(random)
                self._look()
            if any(reference() is not None for reference in self._alive):
                raise AssertionError("a model's parameters live on without it")
        except Exception:
            again = f"python -m tests.campaigns.soak --seed {self.seed} --round {number}"
            self.failures.append(f"{again}  # {kind}\n{traceback.format_exc()}")
        finally:
            gc.enable()
            self._alive.clear()
            faulthandler.cancel_dump_traceback_later()
        self.done[kind] += 1
        return kind

    # Rounds ------------------------------------------------------------------------------------

    def _fits(self, random: np.random.Generator) -> None:
        """Undisturbed fits, some with all callbacks: the same weights as the first time."""
        kind, seed = int(random.integers(KINDS)), int(random.integers(3))
        told: list[callbacks.Callback] = []
        if random.random() < 0.5:
            told = [
                callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True),
                callbacks.ReduceLROnPlateau("loss", patience=9),
                callbacks.CSVLogger(self.folder / "log.csv"),
                callbacks.ModelCheckpoint(self.folder / "checkpoint.npz"),
                callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
                callbacks.TerminateOnNaN(),
            ]
        executor = "blocks" if random.random() < 0.2 else None
        with minidl.backend.use("numpy", executor=executor):
            model = self._made(kind, seed)
            self._fit(model, epochs=2, callbacks=told, verbose=int(random.integers(3)))
            self._same((kind, seed, bool(told), executor), model.theta)

    def _epochs(self, random: np.random.Generator) -> None:
        """Many epochs of one model, evaluated on the way."""
        model = self._made(int(random.integers(KINDS)), 5)
        self._fit(model, epochs=20, validation_split=0.25, evaluate_train=True)

    def _models(self, random: np.random.Generator) -> None:
        """Many models, of which each does a little."""
        for _ in range(20):
            model = self._made(int(random.integers(KINDS)), 6)
            self._fit(model, rows=64)
            model.predict(X[:32])

    def _predicts(self, random: np.random.Generator) -> None:
        """Predictions of the model that stays, of rows here and there."""
        for first in random.integers(0, 100, 200).tolist():
            self._look(first, 40)

    def _files(self, random: np.random.Generator) -> None:
        """A model saved, loaded, and trained on: to the weights of the one that was saved."""
        kind = int(random.integers(KINDS))
        model, path = self._made(kind, 7), self.folder / "model.npz"
        self._fit(model)
        model.save(path)
        loaded: Any = minidl.models.load_model(path)
        self._alive.append(weakref.ref(loaded.theta))
        self._fit(model, initial_epoch=1, epochs=2)
        self._fit(loaded, initial_epoch=1, epochs=2)
        np.testing.assert_array_equal(loaded.theta, model.theta)
        self._same((kind, "files"), model.theta)

    def _sparse(self, random: np.random.Generator) -> None:
        """CSR rows, in fit, evaluate and predict."""
        kind = 4 * int(random.integers(2))
        model = self._made(kind, 8)
        model.fit(ROWS, Y, 100, 2, verbose=0)
        self.done["epochs"] += 2
        self._same((kind, "sparse"), model.theta)
        model.evaluate(ROWS, Y, verbose=0)
        model.predict(ROWS[:50])

    def _interrupts(self, random: np.random.Generator) -> None:
        """Ctrl-C and errors in callbacks."""
        model = self._made(int(random.integers(KINDS)), 9)
        for error in (KeyboardInterrupt, ValueError, KeyboardInterrupt):
            with contextlib.suppress(error):
                self._fit(model, epochs=2, callbacks=[_Stop(int(random.integers(12)), error)])
        model.evaluate(X, Y, verbose=0)

    def _signals(self, random: np.random.Generator) -> None:
        """Ctrl-C at any moment of a timer; the model works afterwards."""
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            model = self._made(int(random.integers(KINDS)), 10)
            for _ in range(10):
                try:
                    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0005, 0.04))
                    self._fit(model, epochs=50)
                except KeyboardInterrupt:
                    pass
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                self._look()
        finally:
            signal.signal(signal.SIGALRM, before)

    def _threads(self, random: np.random.Generator) -> None:
        """Models of their own in four threads, of one kind each: the weights of the first time."""
        kinds = random.integers(KINDS, size=4).tolist()
        models = [self._made(kind, 11) for kind in kinds]
        self._together([functools.partial(self._fit, model) for model in models])
        for kind, model in zip(kinds, models, strict=True):
            self._same((kind, "threads"), model.theta)

    def _shared(self, random: np.random.Generator) -> None:
        """The model that stays, asked by four threads at a time."""
        self._together([lambda: [self._look() for _ in range(20)]] * 4)

    def _large(self, random: np.random.Generator) -> None:
        """A model of 154 MiB: two vectors of its parameters, and two of Adam's."""
        x = np.resize(X, (128, 3170))
        model = minidl.Sequential([Dense(3170, "relu", input_shape=(3170,)), Dense(10, "softmax")])
        model.compile("adam", LOSS)
        self._alive.append(weakref.ref(model.theta))
        model.fit(x, Y[:128], 64, verbose=0)
        model.predict(x)
        size = 2 * model.theta.nbytes + sum(v.nbytes for v in model.optimizer.state.values())
        assert size > 153 * 2**20, size

    # Parts of the rounds -----------------------------------------------------------------------

    def _made(self, kind: int, seed: int) -> Any:
        """A network whose parameters have to end with the round."""
        model = made(kind, seed)
        self._alive.append(weakref.ref(model.theta))
        self.done["models"] += 1
        return model

    def _fit(self, model: Any, rows: int = len(X), epochs: int = 1, **options: Any) -> None:
        model.fit(X[:rows], Y[:rows], 100, epochs, **{"verbose": 0, **options})
        self.done["epochs"] += epochs - options.get("initial_epoch", 0)

    def _same(self, what: Any, array: np.ndarray) -> None:
        """The array has the bits of the first time."""
        digest = hashlib.sha256(array).hexdigest()
        if self._first.setdefault(what, digest) != digest:
            raise AssertionError(f"{what}: other bits than the first time")

    def _look(self, first: int = 0, rows: int = len(X)) -> None:
        """The predictions of the lasting model have the bits of the first time."""
        self._same(("stays", first, rows), self.stays.predict(X[first : first + rows]))
        self.done["predictions"] += 1

    def _together(self, calls: list[Callable[[], Any]]) -> None:
        """Calls in threads of their own; the first error of any."""
        errors: list[BaseException] = []

        def run(call: Callable[[], Any]) -> None:
            try:
                call()
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=run, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise AssertionError("in a thread") from errors.pop()


#: Kinds of rounds, and how often each comes.
ROUNDS = {
    "fits": 8, "epochs": 1, "models": 2, "predicts": 4, "files": 2, "sparse": 2, "interrupts": 4,
    "signals": 2, "threads": 2, "shared": 2, "large": 0.3,
}  # fmt: skip
