"""Small files of ONNX, made node by node."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def proto(
    nodes: list[tuple[Any, ...]],
    tensors: Mapping[str, Any] | None = None,
    shape: tuple[Any, ...] = ("N", 3),
    opset: int = 20,
    output: str = "y",
) -> Any:
    """A model of nodes (operator, inputs, output, attributes), from "x" to "y"."""
    made = []
    for operator, inputs, result, *more in nodes:
        domain, _, name = operator.rpartition("/")
        attributes = more[0] if more else {}
        made.append(helper.make_node(name, inputs, [result], domain=domain, **attributes))
    kinds = {
        name: np.asarray(values, None if np.asarray(values).dtype.kind in "ib" else np.float32)
        for name, values in (tensors or {}).items()
    }
    graph = helper.make_graph(
        made,
        "made",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(values, name) for name, values in kinds.items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def written(model: Any, folder: Path) -> Path:
    """The path of a file with a model, or with bytes."""
    path = folder / "model.onnx"
    content = model if isinstance(model, bytes) else model.SerializeToString()
    path.write_bytes(content)
    return path


def tensor(name: str, shape: tuple[int, ...], kind: int = 1, raw: bytes = b"") -> Any:
    """A tensor that says one thing and holds another."""
    made = onnx.TensorProto()
    made.name, made.data_type, made.raw_data = name, kind, raw
    made.dims.extend(shape)
    return made
