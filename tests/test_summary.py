"""The table of a network: layout, counts, names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers
from minidl.layers.names import _counts
from tests import oracle_training
from tests.fitting import network
from tests.specs import spec


@pytest.fixture(autouse=True)
def _fresh_names() -> Iterator[None]:
    _counts.clear()
    yield
    _counts.clear()


def printed(model: minidl.Sequential, capsys: Any) -> str:
    """What summary prints."""
    assert model.summary() is None
    return str(capsys.readouterr().out)


def test_layout(capsys: Any) -> None:
    """Names and types, shapes, counts; their sums with the memory that they take."""
    model = minidl.Sequential(
        [
            layers.Flatten(input_shape=(28, 28)),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(128, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(10, activation="softmax", name="digits"),
        ]
    )
    assert printed(model, capsys) == (
        """\
Model: "sequential"
_________________________________________________________________
Layer (type)                              Output Shape    Param #
=================================================================
flatten (Flatten)                         (None, 784)           0
dense (Dense)                             (None, 256)     200,960
dropout (Dropout)                         (None, 256)           0
dense_1 (Dense)                           (None, 128)      32,896
batch_normalization (BatchNormalization)  (None, 128)         512
digits (Dense)                            (None, 10)        1,290
=================================================================
 Total params: 235,658 (920.54 KB)
 Trainable params: 235,402 (919.54 KB)
 Non-trainable params: 256 (1.00 KB)
"""
    )


def dense(*units: int, normalized: bool = False) -> list[Any]:
    """Hidden ReLU layers and a softmax; normalized before each activation."""
    made: list[Any] = []
    for k, count in enumerate(units):
        activation = "softmax" if k == len(units) - 1 else "relu"
        if normalized:
            made += [spec("layers.Dense", units=count), spec("layers.BatchNormalization")]
            made += [spec("layers.Activation", activation=activation)]
        else:
            made += [spec("layers.Dense", units=count, activation=activation)]
    return made


@pytest.mark.parametrize(
    ("stack", "total", "fixed"),
    [
        (dense(256, 128, 10), 235_146, 0),
        (dense(256, 256, 128, 128, 10), 317_450, 0),
        (dense(256, 256, 128, 128, 10, normalized=True), 320_562, 1_556),
        (dense(1), 785, 0),
        ([spec("layers.Rescaling", scale=0.5)], 0, 0),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_counts(stack: Any, total: int, fixed: int, dtype: str, capsys: Any) -> None:
    """Of published networks on 784 pixels."""
    text = printed(network(stack, (784,), dtype=dtype), capsys)
    for label, count in (("Total", total), ("Trainable", total - fixed), ("Non-trainable", fixed)):
        assert f" {label} params: {count:,} (" in text
    model = network(stack, (784,), dtype=dtype)
    assert model.count_params() == total == sum(w.size for w in model.get_weights())


@pytest.mark.parametrize(
    ("stack", "inputs"),
    [
        (dense(256, 256, 128, 128, 10, normalized=True), 784),
        (dense(2000, 2000, 10), 784),
        (dense(14), 8),  # 1,008 bytes: less than a KB
        (dense(1), 3),
    ],
    ids=["many", "megabytes", "below a kilobyte", "few"],
)
def test_sums_are_kerass(stack: Any, inputs: int, capsys: Any) -> None:
    """The three lines below the table, letter for letter."""
    text = printed(network(stack, (inputs,), dtype="float64"), capsys)
    lines = [line for line in text.splitlines() if "params:" in line]
    assert lines == oracle_training.summary_totals(stack, (inputs,))


def test_names_number_the_layers_of_a_kind(capsys: Any) -> None:
    """From one model to the next, as in Keras."""
    for expected in (["dense", "dense_1"], ["dense_2", "dense_3"]):
        model = network(dense(3, 2))
        assert [layer.name for layer in model] == expected
        assert f"{expected[1]} (Dense)" in printed(model, capsys)


def test_names_number_the_models(capsys: Any) -> None:
    """As Keras does; one that has a name of its own takes no number."""
    for given, expected in ((None, "sequential"), ("mine", "mine"), (None, "sequential_1")):
        model = minidl.Sequential([layers.Dense(1, input_shape=(2,))], name=given)
        assert printed(model, capsys).splitlines()[0] == f'Model: "{expected}"'


def test_a_name_of_the_model(capsys: Any) -> None:
    """In the first line."""
    model = minidl.Sequential([layers.Dense(1, input_shape=(2,))], name="mine")
    assert printed(model, capsys).splitlines()[0] == 'Model: "mine"'


def test_summary_builds_the_model(capsys: Any) -> None:
    """And changes nothing of a built one."""
    model = minidl.Sequential([layers.Input((3,)), layers.Dense(2)])
    assert not model.built
    text = printed(model, capsys)
    assert model.built
    before = model.get_weights()
    assert printed(model, capsys) == text
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_images(capsys: Any) -> None:
    """Shapes of more than one axis."""
    text = printed(network([spec("layers.Rescaling", scale=0.5)], (28, 28, 1)), capsys)
    assert re.search(r"^rescaling \(Rescaling\)  \(None, 28, 28, 1\) +0$", text, re.MULTILINE)


def test_before_the_shape_is_known(capsys: Any) -> None:
    """As Keras shows it; and with no layers at all."""
    model = minidl.Sequential([layers.Dense(3)])
    text = printed(model, capsys)
    assert "dense (Dense)  ?               0 (unbuilt)\n" in text
    assert " Total params: 0 (0.00 B)" in text
    assert " Total params: 0 (0.00 B)" in printed(minidl.Sequential(), capsys)
    model.build((None, 4))
    assert "(None, 3)" in printed(model, capsys)


def test_lines_go_where_they_are_asked_to(capsys: Any) -> None:
    """Each line one call, of the length that is wanted."""
    inner = minidl.Sequential([layers.Input((4,)), layers.Dense(3)], name="inner")
    model = minidl.Sequential([inner, layers.Dense(2)], name="outer")
    inner.trainable = False
    seen: list[str] = []
    model.summary(line_length=70, print_fn=seen.append, expand_nested=True, show_trainable=True)
    assert capsys.readouterr().out == ""
    assert [len(line) for line in seen[1:8]] == [70] * 7
    assert [line.split() for line in seen[4:7]] == [
        ["inner", "(Sequential)", "(None,", "3)", "15", "N"],
        ["dense", "(Dense)", "(None,", "3)", "15", "N"],
        ["dense_1", "(Dense)", "(None,", "2)", "8", "Y"],
    ]
    assert seen[-2:] == [" Trainable params: 8 (32.00 B)", " Non-trainable params: 15 (60.00 B)"]
    assert "  dense (Dense)" not in printed(model, capsys)
