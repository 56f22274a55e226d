"""Files that hold no model, and models that no file can hold."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers, losses, optimizers
from tests.fitting import compiled, network
from tests.saving.packing import (
    EXAMPLES,
    Members,
    array,
    config,
    npy,
    packed,
    unpacked,
    with_config,
    with_text,
)
from tests.specs import spec


@pytest.fixture(params=[1, 2], ids=["format 1", "format 2"])
def members(request: pytest.FixtureRequest) -> Members:
    """A file of each format, taken apart."""
    return unpacked(EXAMPLES[request.param].read_bytes())


def saved(path: Path) -> None:
    """Save a small model."""
    model, task = compiled("values")
    model.fit(task.x, task.y, verbose=0)
    model.save(path)


def refused(path: Path, words: str | None = None) -> None:
    """Assert that loading names the file and what was expected."""
    with pytest.raises(minidl.FileFormatError, match=words) as caught:
        minidl.load_model(path)
    assert isinstance(caught.value, ValueError)
    assert caught.value.file == str(path)
    assert str(path) in str(caught.value)
    assert "expected" in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    """As open() says it."""
    with pytest.raises(FileNotFoundError, match="absent"):
        minidl.load_model(tmp_path / "absent.npz")


def test_files_that_another_call_reads(tmp_path: Path) -> None:
    """The message says which."""
    model = minidl.Sequential([minidl.Input((2,)), minidl.layers.Dense(1)])
    for name, written, message in (
        ("a.weights.npz", model.save_weights, "received weights alone; .* load_weights"),
        ("a.weights.h5", model.save_weights, "a file of HDF5; load_weights reads .* Keras saves"),
        ("a.keras", model.save, "received one of Keras's; rename the file"),
    ):
        written(tmp_path / name)
        path = (tmp_path / name).rename(tmp_path / f"{name}.renamed")
        with pytest.raises(minidl.FileFormatError, match=message):
            minidl.load_model(path)


def test_foreign_files(tmp_path: Path) -> None:
    """Text, nothing, an image, an array, other archives, a pickle, a folder."""
    contents: dict[str, bytes] = {
        "text": b"not a model\n",
        "empty": b"",
        "png": b"\x89PNG\r\n\x1a\n" + bytes(64),
        "pickle": pickle.dumps({"format": 1}),
        "zip magic": b"PK\x03\x04" + bytes(64),
    }
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    contents["array"] = buffer.getvalue()
    for name, arrays in (("archive", {"x": np.arange(3)}), ("no arrays", {})):
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        contents[name] = buffer.getvalue()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("config", "{}")
    contents["other zip"] = buffer.getvalue()
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        refused(path)
    with pytest.raises(IsADirectoryError, match=r"a folder; fit\(resume="):
        minidl.load_model(tmp_path)


CONFIGURATIONS: dict[str, tuple[Any, str | None]] = {
    "newer format": (lambda c: c.update(format=3), "expected a format up to 2, received 3"),
    "the other format": (lambda c: c.update(format=3 - c["format"]), "expected a format up to 2"),
    "format is text": (lambda c: c.update(format="1"), "expected a format up to 2"),
    "format is true": (lambda c: c.update(format=True), "expected a format up to 2"),
    "no format": (lambda c: c.pop("format"), "format"),
    "no layers": (lambda c: c.pop("layers"), "layers"),
    "no seed": (lambda c: c.pop("seed"), "seed"),
    "empty layers": (lambda c: c.update(layers=[]), "layer"),
    "layers are a number": (lambda c: c.update(layers=3), None),
    "other type": (lambda c: c.update(dtype="int8"), "int8"),
    "other input": (lambda c: c.update(input_shape=[5]), "theta"),
    "seed is text": (lambda c: c.update(seed="x"), None),
    "unknown metric": (lambda c: c.update(metrics=["no such"]), "Metric"),
    "unknown class": (lambda c: c["layers"][0].update({"class": "Convolution"}), "Convolution"),
    "a function": (lambda c: c["layers"][0].update({"class": "system"}), "system"),
    "class is a list": (lambda c: c["layers"][0].update({"class": ["Dense"]}), None),
    "optimizer as layer": (lambda c: c["layers"][0].update({"class": "Adam", "config": {}}), None),
    "unknown argument": (lambda c: c["layers"][0]["config"].update(colour="red"), "colour"),
    "bad argument": (lambda c: c["layers"][0]["config"].update(units=-1), "units"),
    "no arguments": (lambda c: c["layers"][0].pop("config"), "config"),
    "layer as optimizer": (lambda c: c.update(optimizer=c["layers"][0]), None),
    "bad rate": (lambda c: c["optimizer"]["config"].update(learning_rate=-1), "learning_rate"),
    "optimizer as loss": (lambda c: c.update(loss=c["optimizer"]), None),
    "an entry more": (lambda c: c.update(colour="red"), "colour"),
    "half compiled": (lambda c: c.pop("loss"), "loss"),
    "rest of a compiled one": (lambda c: c.pop("optimizer"), "entries"),
    "name is a number": (lambda c: c.update(name=3), "name"),
    "no name": (lambda c: c.update(name=""), "name"),
    "step is text": (lambda c: c.update(step="x"), "step"),
    "step below 0": (lambda c: c.update(step=-5), "step"),
    "step is a float": (lambda c: c.update(step=1e300), "step"),
    "step is true": (lambda c: c.update(step=True), "step"),
    "step beyond all steps": (lambda c: c.update(step=2**53), "step"),
    "step of many digits": (lambda c: c.update(step=10**30), "at most 20 digits"),
    "step is none": (lambda c: c.update(step=None), "step"),
    "iterations is text": (lambda c: c.update(iterations="x"), "iterations"),
    "iterations below 0": (lambda c: c.update(iterations=-5), "iterations"),
    "iterations is a float": (lambda c: c.update(iterations=1e300), "iterations"),
    "accumulated rate below 0": (
        lambda c: c.update(gathered_rate=-1.0), "accumulated_learning_rate",
    ),
    "accumulated rate is text": (
        lambda c: c.update(gathered_rate="x"), "accumulated_learning_rate",
    ),
    "accumulated rate under both of its names": (
        lambda c: c.update(accumulated_learning_rate=1.0, gathered_rate=1.0), "gathered_rate",
    ),
    "seed too large": (lambda c: c.update(seed=2**64), "seed"),
    "seed below 0": (lambda c: c.update(seed=-1), "seed"),
    "input of nothing": (lambda c: c.update(input_shape=[]), "input_shape"),
    "input of none": (lambda c: c.update(input_shape=[0]), "shape"),
    "input below 0": (lambda c: c.update(input_shape=[-3]), "shape"),
    "input is a number": (lambda c: c.update(input_shape=3), "input_shape"),
    "huge input": (lambda c: c.update(input_shape=[10**18]), "theta"),
    "the base of layers": (
        lambda c: c["layers"].append({"class": "Layer", "config": {}}),
        "unknown class in the file 'Layer'",
    ),
    "a twin": (lambda c: c["layers"].append(c["layers"][0]), "different names"),
    "input within": (
        lambda c: c["layers"].insert(1, {"class": "Input", "config": {"shape": [4]}}),
        "Input",
    ),
    "a loss as learning rate": (
        lambda c: c["optimizer"]["config"].update(learning_rate=c["loss"]),
        "learning rate",
    ),
    "an object with more": (lambda c: c["layers"][0].update(module="os"), "module"),
    "a dictionary as argument": (lambda c: c["layers"][0]["config"].update(units={"a": 1}), "'a'"),
    "units beyond all memory": (lambda c: c["layers"][-1]["config"].update(units=10**19), "theta"),
    "many layers": (lambda c: c.update(layers=c["layers"] * 2_000), "at most 4096"),
    "a metric of another loss": (
        lambda c: c["metrics"].append(
            {"class": "CategoricalAccuracy", "config": {"name": "right"}}
        ),
        "right",
    ),
    "a metric called loss": (lambda c: c["metrics"][0]["config"].update(name="loss"), "loss"),
    "a metric without a name": (lambda c: c["metrics"][0]["config"].update(name=3), "name"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_other_configurations(name: str, members: Members, tmp_path: Path) -> None:
    """Newer formats, missing entries, wrong kinds, unknown classes; the file is named."""
    change, words = CONFIGURATIONS[name]
    changed = config(members)
    change(changed)
    path = tmp_path / "model.npz"
    path.write_bytes(packed(with_config(members, changed)))
    refused(path, words)


TEXTS = {
    "list": "[]",
    "string": '"text"',
    "number": "3",
    "null": "null",
    "format alone": '{"format": 1}',
    "cut": "{",
    "empty": "",
    "not finite": '{"format": NaN}',
    "beyond all numbers": '{"format": 1e999}',
    "long number": '{"format": %s}' % ("1" * 100_000),
    "twice": '{"format": 1, "format": 1}',
    "deep list": "[" * 100_000,
    "deep object": '{"a":' * 100_000,
    "deep and closed": '{"layers": %s}' % ("[" * 50_000 + "]" * 50_000),
}


@pytest.mark.parametrize("name", TEXTS)
def test_configurations_of_another_kind(name: str, members: Members, tmp_path: Path) -> None:
    """JSON that is no object, or one without entries, or no JSON."""
    path = tmp_path / "model.npz"
    path.write_bytes(packed(with_text(members, TEXTS[name])))
    refused(path)


def test_an_entry_twice(members: Members, tmp_path: Path) -> None:
    """Nobody can tell which of the two is meant."""
    path = tmp_path / "model.npz"
    text = json.dumps(config(members)).replace('"units": 4', '"units": 5, "units": 4')
    path.write_bytes(packed(with_text(members, text)))
    refused(path, "twice")


def values(size: int, number: float = 0.0) -> np.ndarray:
    """A vector whose last element is ``number``."""
    vector = np.zeros(size, np.float32)
    vector[-1] = number
    return vector


SIZE = 34  # of theta in the examples
ARRAYS: dict[str, tuple[dict[str, Any], str | None]] = {
    "no theta": ({"theta": None}, "theta"),
    "no statistics": ({"statistics": None}, "statistics"),
    "no state": ({"optimizer/m": None}, "optimizer/m"),
    "short theta": ({"theta": values(3)}, "theta: expected .* numbers"),
    "long theta": ({"theta": values(SIZE + 1)}, "theta: expected .* numbers"),
    "theta of two axes": ({"theta": values(SIZE).reshape(2, -1)}, "theta: expected .* numbers"),
    "a number as theta": ({"theta": np.float32(3)}, "theta: expected .* numbers"),
    "other state": ({"optimizer/v": np.zeros((2, 2))}, "optimizer/v: expected"),
    "text": ({"theta": np.array(["a"] * SIZE)}, "expected numbers"),
    "bytes": ({"theta": np.array([b"aaaa"] * SIZE)}, "expected numbers"),
    "complex": ({"theta": values(SIZE).astype(complex)}, "expected numbers"),
    "dates": ({"theta": values(SIZE).astype("M8[s]")}, "header"),
    "records": ({"theta": np.zeros(SIZE, [("a", "f4")])}, "header"),
    "raw": ({"theta": np.zeros(SIZE, "V4")}, "expected numbers"),
    "long doubles": ({"theta": values(SIZE).astype(np.longdouble)}, "expected numbers"),
    "integers": ({"theta": values(SIZE).astype(int)}, "expected float32"),
    "truth values": ({"theta": values(SIZE).astype(bool)}, "expected float32"),
    "other floats": ({"theta": values(SIZE).astype(float)}, "expected float32"),
    "half floats": ({"statistics": np.ones(8, np.float16)}, "expected float32"),
    "an array more": ({"thetas": values(SIZE)}, "thetas"),
    "a state more": ({"optimizer/w": values(SIZE)}, "optimizer/w"),
    "no path": ({"optimizer/": values(SIZE)}, "optimizer/"),
    "a path upwards": ({"../theta": values(SIZE)}, "'../theta.npy'"),
    "a path upwards within": ({"optimizer/../m": values(SIZE)}, "'optimizer/../m.npy'"),
    "a path from the root": ({"/etc/passwd": values(SIZE)}, "'/etc/passwd.npy'"),
    "a path of another system": ({"optimizer/..\\m": values(SIZE)}, "m.npy"),
    "NaN": ({"theta": values(SIZE, np.nan)}, "theta: expected finite .*allow_nonfinite=True"),
    "infinity": ({"statistics": values(8, np.inf)}, "statistics: expected finite"),
    "minus infinity": ({"optimizer/v": values(SIZE, -np.inf)}, "optimizer/v: expected finite"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_other_arrays(name: str, members: Members, tmp_path: Path) -> None:
    """Missing ones, other sizes, other types, other names."""
    arrays, words = ARRAYS[name]
    assert array(members, "theta").size == SIZE
    changed = {k: v for k, v in members.items() if arrays.get(k[:-4], ...) is not None}
    changed |= {f"{k}.npy": npy(v) for k, v in arrays.items() if v is not None}
    path = tmp_path / "model.npz"
    path.write_bytes(packed(changed))
    refused(path, words)


def test_a_number_as_configuration_of_format_1(tmp_path: Path) -> None:
    """And one of several texts."""
    members = unpacked(EXAMPLES[1].read_bytes())
    path = tmp_path / "model.npz"
    for content in (np.arange(3), np.array(3), np.array(["{}", "{}"]), np.array(b"{}")):
        path.write_bytes(packed({**members, "config.npy": npy(content)}))
        refused(path, "config.npy")


def test_what_is_not_finite_is_loaded_when_asked_for(members: Members, tmp_path: Path) -> None:
    """A model that has diverged can be saved, and looked at."""
    path = tmp_path / "model.npz"
    theta = values(SIZE, np.nan)
    path.write_bytes(packed({**members, "theta.npy": npy(theta)}))
    refused(path, "theta")
    model = minidl.load_model(path, allow_nonfinite=True)
    np.testing.assert_array_equal(model.theta, theta)
    model.save(path)
    refused(path, "theta")
    np.testing.assert_array_equal(minidl.load_model(path, allow_nonfinite=True).theta, theta)


class Trap:
    """Unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["theta", "config", "extra", "extra/x"])
def test_pickled_objects_are_refused(name: str, members: Members, tmp_path: Path) -> None:
    """And not unpickled."""
    path, sprung = tmp_path / "model.npz", tmp_path / "sprung"
    hostile = np.empty(1, dtype=object)
    hostile[0] = Trap(sprung)
    path.write_bytes(packed({**members, f"{name}.npy": npy(hostile, allow_pickle=True)}))
    refused(path)
    assert not sprung.exists()
    with np.load(path, allow_pickle=True) as file:
        file[name]
    assert sprung.exists()  # the trap was a trap


class Doubling(layers.Layer):
    """A layer of the user's own."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        return 2 * x

    def backward(self, dy: Any) -> Any:
        return 2 * dy


class OwnDense(layers.Dense):
    """A class of the user's own that a class of the package has made."""


class OwnLoss(losses.MeanSquaredError):
    """A loss of the user's own."""


class OwnAdam(optimizers.Adam):
    """An optimizer of the user's own."""


class OwnMetric(minidl.metrics.BinaryAccuracy):
    """A metric of the user's own."""


def own_activation() -> Any:
    """An activation of the user's own."""
    relu = minidl.activations.relu
    return minidl.activations.ActivationFunction("mine", relu.forward, relu.backward)


def _with(optimizer: Any = "sgd", loss: Any = "mse", metrics: Any = ()) -> minidl.Sequential:
    model = network([spec("layers.Dense", units=1)])
    model.compile(optimizer, loss, metrics=metrics)
    return model


OWN: dict[str, Any] = {
    "Doubling": (lambda: minidl.Sequential([layers.Dense(2, input_shape=(4,)), Doubling()])),
    "OwnDense": lambda: minidl.Sequential([OwnDense(2, input_shape=(4,))]),
    "OwnLoss": lambda: _with(loss=OwnLoss()),
    "OwnAdam": lambda: _with(optimizer=OwnAdam()),
    "OwnMetric": lambda: _with(metrics=[OwnMetric("mse")]),
    "mine": lambda: minidl.Sequential([layers.Dense(2, own_activation(), input_shape=(4,))]),
}


@pytest.mark.parametrize("name", OWN)
def test_what_is_the_users_own_is_found_when_it_is_given(name: str, tmp_path: Path) -> None:
    """Without it the file is refused, and the message says both ways to mend that."""
    model, path = OWN[name](), tmp_path / "model.npz"
    model.save(path)
    refused(path, f"unknown .* in the file 'tests>{name}'.*@minidl.register.*custom_objects={{")
    given = own_activation() if name == "mine" else globals()[name]
    x = np.random.default_rng(0).normal(size=(3, 4))
    for key in (name, name.lower(), f"tests>{name}"):
        loaded = minidl.load_model(path, {key: given})
        assert minidl.saving.describe(loaded) == minidl.saving.describe(model)
        np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    with pytest.raises(minidl.FileFormatError, match=r"unknown .* in the file"):
        minidl.load_model(path, {"Other": given})


def test_a_learning_rate_that_is_a_function_is_refused(tmp_path: Path) -> None:
    """When saving; nothing is written."""
    model = _with(optimizer=optimizers.SGD(lambda step: 0.1))
    with pytest.raises(ValueError, match=r"learning rate .* expected a number or a schedule"):
        model.save(tmp_path / "model.npz")
    assert list(tmp_path.iterdir()) == []


def test_two_classes_of_one_name_are_refused(tmp_path: Path) -> None:
    """In one model; a file could not tell them apart."""
    twin = type("Doubling", (Doubling,), {"__module__": __name__})
    model = minidl.Sequential([layers.Dense(2, input_shape=(4,)), Doubling(), twin()])
    with pytest.raises(ValueError, match="expected one class of the name 'tests>Doubling'"):
        model.save(tmp_path / "model.npz")


def test_an_own_layer_whose_arguments_get_lost_is_refused(tmp_path: Path) -> None:
    """The file would not load: said when the model is saved."""

    class Times(Doubling):
        def __init__(self, factor: float, name: str | None = None) -> None:
            super().__init__(name)

    model = minidl.Sequential([layers.Dense(2, input_shape=(4,)), Times(3)])
    with pytest.raises(ValueError, match="the constructor takes 'factor'"):
        model.save(tmp_path / "model.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["m.h5", "M.H5", "m.hdf5", "m.weights.h5"])
def test_an_ending_of_keras_that_promises_another_form_is_refused(
    name: str, tmp_path: Path
) -> None:
    """By save, by its functions, and by ModelCheckpoint before the training; no file is left."""
    model, task = compiled("values")
    path = tmp_path / name
    steps = [
        lambda: model.save(path),
        lambda: model.save(os.fsencode(path)),
        lambda: minidl.models.save_model(model, str(path)),
        lambda: minidl.saving.save_model(model, path),
        lambda: model.fit(
            task.x, task.y, verbose=0, callbacks=[minidl.callbacks.ModelCheckpoint(path)]
        ),
    ]
    for step in steps:
        with pytest.raises(ValueError, match=r"\.keras, which .*\.npz, .*\.weights\.h5"):
            step()
    assert model.step == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["m.npz", "m.keras"])
def test_a_file_that_is_there_stays_where_overwrite_is_false(name: str, tmp_path: Path) -> None:
    model, _ = compiled("values")
    path = tmp_path / name
    model.save(path, overwrite=False)
    before = path.read_bytes()
    model.set_weights([weight + 1 for weight in model.get_weights()])
    for save in (model.save, lambda *p, **o: minidl.models.save_model(model, *p, **o)):
        with pytest.raises(FileExistsError, match="is there already; expected overwrite=True"):
            save(path, overwrite=False)
    assert path.read_bytes() == before
    model.save(path)
    assert path.read_bytes() != before
    held = io.BytesIO()
    model.save(held, overwrite=False)
    assert held.getvalue()
