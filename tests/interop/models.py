"""Random models for other formats, and NumPy computing as C does."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import strategies as st

import minidl
from minidl import layers as kinds
from minidl import testing
from minidl.testing.axes import LARGEST


def layers() -> st.SearchStrategy[Any]:
    """Any layer for flat rows, more kinds than gradients need."""
    # Exponentials of exponentials leave the range of float32.
    names = testing.activations().filter(lambda name: name != "exponential")
    positive = st.floats(0.5, 2)
    return st.one_of(
        testing.layers(),
        st.builds(kinds.Activation, names),
        st.builds(kinds.UnitNormalization),
        st.builds(kinds.Normalization, mean=st.floats(-1, 1), variance=positive, axis=st.none()),
        st.builds(kinds.Normalization, mean=st.just(0.3), variance=positive, invert=st.booleans()),
        st.builds(kinds.ReLU, positive, st.floats(0, 1), st.floats(0, 0.4)),
        st.builds(kinds.Identity),
    )


@st.composite
def models(draw: st.DrawFn, dtype: Any = None) -> tuple[minidl.Sequential, np.ndarray]:
    """A model of up to six layers with random weights, and rows for it."""
    stack = draw(st.lists(layers(), max_size=5), label="layers")
    units = draw(st.integers(1, LARGEST["K"]), label="K")
    ending = draw(st.sampled_from([None, "sigmoid", "softmax", "exponential"]), label="output")
    chosen = (
        draw(st.sampled_from(["float32", "float64"]), label="dtype") if dtype is None else dtype
    )
    inputs = draw(st.integers(1, LARGEST["I"]), label="I")
    rows = draw(st.integers(1, LARGEST["N"]), label="N")
    seed = draw(st.integers(0, 2**32 - 1), label="seed")
    stack.append(kinds.Dense(units, ending))
    for number, layer in enumerate(stack):
        layer.name = f"{type(layer).__name__.lower()}_{number}"
    return filled([minidl.Input((inputs,)), *stack], chosen, seed, rows)


def filled(
    stack: list[Any], dtype: str, seed: int = 0, rows: int = 5
) -> tuple[minidl.Sequential, np.ndarray]:
    """A model of these layers with random weights, and rows for it."""
    model = minidl.Sequential(stack, dtype=dtype)
    model.build()
    random = np.random.default_rng(seed)
    # Variances are positive.
    values = [random.uniform(0.3, 1.3, w.shape) for w in model.get_weights()]
    model.set_weights(values)
    signs = random.choice([-1.0, 1.0], model.theta.shape)
    model.theta[...] *= model.backend.to_device(signs.astype(dtype))
    return model, random.normal(size=(rows, *model.input_row)).astype(dtype)


def everything(dtype: str) -> tuple[minidl.Sequential, np.ndarray]:
    """A model with every layer of minidl, and rows of two axes."""
    names = ["elu", "selu", "softplus", "softsign", "hard_sigmoid", "gelu", "gelu_tanh", "mish"]
    names += ["silu", "leaky_relu", "tanh", "sigmoid", "linear", "relu", "log_softmax", "softmax"]
    stack = [
        minidl.Input((4, 3)),
        kinds.Normalization(mean=[1, 2, 3], variance=[1, 1, 4]),
        kinds.PReLU(),
        kinds.Flatten(),
        kinds.Rescaling(1 / 25, 0.3),
        kinds.Dense(5, "gelu"),
        kinds.Dropout(0.5),
        kinds.AlphaDropout(0.5),
        kinds.GaussianNoise(0.5),
        kinds.GaussianDropout(0.5),
        kinds.BatchNormalization(),
        kinds.BatchNormalization(center=False),
        kinds.LayerNormalization(scale=False),
        kinds.UnitNormalization(),
        kinds.Dense(4, use_bias=False),
        kinds.LeakyReLU(0.1),
        kinds.ELU(0.7),
        kinds.ReLU(6),
        kinds.ReLU(6, 0.1, 0.2),
        kinds.ReLU(threshold=0.1),
        kinds.Identity(),
        kinds.ActivityRegularization(0.1),
        kinds.Reshape((2, 2)),
        kinds.Activation("exponential"),
        kinds.Reshape((-1,)),
        *(kinds.Dense(4, name) for name in names),
        kinds.Sigmoid(),
        kinds.Tanh(),
        kinds.Softmax(),
    ]
    return filled(stack, dtype)


def library() -> Any:
    """The C library's functions."""
    return ctypes.CDLL(ctypes.util.find_library("m"))


@contextlib.contextmanager
def as_in_c(dtype: Any) -> Iterator[None]:
    """NumPy with the C library's exp, log, … and with sums from first to last."""
    single = np.dtype(dtype) == np.float32
    number = ctypes.c_float if single else ctypes.c_double
    with contextlib.ExitStack() as stack:
        for name in ("exp", "log", "log1p", "tanh"):
            function = getattr(library(), f"{name}f" if single else name)
            function.restype, function.argtypes = number, [number]
            stack.enter_context(mock.patch.object(np, name, _each(function)))
        stack.enter_context(mock.patch.object(np, "matmul", _product))
        stack.enter_context(mock.patch.object(np, "sum", _sum))
        yield


def _each(function: Any) -> Any:
    def apply(x: Any, out: Any = None) -> Any:
        values = np.array([function(each) for each in np.ravel(x)], x.dtype).reshape(x.shape)
        if out is None:
            return values
        out[...] = values
        return out

    return apply


def _product(x: Any, W: Any, out: Any) -> Any:
    out[...] = np.add.accumulate(x[:, :, None] * W, axis=1)[:, -1]
    return out


def _sum(x: Any, axis: int, keepdims: bool, out: Any) -> Any:
    assert axis == 1
    assert keepdims
    out[...] = np.add.accumulate(x, axis=1)[:, -1:]
    return out
