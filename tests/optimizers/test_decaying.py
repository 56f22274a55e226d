"""Tensors without weight decay: by name, by array, against Keras, in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import optimizers
from minidl.backend import to_device, to_host
from minidl.layers import BatchNormalization, Dense, Input
from tests import oracle
from tests.optimizers.test_oracle import flat, optimizer, problem, vector_of


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("names", [["1"], ["0", "1"], ["2", "3"], ["0", "1", "2", "3"]], ids=str)
def test_agrees_with_keras(names: list[str]) -> None:
    """Five steps with tensors left out; the tolerance is that of all optimizers."""
    case = optimizer("AdamW", learning_rate=0.1, weight_decay=0.3)
    tensors, steps = problem()
    theirs = [f"tensor{name}" for name in names]
    expected, _ = oracle.optimizer_steps(case, tensors, steps, theirs)
    vector, made = vector_of(tensors), case.make(minidl)
    made.exclude_from_weight_decay(var_names=[f"w{name}" for name in names])
    made.build(vector.theta, vector)
    for gradients in steps:
        vector.grad[...] = to_device(flat(gradients))
        made.update(vector.theta, vector.grad)
    oracle.assert_agrees(to_host(vector.theta), flat(expected), "theta")


def model() -> minidl.Sequential:
    made = minidl.Sequential(
        [Input((3,)), Dense(4), BatchNormalization(), Dense(2, name="last")], dtype="float64"
    )
    made.build()
    made.theta[...] = 1
    return made


def step(made: minidl.Sequential, rule: optimizers.Optimizer) -> dict[str, bool]:
    """Names of the tensors, and whether a step without a gradient changes them."""
    rule.build(made.theta, made.parameters)
    rule.update(made.theta, np.zeros_like(made.theta))
    return {
        entry.name.partition("/")[0].rstrip("_0123456789")
        + entry.name[entry.name.index("/") :]: bool((made.parameters.view(entry) != 1).all())
        for entry in made.parameters
    }


def test_by_name_and_by_array() -> None:
    for given in ("names", "arrays", "both"):
        made, rule = model(), optimizers.SGD(0.5, weight_decay=0.5)
        names, arrays = ["bias", "gamma", "beta"], [made.layers[0].W, made.layers[2].b]
        rule.exclude_from_weight_decay(
            arrays if given != "names" else None, names if given != "arrays" else None
        )
        moved = step(made, rule)
        assert moved == {
            "dense/kernel": given == "names",
            "dense/bias": given == "arrays",
            "batch_normalization/gamma": given == "arrays",
            "batch_normalization/beta": given == "arrays",
            "last/kernel": True,
            "last/bias": False,
        }


def test_a_full_name_and_a_later_call() -> None:
    """The second call takes the place of the first."""
    made, rule = model(), optimizers.SGD(0.5, weight_decay=0.5)
    rule.exclude_from_weight_decay(var_names=["last/kernel"])
    assert step(made, rule) == {
        **dict.fromkeys(step(model(), copy(rule)), True),
        "last/kernel": False,
    }
    made.theta[...] = 1
    rule.exclude_from_weight_decay()
    assert all(step(made, rule).values())


def copy(rule: optimizers.Optimizer) -> optimizers.Optimizer:
    return type(rule).from_config(rule.get_config())


def test_a_saved_model_goes_on_without_decay_of_the_same_tensors(tmp_path: Path) -> None:
    made = model()
    rule = optimizers.AdamW(0.1)
    made.compile(rule, "mse")
    rule.exclude_from_weight_decay([made.layers[0].W])
    with pytest.raises(ValueError, match=r"expected var_names=\[...\]"):
        made.save(tmp_path / "early")
    x, y = np.ones((4, 3)), np.zeros((4, 2))
    made.fit(x, y, epochs=2, verbose=0)
    made.save(tmp_path / "model")
    loaded = minidl.load_model(tmp_path / "model")
    for each in (made, loaded):
        each.fit(x, y, epochs=2, initial_epoch=1, verbose=0)
    np.testing.assert_array_equal(made.theta, loaded.theta)
    assert loaded.optimizer.get_config() == rule.get_config()


def test_a_file_names_tensors_that_there_are(tmp_path: Path) -> None:
    made = minidl.Sequential([Input((3,)), Dense(4, use_bias=False)])
    made.compile(optimizers.AdamW(exclude_from_weight_decay=["bias"]), "mse")
    with pytest.raises(ValueError, match=r"cannot save: .* unknown tensor 'bias'"):
        made.save(tmp_path / "model")


@pytest.mark.parametrize(
    ("arrays", "names", "error", "words"),
    [
        (None, [3], TypeError, r"expected a list of names, received \(3,\)"),
        (None, "bias", TypeError, "expected a list of names, received 'bias'"),
        (None, ["bais"], ValueError, "unknown tensor 'bais'; did you mean 'bias'"),
        ([np.ones((3, 4))], None, ValueError, r"another array of shape \(3, 4\)"),
    ],
)
def test_what_is_no_tensor(arrays, names, error, words: str) -> None:
    """Also before the optimizer knows the tensors; then nothing is built."""
    made, rule = model(), optimizers.SGD(0.5, weight_decay=0.5)

    def build() -> None:
        rule.exclude_from_weight_decay(arrays, names)
        rule.build(made.theta, made.parameters)

    with pytest.raises(error, match=words):
        build()
    assert not rule.built


def test_a_vector_alone_has_no_tensors() -> None:
    rule = optimizers.SGD(0.5, weight_decay=0.5)
    rule.exclude_from_weight_decay(var_names=["bias"])
    with pytest.raises(ValueError, match=r"expected build\(model.theta, model.parameters\)"):
        rule.update(np.ones(3), np.ones(3))
