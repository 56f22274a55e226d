"""Files of NumPy source: the bits of the executor that calls kernels as they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import minidl
from minidl import interop
from minidl.activations import ActivationFunction
from minidl.backend import fused, use
from minidl.interop.pytorch.modules import modules_of
from minidl.layers import Activation, BatchNormalization, Dense, Layer
from tests.interop.models import everything, filled, models
from tests.registered import forgotten  # noqa: F401 - a fixture


def loaded(model: Any) -> Any:
    """The function ``predict`` of the model's source."""
    names: dict[str, Any] = {}
    exec(compile(interop.to_numpy_source(model), "network.py", "exec"), names)
    return names["predict"]


@given(case=models())
def test_random_networks_have_the_same_bits(case: Any) -> None:
    """As under the executor that runs kernels as they stand."""
    model, x = case
    use("numpy", executor="python")
    expected = model.predict(x, batch_size=len(x))
    received = loaded(model)(x)
    assert received.dtype == expected.dtype
    np.testing.assert_array_equal(received, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_file_by_itself(dtype: str, tmp_path: Path) -> None:
    """In a Python without minidl, with every layer."""
    use("numpy", executor="python")
    model, x = everything(dtype)
    (tmp_path / "network.py").write_text(interop.to_numpy_source(model), encoding="utf-8")
    np.save(tmp_path / "x.npy", x)
    program = (
        "import sys; sys.path.insert(0, '.')\n"
        "import numpy, network\n"
        "numpy.save('y.npy', network.predict(numpy.load('x.npy')))\n"
        "print('minidl' in sys.modules)"
    )
    run = [sys.executable, "-I", "-c", program]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), model.predict(x))


def test_integers_become_the_models_numbers() -> None:
    """Pixels are taken as they come."""
    use("numpy", executor="python")
    model, _ = filled([minidl.Input((3,)), minidl.layers.Rescaling(1 / 255), Dense(2)], "float32")
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    np.testing.assert_array_equal(loaded(model)(pixels), model.predict(pixels))


def test_other_rows_are_refused() -> None:
    """In the file, too."""
    model, _ = filled([minidl.Input((3,)), Dense(2)], "float32")
    with pytest.raises(ValueError, match=r"expected rows of shape \(3,\), received \(4,\)"):
        loaded(model)(np.zeros((2, 4)))


def test_no_layers_that_compute() -> None:
    """The rows come back."""
    model, x = filled([minidl.Input((3,)), minidl.layers.Identity()], "float64")
    np.testing.assert_array_equal(loaded(model)(x), x)


SLOPE = 0.25


def steep(x: Any) -> Any:
    """A function of a function's."""
    return SLOPE * x


@fused
def bent_forward(x, b=2.0):
    """y = (x / 4 + √(x² / 16 + b)) / 2."""
    return (steep(x) + np.sqrt(steep(x) * steep(x) + b)) / 2


@fused
def bent_backward(dy, x, b):
    """Of no use here."""
    return dy


@pytest.mark.usefixtures("forgotten")
def test_an_activation_of_ones_own() -> None:
    """With the function and the number that it refers to."""
    bent = ActivationFunction("bent", bent_forward, bent_backward)
    model, x = filled([minidl.Input((3,)), Dense(2, bent)], "float32")
    use("numpy", executor="python")
    text = interop.to_numpy_source(model)
    assert "SLOPE = 0.25" in text
    np.testing.assert_array_equal(loaded(model)(x), model.predict(x))


TABLE = {"a": 1.0}


def tabled_forward(x: Any, *, out: Any) -> Any:
    """Refers to what is no number."""
    return np.multiply(x, TABLE["a"], out=out)


def tabled_backward(dy: Any, y: Any, *, out: Any) -> Any:
    """Of no use here."""
    return np.multiply(dy, 1.0, out=out)


def test_what_cannot_be_copied() -> None:
    """Is named, with the layer."""
    tabled = ActivationFunction("tabled", tabled_forward, tabled_backward)
    model, _ = filled([minidl.Input((3,)), Activation(tabled, name="odd")], "float32")
    with pytest.raises(interop.ConversionError, match=r"Activation odd.*received TABLE"):
        interop.to_numpy_source(model)
    made = eval("lambda x, *, out: np.add(x, 1, out=out)", {"np": np})
    lost = ActivationFunction("lost", made, tabled_backward)
    model, _ = filled([minidl.Input((3,)), Activation(lost, name="odd")], "float32")
    with pytest.raises(interop.ConversionError, match=r"Activation odd.*no source"):
        interop.to_numpy_source(model)


_W0 = 2.0


def hiding_forward(x: Any, *, out: Any) -> Any:
    """Refers to a name that the file has for a weight matrix."""
    return np.multiply(x, _W0, out=out)


def test_names_that_the_file_has_for_itself() -> None:
    """Would hide each other."""
    hiding = ActivationFunction("hiding", hiding_forward, tabled_backward)
    model, _ = filled([minidl.Input((3,)), Dense(2, hiding, name="odd")], "float32")
    with pytest.raises(interop.ConversionError, match=r"Dense odd.*another name than _W0"):
        interop.to_numpy_source(model)


class Doubling(Layer):
    """A layer of one's own."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        return x + x

    def backward(self, dy: Any) -> Any:
        return 2 * dy


class Louder(Dense):
    """A layer that changes one of minidl's."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        return 2 * super().forward(x, training, step)


@pytest.mark.parametrize("name", ["to_numpy_source", "to_c_source", "to_onnx", "to_torch"])
def test_layers_of_ones_own_are_all_named(name: str, tmp_path: Path) -> None:
    """In one error, of each format."""
    layers = [minidl.Input((3,)), Doubling(name="one"), Dense(2), Louder(2, name="two")]
    model, _ = filled(layers, "float32")
    arguments = [tmp_path / "model.onnx"] if name == "to_onnx" else []
    # The first half of to_torch needs no PyTorch.
    convert = modules_of if name == "to_torch" else getattr(interop, name)
    with pytest.raises(interop.ConversionError, match=r"<Doubling one>, <Louder two>.*save\(\)"):
        convert(model, *arguments)


@pytest.mark.parametrize("name", ["to_numpy_source", "to_c_source", "to_onnx", "to_torch"])
def test_rows_of_unknown_shape(name: str, tmp_path: Path) -> None:
    """Are the error that build raises."""
    model = minidl.Sequential([Dense(2)])
    arguments = [tmp_path / "model.onnx"] if name == "to_onnx" else []
    convert = modules_of if name == "to_torch" else getattr(interop, name)
    with pytest.raises(ValueError, match="the shape of a row is not known yet"):
        convert(model, *arguments)


def test_no_model() -> None:
    """Is named."""
    with pytest.raises(TypeError, match="such as Sequential or an estimator's network_, received"):
        interop.to_numpy_source([Dense(2)])


@pytest.mark.parametrize("executor", ["cupy-double"], indirect=True)
def test_a_model_on_a_device(executor: str, tmp_path: Path) -> None:
    """Its numbers come to the host, and a file's numbers to the device."""
    layers = [minidl.Input((3,)), Dense(4, "elu"), BatchNormalization(), Dense(2, "softmax")]
    model, x = filled(layers, "float64")
    assert not isinstance(model.theta, np.ndarray)
    expected = model.predict(x)
    np.testing.assert_allclose(loaded(model)(x), expected, rtol=1e-12)
    interop.to_onnx(model, tmp_path / "model.onnx")
    back = interop.from_onnx(tmp_path / "model.onnx")
    assert not isinstance(back.theta, np.ndarray)
    np.testing.assert_allclose(back.predict(x), expected, rtol=1e-12)


def test_names_write_no_code() -> None:
    """A name that would end the file's first text is changed."""
    model, x = filled([minidl.Input((3,)), Dense(2, name='"""\nevil()')], "float32")
    model.name = '"""\nraise SystemError\n"""'
    assert loaded(model)(x).shape == (5, 2)
