"""Layers in training: the same bits on every executor, compiled whole, resumed, summed up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from tests import oracle
from tests.fitting import compiled, same_weights
from tests.specs import spec

STACKS = {
    "noise": [
        spec("layers.GaussianNoise", stddev=0.1),
        spec("layers.Dense", units=7, activation="selu", kernel_initializer="lecun_normal"),
        spec("layers.AlphaDropout", rate=0.2),
        spec("layers.Dense", units=6, bias_initializer=None),
        spec("layers.PReLU", alpha_regularizer="l2"),
        spec("layers.GaussianDropout", rate=0.2),
    ],
    "normalizations": [
        spec("layers.Normalization"),
        spec("layers.Dense", units=6, activation=spec("layers.LeakyReLU", negative_slope=0.1)),
        spec("layers.LayerNormalization", gamma_constraint="non_neg"),
        spec("layers.Reshape", target_shape=(2, 3)),
        spec("layers.PReLU", alpha_initializer="ones"),
        spec("layers.Flatten"),
        spec("layers.UnitNormalization"),
        spec("layers.Identity"),
        spec("layers.BatchNormalization", beta_regularizer="l1"),
        spec("layers.Normalization", mean=0.1, variance=0.3, invert=True),
    ],
}
EXECUTORS = ("python", "blocks", "compiled")


def fitted(name: str, dtype: str, epochs: int = 5, **options: Any) -> tuple[Any, Any]:
    model, task = compiled("integers", STACKS[name], "adam", ["accuracy"], dtype)
    history = model.fit(task.x, task.y, 5, epochs, 0, validation_split=0.2, **options).history
    return model, history


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", STACKS)
def test_training_is_the_same_on_every_executor(name: str, dtype: str) -> None:
    found = []
    for executor in EXECUTORS:
        with minidl.backend.use("numpy", executor=executor):
            found.append(fitted(name, dtype))
    for model, history in found[1:]:
        assert history == found[0][1]
        same_weights(model, found[0][0])
    assert "called" not in found[2][0].recording


@pytest.mark.parametrize("name", STACKS)
def test_a_resumed_training_is_the_whole_one(name: str, tmp_path: Path, executor: str) -> None:
    """Noise has an address, and alpha, gamma and the moments are in the file."""
    whole, expected = fitted(name, "float64", 4)
    fitted(name, "float64", 2, resume=tmp_path)
    model, history = fitted(name, "float64", 4, resume=tmp_path)
    if executor.startswith("cupy"):
        np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-11)
        return
    assert history == expected
    same_weights(model, whole)


@pytest.mark.parametrize("name", STACKS)
def test_the_summary_counts_as_keras(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Shapes of all weights, in order, and the two sums."""
    model, task = compiled("integers", STACKS[name])
    reference = oracle.Network(
        [*STACKS[name], task.output], (4,), spec("losses.MeanSquaredError"), spec("optimizers.SGD")
    )
    expected = [w.shape for w in reference.get_weights()]
    assert [w.shape for w in model.get_weights()] == expected
    model.summary()
    printed = capsys.readouterr().out
    for label, count in zip(("Trainable", "Non-trainable"), reference.counts(), strict=True):
        assert f"{label} params: {count:,} (" in printed
