"""A network as an ONNX file."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.interop.calls import Call, calls_of
from minidl.interop.errors import ConversionError
from minidl.interop.onnx.functions import (
    DOMAIN,
    IR_VERSION,
    OPSET,
    function_of,
    inputs_of,
    name_of,
    onnx,
)
from minidl.kernels import activations, gated, piecewise, rowwise, smooth
from minidl.kernels.batchnorm import batchnorm_forward
from minidl.kernels.dense import dense_forward
from minidl.kernels.layernorm import layernorm_forward
from minidl.kernels.normalization import denormalize, normalize
from minidl.kernels.prelu import prelu_forward
from minidl.kernels.rescaling import rescaling_forward
from minidl.saving.atomic import replacing

#: Limit for the bytes of tensors; protobuf's 2 GiB leave the rest to the graph.
LARGEST = (1 << 31) - (1 << 20)

# ONNX's operator for a kernel. ONNX Runtime has those of _SINGLE for float32 alone.
_BOTH: dict[Any, str] = {
    activations.linear_forward: "Identity",
    activations.sigmoid_forward: "Sigmoid",
    activations.tanh_forward: "Tanh",
    activations.relu_forward: "Relu",
    smooth.exponential_forward: "Exp",
    activations.softmax_forward: "Softmax",
    rowwise.log_softmax_forward: "LogSoftmax",
}
_SINGLE: dict[Any, tuple[str, dict[str, Any]]] = {
    activations.leaky_relu_forward: ("LeakyRelu", {"alpha": "negative_slope"}),
    activations.elu_forward: ("Elu", {"alpha": "alpha"}),
    smooth.selu_forward: ("Selu", {}),
    smooth.softplus_forward: ("Softplus", {}),
    smooth.softsign_forward: ("Softsign", {}),
    piecewise.hard_sigmoid_forward: ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    gated.gelu_forward: ("Gelu", {}),
    gated.gelu_tanh_forward: ("Gelu", {"approximate": b"tanh"}),
    gated.mish_forward: ("Mish", {}),
}


def to_onnx(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a model's inference to an ONNX file, in operators of opset 20.

    The file has one input, ``x``, and one output, ``y``, of the model's type and of any number of
    rows. Runtimes of opset 20 can run the file, such as ONNX Runtime from 1.17 on. Activations that
    ONNX lacks, or that ONNX Runtime has for float32 alone, are functions in the file, made of
    operators (:mod:`minidl.interop.onnx.functions`). ``onnx.checker`` checks the model first.

    Args:
        model: any model; your own activations may apply functions of NumPy.
        path: path of the file, ``model.onnx``; an existing file is replaced.

    Raises:
        ConversionError: the model has layers of your own, an activation that branches or calls a
            function that ONNX lacks, or more than 2 GiB; the message names each.
        ImportError: the package onnx is missing.
        ValueError: the shape of a row is not known yet.
        OSError: the file cannot be written.
    """
    proto = proto_of(model)
    with replacing(path) as file:
        file.write(proto.SerializeToString())


def proto_of(model: Any) -> Any:
    """The ModelProto that :func:`to_onnx` writes, checked."""
    helper, checker = onnx().helper, onnx().checker
    calls = calls_of(model, "ONNX")
    size = sum(a.nbytes for call in calls for a in (*call.arrays.values(), *call.tensors.values()))
    if size > LARGEST:
        raise ConversionError(f"ONNX holds models of up to 2 GiB, received {size} bytes of tensors")
    graph = _Graph(model.dtype)
    for number, call in enumerate(calls):
        graph.prefix = f"{number}/{call.layer.name}"
        _write(graph, call)
    graph.node("Identity", [], output="y")
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(model.dtype))
    ends = [
        helper.make_tensor_value_info(name, kind, ["N", *shape])
        for name, shape in (("x", model.input_row), ("y", model.output_row))
    ]
    functions = list(graph.functions.values())
    domains = [("", OPSET), *([(DOMAIN, 1)] if functions else [])]
    proto = helper.make_model(
        helper.make_graph(graph.nodes, "minidl", ends[:1], ends[1:], graph.tensors),
        opset_imports=[helper.make_opsetid(*each) for each in domains],
        ir_version=IR_VERSION, producer_name="minidl", functions=functions,
    )  # fmt: skip
    checker.check_model(proto, full_check=True)
    return proto


class _Graph:
    """The nodes, tensors and functions of a file.

    Attributes:
        last: name of the value that the next node takes.
        prefix: beginning of the names of a call's values.
    """

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []
        self.functions: dict[str, Any] = {}
        self.last, self.prefix = "x", ""

    def node(
        self, operator: str, inputs: list[str], output: str = "", domain: str = "", **given: Any
    ) -> None:
        """Append a node whose inputs are the last value and then ``inputs``."""
        output = output or f"{self.prefix}/{operator}"
        name = f"{self.prefix}/{operator}" if output != "y" else "y"
        self.nodes.append(
            onnx().helper.make_node(
                operator, [self.last, *inputs], [output], name=name, domain=domain, **given
            )
        )
        self.last = output

    def tensor(self, name: str, values: Any, dtype: Any = None) -> str:
        """Add a constant and return the name."""
        name = f"{self.prefix}/{name}"
        array = np.ascontiguousarray(np.asarray(values, dtype or self.dtype))
        # ascontiguousarray gives a scalar an axis.
        self.tensors.append(onnx().numpy_helper.from_array(array.reshape(np.shape(values)), name))
        return name


def _write(graph: _Graph, call: Call) -> None:
    """Append the nodes of a call."""
    if call.function is None:
        _reshape(graph, call)
    elif call.function in _OTHERS:
        _OTHERS[call.function](graph, call)
    elif call.function in _BOTH:
        rowwise: dict[str, Any] = {"axis": -1} if "row" in call.arguments else {}
        graph.node(_BOTH[call.function], [], **rowwise)
    elif call.function in _SINGLE and graph.dtype == np.float32:
        operator, attributes = _SINGLE[call.function]
        values = {k: call.arguments.get(v, v) for k, v in attributes.items()}
        graph.node(operator, [], **values)
    else:
        _function(graph, call)


def _function(graph: _Graph, call: Call) -> None:
    """Append a node of the kernel's function; a second body of the same name gets a number."""
    name = plain_name = name_of(call)
    made = function_of(call, name, graph.dtype)
    while graph.functions.setdefault(name, made) != made:
        name = f"{plain_name}_{len(graph.functions)}"
        made = function_of(call, name, graph.dtype)
    given = [graph.tensor(each, call.arguments[each]) for each in inputs_of(call)]
    graph.node(name, given, domain=DOMAIN)


def _reshape(graph: _Graph, call: Call) -> None:
    if len(call.output_shape) == 1:
        graph.node("Flatten", [], axis=1)
    else:
        graph.node("Reshape", [graph.tensor("shape", (0, *call.output_shape), np.int64)])


def _dense(graph: _Graph, call: Call) -> None:
    W, b = graph.tensor("W", call.tensors["W"]), call.tensors.get("b")
    if b is None:
        graph.node("MatMul", [W])
    else:
        graph.node("Gemm", [W, graph.tensor("b", b)])


def _batchnorm(graph: _Graph, call: Call) -> None:
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    layer: Any = call.layer
    graph.node(
        "BatchNormalization", [graph.tensor(each, call.tensors[each]) for each in names],
        epsilon=layer.epsilon, momentum=layer.momentum,
    )  # fmt: skip


def _layernorm(graph: _Graph, call: Call) -> None:
    given = [graph.tensor(each, call.tensors[each]) for each in ("gamma", "beta")]
    graph.node("LayerNormalization", given, axis=-1, epsilon=call.arguments["epsilon"])


def _affine(*steps: tuple[str, str]) -> Callable[[_Graph, Call], None]:
    """A writer of two operators, each with one argument of the kernel."""

    def write(graph: _Graph, call: Call) -> None:
        for operator, name in steps:
            graph.node(operator, [graph.tensor(name, call.arguments[name])])

    return write


def _prelu(graph: _Graph, call: Call) -> None:
    if graph.dtype == np.float32:
        graph.node("PRelu", [graph.tensor("alpha", call.arguments["alpha"])])
    else:
        _function(graph, call)


def _silu(graph: _Graph, call: Call) -> None:
    x = graph.last
    graph.node("Sigmoid", [])
    graph.node("Mul", [x])


def _bounded_relu(graph: _Graph, call: Call) -> None:
    slope, end, start = (call.arguments[k] for k in ("negative_slope", "max_value", "threshold"))
    if slope or start or not np.isfinite(end):
        _function(graph, call)
    else:
        graph.node("Clip", [graph.tensor("low", 0.0), graph.tensor("high", end)])


_OTHERS: dict[Any, Callable[[_Graph, Call], None]] = {
    dense_forward: _dense,
    batchnorm_forward: _batchnorm,
    layernorm_forward: _layernorm,
    rescaling_forward: _affine(("Mul", "scale"), ("Add", "offset")),
    normalize: _affine(("Sub", "mean"), ("Div", "deviation")),
    denormalize: _affine(("Mul", "deviation"), ("Add", "mean")),
    prelu_forward: _prelu,
    gated.silu_forward: _silu,
    piecewise.bounded_relu_forward: _bounded_relu,
}
