"""Files of ONNX that are broken or made to harm: one of two errors, and little memory."""

from __future__ import annotations

import os
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as state

import minidl
from minidl import FileFormatError, interop
from minidl.interop.onnx.writing import proto_of
from tests.interop.models import everything
from tests.interop.onnx_files import proto, tensor, written
from tests.interop.test_onnx_writing import run

MIB = 1 << 20
REFUSALS = tuple(getattr(state, name) for name in ("Fail", "InvalidGraph", "NotImplemented"))


def broken() -> dict[str, Callable[[Path], Any]]:
    """Files by what is wrong with them, each with the reason."""
    product = proto([("MatMul", ["x", "W"], "y")], {"W": np.eye(3)})

    def weights(*arguments: Any, **more: Any) -> Any:
        changed = onnx.ModelProto()
        changed.CopyFrom(product)
        changed.graph.initializer[0].CopyFrom(tensor("W", *arguments, **more))
        return changed

    def elsewhere(location: str, **more: Any) -> Callable[[Path], Any]:
        def make(folder: Path) -> Any:
            inner = folder / "inner"
            inner.mkdir()
            (folder / "secret").write_bytes(bytes(36))
            (inner / "few").write_bytes(bytes(35))
            (inner / "link").symlink_to(folder / "secret")
            return beside(weights((3, 3)), location, **more)

        return make

    def sparse(folder: Path) -> Any:
        changed = weights((3, 3), raw=bytes(36))
        changed.graph.sparse_initializer.add().dims.extend([10**9, 10**9])
        return changed

    def circle(folder: Path) -> Any:
        return proto([("Relu", ["z"], "y"), ("Relu", ["y"], "z")])

    return {
        "no bytes": lambda _: b"",
        "other bytes": lambda _: b"PK\x03\x04" + bytes(100),
        "a part": lambda _: product.SerializeToString()[:-20],
        "no graph": lambda _: onnx.ModelProto(ir_version=8).SerializeToString(),
        "a file above": elsewhere("../secret"),
        "a file by its whole path": elsewhere("/etc/passwd"),
        "a file of Windows": elsewhere("C:secret"),
        "the folder": elsewhere(".."),
        "a link": elsewhere("link"),
        "too few bytes beside": elsewhere("few"),
        "no file beside": elsewhere("missing"),
        "a place that is no number": elsewhere("few", offset="-1"),
        "no place": elsewhere("few", offset="", length="9" * 40),
        "a large tensor": lambda _: weights((10**9, 10**9), raw=bytes(36)),
        "a shape that overflows": lambda _: weights((2**62, 4), raw=bytes(36)),
        "a negative size": lambda _: weights((-3, -3), raw=bytes(36)),
        "too few bytes": lambda _: weights((3, 3), raw=bytes(35)),
        "a tensor of texts": lambda _: weights((3, 3), kind=8, raw=bytes(36)),
        "NaN": lambda _: weights((3, 3), raw=np.full(9, np.nan, np.float32).tobytes()),
        "sparse tensors": sparse,
        "a circle": circle,
        "no node": lambda _: proto([("Relu", ["q"], "y")]),
        "two nodes": lambda _: proto([("Relu", ["x"], "y"), ("Tanh", ["x"], "y")]),
    }


def beside(model: Any, location: str, **more: str) -> Any:
    """The model, its first tensor in another file."""
    beside_it(model.graph.initializer[0], location, **more)
    return model


def beside_it(values: Any, location: str, **more: str) -> None:
    """Have a tensor say that its numbers are in another file."""
    values.ClearField("raw_data")
    values.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        entry = values.external_data.add()
        entry.key, entry.value = key, value


@pytest.mark.parametrize("name", broken())
def test_broken_files(name: str, tmp_path: Path) -> None:
    """Are refused with the file's name, in little memory."""
    model = broken()[name](tmp_path)
    inner = tmp_path / "inner"
    path = written(model, inner if inner.exists() else tmp_path)
    tracemalloc.start()
    try:
        with pytest.raises((FileFormatError, interop.ConversionError)) as caught:
            interop.from_onnx(path)
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, interop.ConversionError) == (name == "sparse tensors")


def test_numbers_in_a_file_beside(tmp_path: Path) -> None:
    """Are read there; tensors that share bytes are not."""
    nodes = [("MatMul", ["x", "W"], "a"), ("MatMul", ["a", "V"], "y")]
    model = proto(nodes, {"W": np.eye(3), "V": np.eye(3)})
    numbers = np.arange(18, dtype=np.float32)
    (tmp_path / "model.onnx.data").write_bytes(numbers.tobytes())
    for place, values in enumerate(model.graph.initializer):
        values.CopyFrom(tensor(values.name, (3, 3)))
        beside_it(values, "model.onnx.data", offset=str(36 * place), length="36")
    first, second = interop.from_onnx(written(model, tmp_path)).layers
    np.testing.assert_array_equal(first.W, numbers[:9].reshape(3, 3))
    np.testing.assert_array_equal(second.W, numbers[9:].reshape(3, 3))
    (tmp_path / "model.onnx.data").write_bytes(numbers.tobytes()[:40])
    del model.graph.initializer[1].external_data[:]
    beside_it(model.graph.initializer[1], "model.onnx.data")
    with pytest.raises(FileFormatError, match="room for other tensors"):
        interop.from_onnx(written(model, tmp_path))


def test_rows_that_are_too_wide_take_no_memory(tmp_path: Path) -> None:
    """A slope for each of 10¹² features is not in the file."""
    model = proto([("PRelu", ["x", "s"], "y")], {"s": np.ones(1)}, shape=("N", 10**12))
    with pytest.raises(interop.ConversionError, match="one for each feature"):
        interop.from_onnx(written(model, tmp_path))
    tracemalloc.start()
    model = proto([("Relu", ["x"], "y")], shape=("N", 10**12))
    assert interop.from_onnx(written(model, tmp_path)).output_row == (10**12,)
    assert tracemalloc.get_traced_memory()[1] < MIB
    tracemalloc.stop()


def test_chains_that_are_too_long(tmp_path: Path) -> None:
    """Are refused before there are layers."""
    nodes = [("Relu", [f"v{k}"], f"v{k + 1}") for k in range(5000)]
    nodes[0] = ("Relu", ["x"], "v1")
    model = proto(nodes, output="v5000")
    with pytest.raises(interop.ConversionError, match="at most 4096 operators, received more"):
        interop.from_onnx(written(model, tmp_path))


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    """Are the system's errors."""
    with pytest.raises(FileNotFoundError):
        interop.from_onnx(tmp_path / "missing.onnx")
    with pytest.raises(IsADirectoryError):
        interop.from_onnx(tmp_path)
    with pytest.raises(FileFormatError, match="received a device or a FIFO"):
        interop.from_onnx(os.devnull)


def seeds() -> list[Any]:
    """Sound models with each kind of operator."""
    spelt = proto(
        [
            ("ai.onnx.ml/Scaler", ["x"], "v1", {"offset": [1.0, 2.0, 3.0], "scale": [1.0] * 3}),
            ("Gemm", ["v1", "W", "c"], "v2", {"alpha": 0.5}),
            ("Sigmoid", ["v2"], "g"),
            ("Mul", ["v2", "g"], "v3"),
            ("Reshape", ["v3", "s"], "v4"),
            ("Mul", ["v4", "c"], "v5"),
            ("BatchNormalization", ["v5", "c", "c", "c", "c"], "v6"),
            ("PRelu", ["v6", "c"], "v7"),
            ("Clip", ["v7", "z", "o"], "v8"),
            ("Elu", ["v8"], "v9", {"alpha": 0.5}),
            ("Div", ["v9", "o"], "v10"),
            ("MatMul", ["v10", "W"], "v11"),
            ("LayerNormalization", ["v11", "c"], "v12"),
            ("Softmax", ["v12"], "y", {"axis": -1}),
        ],
        {"W": np.eye(3), "c": np.ones(3), "s": np.array([-1, 3]), "z": 0.0, "o": 6.0},
    )
    own = minidl.Sequential([minidl.Input((3,)), minidl.layers.Dense(2, "elu")], dtype="float64")
    return [spelt, proto_of(own), proto_of(everything("float64")[0])]


def read(path: Path) -> str:
    """How reading a file ends."""
    try:
        interop.from_onnx(path)
    except FileFormatError:
        return "broken"
    except interop.ConversionError:
        return "unknown"
    return "read"


def test_bytes_changed_at_random(tmp_path: Path) -> None:
    """Make a model, or one of the two errors; all ends are met."""
    chance, met = random.Random(7), set()
    contents = [each.SerializeToString() for each in seeds()[:2]]
    for _ in range(300):
        data = bytearray(chance.choice(contents))
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(data))
            if chance.random() < 0.2:
                del data[place : place + chance.randrange(20)]
            elif chance.random() < 0.3:
                data[place:place] = chance.randbytes(chance.randrange(4))
            else:
                data[place] = chance.choice([0, 1, 127, 128, 255, chance.randrange(256)])
        met.add(read(written(bytes(data), tmp_path)))
    assert met == {"read", "broken", "unknown"}


def test_models_changed_at_random(tmp_path: Path) -> None:
    """Sound files of changed graphs end so, too."""
    chance, met = random.Random(7), set()
    models = seeds()
    operators = [node.op_type for each in models for node in each.graph.node]
    for number in range(300):
        changed = onnx.ModelProto()
        changed.CopyFrom(models[2] if number % 10 == 0 else models[number % 2])
        for _ in range(chance.randint(1, 2)):
            change(chance, changed.graph, operators)
        met.add(read(written(changed, tmp_path)))
    assert met == {"read", "broken", "unknown"}


@pytest.mark.thorough
def test_changed_models_that_are_read_compute_the_same(tmp_path: Path) -> None:
    """What minidl takes for a network is the network that ONNX Runtime takes it for."""
    chance, agreed = random.Random(3), 0
    models = seeds()[:2]
    operators = [node.op_type for each in models for node in each.graph.node]
    for number in range(1500):
        changed = onnx.ModelProto()
        changed.CopyFrom(models[number % 2])
        change(chance, changed.graph, operators)
        path = written(changed, tmp_path)
        if read(path) != "read":
            continue
        back = interop.from_onnx(path)
        dtype = np.float64 if number % 2 else np.float32
        x = np.random.default_rng(0).normal(size=(4, *back.input_row)).astype(dtype)
        try:
            expected = run(changed, x)
        except REFUSALS:  # ONNX Runtime is stricter about types
            continue
        np.testing.assert_allclose(back.predict(x), expected, rtol=1e-4, atol=1e-5)
        agreed += 1
    assert agreed > 100


def change(chance: random.Random, graph: Any, operators: list[str]) -> None:
    """One change of a graph, of a kind and at a place that chance chooses."""
    node, values = chance.choice(graph.node), chance.choice(graph.initializer)
    names = [*(each.name for each in graph.initializer), *(n.output[0] for n in graph.node), ""]
    numbers = [-1, 0, 1, 2, 3, 2**31, 2**62]
    match chance.randrange(8):
        case 0:
            node.op_type = chance.choice(operators)
        case 1:
            node.input[chance.randrange(len(node.input))] = chance.choice(names)
        case 2:
            node.input.append(chance.choice(names))
        case 3:
            del node.input[chance.randrange(len(node.input))]
        case 4:
            values.dims.append(chance.choice(numbers))
        case 5:
            values.data_type = chance.choice([1, 6, 7, 10, 11, 8, 0])
        case 6:
            size = graph.input[0].type.tensor_type.shape.dim.add()
            size.dim_value = chance.choice(numbers)
        case 7:
            made = onnx.helper.make_attribute(
                chance.choice(["alpha", "axis", "epsilon", "to"]),
                chance.choice([0, -1, 0.5, float("nan"), float("inf"), -1e30, "tanh"]),
            )
            del node.attribute[:]
            node.attribute.append(made)
