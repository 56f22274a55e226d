"""Weights in safetensors files, with PyTorch's names, and without PyTorch."""

from __future__ import annotations

import os
import random
import struct
import tracemalloc
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import minidl
from minidl import FileFormatError, interop
from minidl.interop.pytorch.modules import modules_of
from minidl.layers import (
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    LayerNormalization,
    PReLU,
    ReLU,
    Rescaling,
    UnitNormalization,
)
from tests.interop.models import filled


def network(dtype: str = "float32") -> Any:
    """A model with every module that has a state."""
    layers = [
        minidl.Input((4, 3)),
        PReLU(),
        Flatten(),
        Dense(5, "relu"),
        BatchNormalization(momentum=0.9),
        Dropout(0.25),
        LayerNormalization(),
        Dense(2, use_bias=False),
    ]
    return filled(layers, dtype)[0]


def test_names_and_shapes_are_those_of_pytorch(tmp_path: Path) -> None:
    """A weight matrix is transposed, and modules without a state are counted, too."""
    model = network()
    interop.save_state_dict(model, tmp_path / "model.safetensors")
    found = safetensors.numpy.load_file(tmp_path / "model.safetensors")
    assert {name: values.shape for name, values in found.items()} == {
        "1.weight": (12,),
        "4.weight": (5, 12), "4.bias": (5,),
        "6.weight": (5,), "6.bias": (5,), "6.running_mean": (5,), "6.running_var": (5,),
        "6.num_batches_tracked": (),
        "8.weight": (5,), "8.bias": (5,),
        "9.weight": (2, 5),
    }  # fmt: skip
    np.testing.assert_array_equal(found["4.weight"], model.layers[2].W.T)
    np.testing.assert_array_equal(found["6.running_var"], model.layers[3].moving_variance)
    assert found["4.weight"].dtype == np.float32


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_come_back(dtype: str, tmp_path: Path) -> None:
    """To the last bit."""
    model, other = network(dtype), network(dtype)
    other.set_weights([0.5 * each for each in other.get_weights()])
    interop.save_state_dict(model, tmp_path / "model.safetensors")
    interop.load_state_dict(other, tmp_path / "model.safetensors")
    for old, new in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_scales_go_into_weights() -> None:
    """(x s + o) W + b = x (s W) + (o W + b); the layer itself is no module."""
    model, x = filled([minidl.Input((2, 2)), Rescaling(0.5, 2), Flatten(), Dense(3)], "float64")
    flatten, linear = modules_of(model)
    assert (flatten.kind, linear.kind) == ("Flatten", "Linear")
    y = x.reshape(-1, 4) @ linear.state["weight"].T + linear.state["bias"]
    np.testing.assert_allclose(y, model.predict(x), rtol=1e-13)


def test_weights_with_a_scale_in_them_are_no_weights(tmp_path: Path) -> None:
    """Of a model that has the scale beside them."""
    model, _ = filled([minidl.Input((3,)), Rescaling(0.5), Dense(2)], "float32")
    interop.save_state_dict(model, tmp_path / "model.safetensors")
    with pytest.raises(interop.ConversionError, match="without Rescaling or Normalization before"):
        interop.load_state_dict(model, tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [UnitNormalization(name="odd")],
            "no module for <UnitNormalization odd>, unitnorm_forward",
        ),
        ([ReLU(6, 0.1, name="odd")], "no module for <ReLU odd> with its arguments"),
        ([Dense(2, "exponential", name="odd")], "no module for <Dense odd>, exponential_forward"),
        ([Rescaling(2.0, name="odd"), ReLU()], "no module for <Rescaling odd>.*received <ReLU"),
        ([Dense(2), Rescaling(2.0, name="odd")], "<Rescaling odd>.*received the end"),
    ],
)
def test_what_pytorch_lacks(layers: Any, message: str) -> None:
    """The layer, and what to use instead."""
    model, _ = filled([minidl.Input((3,)), *layers], "float32")
    with pytest.raises(interop.ConversionError, match=message) as caught:
        modules_of(model)
    assert "to_onnx" in str(caught.value)


def test_noise_is_left_out_with_a_warning() -> None:
    """Inference needs none."""
    model, _ = filled([minidl.Input((3,)), GaussianNoise(0.1), Dense(2)], "float32")
    with pytest.warns(UserWarning, match=r"GaussianNoise .* is left out"):
        assert [each.kind for each in modules_of(model)] == ["Linear"]


def changed(path: Path, **tensors: Any) -> None:
    """A file with some tensors replaced, or taken away."""
    found = {
        **safetensors.numpy.load_file(path),
        **{k.replace("_", ".", 1): v for k, v in tensors.items()},
    }
    safetensors.numpy.save_file({k: v for k, v in found.items() if v is not None}, path)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"4_bias": None}, r"expected the tensors .*'4.bias'"),
        ({"7_bias": np.zeros(2, np.float32)}, r"received .*'7.bias'"),
        ({"4_weight": np.zeros((12, 5), np.float32)}, r"4.weight: expected shape \(5, 12\)"),
    ],
)
def test_other_tensors(tensors: Any, message: str, tmp_path: Path) -> None:
    """Are named; nothing is overwritten."""
    model, path = network(), tmp_path / "model.safetensors"
    interop.save_state_dict(model, path)
    changed(path, **tensors)
    before = model.get_weights()
    with pytest.raises(interop.ConversionError, match=message):
        interop.load_state_dict(model, path)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_parameter_that_the_layer_lacks(tmp_path: Path) -> None:
    """PyTorch has both of gamma and beta, and may have trained both."""
    layers = [minidl.Input((3,)), BatchNormalization(center=False)]
    model, path = filled(layers, "float32")[0], tmp_path / "model.safetensors"
    interop.save_state_dict(model, path)
    interop.load_state_dict(model, path)
    changed(path, **{"0_bias": np.ones(3, np.float32)})
    with pytest.raises(interop.ConversionError, match=r"0.bias: .* has no such parameter"):
        interop.load_state_dict(model, path)


def safetensors_file(header: bytes, data: bytes = b"") -> bytes:
    """The bytes of a file with any header."""
    return struct.pack("<Q", len(header)) + header + data


BROKEN = {
    "no bytes": b"",
    "other bytes": b"PK\x03\x04" * 20,
    "a header that is not there": struct.pack("<Q", 2**62) + b"{}",
    "no JSON": safetensors_file(b"{]"),
    "a large tensor": safetensors_file(
        b'{"0.weight":{"dtype":"F32","shape":[1000000000,1000000000],"data_offsets":[0,4]}}',
        bytes(4),
    ),
    "another type": safetensors_file(
        b'{"0.weight":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}', bytes(4)
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files(name: str, tmp_path: Path) -> None:
    """Are refused with the file's name, in little memory."""
    path, model = tmp_path / "model.safetensors", network()
    path.write_bytes(BROKEN[name])
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError) as caught:
            interop.load_state_dict(model, path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)


def test_numbers_that_are_not_finite(tmp_path: Path) -> None:
    """Are no weights."""
    model, path = network(), tmp_path / "model.safetensors"
    interop.save_state_dict(model, path)
    changed(path, **{"4_bias": np.full(5, np.nan, np.float32)})
    with pytest.raises(FileFormatError, match="expected finite weights"):
        interop.load_state_dict(model, path)


def test_bytes_changed_at_random(tmp_path: Path) -> None:
    """Load, or end in one of the two errors."""
    chance, met = random.Random(7), set()
    model, path = network(), tmp_path / "model.safetensors"
    interop.save_state_dict(model, path)
    content = path.read_bytes()
    for _ in range(200):
        data = bytearray(content[: chance.choice([len(content), chance.randrange(len(content))])])
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)
        try:
            interop.load_state_dict(model, path)
            met.add("read")
        except FileFormatError:
            met.add("broken")
        except interop.ConversionError:
            met.add("other")
    assert met == {"read", "broken", "other"}


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    """Are the system's errors."""
    with pytest.raises(FileNotFoundError):
        interop.load_state_dict(network(), tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        interop.load_state_dict(network(), tmp_path)
    with pytest.raises(FileFormatError, match="received a device or a FIFO"):
        interop.load_state_dict(network(), os.devnull)
    for given in ({"0.weight": np.zeros((3, 4))}, b"content\0"):
        for read in (partial(interop.load_state_dict, network()), interop.from_onnx):
            message = f"expected the path of a file, received {type(given).__name__}"
            with pytest.raises(TypeError, match=message):
                read(given)
