"""Models in files: everything comes back, and nothing but a model is read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import layers, optimizers
from tests import registered
from tests.doubles.cupy_double import installed
from tests.fitting import HIDDEN, KINDS, compiled, equal, network, problem, same_weights, theta
from tests.specs import Spec, spec

L1 = spec("regularizers.L1", l1=0.02)
PROXIMAL = spec("regularizers.L1", l1=0.02, proximal=True)
MAX_NORM = spec("constraints.MaxNorm", max_value=0.5, axis=0)
LAYERS = [
    spec("layers.Dense", units=5, activation="elu", use_bias=False, kernel_regularizer=L1),
    spec("layers.Dense", units=5, kernel_initializer="he_normal", bias_regularizer="l2"),
    spec("layers.Dense", units=5, kernel_regularizer=PROXIMAL),
    spec("layers.Activation", activation="leaky_relu"),
    spec("layers.Sigmoid"),
    spec("layers.Tanh"),
    spec("layers.ReLU"),
    spec("layers.ReLU", max_value=1.5, negative_slope=0.1, threshold=0.2),
    spec("layers.LeakyReLU", negative_slope=0.07),
    spec("layers.ELU", alpha=0.7),
    spec("layers.Softmax"),
    spec("layers.Dropout", rate=0.4),
    spec("layers.Dropout", rate=0.2, seed=9),
    spec("layers.BatchNormalization", momentum=0.7, epsilon=0.01),
    spec("layers.BatchNormalization", center=False, scale=False),
    spec("layers.Flatten"),
    spec("layers.Rescaling", scale=0.3, offset=0.1),
    spec("layers.Dense", units=5, activation=spec("layers.LeakyReLU", negative_slope=0.07)),
    spec("layers.Dense", units=5, kernel_constraint=MAX_NORM, bias_constraint="non_neg"),
    spec("layers.Dense", units=5, activity_regularizer=L1, bias_initializer=None),
    spec("layers.BatchNormalization", gamma_constraint="non_neg", beta_regularizer="l2"),
    spec("layers.LayerNormalization", epsilon=0.01, beta_constraint="non_neg"),
    spec("layers.UnitNormalization"),
    spec("layers.Normalization"),
    spec("layers.Normalization", axis=None, mean=0.5, variance=2.0, invert=True),
    spec("layers.PReLU", alpha_initializer="ones", alpha_constraint=MAX_NORM),
    spec("layers.AlphaDropout", rate=0.4),
    spec("layers.GaussianNoise", stddev=0.3, seed=9),
    spec("layers.GaussianDropout", rate=0.4),
    spec("layers.ActivityRegularization", l1=0.01, l2=0.02),
    spec("layers.Identity"),
    spec("layers.Reshape", target_shape=(-1,)),
]
INITIALIZERS = [
    spec("initializers.Zeros"),
    spec("initializers.Ones"),
    spec("initializers.Constant", value=0.25),
    spec("initializers.Constant", value=[0.1, 0.2, 0.3]),
    spec("initializers.IdentityInitializer", gain=0.5),
    spec("initializers.Orthogonal", gain=0.5, seed=1),
    spec("initializers.TruncatedNormal", mean=0.1, stddev=0.2),
    spec("initializers.VarianceScaling", scale=2.0, mode="fan_avg", distribution="uniform"),
    spec("initializers.RandomUniform", minval=-0.2, maxval=0.3, seed=1),
    spec("initializers.RandomNormal", mean=0.1, stddev=0.2),
    *(
        spec(f"initializers.{family}{kind}", seed=3)
        for family in ("Glorot", "He", "Lecun")
        for kind in ("Uniform", "Normal")
    ),
]
REGULARIZERS = [
    spec("regularizers.L1", l1=0.02),
    spec("regularizers.L2", l2=0.03),
    spec("regularizers.L1L2", l1=0.02, l2=0.03),
    PROXIMAL,
    spec("regularizers.Lp", p=1.5, lp=0.02),
]
CONSTRAINTS = [
    MAX_NORM,
    spec("constraints.NonNeg"),
    spec("constraints.UnitNorm", axis=1),
    spec("constraints.MinMaxNorm", min_value=0.2, max_value=0.5, rate=0.5, axis=[0, 1]),
]
SCHEDULES = [
    spec(
        "optimizers.schedules.ExponentialDecay",
        initial_learning_rate=0.1,
        decay_steps=3,
        decay_rate=0.5,
        staircase=True,
    ),
    spec("optimizers.schedules.PiecewiseConstantDecay", boundaries=[2.0], values=[0.1, 0.02]),
    spec(
        "optimizers.schedules.PolynomialDecay",
        initial_learning_rate=0.1,
        decay_steps=3,
        power=2.0,
        cycle=True,
    ),
    spec(
        "optimizers.schedules.InverseTimeDecay",
        initial_learning_rate=0.1,
        decay_steps=3,
        decay_rate=0.5,
    ),
    spec(
        "optimizers.schedules.CosineDecay",
        initial_learning_rate=0.1,
        decay_steps=9,
        alpha=0.1,
        warmup_target=0.2,
        warmup_steps=3,
    ),
    spec(
        "optimizers.schedules.CosineDecayRestarts",
        initial_learning_rate=0.1,
        first_decay_steps=3,
        t_mul=1.5,
    ),
]
OPTIMIZERS = [
    spec("optimizers.SGD", learning_rate=0.02),
    spec("optimizers.SGD", learning_rate=0.02, momentum=0.9, nesterov=True, clipvalue=0.5),
    spec("optimizers.RMSprop", rho=0.8, momentum=0.5, centered=True, epsilon=1e-5),
    spec("optimizers.Adam", beta_1=0.8, beta_2=0.99, amsgrad=True, clipnorm=0.5),
    spec("optimizers.AdamW", weight_decay=0.1, global_clipnorm=0.5),
    spec("optimizers.Nadam", learning_rate=0.01),
    spec("optimizers.Adagrad", initial_accumulator_value=0.3),
    spec("optimizers.Adamax", beta_1=0.8, use_ema=True, ema_momentum=0.5),
    spec("optimizers.Adadelta", rho=0.8, gradient_accumulation_steps=3),
    spec("optimizers.Lion", beta_2=0.8, use_ema=True, ema_overwrite_frequency=3),
    spec("optimizers.Ftrl", l1_regularization_strength=0.1, learning_rate_power=-0.3),
    spec("optimizers.AdamW", weight_decay=0.3, exclude_from_weight_decay=["bias"]),
    *(spec("optimizers.SGD", learning_rate=schedule) for schedule in SCHEDULES),
]
ITEMS = [*INITIALIZERS, *REGULARIZERS, *CONSTRAINTS]
LOSSES = {
    "integers": spec("losses.SparseCategoricalCrossentropy", from_logits=True),
    "one-hot": spec("losses.CategoricalCrossentropy", from_logits=True),
    "binary": spec("losses.BinaryCrossentropy", from_logits=True),
    "values": spec("losses.MeanSquaredError"),
}
FURTHER_LOSSES = [
    spec("losses.CategoricalCrossentropy", label_smoothing=0.25),
    spec("losses.MeanAbsoluteError", reduction="sum"),
    spec("losses.MeanAbsolutePercentageError", name="percent"),
    spec("losses.MeanSquaredLogarithmicError", reduction="mean_with_sample_weight"),
    spec("losses.Huber", delta=0.5),
    spec("losses.LogCosh"),
    spec("losses.Poisson"),
    spec("losses.KLDivergence"),
    spec("losses.CosineSimilarity"),
    spec("losses.Hinge"),
    spec("losses.SquaredHinge"),
    spec("losses.CategoricalHinge"),
    spec("losses.BinaryFocalCrossentropy", apply_class_balancing=True, alpha=0.5, gamma=3.0),
    spec("losses.CategoricalFocalCrossentropy", alpha=0.5, gamma=3.0),
]


def reloaded(model: minidl.Sequential, path: Path) -> minidl.Sequential:
    """Through a file, in another process's place: another default type and seed."""
    model.save(path)
    minidl.utils.set_random_seed(999)
    minidl.set_floatx("float64" if model.dtype == np.float32 else "float32")
    return minidl.load_model(path)


def same_model(a: minidl.Sequential, b: minidl.Sequential) -> None:
    """Assert that two models are alike in all that a file holds."""
    same_weights(a, b)
    assert [type(layer) for layer in a] == [type(layer) for layer in b]
    for one, other in zip(a, b, strict=True):
        assert _plain(one.get_config()) == _plain(other.get_config())
        assert one.output_shape == other.output_shape
    assert a.dtype == b.dtype
    assert (a.name, a.seed, a.step, a.input_shape) == (b.name, b.seed, b.step, b.input_shape)
    if a.optimizer is None:
        assert b.optimizer is None
        return
    assert type(a.optimizer) is type(b.optimizer)
    assert _plain(a.optimizer.get_config()) == _plain(b.optimizer.get_config())
    assert a.optimizer.iterations == b.optimizer.iterations
    assert a.optimizer.state.keys() == b.optimizer.state.keys()
    for name, vector in a.optimizer.state.items():
        host = a.backend.to_host(vector), b.backend.to_host(b.optimizer.state[name])
        np.testing.assert_array_equal(*host, err_msg=name)
    assert type(a._loss) is type(b._loss)
    assert a._loss.get_config() == b._loss.get_config()
    assert a.metrics_names == b.metrics_names
    assert [type(m) for m in a._metrics] == [type(m) for m in b._metrics]


def _plain(value: Any) -> Any:
    """Objects within a configuration as (class, configuration)."""
    if hasattr(value, "get_config"):
        return type(value).__name__, _plain(value.get_config())
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def goes_on_as(model: minidl.Sequential, other: minidl.Sequential, kind: str) -> None:
    """Assert that two models train on in the same way, bit for bit."""
    task = problem(kind)
    histories = [
        m.fit(task.x, task.y, 5, 4, initial_epoch=2, verbose=0).history for m in (model, other)
    ]
    assert histories[0] == histories[1]
    same_model(model, other)


def test_the_lists_below_are_complete() -> None:
    """Every class that the package has is saved and loaded in one of these tests."""
    paths = {s.path for s in (*LAYERS, *ITEMS, *SCHEDULES, *OPTIMIZERS)}
    made = {
        path.rpartition(".")[2]
        for path in (*paths, *(s.path for s in (*LOSSES.values(), *FURTHER_LOSSES)))
    }
    tables = (
        registered.INITIALIZERS,
        registered.REGULARIZERS,
        registered.CONSTRAINTS,
        registered.OPTIMIZERS,
        registered.LOSSES,
        registered.SCHEDULES,
    )
    known = {kind.__name__ for table in tables for kind in table.values()}
    assert made == known | set(layers.__all__) - {"Layer", "Input", "InputLayer"}


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_layers(layer: Spec, tmp_path: Path, executor: str) -> None:
    """Architecture, weights and statistics, and how training goes on."""
    task = problem("one-hot")
    model = network([spec("layers.Dense", units=4), layer, task.output])
    model.compile("adam", task.loss, metrics=["accuracy"])
    model.fit(task.x, task.y, 5, 2, verbose=0)
    other = reloaded(model, tmp_path / "model.npz")
    same_model(model, other)
    np.testing.assert_array_equal(model.predict(task.x), other.predict(task.x))
    goes_on_as(model, other, "one-hot")


@pytest.mark.parametrize("item", ITEMS, ids=str)
def test_initializers_regularizers_and_constraints(item: Spec, tmp_path: Path) -> None:
    """Their arguments; a penalty goes on being added, a constraint goes on holding."""
    where = f"kernel_{item.path.partition('.')[0].removesuffix('s')}"
    task = problem("values")
    model = network([spec("layers.Dense", units=3, **{where: item}), task.output])
    model.compile("sgd", "mse")
    other = reloaded(model, tmp_path / "model.npz")
    same_model(model, other)
    goes_on_as(model, other, "values")


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("epochs", [0, 2], ids=["before", "amid"])
def test_optimizers(optimizer: Spec, epochs: int, tmp_path: Path) -> None:
    """Arguments, state and count of steps; schedules go on where they were."""
    model, task = compiled("integers", optimizer=optimizer.make(minidl))
    if epochs:
        model.fit(task.x, task.y, 5, epochs, verbose=0)
    other = reloaded(model, tmp_path / "model.npz")
    if epochs:
        same_model(model, other)
    goes_on_as(model, other, "integers")


@pytest.mark.parametrize("kind", LOSSES)
def test_losses(kind: str, tmp_path: Path) -> None:
    """With from_logits."""
    task = problem(kind)
    model = network([spec("layers.Dense", units=task.units)])
    model.compile("sgd", LOSSES[kind].make(minidl))
    goes_on_as(model, reloaded(model, tmp_path / "model.npz"), kind)


@pytest.mark.parametrize("loss", FURTHER_LOSSES, ids=str)
def test_further_losses(loss: Spec, tmp_path: Path) -> None:
    """With their arguments, and the factor that compile gives them."""
    model = network([spec("layers.Dense", units=problem("one-hot").units, activation="softmax")])
    model.compile("sgd", loss.make(minidl), loss_weights=0.5)
    other = reloaded(model, tmp_path / "model.npz")
    assert other._loss.weight == 0.5
    goes_on_as(model, other, "one-hot")


@pytest.mark.parametrize(
    ("kind", "metrics"),
    [
        ("integers", ["acc", "sparse_categorical_accuracy", "sparse_categorical_crossentropy"]),
        ("integers", [minidl.metrics.sparse_categorical_accuracy]),
        ("one-hot", ["accuracy", "categorical_crossentropy", "mse", "mean_squared_error"]),
        ("binary", ["binary_accuracy", minidl.losses.binary_crossentropy]),
        ("integers", [minidl.metrics.SparseCategoricalAccuracy()]),
        ("integers", [minidl.metrics.SparseCategoricalAccuracy(name="right")]),
    ],
)
def test_metrics(kind: str, metrics: Any, tmp_path: Path) -> None:
    """By whatever name; the keys of the History stay."""
    model, _ = compiled(kind, metrics=metrics)
    other = reloaded(model, tmp_path / "model.npz")
    goes_on_as(model, other, kind)


@given(
    kind=st.sampled_from(KINDS),
    hidden=st.lists(st.sampled_from(LAYERS), max_size=4),
    optimizer=st.sampled_from(OPTIMIZERS),
    epochs=st.integers(0, 2),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_any_network(
    kind: str, hidden: Any, optimizer: Spec, epochs: int, dtype: str, tmp_path_factory: Any
) -> None:
    """Random stacks of layers, with state, go on as they would have."""
    model, task = compiled(kind, hidden=hidden, optimizer=optimizer.make(minidl), dtype=dtype)
    if epochs:
        model.fit(task.x, task.y, 5, epochs, verbose=0)
    other = reloaded(model, tmp_path_factory.mktemp("any") / "model.npz")
    goes_on_as(model, other, kind)


def test_a_resumed_run_is_the_whole_run(tmp_path: Path, executor: str) -> None:
    """Dropout, shuffle, statistics, Adam: the same losses and weights, bit for bit."""
    whole, task = compiled("integers", metrics=["accuracy"])
    held = {"verbose": 0, "validation_split": 0.2}
    expected = whole.fit(task.x, task.y, 5, 5, **held).history
    part, _ = compiled("integers", metrics=["accuracy"])
    first = part.fit(task.x, task.y, 5, 3, **held).history
    rest = reloaded(part, tmp_path / "model.npz")
    second = rest.fit(task.x, task.y, 5, 5, initial_epoch=3, **held)
    assert second.epoch == [3, 4]
    for name, values in expected.items():
        equal(first[name] + second.history[name], values, executor)
    same_weights(whole, rest, executor)
    for name in whole.optimizer.state:
        one, other = (m.backend.to_host(m.optimizer.state[name]) for m in (whole, rest))
        equal(one, other, executor)


def test_what_momentum_gathered_of_a_changing_rate_is_saved(tmp_path: Path) -> None:
    """The threshold of a proximal penalty depends on it: the same weights, bit for bit."""
    penalty = spec("regularizers.L1", l1=0.2, proximal=True)
    hidden = [spec("layers.Dense", units=6, kernel_regularizer=penalty)]

    def slower() -> minidl.callbacks.Callback:
        return minidl.callbacks.LearningRateScheduler(lambda epoch: 0.05 / (1 + epoch))

    models = [compiled("values", hidden, optimizers.SGD(0.05, 0.9))[0] for _ in range(2)]
    task = problem("values")
    models[0].fit(task.x, task.y, 5, 4, verbose=0, callbacks=slower())
    models[1].fit(task.x, task.y, 5, 2, verbose=0, callbacks=slower())
    rest = reloaded(models[1], tmp_path / "model.npz")
    rest.fit(task.x, task.y, 5, 4, verbose=0, callbacks=slower(), initial_epoch=2)
    assert (models[0].get_weights()[0] == 0).any()
    same_weights(models[0], rest)


@pytest.mark.parametrize("input_shape", [(4,), (2, 2), (2, 1, 2)])
def test_shapes_and_names(input_shape: Any, tmp_path: Path) -> None:
    """A model that was never compiled; images; names of layers and of the model."""
    made = [
        layers.Flatten(name="flat"),
        layers.Dense(3, name="first"),
        layers.Dense(2, "softmax"),
    ][:3]
    model = minidl.Sequential([layers.Input(input_shape), *made], name="a name · ü")
    other = reloaded(model, tmp_path / "model.npz")
    same_model(model, other)
    assert [layer.name for layer in other] == [layer.name for layer in model]
    assert other.parameters[0].name == "first/kernel"


def test_the_path_is_taken_as_it_is(tmp_path: Path) -> None:
    """A string or a path, any suffix or none; an older file is replaced."""
    model, _ = compiled()
    for name in ("model", "model.bin", "model.npz", "mit Leerzeichen ü"):
        for path in (tmp_path / name, str(tmp_path / name)):
            model.save(path)
            same_model(model, minidl.load_model(path))
    assert len(list(tmp_path.iterdir())) == 4


def test_others_may_read_the_file_as_any_other(tmp_path: Path) -> None:
    """The permissions are those of a file that is opened for writing."""
    model, _ = compiled()
    model.save(tmp_path / "model.npz")
    (tmp_path / "plain").write_bytes(b"")
    modes = [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("model.npz", "plain")]
    assert modes[0] == modes[1]


def test_between_backends(tmp_path: Path) -> None:
    """Saved on one, loaded on the other, both ways; the same numbers to rounding."""
    model, task = compiled("integers", metrics=["accuracy"])
    model.fit(task.x, task.y, 5, 2, verbose=0)
    model.save(tmp_path / "host.npz")
    with installed(), minidl.backend.use("cupy"):
        device = minidl.load_model(tmp_path / "host.npz")
        assert device.backend.name == "cupy"
        assert not isinstance(device.theta, np.ndarray)
        same_model(model, device)
        there = device.fit(task.x, task.y, 5, 4, initial_epoch=2, verbose=0).history
        device.save(tmp_path / "device.npz")
        with minidl.backend.use("numpy"):
            back = minidl.load_model(tmp_path / "device.npz")
        assert back.backend.name == "numpy"
        same_model(device, back)
    here = model.fit(task.x, task.y, 5, 4, initial_epoch=2, verbose=0).history
    for name, values in here.items():
        # float64, sums in another order
        np.testing.assert_allclose(there[name], values, rtol=1e-12)


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["write", "replace"])
def test_a_failed_save_leaves_the_old_file(
    where: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole, and nothing beside it."""
    path = tmp_path / "model.npz"
    model, _ = compiled()
    model.save(path)
    before = path.read_bytes()

    def half(file: Any, array: Any, **_: Any) -> None:
        file.write(b"half")
        raise error

    def not_replaced(*_: Any) -> None:
        raise error

    if where == "write":
        monkeypatch.setattr(np.lib.format, "write_array", half)
    else:
        monkeypatch.setattr(os, "replace", not_replaced)
    model.set_weights([w + 1 for w in model.get_weights()])
    with pytest.raises(type(error)):
        model.save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        model.save(tmp_path / "absent" / "model.npz")
    model.save(path)
    np.testing.assert_array_equal(theta(minidl.load_model(path)), theta(model))


def test_a_copy_is_written(tmp_path: Path) -> None:
    """Training after saving does not change the file, nor the model what was loaded."""
    model, task = compiled("integers", hidden=HIDDEN)
    model.save(tmp_path / "a")
    before = theta(model)
    other = minidl.load_model(tmp_path / "a")
    model.fit(task.x, task.y, verbose=0)
    np.testing.assert_array_equal(theta(other), before)
    np.testing.assert_array_equal(theta(minidl.load_model(tmp_path / "a")), before)
