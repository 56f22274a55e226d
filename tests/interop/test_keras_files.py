"""Models in ``.keras`` files: read as Keras wrote them, and written as Keras reads them."""

from __future__ import annotations

import io
import json
import re
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import minidl
from minidl import FileFormatError, layers, losses, metrics, optimizers
from minidl.interop.keras.saving import save
from tests.interop import keras_models

X = np.random.default_rng(0).normal(size=(7, 2, 3))
OLD = Path(__file__).parents[1] / "data" / "models" / "keras-3.0.5.keras"
EXPECTED = [
    [0.49546563625335693, 0.5045344233512878],
    [0.5513057112693787, 0.44869422912597656],
    [0.6058816313743591, 0.3941183388233185],
    [0.6579381227493286, 0.342061847448349],
]
# The same formulas in float64; rounding of sums of at most six products.
RTOL = 1e-12


def assert_predicts_alike(own: Any, their: Any, x: np.ndarray) -> None:
    np.testing.assert_allclose(own.predict(x), their(x, training=False), rtol=RTOL, atol=1e-14)


def config(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("config.json"))


def test_the_functional_form(tmp_path: Path) -> None:
    """A Model stays one, also within another; loss and metrics come along."""
    first, second = tmp_path / "a.keras", tmp_path / "b.keras"
    their = keras_models.functional()
    their.save(first)
    own = minidl.load_model(first)
    assert [each.shows_input for each in (own, own.layers[5], own.layers[6])] == [True, False, True]
    assert own.layers[0].name == "pixels"
    assert own.get_layer("last").units == 2
    assert_predicts_alike(own, their, X)
    assert isinstance(own.loss, losses.MeanSquaredError)
    assert own.loss.weight == 0.5
    assert [(each.name, each.weighted) for each in own.metrics] == [
        ("mae", False),
        ("mean_squared_error", False),
        ("mean_absolute_error", False),
        ("root_mean_squared_error", True),
    ]
    own.save(second)
    again = keras_models.load(second)
    assert type(again) is type(their)
    assert_predicts_alike(own, again, X)
    assert [each.name for each in again.layers] == [each.name for each in their.layers]
    own.fit(X, np.zeros((7, 2)), epochs=1, verbose=0)
    found = again.compute_loss(y=np.zeros((7, 2)), y_pred=again(X))
    np.testing.assert_allclose(found, 0.5 * np.mean(np.square(again(X))), rtol=RTOL)


def test_weights_alone_of_a_model_of_both_forms(tmp_path: Path) -> None:
    path = str(tmp_path / "a.weights.h5")
    their = keras_models.functional()
    their.save(tmp_path / "a.keras")
    own = minidl.load_model(tmp_path / "a.keras")
    own.set_weights([w + 1 for w in own.get_weights()])
    own.save_weights(path)
    their.load_weights(path)
    assert_predicts_alike(own, their, X)
    own.set_weights([w * 0 for w in own.get_weights()])
    own.load_weights(path)
    assert_predicts_alike(own, their, X)


def test_frozen_layers(tmp_path: Path) -> None:
    """Keras keeps state for tensors that train; it is found again, frozen or melted since."""
    path = tmp_path / "a.keras"
    their = keras_models.frozen()
    rows, targets = X.reshape(1, 7, 6)[..., :4], np.eye(3)[np.arange(7) % 3][None]
    keras_models.trainer(their, rows, targets)(2)
    their.save(path)
    own = minidl.load_model(path)
    assert [layer.trainable for layer in own.layers] == [False, True]
    velocity = own.optimizer.state["velocity"]
    assert not velocity[:25].any()
    np.testing.assert_array_equal(velocity[25:40], their.optimizer.variables[2].numpy().ravel())
    own.save(path)
    again = keras_models.load(path)
    for a, b in zip(again.optimizer.variables, their.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    own.layers[0].trainable = True
    own.save(path)
    own.layers[0].trainable = False
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    own.save(path)
    frozen = config(path)
    with zipfile.ZipFile(path, "w") as archive:  # the state of all tensors, with a frozen layer
        for name, content in {**parts, "config.json": json.dumps(frozen)}.items():
            archive.writestr(name, content)
    loaded = minidl.load_model(path)
    np.testing.assert_array_equal(loaded.optimizer.state["velocity"], velocity)


def test_a_model_that_is_not_compiled(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    model = minidl.Sequential([layers.Dense(3, input_shape=(4,))], dtype="float64")
    model.save(path)
    assert "compile_config" not in config(path)
    assert minidl.load_model(path).optimizer is None
    assert_predicts_alike(model, keras_models.load(path), X.reshape(7, 6)[:, :4])


def test_compiled_and_not_trained(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    model = minidl.Sequential([layers.Input((4,)), layers.Dense(3)])
    model.compile("adam", "mse")
    model.save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as Keras's of a state that does not fit
        keras_models.load(path)
        assert minidl.load_model(path).optimizer.iterations == 0


def test_the_learning_rate_keeps_its_digits(tmp_path: Path) -> None:
    """The state has it in float32; a rate that somebody has set there counts."""
    path = tmp_path / "a.keras"
    model = minidl.Sequential([layers.Input((4,)), layers.Dense(3)])
    model.compile(optimizers.SGD(0.1), "mse")
    model.save(path)
    assert minidl.load_model(path).optimizer.learning_rate == 0.1
    their = keras_models.load(path)
    their.optimizer.learning_rate = 0.2
    their.save(path)
    assert minidl.load_model(path).optimizer.learning_rate == pytest.approx(0.2, rel=1e-6)


@pytest.mark.parametrize("given", [{}, {"mean": 0.5, "variance": 2.0}])
def test_one_mean_for_all_features(given: dict[str, float], tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    their = keras_models.normalized(X, given)
    their.save(path)
    own = minidl.load_model(path)
    assert own.layers[0].axis is None
    assert_predicts_alike(own, their, X)
    own.save(path)
    assert_predicts_alike(own, keras_models.load(path), X)


def test_groups_that_the_first_keras_3_looks_for(tmp_path: Path) -> None:
    """It finds no file right without one for each layer and each model, empty or not."""
    path = tmp_path / "a.keras"
    inner = minidl.Sequential([layers.Input((4,)), layers.Dropout(0.5)])
    minidl.Sequential([layers.Input((4,)), inner, layers.ReLU()]).save(path)
    found: list[str] = []
    with zipfile.ZipFile(path) as archive:
        h5py.File(io.BytesIO(archive.read("model.weights.h5"))).visit(found.append)
    groups = [
        "layers/sequential/layers/dropout/vars",
        "layers/sequential/vars",
        "layers/re_lu/vars",
    ]
    assert {*groups, "vars"} <= {*found}


def test_the_same_model_makes_the_same_file(tmp_path: Path) -> None:
    model = minidl.Sequential([layers.Input((4,)), layers.Dense(3)])
    for name in ("a.keras", "b.keras"):
        model.save(tmp_path / name)
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()


def test_a_file_of_minidls_under_keras_name(tmp_path: Path) -> None:
    """As ModelCheckpoint writes it."""
    path = tmp_path / "a.keras"
    model = minidl.Sequential([layers.Input((4,)), layers.Dense(3)])
    minidl.saving.save_model(model, path)
    np.testing.assert_array_equal(minidl.load_model(path).get_weights()[0], model.get_weights()[0])


def test_a_file_of_the_first_keras_3() -> None:
    """Keras 3.0.5 on TensorFlow has made it, in float32, and predicted these numbers.

    Input(3), Dense(5, L2), BatchNormalization, a Sequential of Dense(4, relu), Dropout(0.2),
    LeakyReLU, Dense(2, softmax) in the functional form; four steps of Adam(0.01).
    """
    model = minidl.load_model(OLD)
    assert [each.name for each in model.layers[:3]] == [
        "input_layer_1",
        "dense_1",
        "batch_normalization",
    ]
    assert (int(model.optimizer.iterations), model.step) == (4, 4)
    assert [each.name for each in model.metrics] == ["accuracy"]
    found = model.predict(np.linspace(0, 1, 12).reshape(4, 3))
    # Five layers in float32: some ten roundings of 6e-8.
    np.testing.assert_allclose(found, EXPECTED, rtol=1e-6)


def test_layers_that_minidl_lacks_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    keras_models.lacking().save(path)
    with pytest.raises(FileFormatError, match="4 layers that minidl cannot take") as caught:
        minidl.load_model(path)
    assert not {"Flatten", "dense"} & {*str(caught.value).replace("'", " ").split()}
    for part in (
        "'edges' (Conv2D): rows here are features without neighbours",
        "'plus' (Lambda): a function has no gradient here",
        "'dropped' (Dropout): noise_shape",
        "'doubled' (Doubled): unknown class in the file 'tests>Doubled'",
    ):
        assert part in str(caught.value)
    hint = r"(; did you mean '\w+>\w+'\?)?"  # of another test's
    assert re.search(rf"'tests>Doubled'{hint} \(of your own\?", str(caught.value))


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
def test_arguments_that_minidl_lacks_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    keras_models.with_foreign_arguments().save(path)
    with pytest.raises(FileFormatError, match="2 layers") as caught:
        minidl.load_model(path)
    for part in (
        "'square' (Dense): no regularizer of minidl's is called 'OrthogonalRegularizer'",
        "'own' (Dense): expected the name of a function, received a lambda, which is never run",
    ):
        assert part in str(caught.value)


def test_layers_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    their = keras_models.doubled()
    their.save(path)
    own = minidl.load_model(path, custom_objects={"Doubled": Doubled})
    assert_predicts_alike(own, their, X.reshape(14, 3))


class Doubled(layers.Layer):
    """y = 2 x."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.y = x * 2
        return self.y

    def backward(self, dy: Any) -> Any:
        return dy * 2


@pytest.mark.parametrize("model", ["branched", "twice"])
def test_what_is_no_row_is_refused(model: str, tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    getattr(keras_models, model)().save(path)
    name = {"branched": "other|right", "twice": "again"}[model]
    with pytest.raises(FileFormatError, match=f"layers in a row.*({name})"):
        minidl.load_model(path)


@pytest.mark.filterwarnings("ignore:You are saving a model that has not yet been built")
@pytest.mark.parametrize(
    ("model", "message"), [("half", "received .'mixed_float16'"), ("unbuilt", "one not built")]
)
def test_other_models_are_refused(model: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    getattr(keras_models, model)().save(path)
    with pytest.raises(FileFormatError, match=message):
        minidl.load_model(path)


def test_rows_of_two_axes_where_minidl_takes_features(tmp_path: Path) -> None:
    """The message is the layer's own."""
    path = tmp_path / "a.keras"
    keras_models.shared().save(path)
    with pytest.raises(FileFormatError, match=r"a.keras: words: expected rows of .* Flatten\(\)"):
        minidl.load_model(path)


def test_the_type_of_the_numbers_is_the_files(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    keras_models.single().save(path)
    own = minidl.load_model(path)
    assert own.dtype == np.float32
    own.save(path)
    assert keras_models.load(path).layers[0].kernel.dtype == "float32"


def test_a_model_within_has_the_type_of_the_whole(tmp_path: Path) -> None:
    """Whatever type it was made with."""
    path = tmp_path / "a.keras"
    inner = minidl.Sequential([layers.Dense(4, "tanh"), layers.LayerNormalization()])
    own = minidl.Sequential([layers.Input((3,)), inner, layers.Dense(2)], dtype="float64")
    own.save(path)
    x = X.reshape(14, 3)
    np.testing.assert_array_equal(minidl.load_model(path).predict(x), own.predict(x))
    assert_predicts_alike(own, keras_models.load(path), x)


def test_a_loss_that_minidl_lacks(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    keras_models.with_own_loss().save(path)
    with pytest.warns(
        UserWarning, match="not compiled, because minidl lacks a part of its loss.*lambda"
    ):
        model = minidl.load_model(path)
    assert model.optimizer is None
    assert model.predict(X.reshape(14, 3)).shape == (14, 2)


def test_metrics_that_minidl_lacks(tmp_path: Path) -> None:
    """Are left out; optimizer, its state, loss and the other metrics are there."""
    path = tmp_path / "a.keras"
    keras_models.with_own_metrics().save(path)
    with pytest.warns(UserWarning, match="without the metrics") as caught:
        model = minidl.load_model(path)
    (warning,) = caught
    assert warning.filename == __file__
    assert re.search(
        r"a.keras: the model is compiled without the metrics that minidl lacks, 'mine': .*; "
        r"'overlap': .*MeanIoU.*; 'mine': .*; loss and optimizer are the file's$",
        str(warning.message),
    )
    assert type(model.optimizer) is optimizers.Adam
    assert int(model.optimizer.iterations) == 1
    assert model.optimizer.state["m"].any()
    assert list(model.evaluate(np.ones((4, 3)), np.ones((4, 2)), verbose=0, return_dict=True)) == [
        "loss", "mae", "mse",
    ]  # fmt: skip


def test_a_number_that_keras_does_not_write(tmp_path: Path) -> None:
    """A warning tells of each delta other than 1 where minidl writes; Keras's file cannot tell."""
    path = tmp_path / "a.keras"
    model = minidl.Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", losses.Huber(2.0), metrics=[losses.Huber(3.0), losses.Huber()])
    with pytest.warns(UserWarning, match="Keras reads the Huber loss's delta") as caught:
        model.save(path)
    assert [warning.filename for warning in caught] == [__file__] * 2
    for warning, delta in zip(caught, (2.0, 3.0), strict=True):
        assert f"delta={delta} from this file" in str(warning.message)
    assert minidl.load_model(path).loss.delta == 2
    their = keras_models.load(path)
    x, y = np.zeros((1, 2)), np.full((1, 2), 3.0)
    assert float(their.loss(y, x)) == 2.0 * (3.0 - 1.0)
    their.save(path)
    assert minidl.load_model(path).loss.delta == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.compile("sgd", losses.Huber(), metrics=["mse"])
        model.save(path)
        minidl.Sequential([layers.Input((3,)), layers.Dense(2)]).save(path)


def test_what_a_file_of_keras_cannot_hold(tmp_path: Path) -> None:
    """All of it in one message; the old file stays."""
    path = tmp_path / "a.keras"
    path.write_bytes(b"old")
    model = minidl.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(3, kernel_regularizer=minidl.regularizers.Lp(1.5), name="powers"),
            layers.Dense(3, kernel_regularizer=minidl.regularizers.L1(proximal=True), name="few"),
            layers.Activation("gelu_tanh", name="curve"),
            layers.Dense(3, name="a/b"),
            Doubled(name="twice"),
            minidl.Sequential([layers.Flatten()], name="c/d"),
        ],
        name="e/f",
    )
    optimizer = optimizers.SGD(0.1)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    metric = metrics.MeanMetricWrapper(lambda y, p: p.mean(axis=1), "mine")
    model.compile(optimizer, "mse", metrics=[metric])
    with pytest.raises(ValueError, match="a file of Keras cannot hold") as caught:
        model.save(path)
    for part in (
        "'powers' (Dense): Keras has no regularizer Lp",
        "'few' (Dense): Keras has no regularizer L1, or none that is proximal",
        "'curve' (Activation): Keras has no activation of the name 'gelu_tanh'",
        "'a/b' (Dense): Keras's names have no slash",
        "'c/d' (Sequential): Keras's names have no slash",
        "'e/f' (Sequential): Keras's names have no slash",
        "'twice' (Doubled): Doubled is a class of your own",
        "'optimizer': exclude_from_weight_decay has no place",
        "'mine': a function of your own",
        "another way than .keras",
    ):
        assert part in str(caught.value)
    assert path.read_bytes() == b"old"


def test_smoothed_class_numbers_are_none_of_keras(tmp_path: Path) -> None:
    model = minidl.Sequential([layers.Input((3,)), layers.Dense(3, "softmax")])
    model.compile("sgd", minidl.losses.SparseCategoricalCrossentropy(label_smoothing=0.1))
    with pytest.raises(ValueError, match="Keras's SparseCategoricalCrossentropy has no label_smoo"):
        model.save(tmp_path / "a.keras")
    model.save(tmp_path / "a.npz")
    assert minidl.load_model(tmp_path / "a.npz").loss.label_smoothing == 0.1


def test_without_h5py(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "a.keras"
    model = minidl.Sequential([layers.Input((4,)), layers.Dense(3)])
    model.save(path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    for act in (lambda: save(model, path), lambda: minidl.load_model(path)):
        with pytest.raises(ImportError, match=r"pip install 'minidl\[keras-files\]'"):
            act()
