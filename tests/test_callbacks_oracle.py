"""Callbacks against Keras's, over epochs whose values are given."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl.callbacks import CSVLogger
from tests import oracle_training
from tests.oracle_training import Played
from tests.specs import Spec, spec

NAMES = ["loss", "val_loss", "accuracy", "val_accuracy"]
# A grid, so that values and improvements are equal now and then: quarters are exact, so
# that neither library decides by a rounding.
VALUES = st.integers(0, 8).map(lambda k: k / 4)
SCRIPTS = st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)), min_size=1, max_size=14)
MODES = st.sampled_from(["auto", "min", "max"])
DELTAS = st.sampled_from([0, 0.25, 0.5])


class Model(oracle_training.Model):
    """The same stand-in with minidl's optimizer."""

    def __init__(self) -> None:
        super().__init__()
        self.optimizer = minidl.optimizers.SGD(0.1)


def play(callback: Spec, script: list[dict[str, float]]) -> Played:
    """Run minidl's callback over the script."""
    made, model = callback.make(minidl), Model()
    made.set_params({"epochs": len(script), "steps": 1, "metrics": [*NAMES]})
    made.set_model(model)
    made.on_train_begin({})
    return oracle_training.act(made, model, script)


@given(
    script=SCRIPTS,
    monitor=st.sampled_from(NAMES),
    patience=st.sampled_from([0, 1, 2, 3, 20]),
    mode=MODES,
    min_delta=DELTAS,
    restore=st.booleans(),
    baseline=st.none() | VALUES,
    start=st.sampled_from([0, 0, 1, 4]),
)
def test_early_stopping(
    script: Any,
    monitor: str,
    patience: int,
    mode: str,
    min_delta: float,
    restore: bool,
    baseline: float | None,
    start: int,
) -> None:
    """Stops where Keras stops, with the weights that Keras leaves."""
    callback = spec(
        "callbacks.EarlyStopping",
        monitor=monitor,
        patience=patience,
        mode=mode,
        min_delta=min_delta,
        restore_best_weights=restore,
        baseline=baseline,
        start_from_epoch=start,
    )
    assert play(callback, script) == oracle_training.play(callback, script)


@pytest.mark.parametrize("baseline", [None, 0.5, 3.0])
@pytest.mark.parametrize("start", [0, 2])
def test_early_stopping_below_a_baseline(baseline: float | None, start: int) -> None:
    """Values that fall, but not below the baseline, are waited for no longer than others."""
    script = [dict.fromkeys(NAMES, 4.0 - k / 4) for k in range(12)]
    options = {"patience": 2, "baseline": baseline, "start_from_epoch": start}
    callback = spec("callbacks.EarlyStopping", **options)
    played = play(callback, [*script, *script])
    assert played == oracle_training.play(callback, [*script, *script])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_early_stopping_not_in_the_first_epoch(bad: float) -> None:
    """Even if it begins with a loss that nothing can be worse than; the next is the best then."""
    script = [dict.fromkeys(NAMES, value) for value in (bad, 1.0, 2.0)]
    played = play(spec("callbacks.EarlyStopping", restore_best_weights=True), script)
    assert (played.stopped, played.best_epoch, played.weights) == (2, 1, 1.0)


@given(
    script=SCRIPTS,
    monitor=st.sampled_from(NAMES),
    factor=st.sampled_from([0.1, 0.5]),
    patience=st.sampled_from([0, 1, 2]),
    mode=MODES,
    min_delta=DELTAS,
    cooldown=st.sampled_from([0, 1, 3]),
    min_lr=st.sampled_from([0.0, 0.03125, 0.0625]),
)
def test_reduce_on_plateau(script: Any, **options: Any) -> None:
    """The same learning rate in every epoch."""
    callback = spec("callbacks.ReduceLROnPlateau", **options)
    assert play(callback, script) == oracle_training.play(callback, script)


@given(script=SCRIPTS, monitor=st.sampled_from(NAMES), mode=MODES, best=st.booleans())
def test_checkpoints(script: Any, monitor: str, mode: str, best: bool) -> None:
    """The same epochs, under the same names."""
    callback = spec(
        "callbacks.ModelCheckpoint",
        filepath="{epoch:02d}-{val_loss:.2f}-{accuracy:.1f}.keras",
        monitor=monitor,
        mode=mode,
        save_best_only=best,
    )
    assert play(callback, script) == oracle_training.play(callback, script)


@given(script=SCRIPTS)
def test_learning_rate_scheduler(script: Any) -> None:
    """From the epoch and the rate before."""
    callback = spec(
        "callbacks.LearningRateScheduler", schedule=lambda epoch, rate: rate * 0.5 + 0.01 * epoch
    )
    assert play(callback, script) == oracle_training.play(callback, script)


def test_learning_rate_scheduler_of_the_epoch_alone() -> None:
    """Keras takes a function of the epoch too, and so do its tutorials."""
    script = [dict.fromkeys(NAMES, 0.0)] * 3
    callback = spec("callbacks.LearningRateScheduler", schedule=lambda epoch: 0.1 * 0.5**epoch)
    assert play(callback, script) == oracle_training.play(callback, script)


def log(path: Path, scripts: Any, **options: Any) -> None:
    """Write minidl's CSVLogger's file for several fits in a row."""
    for script in scripts:
        logger = CSVLogger(path, **options)
        logger.set_params({"epochs": len(script), "steps": 1, "metrics": [*NAMES]})
        logger.set_model(Model())
        logger.on_train_begin({})
        for epoch, logs in enumerate(script):
            logger.on_epoch_end(epoch, logs)
        logger.on_train_end({})


@given(
    scripts=st.lists(SCRIPTS, min_size=1, max_size=3),
    append=st.booleans(),
    separator=st.sampled_from([",", ";", "\t"]),
)
def test_csv(tmp_path_factory: Any, scripts: Any, append: bool, separator: str) -> None:
    """The same values under the same names; minidl's columns are in History's order."""
    folder = tmp_path_factory.mktemp("csv")
    options = {"append": append, "separator": separator}
    log(folder / "ours.csv", scripts, **options)
    oracle_training.csv_log(folder / "theirs.csv", scripts, **options)
    ours, theirs = (
        list(csv.DictReader((folder / name).read_text().splitlines(), delimiter=separator))
        for name in ("ours.csv", "theirs.csv")
    )
    assert ours == theirs
    assert list(ours[0]) == ["epoch", *NAMES]


def test_lambda_callback() -> None:
    """Functions as Keras's documentation writes them are called as often and as then."""
    seen: list[tuple[str, int | None]] = []
    functions = {
        "on_train_begin": lambda logs: seen.append(("train begin", None)),
        "on_train_end": lambda logs: seen.append(("train end", None)),
        "on_epoch_begin": lambda epoch, logs: seen.append(("epoch begin", epoch)),
        "on_epoch_end": lambda epoch, logs: seen.append(("epoch end", epoch)),
        "on_train_batch_begin": lambda batch, logs: seen.append(("batch begin", batch)),
        "on_train_batch_end": lambda batch, logs: seen.append(("batch end", batch)),
    }
    oracle_training.lambda_callback(functions, epochs=2, batches=3)
    theirs = seen.copy()
    seen.clear()
    model = minidl.Sequential([minidl.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = [[1.0]] * 3
    model.fit(x, x, 1, 2, verbose=0, callbacks=minidl.callbacks.LambdaCallback(**functions))
    assert seen == theirs
