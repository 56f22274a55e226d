"""Configurations of classes that define no ``get_config``: the arguments of their constructors."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import constraints, initializers, layers, losses, metrics, optimizers, regularizers
from minidl.names.configuration import Configured, arguments_of, changed
from minidl.names.register import base_of, entries, foreign, is_class
from minidl.optimizers import schedules
from tests import registered


class Times(layers.Layer):
    """y = factor · x."""

    def __init__(self, factor: float, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.y = x * self.factor
        return self.y

    def backward(self, dy: Any) -> Any:
        return dy * self.factor


class Nameless(Times):
    """A layer whose constructor takes no argument of the base."""

    def __init__(self, times: tuple[float, ...] = (1.0,)) -> None:
        super().__init__(float(np.prod(times)))
        self.times = times


class Share(losses.MeanSquaredError):
    """A share of the squared error."""

    def __init__(self, share: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.share = share

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        super().row_losses(predictions, t, out)
        out *= self.share

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        super().row_gradients(predictions, t, out)
        out *= self.share


class Within(metrics.Metric):
    """Share of rows within a distance of their targets."""

    def __init__(self, distance: float = 0.1, name: str = "within") -> None:
        super().__init__(name=name)
        self.distance = distance

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        out[...] = np.sum(np.abs(predictions - y.reshape(predictions.shape)) < self.distance)


class Rounded(optimizers.SGD):
    """Descent with rounded gradients."""

    def __init__(self, digits: int = 3, **options: Any) -> None:
        super().__init__(**options)
        self.digits = digits

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        super().step(theta, np.round(grad, self.digits), learning_rate, t)


class Every(schedules.LearningRateSchedule):
    """One rate for even steps, another one for odd steps."""

    def __init__(self, rates: tuple[float, float]) -> None:
        self.rates = rates

    def __call__(self, step: int) -> float:
        return self.rates[step % 2]


class Cubic(regularizers.Regularizer):
    """factor · Σ |w|³."""

    def __init__(self, factor: float = 0.1) -> None:
        self.factor = factor
        self.times_asked = 0

    def forward(self, W: Any, out: Any) -> Any:
        self.times_asked += 1
        out[...] = self.factor * np.abs(W) ** 3
        return out

    def add_gradient(self, W: Any, dW: Any) -> None:
        dW += 3 * self.factor * W * np.abs(W)


class Ramp(initializers.Initializer):
    """Values from low to high."""

    def __init__(self, low: float = -1.0, high: float = 1.0) -> None:
        self.high = high
        self._low = low

    @property
    def low(self) -> float:
        """As given."""
        return self._low

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        return np.linspace(self.low, self.high, int(np.prod(shape))).reshape(shape)


class Below(constraints.Constraint):
    """Weights of at most so much."""

    def __init__(self, limits: Any) -> None:
        self.limits = np.asarray(limits)

    def project(self, W: Any, work: Any) -> None:
        np.minimum(W, self.limits.max(), out=W)


OWN = {each.__name__: each for each in (
    Times, Nameless, Share, Within, Rounded, Every, Cubic, Ramp, Below,
)}  # fmt: skip
MINIDLS = [e.thing for e in entries if is_class(e.thing) and not foreign(e.full)]
X = np.random.default_rng(0).normal(size=(32, 4))
Y = X @ np.ones((4, 1))


def model() -> Any:
    """A compiled model with an object of each kind, each with other arguments than the defaults."""
    dense = layers.Dense(
        3,
        kernel_initializer=Ramp(low=-0.5),
        kernel_regularizer=Cubic(0.25),
        kernel_constraint=Below([0.4, 0.45]),
        input_shape=(4,),
    )
    made = minidl.Sequential([dense, Times(2.0), Nameless((2.0, 0.25)), layers.Dense(1)])
    optimizer = Rounded(digits=5, learning_rate=Every((0.01, 0.02)), momentum=0.5)
    made.compile(optimizer, Share(0.5, name="mine"), metrics=[Within(0.5)])
    return made


def arguments(made: Any) -> list[Any]:
    """What the objects of the model have been told."""
    first, times, nameless, _ = made.layers
    optimizer, (metric,) = made.optimizer, made.metrics
    return [
        (first.kernel_initializer.low, first.kernel_initializer.high),
        first.kernel_regularizer.factor,
        first.kernel_constraint.limits.tolist(),
        (times.factor, times.name),
        (list(nameless.times), nameless.name, nameless.factor),
        (optimizer.digits, optimizer.momentum, list(optimizer.learning_rate.schedule.rates)),
        (made._loss.share, made._loss.name),
        (metric.distance, metric.name),
    ]


def test_a_class_of_each_kind_is_saved_and_loaded(tmp_path: Path) -> None:
    """Its training goes on with the same numbers."""
    made = model()
    made.fit(X, Y, epochs=2, batch_size=8, verbose=0)
    made.save(tmp_path / "model.npz")
    loaded = minidl.load_model(tmp_path / "model.npz", custom_objects=OWN)
    copied = pickle.loads(pickle.dumps(made))
    for other in (loaded, copied):
        assert arguments(other) == arguments(made)
        other.fit(X, Y, epochs=2, batch_size=8, verbose=0)
    made.fit(X, Y, epochs=2, batch_size=8, verbose=0)
    np.testing.assert_array_equal(loaded.theta, made.theta)
    np.testing.assert_array_equal(copied.theta, made.theta)


def test_a_clone_and_a_text(tmp_path: Path) -> None:
    made = model()
    for other in (
        minidl.models.clone_model(made),
        minidl.models.model_from_json(made.to_json(), OWN),
    ):
        other.compile(made.optimizer, made._loss, metrics=made.metrics)
        assert arguments(other) == arguments(made)
    made.layers[2].trainable = False
    assert not minidl.models.clone_model(made).layers[2].trainable


def test_values_are_those_of_now() -> None:
    """Tuples and arrays are lists."""
    optimizer = Rounded()
    optimizer.digits, optimizer.clipnorm = 7, 2.0
    assert changed(optimizer) == {"name": "rounded", "digits": 7, "clipnorm": 2.0}
    assert Below(np.ones(2)).get_config() == {"limits": [1.0, 1.0]}
    assert Every((0.5, 0.25)).get_config() == {"rates": [0.5, 0.25]}
    assert json.dumps(Cubic(np.float64(0.5)).get_config()) == '{"factor": 0.5}'


@pytest.mark.parametrize("kind", MINIDLS)
def test_every_class_of_minidl_is_made_again(kind: Any) -> None:
    """Of those that need no arguments; all arguments of a configuration are the constructor's."""
    assert issubclass(kind, Configured)
    given = {"shape": (3,)} if issubclass(kind, layers.Input) else {}
    needed = (name for name, each in arguments_of(kind).items() if each.default is each.empty)
    if not given and any(needed):
        return
    made = kind(**given)
    config = made.get_config()
    assert config.keys() <= arguments_of(kind).keys()
    assert kind.from_config(config).get_config() == config


def test_what_a_constructor_passes_on() -> None:
    """And where the arguments end."""
    assert list(arguments_of(Nameless)) == ["times"]
    assert {"digits", "momentum", "weight_decay", "name"} <= arguments_of(Rounded).keys()
    assert arguments_of(optimizers.AdamW)["weight_decay"].default == 0.004
    assert "beta" not in arguments_of(metrics.F1Score)

    class Through(Times):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)

    assert arguments_of(Through) == arguments_of(Times)
    assert Through(3.0, name="x").get_config() == Times(3.0, name="x").get_config()


def missing(base: type, **given: Any) -> Any:
    """An object of a class that keeps its argument under another name."""

    def constructor(self: Any, wanted: float = 1.0) -> None:
        base.__init__(self, **given)  # type: ignore[misc]
        self.kept = wanted

    return type("Forgetful", (base,), {"__init__": constructor, "__module__": __name__})()


MISSING = [
    missing(layers.Identity), missing(losses.MeanSquaredError), missing(metrics.Mean),
    missing(optimizers.Adam), missing(schedules.LearningRateSchedule), missing(regularizers.L2),
    missing(initializers.Zeros), missing(constraints.NonNeg),
]  # fmt: skip


@pytest.mark.parametrize("made", MISSING, ids=lambda made: type(made).__mro__[1].__name__)
def test_an_argument_without_an_attribute(made: Any) -> None:
    """The message says both remedies."""
    words = (
        r"Forgetful: the constructor takes 'wanted', and there is no attribute 'wanted'; expected "
        r"self.wanted = wanted in Forgetful.__init__, or a get_config that returns 'wanted'"
    )
    with pytest.raises(ValueError, match=words):
        made.get_config()


def test_every_kind_is_tried() -> None:
    assert {base_of(type(made)) for made in MISSING} == {*map(base_of, MINIDLS)}


def test_a_get_config_says_what_attributes_do_not(tmp_path: Path) -> None:
    """Of the class itself and, before it, of those that derive from it; not of those behind it."""

    class Kept(Times):
        def __init__(self, half: float = 1.0, **options: Any) -> None:
            super().__init__(2 * half, **options)

        def get_config(self) -> dict[str, Any]:
            config = super().get_config()
            del config["factor"]
            return {**config, "half": self.factor / 2}

    class Further(Kept):
        def __init__(self, further: int = 0, **options: Any) -> None:
            super().__init__(**options)
            self.further = further

    config = Further(3, half=2.5, name="x").get_config()
    assert (config["half"], config["further"]) == (2.5, 3)
    assert Further.from_config(config).factor == 5

    class Lost(Kept):
        def __init__(self, lost: int = 0, **options: Any) -> None:
            super().__init__(**options)

    with pytest.raises(ValueError, match="Lost: the constructor takes 'lost'"):
        Lost().get_config()


def test_a_settled_argument_is_refused_when_saved(tmp_path: Path) -> None:
    """A constructor that passes options on and has settled one of them has to say so."""

    class Gate(layers.Dense):
        def __init__(self, units: int, **options: Any) -> None:
            super().__init__(units, activation="sigmoid", **options)

    class Told(Gate):
        def get_config(self) -> dict[str, Any]:
            config = super().get_config()
            del config["activation"]
            return config

    with pytest.raises(ValueError, match=r"cannot save: .* multiple values .* 'activation'"):
        minidl.Sequential([Gate(2, input_shape=(3,))]).save(tmp_path / "model.npz")
    minidl.Sequential([Told(2, input_shape=(3,))]).save(tmp_path / "model.npz")
    loaded = minidl.load_model(tmp_path / "model.npz", {"Told": Told})
    assert loaded.layers[0].activation.function.name == "sigmoid"


def test_a_checkpoint_without_an_argument(tmp_path: Path) -> None:
    """One of before the argument: it is at its default, and the training goes on."""
    old = {"class": "Dense", "config": {"units": 3}}
    new = {"class": "Dense", "config": {"units": 3, "use_bias": True, "trainable": True}}
    assert minidl.resuming.fingerprints.differences(old, new) == []
    new["config"]["use_bias"] = False  # type: ignore[index]
    assert minidl.resuming.fingerprints.differences(old, new, "x") == [
        "x.use_bias: expected True, received False"
    ]


def test_minidls_own_say_little_themselves() -> None:
    """Few classes define ``get_config``: those whose arguments are not their attributes."""
    tables = (
        registered.CONSTRAINTS, registered.INITIALIZERS, registered.LOSSES, registered.SCHEDULES,
        registered.OPTIMIZERS,
    )  # fmt: skip
    assert [k for table in tables for k in table.values() if "get_config" in vars(k)] == []


@pytest.mark.parametrize(
    ("thing", "shown"),
    [
        (optimizers.Adam(), "Adam()"),
        (optimizers.Adam(0.01), "Adam(learning_rate=0.01)"),
        (optimizers.Adam(name="mine"), "Adam(name='mine')"),
        (
            optimizers.SGD(schedules.ExponentialDecay(0.1, 10, 0.5), momentum=0.9),
            "SGD(learning_rate=ExponentialDecay(initial_learning_rate=0.1, decay_steps=10.0, "
            "decay_rate=0.5), momentum=0.9)",
        ),
        (optimizers.Adam(lambda: 0.1), "Adam(...)"),
        (losses.Huber(2.0), "Huber(delta=2.0)"),
        (regularizers.L1(0.1, proximal=True), "L1(l1=0.1, proximal=True)"),
        (initializers.HeNormal(seed=3), "HeNormal(seed=3)"),
        (
            initializers.Constant(np.zeros(999)),
            "Constant(value=[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, ...])",
        ),
        (constraints.MaxNorm(3), "MaxNorm(max_value=3.0)"),
        (Rounded(5, learning_rate=0.5), "Rounded(learning_rate=0.5, digits=5)"),
        (Ramp(high=2.0), "Ramp(high=2.0)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_object_says_what_it_was_made_of(thing: Any, shown: str) -> None:
    """The class, and the arguments whose values are not the defaults."""
    assert repr(thing) == shown


def test_what_lacks_its_arguments_says_its_class() -> None:
    """And raises nothing, whatever a class of somebody else's does."""

    class Lacking(regularizers.Regularizer):
        def __init__(self, factor: float) -> None:
            self.kept = factor

    class Raising(losses.Loss):
        def get_config(self) -> dict[str, Any]:
            raise RuntimeError("not now")

    made = [
        Lacking(3),
        Lacking.__new__(Lacking),
        Raising(),
        optimizers.Adam.__new__(optimizers.Adam),
    ]
    assert [*map(repr, made)] == ["Lacking(...)", "Lacking(...)", "Raising(...)", "Adam(...)"]
