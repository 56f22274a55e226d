"""Names of Keras for layers, models, metrics and dictionaries: each does what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers, losses, metrics, ops, optimizers, regularizers, saving
from minidl.names import absent
from tests.registered import forgotten  # noqa: F401  a fixture

RANDOM = np.random.default_rng(4)
X = RANDOM.normal(size=(40, 3))
Y = (X.sum(axis=1) > 0).astype(int)


class Positives(metrics.Metric):
    """True positives, as programs for Keras write them."""

    def __init__(self, name: str = "positives", **options: Any) -> None:
        super().__init__(name=name, **options)
        self.found = self.add_weight(name="found", initializer="zeros")
        self.seen = self.add_weight(shape=(2,), name="seen")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        right = ops.logical_and(ops.cast(y_true, "bool"), ops.greater(y_pred, 0.5))
        self.found.assign_add(ops.sum(ops.cast(right, "float32")))
        self.seen.assign_add([len(y_pred), 1])

    def result(self) -> Any:
        return self.found


@pytest.mark.parametrize("executor", ["python", "compiled"])
def test_a_metric_with_weights_counts_like_minidls(executor: str) -> None:
    """In training and validation, epoch by epoch."""
    with minidl.backend.use("numpy", executor=executor):
        minidl.utils.set_random_seed(2)
        model = minidl.Sequential([layers.Dense(1, "sigmoid")])
        own = Positives()
        named = [own, metrics.TruePositives(name="theirs")]
        model.compile(optimizers.Adam(0.1), "binary_crossentropy", metrics=named)
        history = model.fit(X, Y, 8, 4, verbose=0, validation_split=0.25).history
        assert history["positives"] == history["theirs"]
        assert history["val_positives"] == history["val_theirs"]
        assert len({*history["positives"]}) > 1
        _, one, other = model.evaluate(X, Y, verbose=0)
        assert one == other > 0


def test_a_metrics_weights() -> None:
    metric = Positives(dtype="float32")
    metric.update_state([[1], [1], [0]], [[0.9], [0.2], [0.8]])
    assert metric.result().numpy() == 1
    assert [weight.name for weight in metric.variables] == ["found", "seen"]
    np.testing.assert_array_equal(metric.seen, [3, 1])
    metric.seen.assign([1, 2]).assign_sub([1, 1])
    np.testing.assert_array_equal(metric.seen.value, [0, 1])
    metric.reset_state()
    assert metric.result() == 0
    with pytest.raises(ValueError, match=r"dtype: expected one of .*received 'int32'"):
        metrics.Mean(dtype="int32")
    assert metrics.AUC(dtype="float32").get_config()["dtype"] == "float32"


def test_a_layer_is_built_for_inputs_with_a_batch_axis() -> None:
    """And has weights, penalties and outputs by itself."""
    penalty = regularizers.L2(0.5)
    layer = layers.Dense(2, kernel_regularizer=penalty, activity_regularizer="l2", trainable=False)
    assert (layer.weights, layer.losses) == ([], [])
    layer.build((None, 3))
    layer.set_weights([np.ones((3, 2)), np.zeros(2)])
    assert layer.kernel.regularizer is penalty
    assert layer.losses == [3.0] == [penalty(np.ones((3, 2)))]
    y = layer(np.ones((4, 3)))
    np.testing.assert_array_equal(y, np.full((4, 2), 3))
    assert layer.losses == pytest.approx([3.0, 0.01 * 2 * 9], rel=1e-6)  # float32
    assert layer.trainable_weights == []
    assert layer.compute_output_shape((None, 5)) == (None, 2)
    model = minidl.Sequential([layer, layers.Dense(1, kernel_regularizer="l1")])
    assert minidl.Sequential([layers.Dense(1)]).weights == []
    assert len(model.weights) == 4
    assert len(model.losses) == 3


def test_a_layer_made_with_trainable_false_stays() -> None:
    layer = layers.Dense(2, trainable=False)
    model = minidl.Sequential([layers.Input((3,)), layer, layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    before = layer.get_weights()
    model.fit(X, Y, verbose=0)
    for one, other in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not layers.Dense.from_config(layer.get_config()).trainable


def test_what_has_no_gradient_says_what_to_write() -> None:
    layer = layers.Dense(1)
    for thing in (layer, minidl.Sequential([layer])):
        with pytest.raises(
            NotImplementedError, match="add_loss has no gradient here; expected act"
        ):
            thing.add_loss(3)
    with pytest.raises(NotImplementedError, match=r"self\.add_tensor\(attribute, name, shape"):
        layer.add_weight(shape=(3,))
    with pytest.raises(NotImplementedError, match="a function has no gradient here"):
        layers.Lambda(np.abs)

    class Own(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return np.mean(np.abs(np.subtract(y_true, y_pred)), axis=-1)

    assert Own()([[1.0, 2], [0, 0]], [[1.0, 4], [0, 0]]) == 0.5
    assert Own(reduction="sum")([[1.0], [0]], [[3.0], [0]], [0.5, 1]) == 1
    with pytest.raises(
        TypeError, match=r"two functions in place of its call, minidl\.losses\.from"
    ):
        minidl.Sequential([layer]).compile("sgd", Own())


def test_the_numbers_of_a_normalization_can_be_read() -> None:
    layer = layers.Normalization()
    layer.adapt(X)
    for _ in "before build", "after":
        np.testing.assert_allclose(layer.mean.numpy(), X.mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(layer.variance.numpy(), X.var(axis=0), rtol=1e-6)
        minidl.Sequential([layer]).build((None, 3))


def test_losses_of_several_axes_take_weights() -> None:
    """One for each, one for each row, or one for all."""
    y, p = RANDOM.normal(size=(2, 3, 4)), RANDOM.normal(size=(2, 3, 4))
    rows = ((y - p) ** 2).mean(axis=-1)
    loss, weight = losses.MeanSquaredError(), RANDOM.normal(size=(2, 3))
    assert loss(y, p, weight) == pytest.approx((rows * weight).mean(), rel=1e-12)
    assert loss(y, p, weight[..., None]) == loss(y, p, weight)
    assert loss(y, p, [1, 2]) == pytest.approx((rows * [[1], [2]]).mean(), rel=1e-12)
    assert loss(y, p, 2.0) == pytest.approx(2 * rows.mean(), rel=1e-12)
    with pytest.raises(
        ValueError, match=r"weight for each of the losses \(2, 3\), received \(5,\)"
    ):
        loss(y, p, np.ones(5))


def test_softmax_along_other_axes_and_constants_by_place() -> None:
    x = RANDOM.normal(size=(2, 3, 4))
    for axis in (0, 1, (1, 2), (-1,)):
        e = np.exp(x)
        expected = e / e.sum(axis=axis, keepdims=True)
        np.testing.assert_allclose(minidl.activations.softmax(x, axis), expected, rtol=1e-12)
        found = minidl.activations.log_softmax(x, axis=axis)
        np.testing.assert_allclose(found, np.log(expected), rtol=1e-11)  # sums in another order
    relu, leaky = minidl.activations.relu, minidl.activations.leaky_relu
    np.testing.assert_array_equal(relu(x, 0.5, 1.0), relu(x, negative_slope=0.5, max_value=1.0))
    np.testing.assert_array_equal(leaky(x, 0.25), leaky(x, negative_slope=0.25))
    with pytest.raises(TypeError, match="tanh: expected up to 0 constants"):
        minidl.activations.tanh(x, 1)


@pytest.mark.parametrize(
    "thing",
    [
        layers.Dense(2, "relu", kernel_regularizer="l2", kernel_constraint="max_norm"),
        layers.ELU(0.5),
        losses.Huber(0.5),
        metrics.MeanSquaredError("error"),
        optimizers.Adam(optimizers.schedules.CosineDecay(0.1, 10)),
        regularizers.L1L2(0.1, 0.2),
        minidl.initializers.Constant(0.5),
        minidl.constraints.MaxNorm(2),
        minidl.activations.tanh,
    ],
    ids=lambda thing: getattr(thing, "name", type(thing).__name__),
)
def test_objects_come_back_from_dictionaries(thing: Any) -> None:
    """The dictionary is what JSON has; a class and a function of one name are told apart."""
    described = saving.serialize_keras_object(thing)
    made = saving.deserialize_keras_object(described)
    if described == "tanh":
        made = minidl.activations.get(made)
    assert type(made) is type(thing)
    assert saving.serialize_keras_object(made) == described


def test_a_dictionary_stands_for_an_object_among_arguments() -> None:
    described = saving.serialize_keras_object(minidl.initializers.Constant(0.5))
    assert layers.Dense(2, kernel_initializer=described).kernel_initializer.value == 0.5


@pytest.mark.usefixtures("forgotten")
def test_things_of_ones_own_are_registered() -> None:
    known = saving.get_custom_objects()
    before = dict(known)
    try:

        @saving.register_keras_serializable(package="mine", name="double")
        class Twice(regularizers.L2):
            pass

        @minidl.utils.register_keras_serializable()
        def distance(y_true: Any, y_pred: Any) -> Any:
            return np.abs(y_true - y_pred)

        assert saving.get_registered_name(Twice) == "mine>double"
        assert saving.get_registered_object("Custom>distance") is distance
        assert isinstance(regularizers.get("double"), Twice)
        assert saving.get_registered_object("nothing") is None
        known["Third"] = type("Third", (regularizers.L1,), {})
        assert type(regularizers.get("third")).__name__ == "Third"
    finally:
        known.clear()
        known.update(before)
    with pytest.raises(ValueError, match="unknown regularizer 'third'"):
        regularizers.get("third")
    with saving.custom_object_scope({"Third": type("Third", (regularizers.L1,), {})}):
        assert isinstance(regularizers.get("Third"), regularizers.L1)
    with pytest.raises(TypeError, match="expected an object of one of activation"):
        saving.serialize_keras_object(object())


def test_a_size_of_batches_is_of_no_use_where_batches_come() -> None:
    """A warning says so, and nothing else changes."""
    model = minidl.Sequential([layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")

    class Rows(minidl.utils.PyDataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            return X[index::2], Y[index::2]

    for call in (model.fit, model.evaluate, model.predict):
        with pytest.warns(match="batch_size changes nothing, because x is a PyDataset"):
            call(Rows(), batch_size=7, verbose=0)
    assert len(model.predict(Rows())) == len(X)


def test_terminate_on_nan_may_raise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the file of the failing step is written there
    model = minidl.Sequential([layers.Dense(1)])
    model.compile(optimizers.SGD(1e30), "mse")
    watch = minidl.callbacks.TerminateOnNaN(raise_error=True)
    with pytest.raises(RuntimeError, match="TerminateOnNaN"), np.errstate(all="ignore"):
        model.fit(1e3 * X, Y, epochs=20, verbose=0, callbacks=watch)


def test_names_that_a_model_has_not_say_what_to_write() -> None:
    """And are no attributes all the same; other names have Python's own message."""
    for model in (minidl.Sequential([layers.Dense(1)]), minidl.Model(*ends())):
        for name, words in (
            ("fit_generator", r"write fit, which takes generators, too"),
            ("predict_classes", r"write predict\(x\)\.argmax\(axis=-1\)"),
            ("export", r"minidl\.interop\.to_onnx"),
            ("reset_metrics", "leave it out"),
        ):
            assert not hasattr(model, name)
            with pytest.raises(AttributeError, match=f"{name} is no part of .*models: .*{words}"):
                getattr(model, name)
        with pytest.raises(AttributeError, match="object has no attribute 'fitt'"):
            model.fitt  # noqa: B018
        with pytest.raises(AttributeError, match="has no attribute '__export__'"):
            model.__export__  # noqa: B018
    with pytest.raises(AttributeError, match=r"the shape of a row of .* is not known yet"):
        minidl.Sequential([layers.Dense(1)]).input  # noqa: B018


def ends() -> Any:
    inputs = layers.Input((3,))
    return inputs, layers.Dense(1)(inputs)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mixed_precision", r"float32 or float64: write minidl\.set_floatx"),
        ("Layer", r"write minidl\.layers\.Layer$"),
        ("Optimizer", r"write minidl\.optimizers\.Optimizer$"),
        ("wrappers", r"write minidl\.estimators"),
    ],
)
def test_names_that_the_package_has_not_say_what_to_write(name: str, words: str) -> None:
    with pytest.raises(AttributeError, match=f"{name} is none of minidl's names: .*{words}"):
        getattr(minidl, name)
    for place in re.findall(r"write minidl\.(\w+)\.(\w+)$", words.replace("\\", "")):
        assert hasattr(getattr(minidl, place[0]), place[1])


@pytest.mark.parametrize("name", absent.CALLED_BY_KERAS)
@pytest.mark.parametrize("base", [minidl.Sequential, minidl.Model])
def test_a_method_that_keras_would_call_is_refused(base: type, name: str) -> None:
    """Where it is defined in a class of models, or in one that this derives from."""
    method = {name: lambda model, *arguments: None}
    mixin = type("Mixin", (), method)
    for bases, body in (((base,), method), ((mixin, base), {})):
        with pytest.raises(TypeError, match=rf"Own\.{name}: expected no such method"):
            type("Own", bases, body)
    other = type("Other", (base,), {"helper": lambda model: 1})
    made = other(*ends()) if base is minidl.Model else other([minidl.layers.Dense(1)])
    assert made.helper() == 1


def test_metrics_by_the_name_of_the_output() -> None:
    """And in a list for the one output, as Keras takes them."""
    found = []
    for given in (["mae", "mse"], {"out": ["mae", "mse"]}, [["mae", "mse"]]):
        model = minidl.Model(*ends())
        model.compile("sgd", {"out": "mse"}, metrics=given)
        found.append([metric.name for metric in model._metrics])
    assert found == [["mae", "mse"]] * 3


def test_each_answer_is_needed() -> None:
    """A name that is here needs none."""
    model = minidl.Model(*ends())
    assert [name for name in absent.OF_MODELS if hasattr(model, name)] == []
    assert [name for name in absent.OF_PACKAGE if hasattr(minidl, name)] == []


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda other: minidl.Sequential([other()]), "Dense"),
        (lambda other: optimizers.get(other()), "Adam"),
        (lambda other: optimizers.get(other), "Adam"),
        (lambda other: losses.get(other()), "MeanSquaredError"),
        (lambda other: layers.Dense(3, kernel_regularizer=other()), "L2"),
        (lambda other: layers.Dense(3, kernel_initializer=other()), "HeNormal"),
    ],
    ids=["layer", "optimizer", "class", "loss", "regularizer", "initializer"],
)
def test_an_object_of_a_namesake(make: Any, name: str) -> None:
    """An import line was left as it is: the message names the package that it is of."""
    other = type(name, (), {"__module__": "keras.src.them", "__call__": lambda *_: None})
    message = f"received {name} of the package keras; import minidl's {name}$"
    with pytest.raises(TypeError, match=message):
        make(other)
