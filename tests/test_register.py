"""The register: names, kinds, collisions, and what a file says of classes."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import activations, initializers, layers, losses, metrics, optimizers, regularizers
from minidl.activations import ActivationFunction
from minidl.backend import fused
from minidl.checks import hint
from minidl.names.in_files import find_class, name_of
from minidl.names.lookup import find, known
from minidl.names.register import register
from minidl.optimizers import schedules
from tests.registered import forgotten  # noqa: F401 - a fixture
from tests.saving.packing import unpacked

pytestmark = pytest.mark.usefixtures("forgotten")

KINDS = {
    layers: layers.Layer,
    losses: losses.Loss,
    metrics: metrics.Metric,
    optimizers: optimizers.Optimizer,
    initializers: initializers.Initializer,
    regularizers: regularizers.Regularizer,
    schedules: schedules.LearningRateSchedule,
}


def own(name: str, base: type = layers.Layer, module: str = "wild.things", **body: Any) -> Any:
    """A class of another package."""
    return type(name, (base,), {"__module__": module, "__qualname__": name, **body})


@fused
def cube_forward(x: Any) -> Any:
    """y = x³."""
    return x * x * x


@fused
def cube_backward(dy: Any, x: Any) -> Any:
    """dx = dy · 3 x²."""
    return dy * (3 * x * x)


def cube() -> ActivationFunction:
    """An activation of this package, "tests"."""
    return ActivationFunction("cube", cube_forward, cube_backward)


def offered() -> Iterator[type]:
    """The classes that a module offers, without those of which others derive only."""
    for module, base in KINDS.items():
        for name, value in vars(module).items():
            usable = inspect.isclass(value) and issubclass(value, base) and value is not base
            if usable and not name.startswith("_"):
                yield value


def test_every_class_that_minidl_offers_is_registered_under_its_own_name() -> None:
    """A metric that is called as a loss is has the kind before its name in files."""
    found = set(offered())
    assert len(found) > 40
    for kind in found:
        namesake = issubclass(kind, metrics.Metric) and hasattr(losses, kind.__name__)
        full = f"metrics.{kind.__name__}" if namesake else kind.__name__
        assert name_of(kind) == full
        assert find_class(full) is kind
        base = next(each for each in KINDS.values() if issubclass(kind, each))
        for name in (kind.__name__, kind.__name__.upper(), kind.__name__.lower()):
            assert find(name, base) is kind


def test_every_pair_of_activation_kernels_is_registered() -> None:
    """And a function of the module."""
    from minidl.kernels import activations as kernels
    from minidl.kernels import gated, piecewise, rowwise, smooth

    pairs = {
        name[:-8]
        for m in (kernels, gated, piecewise, rowwise, smooth)
        for name in vars(m)
        if name.endswith("_forward")
    }
    assert pairs | {"swish", "hard_swish"} == set(known(ActivationFunction))
    for name in pairs:
        assert getattr(activations, name).name == name
        assert name in dir(activations)
        assert activations.get(name.upper()) is getattr(activations, name)
    with pytest.raises(AttributeError, match="no attribute 'cube'"):
        activations.cube  # noqa: B018


@pytest.mark.parametrize(
    ("get", "name", "kind"),
    [
        (losses.get, "MSE", losses.MeanSquaredError),
        (losses.get, "Mean_Squared_Error", losses.MeanSquaredError),
        (optimizers.get, "AdamW", optimizers.AdamW),
        (optimizers.get, "rmsprop", optimizers.RMSprop),
        (regularizers.get, "l1_l2", regularizers.L1L2),
        (regularizers.get, "L1L2", regularizers.L1L2),
        (initializers.get, "he_normal", initializers.HeNormal),
        (initializers.get, "HeNormal", initializers.HeNormal),
        (lambda name: metrics.get(name, losses.get("mse")), "BinaryAccuracy", None),
    ],
)
def test_names(get: Any, name: str, kind: type | None) -> None:
    """As Python writes them and with underscores, in any case of letters."""
    assert type(get(name)) is (kind or metrics.BinaryAccuracy)


def test_a_metric_is_called_what_it_was_asked_for() -> None:
    """The key in a History, as before."""
    for name in ("acc", "accuracy", "mse", "binary_accuracy"):
        assert metrics.get(name, losses.BinaryCrossentropy()).name == name


def test_a_class_of_ones_own_is_found_and_saved_under_its_package() -> None:
    """By both names; a decorator gives the class back."""
    Scale = register(own("HalfScale"))
    assert name_of(Scale) == "wild>HalfScale"
    for name in ("HalfScale", "halfscale", "half_scale", "wild>HalfScale", "WILD>halfscale"):
        assert find(name, layers.Layer) is Scale
    assert find_class("wild>HalfScale") is Scale
    with pytest.raises(ValueError, match="unknown class"):
        find_class("HalfScale")
    Named = register("rooted", "root")(own("SquareRoot", losses.Loss))
    assert isinstance(losses.get("ROOT"), Named)
    assert isinstance(losses.get("rooted"), Named)
    assert "wild>HalfScale" in known(layers.Layer)


def test_minidls_names_stay_minidls() -> None:
    """A stranger's Dense is not "dense", neither for get nor in files; a warning says so."""
    with pytest.warns(UserWarning, match="'Dense' is the name of one of minidl's.*'wild>Dense'"):
        Dense = register(own("Dense", layers.Dense))
    assert find("dense", layers.Layer) is layers.Dense
    assert find_class("Dense") is layers.Dense
    assert find("wild>dense", layers.Layer) is Dense
    assert name_of(Dense) == "wild>Dense"


@pytest.mark.parametrize(
    ("base", "name", "further"),
    [
        (losses.Loss, "Mine", "MSE"),
        (losses.Loss, "Mean_Squared_Error", None),
        (optimizers.Optimizer, "Adam", None),
        (ActivationFunction, "relu", None),
        (ActivationFunction, "mine", "swish"),
    ],
)
def test_a_name_that_minidl_has_is_answered_with_a_warning(
    base: Any, name: str, further: str | None
) -> None:
    """Of every kind, and of further names; another kind may have the name."""
    if base is ActivationFunction:
        thing: Any = ActivationFunction(name, cube_forward, cube_backward)
    else:
        thing = own(name, base)
    names = () if further is None else (further,)
    with pytest.warns(UserWarning, match=f"'{further or name}' is the name of one of minidl's"):
        assert register(thing, *names) is thing
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        register(own("Adam", layers.Layer, "tame.layers"))


def test_two_packages_may_use_one_name_and_then_it_is_said_in_full() -> None:
    """Nobody can tell which is meant otherwise."""
    one, other = register(own("Scale")), register(own("Scale", module="tame"))
    assert (find("wild>scale", layers.Layer), find("tame>scale", layers.Layer)) == (one, other)
    with pytest.raises(ValueError, match="'scale': expected 'wild>Scale' or 'tame>Scale'"):
        find("scale", layers.Layer)


def test_two_classes_of_one_package_under_one_name() -> None:
    """Refused, of whichever kind, unless it is the same class, made again."""
    old = register(own("Scale"))
    for other in (own("SCALE", module="wild.other"), own("Scale", losses.Loss, "wild.other")):
        with pytest.raises(ValueError, match="expected one class of the name 'wild>S"):
            register(other)
    again = own("Scale")
    with pytest.raises(ValueError, match=r"'wild>Scale' is the name of wild\.things\.Scale; exp"):
        name_of(again)
    assert register(again) is again
    assert find_class("wild>Scale") is again is not old
    assert register(again) is again
    mine = register(cube())
    assert register(cube()) == mine
    with pytest.raises(ValueError, match="unknown class"):
        find_class("tests>cube")


@pytest.mark.parametrize("thing", [int, layers.Layer, 3, len, ActivationFunction, metrics], ids=str)
def test_other_things_are_refused(thing: Any) -> None:
    """With the kinds that there are."""
    with pytest.raises(TypeError, match=r"register: .* Initializer, Layer, Learning.*, received"):
        register(thing)


def test_an_activation_of_ones_own_goes_through_a_file(tmp_path: Path) -> None:
    """Registered, it is found by name wherever one stands."""
    register(cube())
    made = minidl.Sequential(
        [layers.Dense(3, "cube", input_shape=(2,)), layers.Activation("tests>cube")]
    )
    made.save(tmp_path / "model.npz")
    text = unpacked((tmp_path / "model.npz").read_bytes())["config.json"]
    assert [layer["config"]["activation"] for layer in json.loads(text)["layers"]] == [
        "tests>cube",
        "tests>cube",
    ]
    loaded = minidl.load_model(tmp_path / "model.npz")
    x = np.ones((2, 2))
    np.testing.assert_array_equal(loaded.predict(x), made.predict(x))


def test_a_registered_class_goes_through_a_file(tmp_path: Path) -> None:
    """Nothing needs to be handed over; custom_objects come first where they are."""
    Twice = register(own("Twice", layers.Rescaling))
    minidl.Sequential([Twice(2.0, input_shape=(2,)), layers.Dense(1)]).save(tmp_path / "a.npz")
    assert type(minidl.load_model(tmp_path / "a.npz").layers[0]) is Twice
    Newer = own("Newer", layers.Rescaling)
    loaded = minidl.load_model(tmp_path / "a.npz", custom_objects={"Twice": Newer, "dense": Newer})
    assert [type(layer) for layer in loaded.layers] == [Newer, layers.Dense]


@pytest.mark.parametrize("given", [3, {"a": 3}, {1: layers.Dense}, {"a": int}, [layers.Dense]])
def test_custom_objects_are_a_dictionary_of_classes(given: Any, tmp_path: Path) -> None:
    """Said before the file is read."""
    with pytest.raises(TypeError, match="custom_objects: expected a dictionary"):
        minidl.load_model(tmp_path / "absent.npz", given)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Relu", "relu"),
        ("leakyrelu", "leaky_relu"),
        ("leaky-relu", "leaky_relu"),
        ("Leaky ReLU", "leaky_relu"),
        ("Relu7", "relu"),
        ("rleu", "relu"),
        ("eul", "elu"),
        ("hardsigmoid", "hard_sigmoid"),
        ("log-softmax", "log_softmax"),
        ("quux", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_near_by_meaning(name: str, near: str | None) -> None:
    """Letters count; their case and separators do not."""
    found = hint(name, known(ActivationFunction))
    assert found == (f"; did you mean {near!r}?" if near else "")


def test_a_training_with_classes_of_ones_own_goes_on(tmp_path: Path) -> None:
    """Those of the model that resumes stand for those in the checkpoint."""
    Own = own("Own", layers.Rescaling)
    random = np.random.default_rng(0)
    x, y = random.normal(size=(12, 4)), random.normal(size=(12, 1))

    def trained(epochs: int, resume: Any = None) -> minidl.Sequential:
        minidl.utils.set_random_seed(2)
        model = minidl.Sequential([Own(0.5, name="own", input_shape=(4,)), layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(x, y, batch_size=4, epochs=epochs, verbose=0, resume=resume)
        return model

    trained(2, tmp_path / "run")
    np.testing.assert_array_equal(trained(4, tmp_path / "run").theta, trained(4).theta)
