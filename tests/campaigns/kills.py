"""Trainings disturbed at random moments, which go on: to the bits of an undisturbed training.

``python -m tests.campaigns.kills [--count N] [--seed S]`` kills N trainings, during writes too,
which delays slow down; ends N / 5 by SIGTERM and as many by Ctrl-C twice; takes away the right to
write; and lets a small disk run full, which needs the right to mount one. Each training is a
separate process.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from minidl import callbacks
from minidl.saving import FileFormatError, read_file
from tests import campaigns
from tests.privileges import ordinary
from tests.trainings import TRAININGS, Outcome

TRAINING = TRAININGS["Adam, plateau"]
#: Seconds after which a process that should have ended is said to hang.
PATIENCE = 60.0
#: Status of a process that met a full disk, which has no room for a message.
FULL = 9


class FailedError(AssertionError):
    """A promise was broken."""


# A training, in a process of its own --------------------------------------------------------


class Watch(callbacks.Callback):
    """Looks for temporary files when nothing is being written, and says that training goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_epoch_begin(self, epoch: int, logs: Any) -> None:
        left = [*self.folder.rglob(".minidl-*")]
        if left:
            raise FailedError(f"epoch {epoch} begins with temporary files: {left}")
        (self.folder / "begun").touch()


def train(folder: Path, hook: callbacks.Callback | None = None) -> Outcome:
    """Begin, or go on, and train to the end; a checkpoint every five steps and at each epoch."""
    run = folder / "run"
    started = bool(list(run.glob("checkpoint-*")))
    more = [
        callbacks.BackupAndRestore(run, 5),
        callbacks.ModelCheckpoint(folder / "at-{epoch}.npz", keep=2),
        callbacks.ModelCheckpoint(folder / "best.npz", save_best_only=True),
        Watch(folder),
        *([] if hook is None else [hook]),
    ]
    # A training that goes on has the seed of its first start, whatever the new model's is.
    model = TRAINING.model(os.getpid() if started else 3)
    try:
        return TRAINING.fit(model, folder / "log.csv", more=more, resume=run)
    except KeyboardInterrupt:
        # As much as Ctrl-C leaves: a model that can be used, and the History of its epochs.
        state = {"step": model.step, "epochs": list(model.history.epoch)}
        model.predict([[0.0] * 6])
        (folder / "left.pickle").write_bytes(pickle.dumps(state))
        raise


def slowed(delay: float, moments: random.Random) -> None:
    """Have every step of a write take some time, in this process."""
    from minidl.callbacks.csv_log import CSVLogger
    from minidl.saving import writing

    def late(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            pause()
            result = function(*arguments, **named)
            pause()
            return result

        return call

    def pause() -> None:
        # Now and then: every part of a write is held up in some of the trainings.
        if moments.random() < 0.1:
            time.sleep(moments.uniform(0, delay))

    def in_halves(self: Any, text: str) -> None:
        append(self, text[: len(text) // 2])
        pause()
        append(self, text[len(text) // 2 :])

    append = CSVLogger._append
    CSVLogger._append = in_halves  # type: ignore[method-assign]
    writing._write = late(writing._write)
    os.fsync, os.replace = late(os.fsync), late(os.replace)


def attempt(
    folder: Path,
    moments: random.Random,
    disturb: Callable[[int], None] = lambda pid: None,
    delay: float = 0.02,
    hook: callbacks.Callback | None = None,
) -> tuple[int, Outcome | None]:
    """A process that trains, and is disturbed.

    Args:
        folder: of the training.
        moments: seeds the generator of the delays.
        disturb: called with the process's number after the start.
        delay: most seconds for which a part of a write is held up.
        hook: one more callback.

    Returns:
        The process's status, as :func:`os.waitpid` gives it, and the training's result if the
        training came to an end.
    """
    seed = moments.getrandbits(32)
    (folder / "begun").unlink(missing_ok=True)
    (folder / "left.pickle").unlink(missing_ok=True)
    done = folder / "outcome.pickle"
    done.unlink(missing_ok=True)
    pid = os.fork()
    if not pid:
        status = 1
        with (folder / "output.txt").open("w") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            try:
                # A shell has background jobs ignore the signal.
                signal.signal(signal.SIGINT, signal.default_int_handler)
                slowed(delay, random.Random(seed))
                with ordinary():
                    outcome = train(folder, hook)
                done.write_bytes(pickle.dumps(outcome))
                status = 0
            except BaseException as error:
                kinds = (KeyboardInterrupt, OSError, FailedError, BaseException)
                status = 2 + next(i for i, kind in enumerate(kinds) if isinstance(error, kind))
                if getattr(error, "errno", 0) == errno.ENOSPC:
                    status = FULL
                with contextlib.suppress(OSError):
                    traceback.print_exc()
                    sys.stderr.flush()
            finally:
                os._exit(status)
    disturb(pid)
    return wait(pid), pickle.loads(done.read_bytes()) if done.exists() else None


def wait(pid: int) -> int:
    """The status of a process that ends.

    Raises:
        FailedError: the process does not end; it is killed.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise FailedError(f"process {pid} did not end within {PATIENCE} s")


def files(folder: Path) -> int:
    """Read every file of a model that is there; return the number of temporary files.

    Raises:
        FailedError: one of the files cannot be read.
    """
    for path in folder.rglob("*.npz"):
        try:
            read_file(path)
        except FileFormatError as error:
            raise FailedError(f"a half-written file: {error}") from error
    return len(list(folder.rglob(".minidl-*")))


def compare(outcome: Outcome | None, reference: Outcome, folder: Path) -> None:
    """Raise unless a training came to the numbers of the undisturbed one, and left no rubbish.

    Raises:
        FailedError: naming the difference.
    """
    if outcome is None:
        raise FailedError(f"no outcome: {(folder / 'output.txt').read_text()}")
    for name, value in vars(reference).items():
        if getattr(outcome, name) != value:
            raise FailedError(f"{name}: expected {value}, received {getattr(outcome, name)}")
    if files(folder):
        raise FailedError(f"temporary files are left: {list(folder.rglob('.minidl-*'))}")


# Disturbances ---------------------------------------------------------------------------------


def disturbed(
    count: int,
    seed: int,
    reference: Outcome,
    seconds: float,
    disturb: Callable[[int, random.Random], None],
    after: Callable[[Path, int, Counter[str]], None] = lambda folder, status, seen: None,
) -> dict[str, int]:
    """Disturb ``count`` processes; each training goes on to its end.

    Args:
        count: number of processes.
        seed: of the moments.
        reference: the undisturbed training.
        seconds: length of the undisturbed training.
        disturb: called after a random time, with the process's number.
        after: called with the status of each disturbed process that has ended.

    Returns:
        Numbers of processes, trainings, and temporary files.
    """
    moments = random.Random(seed)
    seen: Counter[str] = Counter()
    while seen["processes disturbed"] < count:
        with tempfile.TemporaryDirectory() as name:
            folder, outcome = Path(name), None

            def later(pid: int) -> None:
                # Short ones too: a training has to come to its end in the end.
                time.sleep(moments.uniform(0, seconds) * moments.choice([0.5, 1, 1.5]))
                with contextlib.suppress(ProcessLookupError):
                    disturb(pid, moments)

            while outcome is None:
                status, outcome = attempt(folder, moments, later)
                if outcome is None:
                    seen["processes disturbed"] += 1
                    seen["while they trained"] += (folder / "begun").exists()
                    after(folder, status, seen)
                left = files(folder)
                seen["temporary files left behind"] += left
                seen["writes that were cut off"] += bool(left)
            compare(outcome, reference, folder)
            seen["trainings that came to the bits of the undisturbed one"] += 1
    return dict(seen)


def kill(pid: int, moments: random.Random) -> None:
    """SIGKILL."""
    os.kill(pid, signal.SIGKILL)


def terminate(pid: int, moments: random.Random) -> None:
    """SIGTERM."""
    os.kill(pid, signal.SIGTERM)


def interrupt_twice(pid: int, moments: random.Random) -> None:
    """Ctrl-C, and again soon."""
    os.kill(pid, signal.SIGINT)
    time.sleep(moments.uniform(0, 0.02))
    os.kill(pid, signal.SIGINT)


def left(folder: Path, status: int, seen: Counter[str]) -> None:
    """After SIGTERM: the newest checkpoint is of the step at which the model was left.

    Raises:
        FailedError: the checkpoint is of another step.
    """
    if os.WIFSIGNALED(status):
        seen["ended by SIGTERM before fit had begun, or after it"] += 1
        return
    if not (folder / "left.pickle").exists():
        raise FailedError(f"no KeyboardInterrupt: {(folder / 'output.txt').read_text()}")
    state = pickle.loads((folder / "left.pickle").read_bytes())
    newest = max((folder / "run").glob("checkpoint-*"))
    if int(newest.stem[11:]) != state["step"]:
        raise FailedError(f"left at step {state['step']}, the last checkpoint is {newest.name}")
    seen["left with a checkpoint of that step"] += 1


class Hook(callbacks.Callback):
    """Does something at the end of an epoch."""

    def __init__(self, epoch: int, action: Callable[[], Any]) -> None:
        self.at, self.action = epoch, action

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        if epoch == self.at:
            self.action()


@contextlib.contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """A file system in memory.

    Raises:
        PermissionError: mounting is not allowed.
    """
    with tempfile.TemporaryDirectory() as name:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", name]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            raise PermissionError("mount -t tmpfs is not allowed here")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", name], check=True)


def full_disk(folder: Path, at: int, moments: random.Random, reference: Outcome) -> None:
    """The disk runs full in an epoch, at a random number of bytes; room is made; fit goes on."""
    ballast = folder / "ballast"

    def fill() -> None:
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        with ballast.open("wb") as file, contextlib.suppress(OSError):
            # Less room than the next file needs: a part of it is written.
            file.write(bytes(max(0, free - moments.randrange(0, 16_000))))

    status, outcome = attempt(folder, moments, hook=Hook(at, fill))
    if outcome is not None or os.waitstatus_to_exitcode(status) != FULL:
        raise FailedError(f"expected that the disk is full, received {status}: {_output(folder)}")
    if files(folder):
        raise FailedError("a full disk has left a temporary file")
    ballast.unlink()
    compare(attempt(folder, moments)[1], reference, folder)


def read_only(at: int, moments: random.Random, reference: Outcome) -> None:
    """The folders become read-only in an epoch, are still so at the next start, and then not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def mode(mode: int) -> None:
            for path in (folder / "run", folder):
                path.chmod(mode)

        for hook in (Hook(at, lambda: mode(0o500)), None):
            status, outcome = attempt(folder, moments, hook=hook)
            if outcome is not None or os.waitstatus_to_exitcode(status) != 3:
                raise FailedError(f"expected an OSError, received {status} {_output(folder)}")
            if "Permission denied" not in _output(folder) or files(folder):
                raise FailedError(f"a read-only folder: {_output(folder)}")
        if "expected a folder that can be written to" not in _output(folder):
            raise FailedError(f"a start in a read-only folder: {_output(folder)}")
        mode(0o700)
        compare(attempt(folder, moments)[1], reference, folder)


def _output(folder: Path) -> str:
    return (folder / "output.txt").read_text()


def two_processes(moments: random.Random, reference: Outcome) -> None:
    """The second is refused while the first lives, and begins at once when the first has died."""
    with tempfile.TemporaryDirectory() as name:
        folder, second = Path(name), Path(name) / "second"
        second.mkdir()
        (second / "run").symlink_to(folder / "run")

        def intrude(pid: int) -> None:
            while not (folder / "begun").exists():
                time.sleep(0.002)
            status, outcome = attempt(second, moments)
            if outcome is not None or "expected a folder that no training uses" not in _output(
                second
            ):
                raise FailedError(f"the second process: {status} {_output(second)}")
            os.kill(pid, signal.SIGKILL)

        if attempt(folder, moments, intrude)[1] is not None:
            raise FailedError("the first process was over before the second one came")
        for path in second.rglob("*.npz"):
            raise FailedError(f"the second process wrote {path}")
        compare(attempt(folder, moments)[1], reference, folder)


def campaign(count: int, seed: int, say: Callable[..., Any] = print) -> dict[str, Any]:
    """The whole campaign.

    Args:
        count: number of killed processes.
        seed: of all moments.
        say: called with progress and results.

    Raises:
        FailedError: a promise was broken.
    """
    moments = random.Random(seed)
    # Once for compiling, once for the time.
    for _ in range(2):
        with tempfile.TemporaryDirectory() as name:
            start = time.monotonic()
            reference = attempt(Path(name), moments)[1]
            seconds = time.monotonic() - start
            if reference is None:
                raise FailedError(_output(Path(name)))
    figures: dict[str, Any] = {"epochs": len(reference.epochs)}
    some = max(1, count // 5)
    for what, number, disturb, after in (
        ("SIGKILL", count, kill, None),
        ("SIGTERM", some, terminate, left),
        ("Ctrl-C twice", some, interrupt_twice, None),
    ):
        more = {} if after is None else {"after": after}
        figures[what] = disturbed(number, seed, reference, seconds, disturb, **more)
        say(what, figures[what], flush=True)
    for _ in range(max(1, count // 40)):
        two_processes(moments, reference)
    figures["two processes on one folder"] = max(1, count // 40)
    epochs = [at % (len(reference.epochs) - 1) for at in range(max(1, count // 20))]
    for at in epochs:
        read_only(at, moments, reference)
    figures["folders that became read-only"] = len(epochs)
    try:
        for at in epochs:
            with small_disk("1m") as disk:
                full_disk(disk, at, moments, reference)
        figures["disks that ran full"] = len(epochs)
    except PermissionError as error:
        figures["disks that ran full"] = f"none: {error}"
    say(figures, flush=True)
    return figures


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    figures = campaign(given.count, given.seed)
    command = f"python -m tests.campaigns.kills --count {given.count} --seed {given.seed}"
    print(campaigns.write("kills", command, given.seed, figures))


if __name__ == "__main__":
    main()
