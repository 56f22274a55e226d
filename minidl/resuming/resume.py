"""Trainings that go on where a checkpoint was made, or begin where there is none."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from minidl.callbacks import BackupAndRestore, ModelCheckpoint
from minidl.names.in_files import noting, reading
from minidl.resuming.checkpoints import Checkpoints
from minidl.resuming.fingerprints import differences, fingerprint
from minidl.resuming.restoring import restore_model
from minidl.resuming.termination import terminating
from minidl.saving import FileFormatError, Saved, describe, read_file
from minidl.training.state import TrainingState

Path = str | os.PathLike[str]

#: Default number of checkpoints: one more than is needed.
KEPT = 2


_MODEL = ("input_shape", "dtype", "layers", "optimizer")


@dataclass(frozen=True)
class Began:
    """A name for a training, with its model and optimizer at the beginning."""

    run: str
    optimizer: Any
    made_of: dict[str, Any]


@dataclass(frozen=True)
class _Plan:
    """Places and times of writing checkpoints, and the number that is kept."""

    folder: Path
    keep: int = KEPT
    each_epoch: bool = True
    every: int = 0
    delete: bool = False


@contextlib.contextmanager
def resumable(
    state: TrainingState, resume: Path | None, arguments: dict[str, Any], feed: Any
) -> Iterator[str | None]:
    """Restore the training that ``fit`` goes on with; keep checkpoints while the block trains.

    Args:
        state: of the training that is about to begin.
        resume: a folder, a file that ModelCheckpoint wrote, or None.
        arguments: of ``fit``, as far as the numbers depend on the arguments.
        feed: the data; see :class:`minidl.model.feeding.Feed`.

    Yields:
        The file from which the training goes on, or None.

    Raises:
        ValueError: another architecture, optimizer, loss, arguments or data than the checkpoint's.
        FileFormatError: no checkpoint, or a damaged one.
        RuntimeError: another training uses the folder.
        OSError: the folder or a file cannot be read or written.
        KeyboardInterrupt: SIGTERM came.
    """
    keepers = [each for each in state.listeners if isinstance(each, BackupAndRestore)]
    plan, arrays = _plan(resume, keepers), feed.arrays
    if not (feed.restarts or (plan is None and resume is None)):
        raise ValueError(
            "resume: expected arrays, a PyDataset or another data set that can begin anew, without "
            "steps_per_epoch, received data of which a resumed training would miss a part"
        )
    if plan is None and resume is None:
        if any(isinstance(each, ModelCheckpoint) for each in state.listeners):
            _begin(state, arguments, arrays)
        yield None
        return
    if plan is None:
        assert resume is not None
        path = os.fspath(resume)
        _go_on(state, read_file(path), path, arguments, arrays)
        yield path
        return
    checkpoints = Checkpoints(plan.folder, plan.keep)
    with contextlib.closing(checkpoints):
        found = checkpoints.latest()
        origin = None if found is None else str(found[0])
        if found is None:
            _begin(state, arguments, arrays)
        else:
            _go_on(state, found[1], str(found[0]), arguments, arrays)
        del found
        state.every, state.each_epoch = plan.every, plan.each_epoch
        state.save = partial(_save, state, checkpoints)
        with terminating(state.stop):
            yield origin
        if plan.delete:
            checkpoints.remove()


def _plan(resume: Path | None, keepers: list[BackupAndRestore]) -> _Plan | None:
    """The plan of the argument and the callback together."""
    if len(keepers) > 1:
        raise ValueError(
            f"callbacks: expected at most one BackupAndRestore, received {len(keepers)}"
        )
    plan = None
    for each in keepers:
        every = 0 if isinstance(each.save_freq, str) else each.save_freq
        plan = _Plan(each.backup_dir, each.keep, not every, every, each.delete_checkpoint)
    if resume is None:
        return plan
    if not isinstance(resume, str | os.PathLike) or not os.fspath(resume):
        raise TypeError(f"resume: expected the name of a folder or a file, received {resume!r}")
    if os.path.isfile(resume):
        if plan is None:
            return None
    elif plan is None:
        return _Plan(resume)
    elif os.path.realpath(resume) == os.path.realpath(plan.folder):
        return _Plan(resume, plan.keep, True, plan.every)
    raise ValueError(
        f"resume: expected the folder of BackupAndRestore, {os.fspath(plan.folder)!r}, or none, "
        f"received {os.fspath(resume)!r}"
    )


def _begin(state: TrainingState, arguments: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Begin a training: note the fingerprints.

    Data are read when needed: the first file of a ModelCheckpoint may come late.
    """
    model = state.model
    config = describe(model)
    made_of = _nameless({name: config[name] for name in _MODEL})
    model.began = Began(secrets.token_hex(8), model.optimizer, made_of)
    state.made_of = cache(partial(_made_of, model, arguments, arrays))


def _made_of(model: Any, arguments: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    """Everything that the numbers of a training depend on, beside the machine and the seed."""
    config = describe(model)
    wanted = config.keys() & {"loss", "loss_weights", "metrics", "weighted_metrics"}
    rest = {name: _nameless(config[name]) for name in sorted(wanted)}
    data = {name: fingerprint(array) for name, array in arrays.items()}
    return {**model.began.made_of, **rest, **arguments, **data}


def _nameless(value: Any) -> Any:
    """A description without the names of layers, which are counted up in each process."""
    if isinstance(value, list):
        return [_nameless(item) for item in value]
    if isinstance(value, dict):
        return {name: _nameless(item) for name, item in value.items() if name != "name"}
    return value


def _save(state: TrainingState, checkpoints: Checkpoints) -> None:
    state.write(checkpoints.path(state.model.step))
    checkpoints.prune()


def _go_on(
    state: TrainingState,
    saved: Saved,
    path: str,
    arguments: dict[str, Any],
    arrays: dict[str, Any],
) -> None:
    """Make the model the saved one, and have the state restored when training has begun.

    Raises:
        ValueError: the file is of another training.
        FileFormatError: the file holds no training.
    """
    model, values = state.model, saved.extra.values
    with _blaming(path):
        before, run = model.began, values["run"]
        _begin(state, arguments, arrays)
        if before and before.run == run and before.optimizer is model.optimizer:
            # A callback may have changed the learning rate since.
            model.began = before
        model.began = replace(model.began, run=run)
        with noting() as own:
            describe(model)
        with reading(own):
            found = differences(values["made_of"], state.made_of()) + state.differences(values)
    if found:
        raise ValueError(
            f"{path}: expected the training that was begun, received another one; go on with the "
            "same, or begin in another folder:\n  " + "\n  ".join(found)
        )

    def restore() -> None:
        with _blaming(path):
            restore_model(model, saved)
            state.take(saved.extra)

    with _blaming(path):
        restore_model(model, saved)
    state.restore = restore


@contextlib.contextmanager
def _blaming(path: str) -> Iterator[None]:
    """An error within the block is the file's fault."""
    try:
        yield
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        reason = (
            "expected a checkpoint of this training, as fit(resume=...) and ModelCheckpoint write "
            f"it, received {error!r}"
        )
        raise FileFormatError(path, reason) from error
