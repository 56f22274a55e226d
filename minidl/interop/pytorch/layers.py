"""Layers for modules of PyTorch; :mod:`minidl.interop.pytorch.modules` lists the differences.

A reader takes a module, the state as NumPy arrays, and a row's shape. PyTorch is not imported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minidl import layers as kinds
from minidl.interop.assembly import Part
from minidl.interop.errors import ConversionError
from minidl.layers.base import Shape

State = Mapping[str, np.ndarray]

_PLAIN = {
    "Sigmoid": "sigmoid", "Tanh": "tanh", "ReLU": "relu", "SELU": "selu", "Softsign": "softsign",
    "Hardsigmoid": "hard_sigmoid", "SiLU": "silu", "Mish": "mish", "LogSigmoid": "log_sigmoid",
    "Tanhshrink": "tanh_shrink", "Hardswish": "hard_silu",
}  # fmt: skip


def _plain(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    yield kinds.Activation(_PLAIN[type(module).__name__]), {}


def _identity(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    yield from ()


def _linear(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    W, b = state["weight"].T, state.get("bias")
    _expect(module, shape == W.shape[:1], f"rows of shape {W.shape[:1]}, received {shape}")
    tensors = {"W": W} if b is None else {"W": W, "b": b}
    yield kinds.Dense(W.shape[1], use_bias=b is not None), tensors


def _batchnorm(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    _expect(module, len(shape) == 1, f"rows of features, received rows of shape {shape}")
    known = "running_mean" in state and "running_var" in state
    _expect(module, known, "track_running_stats=True, because inference needs the statistics")
    share = module.momentum
    _expect(
        module, isinstance(share, float | int) and 0 < share <= 1,
        f"0 < momentum <= 1, received {share}; None, a plain mean, is none of minidl's",
    )  # fmt: skip
    tensors = {"moving_mean": state["running_mean"], "moving_variance": state["running_var"]}
    tensors |= _affine(state)
    layer = kinds.BatchNormalization(
        momentum=round(1 - share, 15), epsilon=float(module.eps), center="beta" in tensors,
        scale="gamma" in tensors,
    )  # fmt: skip
    yield layer, tensors


def _layernorm(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    found = tuple(module.normalized_shape)
    _expect(module, len(found) == 1, f"one number in normalized_shape, received {found}")
    _expect(module, found == shape, f"rows of shape {found}, received {shape}")
    tensors = _affine(state)
    layer = kinds.LayerNormalization(
        epsilon=float(module.eps), center="beta" in tensors, scale="gamma" in tensors
    )
    yield layer, tensors


def _affine(state: State) -> dict[str, np.ndarray]:
    names = {"weight": "gamma", "bias": "beta"}
    return {names[name]: values for name, values in state.items() if name in names}


def _prelu(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    slopes = state["weight"]
    fits = slopes.size == 1 or slopes.shape == shape
    _expect(module, fits, f"rows of shape {slopes.shape}, received {shape}")
    yield kinds.PReLU(), {"alpha": np.broadcast_to(slopes, shape)}


def _dropout(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    _expect(module, module.p < 1, f"p below 1, received {module.p}")
    kind = kinds.AlphaDropout if type(module).__name__ == "AlphaDropout" else kinds.Dropout
    yield kind(float(module.p)), {}


def _flatten(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    ends = module.start_dim, module.end_dim
    _expect(module, ends in ((1, -1), (1, len(shape))), f"start_dim=1, end_dim=-1, received {ends}")
    if len(shape) > 1:
        yield kinds.Flatten(), {}


def _unflatten(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    sizes = module.unflattened_size
    plain = isinstance(sizes, tuple) and all(isinstance(each, int) for each in sizes)
    _expect(module, len(shape) == 1 and module.dim in (1, -1) and plain, "dim=1 and flat rows")
    yield kinds.Reshape(tuple(sizes)), {}


def _rowwise(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    flat = len(shape) == 1 and module.dim in (1, -1)
    _expect(module, flat, f"dim=1 on flat rows, received dim={module.dim}, rows of shape {shape}")
    name = "softmax" if type(module).__name__ == "Softmax" else "log_softmax"
    yield kinds.Activation(name), {}


def _gelu(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    yield kinds.Activation("gelu_tanh" if module.approximate == "tanh" else "gelu"), {}


def _softplus(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    # Above the threshold PyTorch's function is x; from 15 on, the difference is at most 3e-7.
    given = module.beta, module.threshold
    _expect(module, given[0] == 1 and given[1] >= 15, f"beta=1, threshold>=15, received {given}")
    yield kinds.Activation("softplus"), {}


def _leaky(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    _expect(module, module.negative_slope >= 0, "negative_slope >= 0")
    yield kinds.LeakyReLU(float(module.negative_slope)), {}


def _elu(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    _expect(module, module.alpha >= 0, "alpha >= 0")
    yield kinds.ELU(float(module.alpha)), {}


def _hardtanh(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    low, high = module.min_val, module.max_val
    if (low, high) == (-1, 1):
        yield kinds.Activation("hard_tanh"), {}
        return
    expected = "min_val=0 and max_val >= 0, or -1 and 1"
    _expect(module, low == 0 <= high, f"{expected}, received {low} and {high}")
    yield kinds.ReLU(None if math.isinf(high) else float(high)), {}


def _celu(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    _expect(module, module.alpha == 1, f"alpha=1, received {module.alpha}")
    yield kinds.Activation("celu"), {}


def _shrink(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    _expect(module, module.lambd == 0.5, f"lambd=0.5, received {module.lambd}")
    hard = type(module).__name__ == "Hardshrink"
    yield kinds.Activation("hard_shrink" if hard else "soft_shrink"), {}


def _threshold(module: Any, state: State, shape: Shape) -> Iterator[Part]:
    start, value = module.threshold, module.value
    _expect(module, start >= 0 and value == 0, "threshold >= 0 and value=0")
    yield kinds.ReLU(threshold=float(start)), {}


def _expect(module: Any, true: bool, what: str) -> None:
    if not true:
        raise ConversionError(f"{module}: expected {what}")


#: Readers by the names of classes in torch.nn.
READERS: dict[str, Callable[[Any, State, Shape], Iterator[Part]]] = {
    **dict.fromkeys(_PLAIN, _plain),
    "Identity": _identity, "Linear": _linear, "BatchNorm1d": _batchnorm, "LayerNorm": _layernorm,
    "PReLU": _prelu, "Dropout": _dropout, "AlphaDropout": _dropout, "Flatten": _flatten,
    "Unflatten": _unflatten, "Softmax": _rowwise, "LogSoftmax": _rowwise, "GELU": _gelu,
    "Softplus": _softplus, "LeakyReLU": _leaky, "ELU": _elu, "Hardtanh": _hardtanh,
    "ReLU6": _hardtanh, "Threshold": _threshold, "CELU": _celu, "Hardshrink": _shrink,
    "Softshrink": _shrink,
}  # fmt: skip
