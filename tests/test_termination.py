"""SIGTERM: fit ends after the step, the state is kept, and the handler before has its turn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minidl.callbacks import BackupAndRestore, Callback
from minidl.resuming.termination import terminating
from tests.test_resuming import ADAM, whole
from tests.trainings import STEPS


@pytest.fixture(autouse=True)
def _handler() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    signal.signal(signal.SIGTERM, before)


class Terminate(Callback):
    """Sends the signal in one call of one method."""

    def __init__(self, method: str, at: int) -> None:
        self.left = at
        setattr(self, method, self._count)

    def _count(self, *_: Any) -> None:
        if self.left == 0:
            signal.raise_signal(signal.SIGTERM)
        self.left -= 1


@pytest.mark.parametrize(
    ("method", "at", "steps", "epochs"),
    [
        ("on_train_begin", 0, 1, 0),
        ("on_epoch_begin", 2, 2 * STEPS + 1, 2),
        ("on_train_batch_begin", 8, 9, 1),
        ("on_train_batch_end", 8, 9, 1),
        ("on_train_batch_end", STEPS - 1, STEPS, 0),
        ("on_epoch_end", 1, 2 * STEPS, 2),
    ],
)
@pytest.mark.parametrize("backup", [False, True])
def test_fit_ends_with_a_checkpoint_of_that_step(
    method: str, at: int, steps: int, epochs: int, backup: bool, tmp_path: Path
) -> None:
    """As after Ctrl-C; and what follows is exact."""
    run = tmp_path / "run"
    model = ADAM.model()
    options: Any = {} if backup else {"resume": run}
    more = [BackupAndRestore(run, 1000)] if backup else []
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        ADAM.fit(model, tmp_path / "log.csv", more=[*more, Terminate(method, at)], **options)
    assert model.step == model.optimizer.iterations == steps
    assert model.history.epoch == list(range(epochs))
    assert (run / f"checkpoint-{steps:010d}.npz").exists()
    assert ADAM.fit(ADAM.model(99), tmp_path / "log.csv", more=more, **options) == whole(ADAM)


def test_a_handler_of_python_has_its_turn_when_the_checkpoint_is_written(tmp_path: Path) -> None:
    """It may end the process with a status of its own; it is there again."""
    seen: list[Any] = []

    def leave(number: int, frame: Any) -> None:
        seen.append((number, sorted(path.name for path in (tmp_path / "run").glob("check*"))))
        raise SystemExit(7)

    signal.signal(signal.SIGTERM, leave)
    try:
        with pytest.raises(SystemExit) as caught:
            ADAM.fit(
                ADAM.model(),
                tmp_path / "log.csv",
                more=[Terminate("on_train_batch_end", 2)],
                resume=tmp_path / "run",
            )
        assert caught.value.code == 7
        assert seen == [(signal.SIGTERM, ["checkpoint-0000000003.npz"])]
        assert signal.getsignal(signal.SIGTERM) is leave
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_a_handler_that_returns_is_followed_by_the_interrupt() -> None:
    """The signal asks for an end whoever else hears of it."""
    seen: list[int] = []
    asked: list[bool] = []
    signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))

    def twice() -> None:
        with terminating(lambda: asked.append(True)):
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            assert (seen, asked) == ([], [True, True])

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert seen == [signal.SIGTERM]
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_where_the_signal_is_left_alone() -> None:
    """Ignored ones stay so; other threads have no handlers; a new handler within stays."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with terminating(pytest.fail):
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
        signal.raise_signal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    found: list[Any] = []

    def elsewhere() -> None:
        with terminating(pytest.fail):
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]
    with terminating(pytest.fail):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_an_error_comes_first() -> None:
    """What has gone wrong in the block is what is raised."""

    def fail() -> None:
        with terminating(lambda: None):
            signal.raise_signal(signal.SIGTERM)
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()


def test_fit_alone_leaves_the_signal_to_the_system(tmp_path: Path) -> None:
    """Without checkpoints there is nothing to keep: the process ends as ever."""
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from tests.test_resuming import ADAM
from tests.test_termination import Terminate
ADAM.fit(ADAM.model(), Path({str(tmp_path)!r}) / "log.csv", more=[Terminate("on_epoch_end", 1)])
"""
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ}, check=False)
    assert done.returncode == -signal.SIGTERM
