"""A prediction as a list of kernel calls.

Other formats need only the computation of inference. A layer contributes one kernel call, with
arrays on the host. Dense contributes a second call for its activation, and dropout contributes
none. The writers of files and of source code start from this list; they know kernels, not layers.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from minidl import layers as kinds
from minidl.backend.fused import Fused
from minidl.backend.own import is_own
from minidl.interop.errors import ConversionError
from minidl.kernels.batchnorm import batchnorm_forward, inverse_deviation
from minidl.kernels.dense import dense_forward
from minidl.kernels.layernorm import layernorm_forward
from minidl.kernels.normalization import denormalize, deviation_of, normalize
from minidl.kernels.prelu import prelu_forward
from minidl.kernels.rescaling import rescaling_forward
from minidl.kernels.unitnorm import unitnorm_forward
from minidl.layers.base import Layer, Shape
from minidl.layers.normalization import EPSILON
from minidl.layers.unitnorm import EPSILON as SHORTEST
from minidl.network import Network
from minidl.network.weights import copies


class Memory(enum.Enum):
    """A kernel argument that is neither a number nor an array of the layer."""

    X = "the rows that come in"
    COLUMN = "work space, (N, 1)"
    ROW = "work space, (N, O)"
    OUT = "the place of the result, (N, O)"


@dataclass(frozen=True)
class Call:
    """One call of a kernel: y = function(*arguments).

    Attributes:
        layer: the layer that makes the call.
        function: a formula or a kernel; None if the call only reshapes rows.
        arguments: by name, in the kernel's order: an array of one row's shape, or the (I, O) matrix
            of Dense, or a number, or None, or a :class:`Memory`.
        input_shape, output_shape: shapes of one row.
        tensors: the layer's tensors on the host, by attribute.
        results: number of arrays that the kernel returns; the last is y.
    """

    layer: Layer
    function: Callable[..., Any] | None
    arguments: Mapping[str, Any]
    input_shape: Shape
    output_shape: Shape
    tensors: Mapping[str, np.ndarray] = field(default_factory=dict)
    results: int = 1

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays among the arguments."""
        return {k: v for k, v in self.arguments.items() if isinstance(v, np.ndarray)}


def plain(function: Any) -> Any:
    """The undecorated function."""
    return function.formula if isinstance(function, Fused) else inspect.unwrap(function)


def calls_of(network: Any, format_name: str) -> list[Call]:
    """The kernel calls of a prediction, in their order.

    Args:
        network: any network; built here if the input shape is known.
        format_name: name of the format for messages: "ONNX".

    Raises:
        ConversionError: some layers are not minidl's own; the message names the layers.
        ValueError: the shape of a row is not known.
        TypeError: the argument is no network.
    """
    if not isinstance(network, Network):
        raise TypeError(
            "expected a model of minidl, such as Sequential or an estimator's network_, received "
            f"{network!r}"
        )
    network.build()
    foreign = [layer for layer in network.leaves if _writer(layer) is None]
    if foreign:
        raise ConversionError(
            f"{format_name} cannot hold {', '.join(map(str, foreign))}: only Python knows what a "
            "layer of one's own computes; expected layers of minidl.layers, also with activation "
            "functions of your own, or model.save()"
        )
    found: list[Call] = []
    for layer in network.leaves:
        keys = (*layer.tensors, *layer.statistics)
        tensors = dict(zip(keys, copies(network, [layer]), strict=True))
        found += _writer(layer)(layer, tensors, network.dtype)  # type: ignore[misc]
    return found


def _call(layer: Layer, tensors: Mapping[str, Any], function: Any, **values: Any) -> Call:
    """A call with arguments in the kernel's order."""
    names = [name for name in inspect.signature(plain(function)).parameters if name in values]
    ordered = {name: values[name] for name in names}
    shape = layer.input_shape, layer.output_shape
    return Call(layer, function, ordered, *shape, tensors)


def _dense(layer: Any, tensors: Any, dtype: Any) -> Iterator[Call]:
    W, b = tensors["W"], tensors.get("b")
    yield _call(layer, tensors, dense_forward, x=Memory.X, W=W, b=b, out=Memory.OUT)
    if layer.activation:
        yield from _activation(layer.activation, {}, dtype, layer)


def _activation(layer: Any, tensors: Any, dtype: Any, owner: Any = None) -> Iterator[Call]:
    """The call of an activation; messages name the owner, a Dense layer, if there is an owner."""
    function = layer.function
    numbers = dict(zip(function.constants, layer.constants, strict=True))
    columns = {"row": Memory.COLUMN, "total": Memory.COLUMN} if function.rowwise else {}
    values = {"x": Memory.X, **numbers, **columns, "out": Memory.OUT}
    yield replace(_call(layer, {}, function.forward, **values), layer=owner or layer)


def _batchnorm(layer: Any, tensors: Any, dtype: Any) -> Iterator[Call]:
    complete = {"gamma": np.ones_like, "beta": np.zeros_like}
    mean, variance = tensors["moving_mean"], tensors["moving_variance"]
    given = {name: tensors.get(name, make(mean)) for name, make in complete.items()}
    inverse = inverse_deviation(variance, layer.epsilon)
    everything = {**given, **tensors}
    call = _call(
        layer, everything, batchnorm_forward, x=Memory.X, mean=mean, inverse=inverse, **given
    )
    yield replace(call, results=2)


def _layernorm(layer: Any, tensors: Any, dtype: Any) -> Iterator[Call]:
    shape = layer.output_shape
    gamma = tensors.get("gamma", np.ones(shape, dtype))
    beta = tensors.get("beta", np.zeros(shape, dtype))
    yield _call(
        layer, {"gamma": gamma, "beta": beta}, layernorm_forward, x=Memory.X, gamma=gamma,
        beta=beta, epsilon=layer.epsilon, row=Memory.COLUMN, inverse=Memory.COLUMN,
        x_hat=Memory.ROW, out=Memory.OUT,
    )  # fmt: skip


def _normalization(layer: Any, tensors: Any, dtype: Any) -> Iterator[Call]:
    mean = np.array(tensors.get("mean", layer.mean), dtype)
    variance = np.array(tensors.get("variance", layer.variance), dtype)
    deviation = deviation_of(variance, EPSILON, out=np.empty_like(variance))
    mean, deviation = (
        np.ascontiguousarray(np.broadcast_to(each, layer.input_shape)) for each in (mean, deviation)
    )
    function = denormalize if layer.invert else normalize
    yield _call(
        layer, tensors, function, x=Memory.X, mean=mean, deviation=deviation, out=Memory.OUT
    )


def _rescaling(layer: Any, tensors: Any, dtype: Any) -> Iterator[Call]:
    yield _call(
        layer, tensors, rescaling_forward, x=Memory.X, scale=layer.scale, offset=layer.offset
    )


def _unitnorm(layer: Any, tensors: Any, dtype: Any) -> Iterator[Call]:
    yield _call(
        layer, tensors, unitnorm_forward, x=Memory.X, epsilon=SHORTEST, norm=Memory.COLUMN,
        out=Memory.OUT,
    )  # fmt: skip


def _prelu(layer: Any, tensors: Any, dtype: Any) -> Iterator[Call]:
    yield _call(layer, tensors, prelu_forward, x=Memory.X, alpha=tensors["alpha"])


def _reshape(layer: Any, tensors: Any, dtype: Any) -> Iterator[Call]:
    yield Call(layer, None, {}, layer.input_shape, layer.output_shape)


def _nothing(layer: Any, tensors: Any, dtype: Any) -> Iterator[Call]:
    yield from ()


_WRITERS: dict[type, Callable[[Any, Any, Any], Iterator[Call]]] = {
    kinds.Dense: _dense,
    kinds.Activation: _activation,
    kinds.BatchNormalization: _batchnorm,
    kinds.LayerNormalization: _layernorm,
    kinds.Normalization: _normalization,
    kinds.Rescaling: _rescaling,
    kinds.UnitNormalization: _unitnorm,
    kinds.PReLU: _prelu,
    kinds.Flatten: _reshape,
    kinds.Reshape: _reshape,
    kinds.Identity: _nothing,
    kinds.Dropout: _nothing,
    kinds.GaussianNoise: _nothing,
    kinds.GaussianDropout: _nothing,
}


def _writer(layer: Any) -> Callable[[Any, Any, Any], Iterator[Call]] | None:
    """The function for a layer; None if the layer or its activation is not minidl's own class."""
    inner = getattr(layer, "activation", None) if isinstance(layer, kinds.Dense) else None
    if not is_own(layer) or not (inner is None or is_own(inner)):
        return None
    known = (_WRITERS.get(kind) for kind in type(layer).__mro__)
    return next((each for each in known if each), None)
