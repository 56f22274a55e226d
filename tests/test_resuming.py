"""Resuming is exact: a training that was interrupted comes to the bits of one that was not."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import callbacks
from minidl.callbacks import BackupAndRestore, Callback, ModelCheckpoint
from minidl.resuming.fingerprints import fingerprint
from tests.doubles.cupy_double import installed
from tests.trainings import EPOCHS, STEPS, TRAININGS, Best, Outcome, Training, data

ADAM = TRAININGS["Adam, plateau"]
every_training = pytest.mark.parametrize("training", TRAININGS.values(), ids=list(TRAININGS))


class DisturbanceError(Exception):
    """Ends a training in a test."""


class Interrupt(Callback):
    """Ends the training once a step has been made, as a kill between two steps would."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        if self.model.step == self.step:
            raise DisturbanceError


@functools.cache
def undisturbed(name: str, epochs: int = EPOCHS) -> Outcome:
    """A training without interruption."""
    training = TRAININGS[name]
    with tempfile.TemporaryDirectory() as folder:
        return training.fit(training.model(), Path(folder) / "log.csv", epochs)


def whole(training: Training) -> Outcome:
    """The same, of the training itself."""
    return undisturbed(next(name for name, each in TRAININGS.items() if each is training))


def test_the_callbacks_have_something_to_do() -> None:
    """Rates fall and the best weights are not the last: else the tests below would prove little."""
    outcome = whole(ADAM)
    assert outcome.counts[-1] < 0.02
    assert 0 < outcome.stopped[1] < len(outcome.epochs) - 1
    assert len(outcome.epochs) == len(outcome.history["penalty"]) >= 6


@every_training
def test_five_and_five_epochs_are_ten(training: Training, tmp_path: Path) -> None:
    """A second process, with another seed, goes on after the fifth."""
    for epochs, seed in ((5, 3), (EPOCHS, 99)):
        outcome = training.fit(
            training.model(seed), tmp_path / "log.csv", epochs, resume=tmp_path / "run"
        )
    assert outcome == whole(training)


@every_training
@pytest.mark.parametrize("step", [1, 2 * STEPS + 3, 4 * STEPS - 1, 4 * STEPS])
def test_from_the_middle_of_an_epoch(training: Training, step: int, tmp_path: Path) -> None:
    """With a checkpoint at each step, wherever the training ends."""
    backup = functools.partial(BackupAndRestore, tmp_path / "run", 1)
    with pytest.raises(DisturbanceError):
        # The interruption comes before the checkpoint of its step: that step is made again.
        training.fit(training.model(), tmp_path / "log.csv", more=[backup(), Interrupt(step + 1)])
    assert (tmp_path / "run" / f"checkpoint-{step:010d}.npz").exists()
    outcome = training.fit(training.model(99), tmp_path / "log.csv", more=[backup()])
    assert outcome == whole(training)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("freq", [4, 7, "epoch"])
def test_interrupted_again_and_again(freq: int | str, tmp_path: Path) -> None:
    """Every eleven steps, with a checkpoint less often."""
    for step in range(11, 99, 11):
        more = [BackupAndRestore(tmp_path / "run", freq), Interrupt(step)]
        # Only the seed of the first start, which has come to a checkpoint, matters.
        model = ADAM.model(3 if step == 11 else step)
        try:
            outcome = ADAM.fit(model, tmp_path / "log.csv", more=more)
        except DisturbanceError:
            assert len(list((tmp_path / "run").glob("checkpoint*"))) in (1, 2)
        else:
            break
    assert outcome == whole(ADAM)


def test_the_same_model_goes_on(tmp_path: Path) -> None:
    """In one process, where callbacks have changed the learning rate since the checkpoint."""
    model = ADAM.model()
    fit = functools.partial(ADAM.fit, model, tmp_path / "log.csv", resume=tmp_path / "run")
    with pytest.raises(DisturbanceError):
        fit(more=[Interrupt(8 * STEPS + 2)])
    assert model.optimizer.learning_rate < 0.02
    assert fit() == whole(ADAM)


def test_more_of_a_finished_training(tmp_path: Path) -> None:
    """What is done is not done again; more epochs are; one that stopped early stays so."""
    fit = functools.partial(ADAM.fit, log=tmp_path / "log.csv", resume=tmp_path / "run")
    for epochs in (3, 3, 5):
        outcome = fit(ADAM.model(), epochs=epochs)
        assert outcome == undisturbed("Adam, plateau", epochs)
        assert outcome.counts[1] == epochs * STEPS
    for epochs in (60, 60, 90):
        outcome = fit(ADAM.model(), epochs=epochs)
        assert outcome == undisturbed("Adam, plateau", 60)
        assert outcome.stopped[0] == len(outcome.epochs) - 1 < 50


def test_what_callbacks_write_is_cut_to_what_the_checkpoint_knew(tmp_path: Path) -> None:
    """Lines of epochs that are trained again stand once; what was there before stays."""
    log = tmp_path / "log.csv"
    log.write_text("an older log\n")

    def fit(more: list[Callback]) -> None:
        logger = callbacks.CSVLogger(log, append=True)
        x, y = data()
        more = [logger, BackupAndRestore(tmp_path / "run", 50, delete_checkpoint=False), *more]
        ADAM.model().fit(x, y, 32, EPOCHS, 0, more)

    with pytest.raises(DisturbanceError):
        fit([Interrupt(71)])  # of 8 steps an epoch: in the ninth, the checkpoint in the seventh
    assert len(log.read_text().splitlines()) == 9
    fit([])
    lines = log.read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["an older log", *map(str, range(EPOCHS))]
    log.unlink()
    fit([])
    header, *rest = log.read_text().splitlines()
    assert header.startswith("epoch,loss,")
    assert rest == lines[1:]


def test_a_file_of_model_checkpoint_is_enough(tmp_path: Path) -> None:
    """fit goes on from the epoch that it was written after, and the callback where it was."""
    saver = functools.partial(ModelCheckpoint, tmp_path / "at-{epoch}.npz", keep=3)
    # The saver stands first: what the others make of the epoch's end is in the file all the same.
    reference = ADAM.fit(ADAM.model(), tmp_path / "log.csv", more=[saver()])
    kept = [f"at-{epoch + 1}.npz" for epoch in reference.epochs[-3:]]
    assert sorted(path.name for path in tmp_path.glob("at-*")) == sorted(kept)
    again = saver()
    outcome = ADAM.fit(
        ADAM.model(99), tmp_path / "log.csv", more=[again], resume=tmp_path / kept[0]
    )
    assert outcome == reference == whole(ADAM)
    assert again.saved == [str(tmp_path / name) for name in kept]
    loaded = minidl.load_model(tmp_path / kept[0])
    assert loaded.step == (int(kept[0][3:-4])) * STEPS


def test_two_savers_know_of_each_other(tmp_path: Path) -> None:
    """A file holds the best of every callback, also of one that stands behind its writer."""
    x, y = data()

    def fit(epochs: int, **options: Any) -> list[float]:
        savers = [
            ModelCheckpoint(tmp_path / "all.npz"),
            ModelCheckpoint(tmp_path / "best.npz", save_best_only=True),
        ]
        ADAM.model().fit(x, y, 32, epochs, 0, savers, 0.2, **options)
        return [savers[1].best]

    best = fit(3)
    assert fit(3, resume=tmp_path / "all.npz") == best


def test_what_a_callback_sets_comes_back(tmp_path: Path) -> None:
    """A penalty, a rate of the optimizer: the checkpoint's, not those that the model began with."""

    class Change(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any) -> None:
            if epoch == 2:
                self.model.layers[0].kernel_regularizer.l2 = 0.125
                self.model.optimizer.beta_1 = 0.5

    model = ADAM.model()
    ADAM.fit(model, tmp_path / "log.csv", 4, [Change()], resume=tmp_path / "run")
    other = ADAM.model()
    regularizer = other.layers[0].kernel_regularizer
    ADAM.fit(other, tmp_path / "log.csv", 4, [Change()], resume=tmp_path / "run")
    # The object that the network's penalties hold.
    assert other.layers[0].kernel_regularizer is regularizer
    assert other.optimizer.beta_1 == 0.5
    assert other.layers[0].kernel_regularizer.l2 == 0.125


def test_the_bar_says_where_it_goes_on(tmp_path: Path, capsys: Any) -> None:
    """One line, unless fit is silent."""
    x, y = data()
    for epochs in (1, 2):
        ADAM.model().fit(x, y, 64, epochs, 2, resume=tmp_path / "run")
    lines = capsys.readouterr().out.splitlines()
    path = tmp_path / "run" / "checkpoint-0000000004.npz"
    assert lines[1] == f"Going on with {path}"
    assert [line[:9] for line in (lines[0], lines[2])] == ["Epoch 1/2"[:7] + "/1", "Epoch 2/2"]


def test_a_training_on_a_model_that_is_trained_already(tmp_path: Path) -> None:
    """The first start begins with what the model has."""
    x, y = data()
    outcomes = []
    for resume in (None, tmp_path / "run"):
        model = ADAM.model()
        model.fit(x, y, 32, 2, 0)
        with pytest.warns(UserWarning, match="fit continues from step 16"):
            model.fit(x, y, 32, 3, 0, resume=resume)
        if resume:
            model = ADAM.model()
            model.fit(x, y, 32, 6, 0, resume=resume)
        else:
            model.fit(x, y, 32, 6, 0, initial_epoch=3)
        outcomes.append([array.tobytes() for array in model.get_weights()])
    assert outcomes[0] == outcomes[1]


def test_a_weight_that_is_not_finite_stays_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TerminateOnNaN has stopped the training, for good."""
    monkeypatch.chdir(tmp_path)  # where the failed step is written
    x, y = data()
    seen = []
    for _ in range(2):
        model = ADAM.model()
        model.optimizer.learning_rate = 1e30
        stop = callbacks.TerminateOnNaN()
        with np.errstate(all="ignore"):
            history = model.fit(x, y, 32, 3, 0, stop, resume=tmp_path / "run")
        assert stop.stopped
        assert model.step < 10
        seen.append((model.step, [w.tobytes() for w in model.get_weights()], history.epoch))
    assert seen[0] == seen[1]


def test_a_callback_that_resets_itself_keeps_its_state(tmp_path: Path) -> None:
    """set_state comes after on_train_begin, and in an epoch after on_epoch_begin too."""
    calls: list[str] = []

    class Noting(Best):
        def on_train_begin(self, logs: Any) -> None:
            super().on_train_begin(logs)
            calls.append("train")

        def on_epoch_begin(self, epoch: int, logs: Any) -> None:
            calls.append("epoch")

        def set_state(self, state: dict[str, Any]) -> None:
            super().set_state(state)
            calls.append("state")

    for last in (8, 11):
        with pytest.raises(DisturbanceError):
            ADAM.fit(
                ADAM.model(),
                tmp_path / "log.csv",
                more=[Noting(), BackupAndRestore(tmp_path / "run", 7), Interrupt(last)],
            )
    assert calls == ["train", "epoch", "epoch", "train", "state", "epoch", "state"]


def test_on_the_strict_double_of_cupy(tmp_path: Path) -> None:
    """Sums on the device are kept in the middle of an epoch; data there have a fingerprint.

    A replayed step adds up in another order there than one that is called, as the first two are.
    """
    training = TRAININGS["in order"]
    with installed(), minidl.backend.use("cupy"):
        backup = functools.partial(BackupAndRestore, tmp_path / "run", 4)
        with pytest.raises(DisturbanceError):
            training.fit(
                training.model(), tmp_path / "log.csv", 3, [backup(), Interrupt(STEPS + 4)]
            )
        outcome = training.fit(training.model(99), tmp_path / "log.csv", 3, [backup()])
        reference = training.fit(training.model(), tmp_path / "other.csv", 3)
        assert outcome.counts == reference.counts
        for name, values in reference.history.items():
            # float32, some roundings in each of 18 steps
            np.testing.assert_allclose(outcome.history[name], values, rtol=1e-5)
        x, _ = data()
        assert fingerprint(minidl.backend.to_device(x)) == fingerprint(x)
