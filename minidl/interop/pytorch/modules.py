"""Modules of PyTorch for layers, described without PyTorch.

A description has the name of the class in ``torch.nn``, the arguments of the constructor, and the
state: the tensors of ``state_dict``. Differences between the two sides:

- ``Linear.weight`` is (O, I), W transposed; W is (I, O).
- ``BatchNorm1d.momentum`` is the weight of the new batch: 1 - minidl's momentum.
- ``BatchNorm1d.running_var`` follows the unbiased variance of batches, N / (N - 1) times the biased
  variance of minidl and Keras. The value is copied unchanged, because inference uses only the
  value. In further training each side follows its own variance.
- ``BatchNorm1d`` and ``LayerNorm`` have both gamma (weight) and beta (bias), or neither. A missing
  gamma becomes 1, a missing beta 0, and PyTorch would train both.
- Rescaling and Normalization have no module: the numbers go into the weights of the next
  ``Linear``, (x s + o) W + b = x (s W) + (o W + b).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl import layers as kinds
from minidl.interop.calls import Call, calls_of, plain
from minidl.interop.errors import ConversionError
from minidl.kernels import activations, gated, piecewise, rowwise, smooth
from minidl.kernels.batchnorm import batchnorm_forward
from minidl.kernels.dense import dense_forward
from minidl.kernels.layernorm import layernorm_forward
from minidl.kernels.normalization import denormalize, normalize
from minidl.kernels.prelu import prelu_forward
from minidl.kernels.rescaling import rescaling_forward


@dataclass(frozen=True)
class Module:
    """A module of PyTorch.

    Attributes:
        kind: name of the class in ``torch.nn``.
        arguments: arguments of the constructor.
        state: tensors by name in ``state_dict``.
        layer: the layer that the module stands for.
        names: name in the state -> attribute of the layer, without the filled-in constants.
    """

    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, np.ndarray] = field(default_factory=dict)
    layer: Any = None
    names: Mapping[str, str] = field(default_factory=dict)


#: Modules that only reshape rows.
_SHAPES = ("Flatten", "Unflatten")

_PLAIN: dict[Any, str] = {
    activations.linear_forward: "Identity",
    activations.sigmoid_forward: "Sigmoid",
    activations.tanh_forward: "Tanh",
    activations.relu_forward: "ReLU",
    smooth.selu_forward: "SELU",
    smooth.softsign_forward: "Softsign",
    smooth.log_sigmoid_forward: "LogSigmoid",
    smooth.tanh_shrink_forward: "Tanhshrink",
    piecewise.relu6_forward: "ReLU6",
    piecewise.hard_tanh_forward: "Hardtanh",
    piecewise.hard_sigmoid_forward: "Hardsigmoid",
    piecewise.hard_silu_forward: "Hardswish",
    gated.gelu_forward: "GELU",
    gated.silu_forward: "SiLU",
    gated.mish_forward: "Mish",
}


def modules_of(model: Any) -> list[Module]:
    """The modules that stand for the layers of a model, in order.

    Raises:
        ConversionError: PyTorch has no module for a layer, which the message names.
        ValueError: the shape of a row is not known.
    """
    calls = calls_of(model, "PyTorch")
    found: list[Module] = []
    scale = _Scale()
    for layer in model.leaves:
        mine = [call for call in calls if call.layer is layer]
        modules = [each for call in mine for each in _modules(call, scale)]
        if isinstance(layer, kinds.Dropout):
            kind = "AlphaDropout" if isinstance(layer, kinds.AlphaDropout) else "Dropout"
            modules = [Module(kind, {"p": float(layer.rate)})]
        elif isinstance(layer, kinds.GaussianNoise | kinds.GaussianDropout):
            warnings.warn(
                f"{layer} is left out: PyTorch has no module for it, and inference needs none",
                stacklevel=3,
            )
        for module in modules:
            scale.check(module)
        found += modules
    scale.check(None)
    return found


class _Scale:
    """The scale of Rescaling and Normalization, kept until a product absorbs the scale."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Reset to the identity scale."""
        self.layer: Any = None
        self.factor: Any = 1.0
        self.offset: Any = 0.0

    def apply(self, layer: Any, factor: Any, offset: Any) -> None:
        """Apply a further factor and offset."""
        factor, offset = (np.ravel(np.asarray(each, np.float64)) for each in (factor, offset))
        self.layer, self.factor = layer, self.factor * factor
        self.offset = self.offset * factor + offset

    def take(self, W: np.ndarray, b: np.ndarray | None) -> tuple[Any, Any]:
        """Return W and b with the scale absorbed, and reset the scale."""
        if self.layer is None:
            return W, b
        inputs = len(W)
        moved = np.broadcast_to(self.offset, inputs) @ W.astype(np.float64)
        scaled = np.broadcast_to(self.factor, inputs)[:, None] * W
        self.clear()
        return scaled.astype(W.dtype), (moved + (0 if b is None else b)).astype(W.dtype)

    def check(self, module: Module | None) -> None:
        """Raise if a scale meets the end, or a module without weights to absorb the scale."""
        if self.layer is not None and (module is None or module.kind not in _SHAPES):
            after = f"{module.layer or module.kind}" if module else "the end"
            raise ConversionError(
                f"PyTorch has no module for {self.layer}; expected a Dense layer behind it, whose "
                f"weights can take its numbers, received {after}; scale the data before, or use "
                "to_onnx"
            )


def _modules(call: Call, scale: _Scale) -> Iterator[Module]:
    """The modules of one call."""
    if call.function in _OTHERS:
        yield from _OTHERS[call.function](call, scale)
    elif call.function in _PLAIN:
        yield Module(_PLAIN[call.function], layer=call.layer)
    else:
        raise ConversionError(
            f"PyTorch has no module for {call.layer}, {plain(call.function).__name__}; expected "
            "another layer or activation, or to_onnx, which holds it"
        )


def _none(call: Call, scale: _Scale) -> Iterator[Module]:
    """Modules for a change of the rows' shape, or none."""
    if len(call.input_shape) > 1:
        yield Module("Flatten")
    if len(call.output_shape) > 1:
        yield Module("Unflatten", {"dim": 1, "unflattened_size": tuple(call.output_shape)})


def _dense(call: Call, scale: _Scale) -> Iterator[Module]:
    folded = scale.layer is not None
    W, b = scale.take(call.tensors["W"], call.tensors.get("b"))
    sizes = {"in_features": W.shape[0], "out_features": W.shape[1], "bias": b is not None}
    state = {"weight": np.ascontiguousarray(W.T)} | ({} if b is None else {"bias": b})
    names = {} if folded else {"weight": "W", "bias": "b"}
    yield Module("Linear", sizes, state, call.layer, names)


def _rescaling(call: Call, scale: _Scale) -> Iterator[Module]:
    scale.apply(call.layer, call.arguments["scale"], call.arguments["offset"])
    yield from ()


def _normalize(call: Call, scale: _Scale) -> Iterator[Module]:
    mean, deviation = (call.arguments[k].astype(np.float64) for k in ("mean", "deviation"))
    scale.apply(call.layer, 1 / deviation, -mean / deviation)
    yield from ()


def _denormalize(call: Call, scale: _Scale) -> Iterator[Module]:
    scale.apply(call.layer, call.arguments["deviation"], call.arguments["mean"])
    yield from ()


def _names(call: Call, **names: str) -> dict[str, str]:
    """Attributes of the layer, by name in the state."""
    has = (*call.layer.tensors, *call.layer.statistics)
    return {name: attribute for name, attribute in names.items() if attribute in has}


def _batchnorm(call: Call, scale: _Scale) -> Iterator[Module]:
    layer: Any = call.layer
    tensors = call.tensors
    state = {
        "weight": tensors["gamma"], "bias": tensors["beta"],
        "running_mean": tensors["moving_mean"], "running_var": tensors["moving_variance"],
        "num_batches_tracked": np.array(0, np.int64),
    }  # fmt: skip
    names = _names(
        call, weight="gamma", bias="beta", running_mean="moving_mean", running_var="moving_variance"
    )
    momentum = round(1 - layer.momentum, 15)
    sizes = {"num_features": len(state["weight"]), "eps": layer.epsilon, "momentum": momentum}
    yield Module("BatchNorm1d", sizes, state, layer, names)


def _layernorm(call: Call, scale: _Scale) -> Iterator[Module]:
    state = {"weight": call.tensors["gamma"], "bias": call.tensors["beta"]}
    names = _names(call, weight="gamma", bias="beta")
    sizes = {"normalized_shape": call.output_shape, "eps": call.arguments["epsilon"]}
    yield Module("LayerNorm", sizes, state, call.layer, names)


def _prelu(call: Call, scale: _Scale) -> Iterator[Module]:
    alpha = call.tensors["alpha"]
    shaped = len(call.input_shape) > 1
    if shaped:
        yield Module("Flatten")
    state = {"weight": np.ravel(alpha)}
    yield Module("PReLU", {"num_parameters": alpha.size}, state, call.layer, {"weight": "alpha"})
    if shaped:
        yield Module("Unflatten", {"dim": 1, "unflattened_size": tuple(call.output_shape)})


def _constant(kind: str, **names: Any) -> Callable[[Call, _Scale], Iterator[Module]]:
    """A function for a module with kernel constants, or fixed values, as arguments."""

    def make(call: Call, scale: _Scale) -> Iterator[Module]:
        arguments = {k: call.arguments.get(v, v) for k, v in names.items()}
        yield Module(kind, arguments, layer=call.layer)

    return make


def _bounded_relu(call: Call, scale: _Scale) -> Iterator[Module]:
    slope, end, start = (call.arguments[k] for k in ("negative_slope", "max_value", "threshold"))
    if slope or (start and not math.isinf(end)):
        raise ConversionError(
            f"PyTorch has no module for {call.layer} with its arguments; expected max_value or "
            "threshold alone, or to_onnx"
        )
    if start:
        yield Module("Threshold", {"threshold": start, "value": 0.0}, layer=call.layer)
    elif math.isinf(end):
        yield Module("ReLU", layer=call.layer)
    else:
        yield Module("Hardtanh", {"min_val": 0.0, "max_val": end}, layer=call.layer)


_OTHERS: dict[Any, Callable[[Call, _Scale], Iterator[Module]]] = {
    None: _none,
    dense_forward: _dense,
    rescaling_forward: _rescaling,
    normalize: _normalize,
    denormalize: _denormalize,
    batchnorm_forward: _batchnorm,
    layernorm_forward: _layernorm,
    prelu_forward: _prelu,
    piecewise.bounded_relu_forward: _bounded_relu,
    activations.leaky_relu_forward: _constant("LeakyReLU", negative_slope="negative_slope"),
    activations.elu_forward: _constant("ELU", alpha="alpha"),
    smooth.celu_forward: _constant("CELU", alpha="alpha"),
    piecewise.hard_shrink_forward: _constant("Hardshrink", lambd="threshold"),
    piecewise.soft_shrink_forward: _constant("Softshrink", lambd="threshold"),
    activations.softmax_forward: _constant("Softmax", dim=1),
    rowwise.log_softmax_forward: _constant("LogSoftmax", dim=1),
    # Above the threshold the module returns x; in float64 the default, 20, would be visible.
    smooth.softplus_forward: _constant("Softplus", threshold=40.0),
    gated.gelu_tanh_forward: _constant("GELU", approximate="tanh"),
}
