"""The folder of checkpoints: one training at a time, whole files, nothing left behind."""

from __future__ import annotations

import errno
import os
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from minidl.callbacks import Callback, LambdaCallback, ModelCheckpoint
from minidl.resuming.checkpoints import Checkpoints
from minidl.saving import read_file
from tests.privileges import ordinary
from tests.test_resuming import ADAM, DisturbanceError, Interrupt, whole

LOCKED = "expected a folder that no training uses, received one that another training has locked"


def test_a_second_training_is_refused_at_once(tmp_path: Path) -> None:
    """From a callback, and from another thread; the first one is not disturbed."""
    run = tmp_path / "run"
    errors: list[str] = []

    def intrude(*_: Any) -> None:
        try:
            ADAM.fit(ADAM.model(), tmp_path / "second.csv", resume=run)
        except RuntimeError as error:
            errors.append(str(error))

    def elsewhere(epoch: int, logs: Any) -> None:
        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()

    both = [LambdaCallback(on_epoch_end=intrude), LambdaCallback(on_epoch_begin=elsewhere)]
    outcome = ADAM.fit(ADAM.model(), tmp_path / "log.csv", more=both, resume=run)
    assert outcome == whole(ADAM)
    assert len(errors) == 2 * len(outcome.epochs)
    assert all(error.startswith(f"{run}: {LOCKED}") for error in errors)
    assert not (tmp_path / "second.csv").exists()


def test_an_error_frees_the_folder(tmp_path: Path) -> None:
    """Whatever ends fit."""
    for step in (3, 9):
        with pytest.raises(DisturbanceError):
            ADAM.fit(
                ADAM.model(), tmp_path / "a.csv", more=[Interrupt(step)], resume=tmp_path / "run"
            )
        Checkpoints(tmp_path / "run", 2).close()


def test_a_child_does_not_hold_the_lock_of_a_dead_parent(tmp_path: Path) -> None:
    """The parent ends while it trains; its child lives on; the folder is free."""
    read, write = os.pipe()
    parent = os.fork()
    if not parent:
        Checkpoints(tmp_path, 2)
        child = os.fork()
        if not child:
            os.close(write)
            os.read(read, 1)  # until the test is over
            os._exit(0)
        os._exit(0)
    os.waitpid(parent, 0)
    try:
        Checkpoints(tmp_path, 2).close()
    finally:
        os.close(write)
        os.close(read)


def test_the_lock_is_given_up_with_the_folder(tmp_path: Path) -> None:
    """Removed with the checkpoints; who comes then makes it again."""
    first = Checkpoints(tmp_path / "run", 2)
    first.remove()
    assert not (tmp_path / "run").exists()
    second = Checkpoints(tmp_path / "run", 2)
    first.close()
    with pytest.raises(RuntimeError, match=LOCKED):
        Checkpoints(tmp_path / "run", 2)
    second.close()


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Writes fail where a file would have more bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_checkpoint_that_cannot_be_written(tmp_path: Path) -> None:
    """fit says so; the one before is whole, nothing else is left, and training goes on exactly."""
    run = tmp_path / "run"
    model = ADAM.model()
    with pytest.raises(DisturbanceError):
        ADAM.fit(model, tmp_path / "log.csv", more=[Interrupt(14)], resume=run)
    kept = sorted(path.name for path in run.iterdir())
    for size in (2000, 5000):  # more than the log has
        with no_file_above(size), pytest.raises(OSError, match="File too large") as caught:
            ADAM.fit(ADAM.model(), tmp_path / "log.csv", resume=run)
        assert caught.value.errno == errno.EFBIG
        assert sorted(path.name for path in run.iterdir()) == kept
        for path in run.glob("checkpoint*"):
            read_file(path)
    assert ADAM.fit(ADAM.model(), tmp_path / "log.csv", resume=run) == whole(ADAM)


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    """Named before training; and where it becomes so, when the next checkpoint is due."""
    run = tmp_path / "run"
    run.mkdir()
    run.chmod(0o500)
    with ordinary(), pytest.raises(PermissionError, match=r"can be written to.*run"):
        ADAM.fit(ADAM.model(), tmp_path / "log.csv", resume=run)
    assert not (tmp_path / "log.csv").exists()
    run.chmod(0o700)
    deny = LambdaCallback(
        on_epoch_end=lambda epoch, logs: run.chmod(0o500 if epoch == 2 else 0o700)
    )
    with ordinary(), pytest.raises(PermissionError, match="run"):
        ADAM.fit(ADAM.model(), tmp_path / "log.csv", more=[deny], resume=run)
    run.chmod(0o700)
    assert len(list(run.glob("checkpoint*"))) == 2
    assert ADAM.fit(ADAM.model(), tmp_path / "log.csv", resume=run) == whole(ADAM)
    for nowhere in (tmp_path / "log.csv" / "run", Path("/proc/minidl")):
        with pytest.raises(OSError, match=nowhere.name):
            ADAM.fit(ADAM.model(), tmp_path / "other.csv", resume=nowhere)


def test_leftovers_are_cleared_at_the_next_start(tmp_path: Path) -> None:
    """Of checkpoints and of ModelCheckpoint, before the first epoch."""
    run = tmp_path / "run"
    run.mkdir()
    leftovers = [folder / ".minidl-0123456789abcdef.tmp" for folder in (run, tmp_path)]
    for path in leftovers:
        path.write_bytes(b"half of a")
    seen: list[bool] = []

    class Look(Callback):
        def on_train_begin(self, logs: Any) -> None:
            seen.extend(path.exists() for path in leftovers)

    saver = ModelCheckpoint(tmp_path / "at-{epoch}.npz")
    ADAM.fit(ADAM.model(), tmp_path / "log.csv", 1, [saver, Look()], resume=run)
    assert seen == [False, False]


def test_ctrl_c_while_a_checkpoint_is_written(tmp_path: Path, monkeypatch: Any) -> None:
    """Once and twice: the file that was there stays, no other does, and training goes on."""
    run = tmp_path / "run"
    fsync, left = os.fsync, [5, 11]
    count = 0

    def interrupted(descriptor: int) -> None:
        nonlocal count
        count += 1
        fsync(descriptor)
        if count in left:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    for _ in left:
        with pytest.raises(KeyboardInterrupt):
            ADAM.fit(ADAM.model(), tmp_path / "log.csv", resume=run)
        assert not list(run.glob(".minidl-*"))
        for path in run.glob("checkpoint*"):
            read_file(path)
    assert ADAM.fit(ADAM.model(), tmp_path / "log.csv", resume=run) == whole(ADAM)
