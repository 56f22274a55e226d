"""Files of C99: compiled, run, and the bits of NumPy computing as C does."""

from __future__ import annotations

import ctypes
import itertools
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import minidl
from minidl import interop
from minidl.activations import ActivationFunction
from minidl.backend import fused, use
from minidl.layers import Activation, Dense, Identity, ReLU, Rescaling, Softmax
from tests.interop.models import as_in_c, everything, filled, models

FLAGS = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]
_numbers = itertools.count()


def run(text: str, x: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
    """The outputs of a file's ``predict`` for each row."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "network.c")
        source.write_text(text, encoding="utf-8")
        # A new name each time: what is loaded stays.
        library = Path(folder, f"network{next(_numbers)}.so")
        subprocess.run(["gcc", *FLAGS, "-o", library, source, "-lm"], check=True)
        predict = ctypes.CDLL(str(library)).predict
    predict.argtypes, predict.restype = [ctypes.c_void_p, ctypes.c_void_p], None
    y = np.full((len(x), *outputs), np.nan, x.dtype)
    for row, result in zip(np.ascontiguousarray(x), y, strict=True):
        predict(row.ctypes.data, result.ctypes.data)
    return y


def expected(model: Any, x: np.ndarray) -> np.ndarray:
    """The kernels' outputs, with C's sums and functions."""
    use("numpy", executor="python")
    with as_in_c(model.dtype):
        return np.array(model.forward(x))


@given(case=models())
def test_random_networks_have_the_kernels_bits(case: Any) -> None:
    """Where sums run from first to last, and exp, log and tanh are the C library's."""
    model, x = case
    received = run(interop.to_c_source(model), x, model.output_row)
    np.testing.assert_array_equal(received, expected(model, x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_layer(dtype: str) -> None:
    """The same bits; and to rounding what predict gives."""
    model, x = everything(dtype)
    received = run(interop.to_c_source(model), x, model.output_row)
    np.testing.assert_array_equal(received, expected(model, x))
    # Forty layers, each of which rounds a few times and lets earlier errors through.
    error = 500 * np.finfo(dtype).eps
    np.testing.assert_allclose(received, model.predict(x), rtol=error, atol=error)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["exponential", "tanh", "softplus"])
def test_functions_of_the_c_library(name: str, dtype: str) -> None:
    """Are NumPy's but for 4 units of the last place: each side errs by up to 2."""
    model, _ = filled([minidl.Input((1,)), Activation(name)], dtype)
    x = np.random.default_rng(0).normal(scale=3, size=(2000, 1)).astype(dtype)
    received, wanted = run(interop.to_c_source(model), x, (1,)), model.forward(x)
    assert (np.abs(received - wanted) <= 4 * np.spacing(np.abs(wanted))).all()


def test_nan_and_infinity_pass_as_in_numpy() -> None:
    """NaN is neither lost in a maximum nor made."""
    model, _ = filled([minidl.Input((1,)), Activation("relu"), Rescaling(2.0)], "float32")
    x = np.array([[np.nan], [np.inf], [-np.inf], [-0.0]], np.float32)
    received = run(interop.to_c_source(model), x, (1,))
    np.testing.assert_array_equal(received, expected(model, x))
    model, _ = filled([minidl.Input((2,)), Softmax()], "float32")
    x = np.array([[np.nan, 1], [2, np.nan]], np.float32)
    assert np.isnan(run(interop.to_c_source(model), x, (2,))).all()


def test_kinks_lie_on_the_same_side() -> None:
    """At the threshold itself the output is 0."""
    model, _ = filled([minidl.Input((1,)), ReLU(6, 0, 0.5)], "float32")
    x = np.array([[0.5], [np.nextafter(np.float32(0.5), 1)], [6], [7], [0]], np.float32)
    received = run(interop.to_c_source(model), x, (1,))
    np.testing.assert_array_equal(received, model.predict(x))
    assert received[0] == 0


def test_weights_that_are_no_finite_numbers() -> None:
    """Are written as C writes them."""
    model, x = filled([minidl.Input((2,)), Dense(3)], "float64")
    model.layers[0].b[...] = [np.nan, np.inf, -np.inf]
    received = run(interop.to_c_source(model), x, (3,))
    np.testing.assert_array_equal(received, np.broadcast_to([np.nan, np.inf, -np.inf], (5, 3)))


def test_no_layers_that_compute() -> None:
    """The row comes back."""
    model, x = filled([minidl.Input((3,)), Identity()], "float64")
    np.testing.assert_array_equal(run(interop.to_c_source(model), x, (3,)), x)


@fused
def wavy_forward(x, rate=3.0):
    """y = sin(rate · x) + cos(x)."""
    return np.sin(rate * x) + np.cos(x)


@fused
def wavy_backward(dy, x, rate):
    """Of no use here."""
    return dy


def test_an_activation_of_ones_own() -> None:
    """Its functions are C's; NumPy's differ in the last bits."""
    wavy = ActivationFunction("wavy", wavy_forward, wavy_backward)
    model, x = filled([minidl.Input((3,)), Activation(wavy)], "float64")
    received = run(interop.to_c_source(model), x, (3,))
    np.testing.assert_allclose(received, model.predict(x), rtol=1e-13, atol=1e-15)


def branching_forward(x: Any, *, out: Any) -> Any:
    """Looks at values."""
    return np.add(x, 1 if x > 0 else 2, out=out)


def sorting_forward(x: Any, *, out: Any) -> Any:
    """Calls what is no function of single numbers."""
    return np.add(np.sort(x), 0, out=out)


def cubic_forward(x: Any, *, out: Any) -> Any:
    """Calls what C lacks."""
    return np.cbrt(x, out=out)


def any_backward(dy: Any, y: Any, *, out: Any) -> Any:
    """Of no use here."""
    return np.multiply(dy, 1.0, out=out)


@pytest.mark.parametrize(
    ("forward", "reason"),
    [(branching_forward, "branches on values"), (sorting_forward, "sort"), (cubic_forward, "cbrt")],
)
def test_what_c_cannot_say(forward: Any, reason: str) -> None:
    """The layer, the reason, and what to use instead."""
    function = ActivationFunction("f", forward, any_backward)
    model, _ = filled([minidl.Input((3,)), Activation(function, name="odd")], "float32")
    with pytest.raises(interop.ConversionError, match=rf"Activation odd(.|\n)*{reason}") as caught:
        interop.to_c_source(model)
    assert "to_numpy_source" in str(caught.value)


def test_names_write_no_code() -> None:
    """A name that would end a comment is changed."""
    name = "*/ evil(); /* *\\\n/ evil(); ??/"
    model, x = filled([minidl.Input((3,)), Dense(2, name=name)], "float32")
    model.name = name
    assert run(interop.to_c_source(model), x, (2,)).shape == (5, 2)


def test_a_mistake_is_noticed() -> None:
    """Other bits in one weight are other outputs."""
    model, x = filled([minidl.Input((3,)), Dense(2)], "float32")
    text = interop.to_c_source(model)
    model.layers[0].W[0, 0] *= 1 + 1e-6
    assert (run(text, x, (2,)) != expected(model, x)).any()
