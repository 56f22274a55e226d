"""Bad arguments: one clear error that says what was expected and what came, at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import callbacks, layers, losses, metrics, optimizers
from minidl.optimizers import SGD
from tests import registered
from tests.fitting import FEATURES, compiled, network, problem, theta
from tests.specs import spec

X, LABELS = problem("integers").x, problem("integers").y

# What is wrong -> the error, its words in their order, the wrong argument of fit.
ARGUMENTS: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "batch size 0": (ValueError, "batch_size: .*at least 1, received 0", {"batch_size": 0}),
    "batch size -5": (ValueError, "batch_size: .*at least 1, received -5", {"batch_size": -5}),
    "batch size 2.5": (TypeError, "batch_size: .*integer.*received 2.5", {"batch_size": 2.5}),
    "batch size text": (TypeError, "batch_size: .*integer.*received '32'", {"batch_size": "32"}),
    "batch size True": (TypeError, "batch_size: .*integer.*received True", {"batch_size": True}),
    "epochs 0": (ValueError, "epochs: .*at least 1, received 0", {"epochs": 0}),
    "epochs -1": (ValueError, "epochs: .*at least 1, received -1", {"epochs": -1}),
    "epochs 1.5": (TypeError, "epochs: .*integer.*received 1.5", {"epochs": 1.5}),
    "initial epoch": (ValueError, "initial_epoch: .*least 0, received -1", {"initial_epoch": -1}),
    "verbose 3": (ValueError, "verbose: expected 0, 1, 2 or 'auto', received 3", {"verbose": 3}),
    "verbose text": (
        ValueError,
        "verbose: expected 0, 1, 2 or 'auto'.*'loud'",
        {"verbose": "loud"},
    ),
    "split 1": (ValueError, r"split: .*\[0, 1\), received 1.0", {"validation_split": 1.0}),
    "split -0.1": (ValueError, r"split: .*\[0, 1\), received -0.1", {"validation_split": -0.1}),
    "split NaN": (ValueError, r"split: .*\[0, 1\), received nan", {"validation_split": np.nan}),
    "split text": (TypeError, r"split: .*\[0, 1\), received 'some'", {"validation_split": "some"}),
    "no rows to train on": (
        ValueError,
        "split: .*leaves rows on both sides, received 0.99 of 23",
        {"validation_split": 0.99},
    ),
    "split of one row": (
        ValueError,
        "split: .*leaves rows on both sides, received 0.5 of 1",
        {"x": X[:1], "y": LABELS[:1], "validation_split": 0.5},
    ),
    "x alone": (ValueError, r"validation_data: .*\(x, y\).*received", {"validation_data": (X,)}),
    "four arrays": (
        ValueError,
        r"validation_data: .*\(x, y\).*received",
        {"validation_data": (X, LABELS, LABELS, LABELS)},
    ),
    "array": (ValueError, r"validation_data: .*received ndarray", {"validation_data": X}),
    "dictionary": (ValueError, r"validation_data: .*received dict", {"validation_data": {"x": X}}),
    "callback class": (
        TypeError,
        "callbacks: expected.*received.*EarlyStopping",
        {"callbacks": [callbacks.EarlyStopping]},
    ),
    "callback name": (TypeError, "callbacks: expected.*'EarlyS", {"callbacks": "EarlyStopping"}),
    "no callback": (TypeError, "callbacks: expected.*received.*print", {"callbacks": [print]}),
    "monitor": (
        ValueError,
        r"EarlyStopping to monitor 'los'; did you mean 'loss'\?",
        {"callbacks": callbacks.EarlyStopping("los")},
    ),
    "no validation": (
        ValueError,
        "EarlyStopping monitors 'val_loss': expected validation_data or .*, received neither",
        {"callbacks": callbacks.EarlyStopping()},
    ),
    "no evaluation": (
        ValueError,
        "EarlyStopping monitors 'train_loss': expected evaluate_train=True, received False",
        {"callbacks": callbacks.EarlyStopping("train_loss"), "validation_split": 0.5},
    ),
    "no accuracy": (
        ValueError,
        r"ModelCheckpoint to monitor 'val_accuracy'.*\(known: data_loss, .*, val_loss, .*\)",
        {
            "callbacks": callbacks.ModelCheckpoint("a", "val_accuracy", save_best_only=True),
            "validation_split": 0.5,
        },
    ),
    "plateau": (
        ValueError,
        "ReduceLROnPlateau monitors 'val_loss': expected validation_data or .*, received neither",
        {"callbacks": callbacks.ReduceLROnPlateau()},
    ),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_fit_refuses(name: str) -> None:
    """Nothing has moved, and a right call works after it."""
    error, words, wrong = ARGUMENTS[name]
    model, task = compiled("integers")
    before = model.get_weights()
    with pytest.raises(error, match=words):
        model.fit(**{"x": task.x, "y": task.y, "verbose": 0, **wrong})
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (model.step, model.optimizer.iterations) == (0, 0)
    model.fit(task.x, task.y, verbose=0)


@pytest.mark.parametrize("method", ["evaluate", "predict"])
@pytest.mark.parametrize("name", [name for name in ARGUMENTS if name.startswith("batch size")])
def test_batch_sizes(name: str, method: str) -> None:
    """Of evaluate and predict too."""
    error, words, wrong = ARGUMENTS[name]
    model, task = compiled("integers")
    data = [task.x, task.y][: 2 if method == "evaluate" else 1]
    with pytest.raises(error, match=words):
        getattr(model, method)(*data, **wrong)


def test_a_plateau_cannot_change_a_schedule() -> None:
    """The learning rate of a schedule is not a number to multiply."""
    model, task = compiled("values", optimizer=SGD(lambda step: 0.1))
    words = "expected an optimizer with a number as learning rate, received a schedule"
    with pytest.raises(ValueError, match=words):
        model.fit(task.x, task.y, callbacks=callbacks.ReduceLROnPlateau("loss"))
    assert model.step == 0


@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_before_compile(method: str) -> None:
    """Says what to call first."""
    model = network([spec("layers.Dense", units=3)])
    with pytest.raises(RuntimeError, match=r"expected compile\(.*\) to be called first"):
        getattr(model, method)(X, LABELS)
    with pytest.raises(RuntimeError, match="expected compile"):
        _ = model.metrics_names


@pytest.mark.parametrize(
    "arguments", [{"loss": "no such"}, {"loss": "mse", "metrics": ["no such"]}, {"loss": None}]
)
def test_a_compile_that_fails_has_not_compiled(arguments: dict[str, Any]) -> None:
    """fit then asks for compile, not for some attribute."""
    model = network([spec("layers.Dense", units=3)])
    with pytest.raises(ValueError, match=r"no such|expected a loss"):
        model.compile("sgd", **arguments)
    with pytest.raises(RuntimeError, match="expected compile"):
        model.fit(X, problem("one-hot").y, verbose=0)


def test_a_compile_that_fails_leaves_the_last_one() -> None:
    """Optimizer, loss and metrics of before."""
    model, task = compiled("values", hidden=[], metrics=["mse"])
    optimizer = model.optimizer
    for wrong in (("sgd", "no such"), ("sgd", "binary_crossentropy", None, ["no such"])):
        with pytest.raises(ValueError, match="no such"):
            model.compile(*wrong)
    assert model.optimizer is optimizer
    assert list(model.fit(task.x, task.y, verbose=0).history) == ["loss", "mse"]


def fit_compiled(*arguments: Any) -> None:
    """Compile a network with these."""
    network([spec("layers.Dense", units=3)]).compile(*arguments)


def test_metrics_in_the_place_of_the_weights_of_losses_are_answered() -> None:
    """Keras 2 had the metrics third, Keras 3 has loss_weights."""
    with pytest.raises(TypeError, match="third argument of compile is loss_weights, so write metr"):
        fit_compiled("sgd", "mse", ["accuracy"])


UNKNOWN: dict[str, tuple[Callable[..., Any], str, str]] = {
    "optimizer": (lambda name: fit_compiled(name, "mse"), "adm", "adam"),
    "loss": (lambda name: fit_compiled("sgd", name), "mean_square_error", "mean_squared_error"),
    "metric": (lambda name: fit_compiled("sgd", "mse", None, ["mse", name]), "acuracy", "accuracy"),
    "activation": (lambda name: layers.Dense(3, name), "rellu", "relu"),
    "activation layer": (lambda name: layers.Activation(name), "soft_max", "softmax"),
    "initializer": (
        lambda name: layers.Dense(3, kernel_initializer=name),
        "he_norml",
        "he_normal",
    ),
    "bias": (lambda name: layers.Dense(3, bias_initializer=name), "zeroes", "zero"),
    "regularizer": (lambda name: layers.Dense(3, kernel_regularizer=name), "l1-l2", "l1_l2"),
    "bias penalty": (lambda name: layers.Dense(3, bias_regularizer=name), "l-1", "l1"),
    "stopping mode": (lambda name: callbacks.EarlyStopping(mode=name), "mini", "min"),
    "checkpoint mode": (lambda name: callbacks.ModelCheckpoint("a", mode=name), "maxi", "max"),
    "plateau mode": (lambda name: callbacks.ReduceLROnPlateau(mode=name), "auto_", "auto"),
    "method": (
        lambda name: callbacks.LambdaCallback(**{name: print}),
        "on_epoch_ende",
        "on_epoch_end",
    ),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_unknown_names(what: str) -> None:
    """With the nearest right one, and all of them."""
    action, name, nearest = UNKNOWN[what]
    words = f"unknown .* '{name}'; did you mean '{nearest}'\\? \\(known: .*{nearest}.*\\)"
    with pytest.raises(ValueError, match=words):
        action(name)


def test_a_name_like_no_other() -> None:
    """No guess, but the list."""
    with pytest.raises(ValueError, match=r"'xyzzy' \(known: adadelta, adagrad, adam, .*sgd\)"):
        optimizers.get("xyzzy")


def test_each_known_name_is_listed_once() -> None:
    """Also a name of two classes, as "mse" of a loss and of a metric."""
    with pytest.raises(ValueError, match=r"known: ") as caught:
        metrics.get("xyzzy")
    names = str(caught.value).partition("known: ")[2].rstrip(")").split(", ")
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "arguments",
    [
        (3, "mse"),
        (None, "mse"),
        ("sgd", 3),
        ("sgd", "mse", None, [3]),
    ],
)
def test_compile_refuses_other_objects(arguments: tuple[Any, ...]) -> None:
    """A name, an object or a function that is known."""
    with pytest.raises(TypeError, match=r"expected a name.*received"):
        fit_compiled(*arguments)


NUMBERS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "rate 1": (lambda: layers.Dropout(1.0), ValueError, r"rate: .*\[0, 1\), received 1.0"),
    "rate -0.1": (lambda: layers.Dropout(-0.1), ValueError, r"rate: .*\[0, 1\), received -0.1"),
    "rate 50": (lambda: layers.Dropout(50), ValueError, r"rate: .*\[0, 1\), received 50"),
    "rate NaN": (lambda: layers.Dropout(np.nan), ValueError, r"rate: .*\[0, 1\), received nan"),
    "rate None": (lambda: layers.Dropout(None), TypeError, r"rate: .*\[0, 1\), received None"),
    "rate text": (lambda: layers.Dropout("0.5"), TypeError, r"rate: .*number.*received '0.5'"),
    "step text": (lambda: SGD("0.1"), TypeError, "learning_rate: .*number.*received '0.1'"),
    "units 0": (lambda: layers.Dense(0), ValueError, "units: .*at least 1, received 0"),
    "units 2.0": (lambda: layers.Dense(2.0), TypeError, "units: .*integer.*received 2.0"),
    "units text": (lambda: layers.Dense("2"), TypeError, "units: .*integer.*received '2'"),
    "size 0": (lambda: layers.Input((28, 0)), ValueError, "size.*at least 1, received 0"),
    "no shape": (lambda: layers.Input(), TypeError, "shape.*received none"),
    "momentum": (
        lambda: layers.BatchNormalization(momentum=1.0),
        ValueError,
        "momentum: .*received 1.0",
    ),
    "epsilon": (lambda: layers.BatchNormalization(epsilon=0), ValueError, "epsilon: .*received 0"),
    "slope": (lambda: layers.LeakyReLU(-0.1), ValueError, "negative_slope: .*received -0.1"),
    "penalty": (lambda: minidl.regularizers.l2(-1), ValueError, "l2: .*received -1"),
    "patience": (lambda: callbacks.EarlyStopping(patience=-1), ValueError, "patience: .*-1"),
    "min_delta": (lambda: callbacks.EarlyStopping(min_delta=-1), ValueError, "min_delta: .*-1"),
    "factor": (lambda: callbacks.ReduceLROnPlateau(factor=1), ValueError, r"\(0, 1\), received 1"),
    "seed -1": (lambda: minidl.utils.set_random_seed(-1), ValueError, "seed: .*received -1"),
    "seed 2^64": (lambda: minidl.utils.set_random_seed(2**64), ValueError, "seed: .*received 18"),
    "seed 1.5": (lambda: minidl.utils.set_random_seed(1.5), TypeError, "seed: .*received 1.5"),
    "float16": (lambda: minidl.set_floatx("float16"), ValueError, "expected.*received 'float16'"),
    "int32": (lambda: minidl.Sequential(dtype="int32"), ValueError, "expected.*received 'int32'"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_out_of_range(name: str) -> None:
    """When the object is made."""
    action, error, words = NUMBERS[name]
    with pytest.raises(error, match=words):
        action()


RATES = [(-0.1, ValueError), (np.nan, ValueError), (np.inf, ValueError), (None, TypeError)]


@pytest.mark.parametrize("kind", sorted(registered.OPTIMIZERS))
@pytest.mark.parametrize(("rate", "error"), [*RATES, ("fast", TypeError)])
def test_learning_rates(kind: str, rate: Any, error: type[Exception]) -> None:
    """When the optimizer is made, and when the rate is set later."""
    words = rf"learning_rate: .*\[0, inf\), received {rate!r}"
    with pytest.raises(error, match=words):
        registered.OPTIMIZERS[kind](learning_rate=rate)
    made = registered.OPTIMIZERS[kind]()
    with pytest.raises(error, match=words):
        made.learning_rate = rate


@pytest.mark.parametrize("rate", [-0.1, np.nan])
def test_learning_rate_of_a_schedule(rate: float) -> None:
    """Asked for at each step; the weights are still those of before."""
    model, task = compiled("values", optimizer=SGD(lambda step: rate))
    before = theta(model)
    with pytest.raises(ValueError, match=f"learning_rate from the schedule: .*received {rate}"):
        model.fit(task.x, task.y, verbose=0)
    np.testing.assert_array_equal(theta(model), before)


@pytest.mark.parametrize(("rate", "error"), RATES)
def test_learning_rate_of_a_scheduler(rate: Any, error: type[Exception]) -> None:
    """What a LearningRateScheduler's function returns is checked before the epoch."""
    model, task = compiled("values")
    callback = callbacks.LearningRateScheduler(lambda epoch, now: rate)
    with pytest.raises(error, match=f"learning_rate: .*received {rate!r}"):
        model.fit(task.x, task.y, verbose=0, callbacks=callback)
    assert model.step == 0


def test_a_layer_twice_in_one_model() -> None:
    """A layer keeps what a pass leaves in it once."""
    shared = layers.Dense(3, name="shared")
    model = minidl.Sequential([shared])
    words = "'shared' is in this network already; expected a new layer"
    with pytest.raises(ValueError, match=words):
        model.add(shared)
    with pytest.raises(ValueError, match=words):
        minidl.Sequential([model, shared])


@pytest.mark.parametrize("wrong", [layers.ReLU, "relu", minidl.activations.relu, None])
def test_what_is_no_layer(wrong: Any) -> None:
    """The class in place of an object, a name, a function."""
    with pytest.raises(TypeError, match="expected a layer, received"):
        minidl.Sequential([wrong])


def test_input_after_other_layers() -> None:
    """It says what the first layer is given."""
    with pytest.raises(ValueError, match="expected Input as the first layer, received"):
        minidl.Sequential([layers.Dense(3), layers.Input((2,))])


def test_no_layers() -> None:
    model = minidl.Sequential()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="expected at least one layer, received none"):
        model.fit(X, LABELS, verbose=0)


def test_an_optimizer_of_two_models() -> None:
    """It holds the state of one; the second model is untouched and the first goes on."""
    shared = optimizers.Adam()
    model, task = compiled("values", optimizer=shared)
    other, _ = compiled("values", optimizer=shared, seed=12)
    model.fit(task.x, task.y, verbose=0)
    before = theta(other)
    words = f"expected a new optimizer.*received.*another model of {model.theta.size} parameters"
    with pytest.raises(ValueError, match=words):
        other.fit(task.x, task.y, verbose=0)
    np.testing.assert_array_equal(theta(other), before)
    model.fit(task.x, task.y, epochs=2, initial_epoch=1, verbose=0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w[:-1], "expected arrays of shapes.*received"),
        (lambda w: [*w, w[0]], "expected arrays of shapes.*received"),
        (lambda w: [w[0].T, w[1]], rf"expected .*\({FEATURES}, 2\).*received.*\(2, {FEATURES}\)"),
        (lambda w: [w[0], w[1] * np.nan], "expected finite weights, received NaN.*array 1"),
    ],
)
def test_set_weights_refuses(change: Any, words: str) -> None:
    """Another count, another shape, NaN; nothing is overwritten."""
    model = network([spec("layers.Dense", units=2)])
    before = theta(model)
    with pytest.raises(ValueError, match=words):
        model.set_weights(change([w + 1 for w in model.get_weights()]))
    np.testing.assert_array_equal(theta(model), before)


@pytest.mark.parametrize(
    "base",
    [layers.Dense, losses.MeanSquaredError, metrics.MeanAbsoluteError, optimizers.Adam],
    ids=lambda base: base.__name__,
)
def test_a_constructor_that_leaves_out_its_base_s(base: Any) -> None:
    class Own(base):
        def __init__(self) -> None:
            self.mine = 1

    given: dict[str, Any] = {"optimizer": "sgd", "loss": "mse"}
    own: Any = Own()
    with pytest.raises(TypeError, match=r"Own: expected an __init__ that calls super\(\)"):  # noqa: PT012
        if isinstance(own, layers.Dense):
            minidl.Sequential([own])
        elif isinstance(own, metrics.Metric):
            given["metrics"] = [own]
        else:
            given["loss" if isinstance(own, losses.Loss) else "optimizer"] = own
        minidl.Sequential([layers.Dense(1)]).compile(**given)


ODD = {
    "masked": np.ma.masked_array([[1.0, 2.0]], [[True, False]]),
    "complex": np.array([[1j, 2.0]]),
    "dates": np.array([["2020-01-01", "2021-01-01"]], "M8[s]"),
    "objects": np.array([[1.0, 2.0]], object),
    "ragged": [[1.0], [2.0, 3.0]],
}


@pytest.mark.parametrize("kind", [*ODD])
def test_what_is_no_array_of_numbers_is_refused(kind: str) -> None:
    """Where NumPy would go on: with the imaginary part, the mask or the unit left out."""
    x, right = ODD[kind], np.array([[1.0, 2.0]])
    inner = layers.Dense(3)
    network = minidl.Sequential([layers.Input((2,)), inner])
    calls: list[Callable[[], Any]] = [
        lambda: network(x),
        lambda: inner(x),
        lambda: layers.ReLU()(x),
        lambda: minidl.activations.relu(x),
        lambda: minidl.losses.mean_squared_error(x, right),
        lambda: minidl.losses.MeanSquaredError()(right, x),
        lambda: minidl.losses.MeanSquaredError()(right, right, sample_weight=x),
        lambda: metrics.MeanSquaredError().update_state(right, x),
        lambda: metrics.MeanSquaredError().update_state(right, right, sample_weight=x),
        lambda: metrics.Mean().update_state(x),
        lambda: minidl.regularizers.L2(0.1)(x),
        lambda: minidl.constraints.NonNeg()(x),
        lambda: minidl.utils.normalize(x),
        lambda: minidl.utils.to_categorical(x),
        lambda: inner.set_weights([x, np.zeros(3)]),
    ]
    if kind != "ragged":  # a list is a list of batches
        calls.append(lambda: layers.Normalization().adapt(x))
    words = r"expected an array (of numbers|without gaps), received"
    for call in calls:
        with pytest.raises(TypeError, match=words):
            call()


def test_penalties_of_arrays_of_any_layout_and_type() -> None:
    W = np.arange(12.0).reshape(3, 4)
    for given in (W[:, 1:], W.T, W.astype(np.float16), W.astype(">f8"), W.astype(np.int8)):
        assert minidl.regularizers.L2(0.5)(given) == 0.5 * np.sum(given.astype(float) ** 2)


@pytest.mark.parametrize("value", ["he_normal", "False", None, 0.5, 2, np.array([1, 0])])
def test_what_is_neither_true_nor_false_is_refused(value: Any) -> None:
    """An argument at the wrong place, such as Dense(8, "relu", "he_normal")."""
    layer, network = layers.Dense(2), minidl.Sequential([layers.Dense(2)])
    calls: list[Callable[[], Any]] = [
        lambda: layers.Dense(8, "relu", value),
        lambda: layers.BatchNormalization(center=value),
        lambda: layers.LayerNormalization(scale=value),
        lambda: layers.Dropout(0.5, trainable=value),
        lambda: setattr(layer, "trainable", value),
        lambda: setattr(network, "trainable", value),
        lambda: losses.BinaryCrossentropy(value),
        lambda: SGD(0.1, 0.9, value),
        lambda: optimizers.Adam(use_ema=value),
        lambda: metrics.AUC(from_logits=value),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"\w+: expected True or False, received"):
            call()
    assert layers.Dense(8, use_bias=np.False_).use_bias is False
    assert layers.Dense(8, use_bias=1).use_bias is True


def test_a_number_beyond_every_float_is_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"learning_rate: expected a number in \[0, inf\)"):
        SGD(10**400)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: callbacks.EarlyStopping(None), "monitor: .* received None"),  # type: ignore[arg-type]
        (lambda: callbacks.ReduceLROnPlateau(["loss"]), r"monitor: .* received \['loss'\]"),  # type: ignore[arg-type]
        (lambda: callbacks.LearningRateScheduler(0.1), "schedule: .* received 0.1"),  # type: ignore[arg-type]
        (lambda: callbacks.LambdaCallback("save"), "on_epoch_begin: .* received 'save'"),  # type: ignore[arg-type]
        (lambda: callbacks.CSVLogger("log.csv", "\n"), r"separator: .* received '\\n'"),
        (lambda: callbacks.CSVLogger("log.csv", '"'), "separator: .* received"),
        (lambda: callbacks.CSVLogger("log.csv", ""), "separator: .* received ''"),
    ],
)
def test_arguments_of_callbacks_are_refused_when_they_are_given(
    make: Callable[[], Any], words: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        make()
