"""TensorBoard's event files, and Keras's names for what fit does by itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.callbacks import CallbackList, EarlyStopping, History, ProgbarLogger, TensorBoard
from tests import oracle_training
from tests.fitting import compiled


def test_values_by_epoch(tmp_path: Path) -> None:
    """Those of the History, and the learning rate, as TensorFlow reads them."""
    model, task = compiled("integers", metrics=["accuracy"], optimizer="sgd")
    held = {"validation_data": (task.x, task.y)}
    history = model.fit(
        task.x, task.y, epochs=3, verbose=0, callbacks=TensorBoard(tmp_path), **held
    ).history
    for kind, prefix in (("train", ""), ("validation", "val_")):
        found = oracle_training.events(tmp_path / kind)
        for name in ("loss", "accuracy"):
            steps, values = zip(*found[f"epoch_{name}"], strict=True)
            assert steps == (0, 1, 2)
            # a file holds float32
            np.testing.assert_allclose(values, history[prefix + name], rtol=1e-6)
    rates = oracle_training.events(tmp_path / "train")["epoch_learning_rate"]
    np.testing.assert_allclose([value for _, value in rates], 0.01, rtol=1e-6)


def test_values_by_step_and_histograms(tmp_path: Path) -> None:
    """So many steps apart; each weight's histogram each so many epochs."""
    model, task = compiled("values", hidden=[])
    callback = TensorBoard(tmp_path, histogram_freq=2, update_freq=2)
    model.fit(task.x, task.y, 8, 3, verbose=0, callbacks=callback)
    found = oracle_training.events(tmp_path / "train")
    assert [step for step, _ in found["batch_loss"]] == [0, 2, 4, 6, 8]
    name = model.layers[0].name
    assert [step for step, _ in found[f"{name}/W/histogram"]] == [0, 2]
    assert f"{name}/b/histogram" in found


def test_what_is_not_written_is_said(tmp_path: Path, monkeypatch: Any) -> None:
    """In a warning; a missing package in an error."""
    with pytest.warns(UserWarning, match="write_images, profile_batch change nothing"):
        TensorBoard(tmp_path, write_images=True, profile_batch=2)
    with pytest.raises(TypeError, match="update_freq: expected an integer"):
        TensorBoard(tmp_path, update_freq="never")
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"pip install 'minidl\[tensorboard\]'"):
        TensorBoard(tmp_path)


def test_a_list_of_callbacks() -> None:
    """In fit as its callbacks; by itself it hands each call on."""
    model, task = compiled("values", hidden=[])
    stopper = EarlyStopping("loss", patience=0, mode="max")
    model.fit(task.x, task.y, epochs=5, verbose=0, callbacks=CallbackList([stopper]))
    assert stopper.stopped_epoch == 1
    several = CallbackList(
        stopper, add_history=True, model=model, epochs=3, metrics=["loss"], steps=1
    )
    history = several.callbacks[1]
    assert isinstance(history, History)
    several.on_train_begin()
    for epoch in range(2):
        several.on_epoch_end(epoch, {"loss": 1.0})
    several.on_train_end()
    assert history.history == {"loss": [1.0, 1.0]}
    assert stopper.model is model
    assert stopper.stopped_epoch == 1
    with pytest.raises(ValueError, match="add_progbar: expected fit"):
        CallbackList(add_progbar=True)
    with pytest.raises(TypeError, match="expected minidl callbacks"):
        CallbackList([print])


def test_one_bar_is_enough(capsys: Any) -> None:
    """ProgbarLogger is the bar of verbose=1."""
    model, task = compiled("values", hidden=[])
    model.fit(task.x, task.y, callbacks=[ProgbarLogger()])
    assert capsys.readouterr().err.count(" 0/1 [") == 1


def test_how_keras_computes_changes_nothing_here() -> None:
    """compile answers in a warning; run_eagerly has Python call each step, to the same bits."""
    found = []
    for eagerly in (False, True):
        model, task = compiled("values")
        model.compile("adam", task.loss, run_eagerly=eagerly)
        found.append(model.fit(task.x, task.y, 4, 8, verbose=0).history)
        assert model.recording.startswith("compiled") != eagerly
    assert found[0] == found[1]
    for name, value in {
        "steps_per_execution": 4, "jit_compile": True, "auto_scale_loss": False,
    }.items():  # fmt: skip
        with pytest.warns(UserWarning, match=f"compile: {name} changes nothing"):
            model.compile("adam", task.loss, **{name: value})
