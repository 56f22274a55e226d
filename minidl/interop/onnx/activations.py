"""Activations for ONNX operators, and for the functions in minidl's ONNX files."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import layers as kinds
from minidl.activations import ActivationFunction, get
from minidl.interop.calls import Call, calls_of
from minidl.interop.errors import ConversionError
from minidl.interop.onnx.attributes import attributes
from minidl.interop.onnx.builder import Builder
from minidl.interop.onnx.chain import Step
from minidl.interop.onnx.functions import DOMAIN, function_of
from minidl.interop.onnx.gates import BOTH, Gate
from minidl.network import Network

# Operators without attributes.
_PLAIN = {
    "Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Exp": "exponential",
    "Softplus": "softplus", "Softsign": "softsign", "Mish": "mish",
    "HardSwish": "hard_silu",
}  # fmt: skip
# Operators that change nothing in inference.
_NOTHING = ("Identity", "ai.onnx.ml.ZipMap")
_FLOATS = (1, 11)  # TensorProto.FLOAT, DOUBLE


def _plain(builder: Builder, step: Step) -> None:
    attributes(step.node)
    builder.layer(kinds.Activation(_PLAIN[step.operator]))


def gated(builder: Builder, step: Step, gate: Gate) -> None:
    """Append an activation that the file spells out in several operators."""
    if gate.name == BOTH:
        if attributes(step.node, axis=1)["axis"] not in (-1, 1):
            raise ConversionError(f"operator {step}: expected axis=1, the features of a row")
        builder.both_classes(step)
        return
    builder.layer(kinds.Activation(gate.name))
    if gate.factor != 1:
        builder.affine(step, gate.factor)


def _nothing(builder: Builder, step: Step) -> None:
    pass


def _dropout(builder: Builder, step: Step) -> None:
    if step.constants.get(2, np.False_).any():
        raise ConversionError(f"operator {step}: expected inference, received training_mode=True")


def _cast(builder: Builder, step: Step) -> None:
    if attributes(step.node, to=0, saturate=1)["to"] not in _FLOATS:
        raise ConversionError(f"operator {step}: expected a Cast to float32 or float64")


def _elu(builder: Builder, step: Step) -> None:
    builder.layer(kinds.ELU(_at_least_0(step, attributes(step.node, alpha=1.0)["alpha"])))


def _leaky(builder: Builder, step: Step) -> None:
    slope = attributes(step.node, alpha=0.01)["alpha"]
    builder.layer(kinds.LeakyReLU(_at_least_0(step, slope)))


def _thresholded(builder: Builder, step: Step) -> None:
    start = attributes(step.node, alpha=1.0)["alpha"]
    builder.layer(kinds.ReLU(threshold=_at_least_0(step, start)))


def _swish(builder: Builder, step: Step) -> None:
    _expect(step, attributes(step.node, alpha=1.0), alpha=1.0)
    builder.layer(kinds.Activation("silu"))


def _celu(builder: Builder, step: Step) -> None:
    _expect(step, attributes(step.node, alpha=1.0), alpha=1.0)
    builder.layer(kinds.Activation("celu"))


def _shrink(builder: Builder, step: Step) -> None:
    """A soft shrink moves what is left by the threshold, a hard one does not."""
    given = attributes(step.node, bias=0.0, lambd=0.5)
    _expect(step, given, lambd=0.5, bias=0.5 if given["bias"] else 0.0)
    builder.layer(kinds.Activation("soft_shrink" if given["bias"] else "hard_shrink"))


def _selu(builder: Builder, step: Step) -> None:
    given = attributes(step.node, alpha=1.6732632, gamma=1.050701)
    _expect(step, given, alpha=1.6732632, gamma=1.050701)
    builder.layer(kinds.Activation("selu"))


def _hard_sigmoid(builder: Builder, step: Step) -> None:
    _expect(step, attributes(step.node, alpha=0.2, beta=0.5), alpha=1 / 6, beta=0.5)
    builder.layer(kinds.Activation("hard_sigmoid"))


def _gelu(builder: Builder, step: Step) -> None:
    names = {"none": "gelu", "tanh": "gelu_tanh"}
    chosen = attributes(step.node, approximate="none")["approximate"]
    if chosen not in names:
        raise ConversionError(f"operator {step}: expected approximate=none or tanh")
    builder.layer(kinds.Activation(names[chosen]))


def _rowwise(name: str) -> Callable[[Builder, Step], None]:
    def read(builder: Builder, step: Step) -> None:
        builder.features(step)
        # Before opset 13 the default was 1, the same axis of flat rows.
        if attributes(step.node, axis=-1)["axis"] not in (-1, 1):
            raise ConversionError(f"operator {step}: expected axis=-1, the features of a row")
        builder.layer(kinds.Activation(name))

    return read


def _clip(builder: Builder, step: Step) -> None:
    given = attributes(step.node, min=-math.inf, max=math.inf)
    ends = [step.constants.get(k, np.array(given[n])) for k, n in ((1, "min"), (2, "max"))]
    if any(each.size != 1 for each in ends):
        raise ConversionError(f"operator {step}: expected one number for each end")
    low, high = (float(each.reshape(())) for each in ends)
    if low != 0 or not high >= 0:
        raise ConversionError(f"operator {step}: expected 0 as the lower end, received {low}")
    builder.layer(kinds.ReLU(max_value=None if math.isinf(high) else high))


def _at_least_0(step: Step, value: float) -> float:
    if not 0 <= value < math.inf:
        raise ConversionError(f"operator {step}: expected a number >= 0, received {value}")
    return value


def _expect(step: Step, given: dict[str, float], **values: float) -> None:
    for name, value in values.items():
        # A float32 has seven digits.
        if not math.isclose(given[name], value, rel_tol=1e-6):
            raise ConversionError(
                f"operator {step}: expected {name}={value:.7g}, which minidl's function has, "
                f"received {given[name]:g}"
            )


def own_function(builder: Builder, step: Step, functions: dict[str, Any], dtype: Any) -> None:
    """Append the layer of a minidl function; the body in the file must equal the traced kernel.

    Args:
        builder, step: as for the other operators.
        functions: the file's functions, by name.
        dtype: type of the file's numbers.

    Raises:
        ConversionError: the name is unknown, or the body differs from the kernel.
    """
    name = step.operator.removeprefix(f"{DOMAIN}.")
    numbers = [step.constants[k] for k in sorted(step.constants)]
    if name == "unitnorm":
        layer: kinds.Layer = kinds.UnitNormalization()
        tensors = {}
    elif name == "prelu" and len(numbers) == 1:
        layer, tensors = kinds.PReLU(), {"alpha": numbers[0]}
    else:
        layer, tensors = _activation(step, name, numbers), {}
    if tensors and tensors["alpha"].shape != builder.shape:
        raise ConversionError(f"operator {step}: expected one slope for each feature")
    call = _call_of(layer, builder, dtype)
    if functions.get(name) != function_of(call, name, dtype):
        raise ConversionError(
            f"operator {step}: expected the body that minidl's {name} has, received another"
        )
    builder.layer(layer, **tensors)


def _activation(step: Step, name: str, numbers: list[np.ndarray]) -> kinds.Layer:
    """The layer of a registered activation with the given constants."""
    try:
        function = get(name)
    except ValueError as error:
        raise ConversionError(
            f"operator {step}: expected the name of an activation, received {name!r}; an "
            "activation of your own is found once minidl.register knows it"
        ) from error
    if len(numbers) != len(function.constants) or any(each.size != 1 for each in numbers):
        raise ConversionError(f"operator {step}: expected {len(function.constants)} numbers")
    values = [float(each.reshape(())) for each in numbers]
    chosen = dict(zip(function.constants, values, strict=True))
    if chosen == function.constants:
        return kinds.Activation(function)
    return _with_constants(step, function, chosen)


def _with_constants(
    step: Step, function: ActivationFunction, chosen: dict[str, float]
) -> kinds.Layer:
    """The layer that takes the constants of an activation as arguments."""
    layers: dict[str, Callable[..., kinds.Layer]] = {
        "leaky_relu": kinds.LeakyReLU, "elu": kinds.ELU, "bounded_relu": kinds.ReLU,
    }  # fmt: skip
    if function.name not in layers:
        raise ConversionError(f"operator {step}: no layer takes constants of {function.name}")
    if chosen.get("max_value") == math.inf:
        del chosen["max_value"]
    for value in chosen.values():
        _at_least_0(step, value)
    return layers[function.name](**chosen)


def _call_of(layer: kinds.Layer, builder: Builder, dtype: Any) -> Call:
    """The kernel call of a layer by itself, on rows of the builder's shape."""
    alone = Network([type(layer)(**layer.get_config())], dtype=np.dtype(dtype).name)
    alone.build(builder.shape)
    return calls_of(alone, "ONNX")[0]


ACTIVATIONS: dict[str, Callable[[Builder, Step], None]] = {
    **dict.fromkeys(_PLAIN, _plain),
    **dict.fromkeys(_NOTHING, _nothing),
    "Dropout": _dropout, "Cast": _cast, "Elu": _elu, "LeakyRelu": _leaky,
    "ThresholdedRelu": _thresholded, "Swish": _swish, "Selu": _selu, "HardSigmoid": _hard_sigmoid,
    "Gelu": _gelu, "Celu": _celu, "Shrink": _shrink,
    "Softmax": _rowwise("softmax"), "LogSoftmax": _rowwise("log_softmax"), "Clip": _clip,
}  # fmt: skip
