"""Files of ONNX, run by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given

import minidl
from minidl import interop
from minidl.activations import ActivationFunction, get
from minidl.backend import fused, use
from minidl.interop.onnx import writing as onnx_writing
from minidl.interop.onnx.writing import proto_of
from minidl.layers import Activation, BatchNormalization, Dense, Dropout, ReLU
from minidl.names.lookup import known
from tests.interop.models import everything, filled, models
from tests.interop.test_c_source import branching_forward, cubic_forward, sorting_forward
from tests.interop.test_numpy_source import tabled_backward

# In float32 both sides round to 6e-8 in each of six layers; in float64 to 1e-16, but the file has
# epsilon as a float32.
AGREE = 1e-6


def run(proto: Any, x: np.ndarray) -> np.ndarray:
    """The output of ONNX Runtime, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (y,) = session.run(None, {"x": x})
    return np.asarray(y)


@given(case=models())
def test_random_networks_agree(case: Any) -> None:
    """In both types."""
    model, x = case
    np.testing.assert_allclose(run(proto_of(model), x), model.predict(x), rtol=AGREE, atol=AGREE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_layer(dtype: str) -> None:
    """In both types; float32 rounds a few times in each of forty layers."""
    model, x = everything(dtype)
    error = AGREE if dtype == "float64" else 500 * np.finfo(dtype).eps
    np.testing.assert_allclose(run(proto_of(model), x), model.predict(x), rtol=error, atol=error)


def names() -> list[str]:
    """Of all activations."""
    return sorted({function.name for function in known(ActivationFunction).values()})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation(dtype: str) -> None:
    """On numbers of many sizes: to some roundings of 1, of y, or of x where x is a factor."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(50, 4)) * s for s in (1e-3, 1, 10, 80)]).astype(dtype)
    error = 8 * np.finfo(dtype).eps
    for name in names():
        model, _ = filled([minidl.Input((4,)), Activation(name)], dtype)
        rows = x if name != "exponential" else x[:150]
        received, expected = run(proto_of(model), rows), model.predict(rows)
        near = np.abs(received - expected) <= error * (1 + np.abs(expected) + np.abs(rows))
        assert near.all(), name


def test_a_trained_classifier_in_float32(tmp_path: Path) -> None:
    """The usual network: probabilities agree to 1e-6, for any number of rows."""
    minidl.utils.set_random_seed(1)
    use("numpy", executor="blocks")  # nothing to compile
    (x, y), (held, _) = minidl.datasets.digits.load_data()
    model = minidl.Sequential(
        [
            minidl.Input((8, 8)),
            minidl.layers.Flatten(),
            minidl.layers.Rescaling(1 / 255),
            Dense(32, "relu"),
            BatchNormalization(),
            Dropout(0.2),
            Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=2, verbose=0)
    path = tmp_path / "model.onnx"
    interop.to_onnx(model, path)
    proto = onnx.load(path)
    for rows in (held[:1], held[:7], held):
        received = run(proto, rows.astype(np.float32))
        np.testing.assert_allclose(received, model.predict(rows), rtol=0, atol=AGREE)


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    """Opset, a batch of any size, names, and operators that tools know."""
    model, _ = filled([minidl.Input((4,)), Dense(3, "gelu"), Dense(2, "softmax")], "float32")
    interop.to_onnx(model, str(tmp_path / "model.onnx"))
    proto = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(proto, full_check=True)
    assert [(each.domain, each.version) for each in proto.opset_import] == [("", 20)]
    (x,), (y,) = proto.graph.input, proto.graph.output
    assert (x.name, y.name) == ("x", "y")
    assert x.type.tensor_type.shape.dim[0].dim_param == "N"
    assert [n.op_type for n in proto.graph.node] == ["Gemm", "Gelu", "Gemm", "Softmax", "Identity"]
    assert not proto.functions


def test_kinks_lie_on_the_same_side() -> None:
    """At the threshold itself the output is 0."""
    model, _ = filled([minidl.Input((1,)), ReLU(6, 0, 0.5)], "float32")
    x = np.array([[0.5], [np.nextafter(np.float32(0.5), 1)], [6], [7], [0]], np.float32)
    received = run(proto_of(model), x)
    np.testing.assert_array_equal(received, model.predict(x))
    assert received[0] == 0


def test_what_onnx_lacks_is_a_function() -> None:
    """Of operators, whose constants are inputs: one function for two slopes."""
    layers = [minidl.Input((4,)), ReLU(6, 0.1, 0.2), ReLU(5, 0.2, 0.3)]
    model, _ = filled(layers, "float32")
    proto = proto_of(model)
    assert [each.name for each in proto.functions] == ["bounded_relu"]
    assert [each.op_type for each in proto.graph.node][:2] == ["bounded_relu"] * 2


@fused
def squareplus_forward(x, b=4.0):
    """y = (x + √(x² + b)) / 2."""
    return (x + np.sqrt(x * x + b)) / 2


@fused
def squareplus_backward(dy, x, y, b):
    """dx = dy · y / √(x² + b)."""
    return dy * y / np.sqrt(x * x + b)


def test_an_activation_of_ones_own() -> None:
    """Is a function, too."""
    squareplus = ActivationFunction("squareplus", squareplus_forward, squareplus_backward)
    model, x = filled([minidl.Input((4,)), Dense(3, squareplus)], "float64")
    np.testing.assert_allclose(run(proto_of(model), x), model.predict(x), rtol=1e-14)


@pytest.mark.parametrize(
    ("forward", "reason"),
    [(branching_forward, "branches on values"), (sorting_forward, "sort"), (cubic_forward, "cbrt")],
)
def test_what_onnx_cannot_say(forward: Any, reason: str) -> None:
    """The layer, the reason, and what to use instead."""
    function = ActivationFunction("f", forward, tabled_backward)
    model, _ = filled([minidl.Input((3,)), Activation(function, name="odd")], "float32")
    with pytest.raises(interop.ConversionError, match=rf"Activation odd(.|\n)*{reason}") as caught:
        proto_of(model)
    assert "to_numpy_source" in str(caught.value)


def test_what_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is refused before anything is written."""
    monkeypatch.setattr(onnx_writing, "LARGEST", 100)
    model, _ = filled([minidl.Input((8,)), Dense(8)], "float32")
    with pytest.raises(interop.ConversionError, match=r"2 GiB.*received \d+ bytes"):
        proto_of(model)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    model, _ = filled([minidl.Input((2,)), Dense(2)], "float32")
    with pytest.raises(ImportError, match=r"pip install 'minidl\[onnx\]'"):
        proto_of(model)


def test_every_activation_is_known_by_its_function() -> None:
    """No name of ONNX stands for a function that is none of minidl's."""
    own = {get(name).forward for name in names()}
    assert {*onnx_writing._BOTH, *onnx_writing._SINGLE} <= own
