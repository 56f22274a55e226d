"""Every constructor argument, set as an attribute after a fit: it acts, or it is refused."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import constraints, layers, losses, metrics, optimizers, regularizers
from minidl.accelerator.record import recording
from minidl.layers import Dense, Input
from minidl.models import load_model
from tests import registered
from tests.playing import RATES
from tests.selection import few

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(20, 4))
CLASSES = np.arange(20) % 3
TARGETS = {"integers": CLASSES, "rows": np.eye(3)[CLASSES], "binary": np.eye(3)[CLASSES]}
VALUES = RANDOM.normal(size=(20, 3))

#: What is handed to a constructor first, where it has no default or where the default hides much.
FIRST: dict[str, dict[str, Any]] = {
    "Dense": {"units": 6, "activation": "tanh", "kernel_regularizer": "l2"},
    "Activation": {"activation": "elu"},
    "Dropout": {"rate": 0.25},
    "Rescaling": {"scale": 0.5},
    "BatchNormalization": {"momentum": 0.5},
    "AlphaDropout": {"rate": 0.25},
    "GaussianDropout": {"rate": 0.25},
    "GaussianNoise": {"stddev": 0.25},
    "Normalization": {"mean": [0.1, 0.2, 0.3, 0.4, 0.5], "variance": [1.1, 1.2, 1.3, 1.4, 1.5]},
    "Reshape": {"target_shape": (5,)},
    "MinMaxNorm": {"min_value": 0.1},
    "L1": {"l1": 0.02},
    "Lp": {"p": 1.5},
    "LossMetric": {"loss": losses.MeanSquaredError(), "name": "own"},
    "MeanMetricWrapper": {"fn": metrics.binary_accuracy, "name": "one"},
    **{kind: {"name": "one"} for kind in ("AUC", "Precision", "Recall")},
    **{f"{a}{b}": {"name": "one"} for a in ("True", "False") for b in ("Positives", "Negatives")},
    "SensitivityAtSpecificity": {"specificity": 0.5, "name": "one"},
    "SpecificityAtSensitivity": {"sensitivity": 0.5, "name": "one"},
    "PrecisionAtRecall": {"recall": 0.5, "name": "one"},
    "RecallAtPrecision": {"precision": 0.5, "name": "one"},
    "FBetaScore": {"average": "micro"},
    "F1Score": {"average": "micro"},
    "RMSprop": {"momentum": 0.3},
    "Lion": {"use_ema": True, "ema_overwrite_frequency": 4},
    "Adadelta": {"use_ema": True},
    **{
        name: dict(
            zip(
                (p for p in inspect.signature(kind).parameters if p != "name"),
                RATES[name],
                strict=False,
            )
        )
        for name, kind in registered.SCHEDULES.items()
    },
}

#: What an argument is set to afterwards: by name, and where a class needs another, by class.
THEN: dict[str, Any] = {
    "name": "other",
    "input_shape": (9,),
    "input_dim": 9,
    "activity_regularizer": regularizers.L2(0.3),
    "kernel_constraint": constraints.UnitNorm(),
    "bias_constraint": constraints.NonNeg(),
    "noise_shape": (1, 5),
    "beta_initializer": "ones",
    "gamma_initializer": "zeros",
    "moving_mean_initializer": "ones",
    "moving_variance_initializer": "zeros",
    "beta_regularizer": regularizers.L1(0.05),
    "gamma_regularizer": regularizers.L2(0.3),
    "beta_constraint": constraints.NonNeg(),
    "gamma_constraint": constraints.MaxNorm(0.5),
    "alpha_initializer": "ones",
    "alpha_regularizer": regularizers.L1(0.05),
    "alpha_constraint": constraints.NonNeg(),
    "shared_axes": [1],
    "variance": 0.5,
    "invert": True,
    "target_shape": (5, 1),
    "max_value": 0.25,
    "min_value": 0.125,
    "gain": 0.5,
    "mode": "fan_out",
    "distribution": "uniform",
    "units": 7,
    "activation": "relu",
    "use_bias": False,
    "kernel_initializer": "zeros",
    "bias_initializer": "ones",
    "kernel_regularizer": regularizers.L1(0.05),
    "bias_regularizer": regularizers.L2(0.3),
    "rate": 0.6,
    "seed": 77,
    "momentum": 0.8,
    "epsilon": 0.2,
    "center": False,
    "negative_slope": 0.9,
    "threshold": 0.125,
    "alpha": 0.4,
    "gamma": 0.5,
    "offset": -0.5,
    "learning_rate": 0.2,
    "nesterov": True,
    "weight_decay": 0.3,
    "clipnorm": 0.05,
    "clipvalue": 0.01,
    "global_clipnorm": 0.02,
    "use_ema": True,
    "ema_momentum": 0.5,
    "ema_overwrite_frequency": 3,
    "gradient_accumulation_steps": 2,
    "learning_rate_power": -0.3,
    "l1_regularization_strength": 0.01,
    "l2_regularization_strength": 0.02,
    "l2_shrinkage_regularization_strength": 0.03,
    "beta": 0.04,
    "rho": 0.5,
    "centered": True,
    "beta_1": 0.5,
    "beta_2": 0.6,
    "amsgrad": True,
    "initial_accumulator_value": 0.9,
    "l1": 0.2,
    "l2": 0.2,
    "proximal": True,
    "p": 2.5,
    "lp": 0.2,
    "initial_learning_rate": 0.3,
    "decay_steps": 3,
    "first_decay_steps": 3,
    "t_mul": 1.5,
    "m_mul": 0.5,
    "decay_rate": 0.5,
    "staircase": True,
    "end_learning_rate": 0.2,
    "power": 2,
    "cycle": True,
    "warmup_target": 0.5,
    "warmup_steps": 12,
    "boundaries": [2, 9],
    "values": [0.3, 0.2, 0.1],
    "from_logits": True,
    "class_numbers": True,
    "loss": losses.MeanSquaredError(),
    "fn": metrics.categorical_accuracy,
    "label_smoothing": 0.1,
    "axis": 1,
    "k": 2,
    "from_sorted_ids": True,
    "thresholds": [0.25, 0.5],
    "top_k": 1,
    "class_id": 2,
    "num_thresholds": 50,
    "specificity": 0.25,
    "sensitivity": 0.25,
    "precision": 0.25,
    "recall": 0.25,
    "curve": "PR",
    "summation_method": "majoring",
    "multi_label": True,
    "num_labels": 3,
    "label_weights": [1.0, 2.0, 3.0],
    "average": "macro",
    "class_aggregation": "variance_weighted_average",
    "num_regressors": 2,
    "value": 0.3,
    "minval": -0.2,
    "maxval": 0.3,
    "mean": 0.1,
    "stddev": 0.2,
    "reduction": "sum",
    "delta": 0.4,
    "ignore_class": 1,
    "dtype": "float32",
    "trainable": False,
    "apply_class_balancing": True,
}
THEN_BY_CLASS: dict[tuple[str, str], Any] = {
    **{(name, "axis"): 0 for name in registered.LOSSES},
    ("BatchNormalization", "scale"): False,
    ("LayerNormalization", "scale"): False,
    **{
        (name, "axis"): 1
        for name in (
            "BatchNormalization",
            "LayerNormalization",
            "Softmax",
            "UnitNormalization",
            "MaxNorm",
            "UnitNorm",
            "MinMaxNorm",
        )
    },
    ("Rescaling", "scale"): 0.9,
    ("VarianceScaling", "scale"): 0.9,
}
REFUSED = {
    *(
        (name, argument)
        for name in layers.__all__
        for argument in (
            "name",
            "input_shape",
            "input_dim",
            "activity_regularizer",
            "shared_axes",
            "noise_shape",
            "target_shape",
        )
    ),
    *(
        (name, f"{tensor}_initializer")
        for name in layers.__all__
        for tensor in ("beta", "gamma", "moving_mean", "moving_variance", "alpha")
    ),
    *(("Normalization", argument) for argument in ("axis", "mean", "variance")),
    *(("Dense", argument) for argument in ("units", "activation", "use_bias")),
    *(("Dense", argument) for argument in ("kernel_initializer", "bias_initializer")),
    *(
        (name, argument)
        for name in ("BatchNormalization", "LayerNormalization")
        for argument in ("center", "scale")
    ),
    ("Activation", "activation"),
    ("Adagrad", "initial_accumulator_value"),
    ("Ftrl", "initial_accumulator_value"),
    ("ChosenAccuracy", "class_numbers"),
    ("LossMetric", "loss"),
    ("SparseCategoricalCrossentropy", "ignore_class"),
    *((name, "axis") for name in registered.LOSSES),
    *((name, "dtype") for name in registered.LOSSES),
    ("MeanMetricWrapper", "fn"),
    ("AUC", "from_logits"),
    *(("AUC", argument) for argument in ("curve", "summation_method", "multi_label")),
    *(("AUC", argument) for argument in ("num_labels", "label_weights")),
    ("metric " * hasattr(losses, "CosineSimilarity") + "CosineSimilarity", "axis"),
    *(
        (f"metric {kind}Crossentropy", "from_logits")
        for kind in ("Binary", "Categorical", "SparseCategorical")
    ),
    *((f"metric {kind}Crossentropy", "label_smoothing") for kind in ("Binary", "Categorical")),
    *((name, "thresholds") for name in registered.METRICS),
    *((name, "num_thresholds") for name in registered.METRICS),
    *((name, argument) for name in ("Precision", "Recall") for argument in ("top_k", "class_id")),
    *(
        (f"{a}At{b}", "class_id")
        for a, b in (
            ("Sensitivity", "Specificity"),
            ("Specificity", "Sensitivity"),
            ("Precision", "Recall"),
            ("Recall", "Precision"),
        )
    ),
}


#: Arguments that a derived class gives itself.
WITHIN: dict[type, tuple[str, ...]] = {
    layers.Activation: ("activation",),
    layers.LeakyReLU.__mro__[1]: ("activation",),
    layers.Identity: ("activity_regularizer",),
}


def arguments(kind: type) -> Iterator[str]:
    """Of a class's constructor, with those of the base that it hands options to."""
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            if kind is not layers.Layer:  # which takes no more
                known = {*inspect.signature(kind).parameters, *WITHIN.get(kind.__mro__[1], ())}
                yield from (each for each in arguments(kind.__mro__[1]) if each not in known)
        else:
            yield name


class Subject:
    """A class, a model around an object of it, and where to find that.

    Args:
        kind: the class.
        around: makes a model with an object of the class.
        find: the object in a model.
    """

    def __init__(
        self, kind: type, around: Callable[[Any], Any], find: Callable[[Any], Any]
    ) -> None:
        self.kind, self.around, self.find = kind, around, find

    def model(self, **options: Any) -> Any:
        minidl.utils.set_random_seed(3)
        given = {**FIRST.get(self.kind.__name__, {}), **options}
        return self.around(self.kind(**given))


def _network(hidden: Any, loss: Any = "mse", optimizer: Any = None, named: Any = ()) -> Any:
    kind = losses.get(loss)
    output = "softplus" if kind.positive else kind.activation
    made = minidl.Sequential(
        [Input((4,)), Dense(5, "tanh"), *hidden, Dense(3, output)], dtype="float64"
    )
    made.compile(optimizer or optimizers.Adam(0.01), loss, metrics=named)
    return made


def _penalised(regularizer: Any) -> Any:
    return _network([Dense(4, kernel_regularizer=regularizer)])


SUBJECTS: dict[str, Subject] = {}
for _name in sorted({*layers.__all__} - {"Layer", "Input", "InputLayer"}):
    SUBJECTS[_name] = Subject(
        getattr(layers, _name), lambda it: _network([it]), lambda made: made.layers[1]
    )
for _kind in registered.OPTIMIZERS.values():
    SUBJECTS[_kind.__name__] = Subject(
        _kind, lambda it: _network([], optimizer=it), lambda made: made.optimizer
    )
for _kind in registered.SCHEDULES.values():
    SUBJECTS[_kind.__name__] = Subject(
        _kind,
        lambda it: _network([], optimizer=optimizers.SGD(it)),
        lambda made: made.optimizer.learning_rate.schedule,
    )
for _kind in registered.REGULARIZERS.values():
    SUBJECTS[_kind.__name__] = Subject(
        _kind, _penalised, lambda made: made.layers[1].kernel_regularizer
    )
for _kind in registered.CONSTRAINTS.values():
    SUBJECTS[_kind.__name__] = Subject(
        _kind,
        lambda it: _network([Dense(4, kernel_constraint=it)]),
        lambda made: made.layers[1].kernel_constraint,
    )
for _kind in dict.fromkeys(registered.LOSSES.values()):
    SUBJECTS[_kind.__name__] = Subject(
        _kind, lambda it: _network([], loss=it), lambda made: made._loss
    )
#: Computed of values alone, and no metrics of a network.
ALONE = ("Mean", "Sum")
_ROWS = (
    metrics.ChosenAccuracy,
    metrics.CategoricalAccuracy,
    metrics.TopKCategoricalAccuracy,
    metrics.Poisson,
    metrics.KLDivergence,
    metrics.CategoricalCrossentropy,
)
for _kind in (kind for name, kind in registered.METRICS.items() if name not in ALONE):
    SUBJECTS["metric " * hasattr(losses, _kind.__name__) + _kind.__name__] = Subject(
        _kind,
        lambda it: _network(
            [],
            named=[it],
            loss="sparse_categorical_crossentropy"
            if type(it).__name__.startswith("Sparse")
            else "categorical_crossentropy"
            if isinstance(it, _ROWS)
            else "binary_crossentropy"
            if isinstance(it, metrics.AUC | metrics.BinaryCrossentropy)
            else "mse",
        ),
        lambda made: made._metrics[0],
    )
for _kind in registered.INITIALIZERS.values():
    SUBJECTS[_kind.__name__] = Subject(
        _kind,
        lambda it: _network([Dense(4, kernel_initializer=it)]),
        lambda made: made.layers[1].kernel_initializer,
    )

CASES = [
    (name, argument) for name, subject in SUBJECTS.items() for argument in arguments(subject.kind)
]


def fit(made: Any, epochs: int) -> dict[str, list[float]]:
    y = TARGETS.get(made._loss.labels, VALUES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history: dict[str, list[float]] = made.fit(X, y, 5, epochs, 0).history
    return history


def go_on_from(made: Any, other: Any) -> Any:
    """Give a new model weights, state and counts of another."""
    made.build()
    made.set_weights(other.get_weights())
    made.step, made.seed = other.step, other.seed
    new, old = made.optimizer, other.optimizer
    new.build(made.theta, made.parameters)
    assert [*new.state] == [*old.state]
    for name, vector in old.state.items():
        new.state[name][...] = vector
    new.batches, new.accumulated_learning_rate = old.batches, old.accumulated_learning_rate
    return made


@pytest.mark.parametrize(("name", "argument"), few(CASES))
def test_an_argument_set_later_acts_or_is_refused(
    name: str, argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = SUBJECTS[name]
    value = THEN_BY_CLASS.get((name, argument), THEN.get(argument))
    assert value is not None, "a new argument: it needs a value here"
    made = subject.model()
    refused = (name, argument) in REFUSED
    if refused:
        monkeypatch.setattr(recording, "FEW", sys.maxsize)
    fit(made, 2)
    thing = subject.find(made)
    if refused:
        before = made.get_weights()
        with pytest.raises((AttributeError, ValueError)):
            setattr(thing, argument, value)
        assert vars(thing).get(argument) is not value
        for one, other in zip(before, made.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
        return
    setattr(thing, argument, value)
    assert getattr(thing, argument) == value or isinstance(value, list)
    made.save(tmp_path / "model")
    right = go_on_from(subject.model(**{argument: value}), made)
    loaded = load_model(tmp_path / "model")
    history = fit(made, 2)  # recorded; the others' steps are called
    monkeypatch.setattr(recording, "FEW", sys.maxsize)
    for other in (right, loaded):
        assert fit(other, 2) == history
        np.testing.assert_array_equal(other.theta, made.theta)
        np.testing.assert_array_equal(other.statistics.theta, made.statistics.theta)
        for key, vector in made.optimizer.state.items():
            np.testing.assert_array_equal(other.optimizer.state[key], vector)


#: Values that a constructor refuses.
WRONG: list[tuple[str, str, Any]] = [
    ("Dropout", "rate", 1.0),
    ("Dropout", "seed", -1),
    ("BatchNormalization", "momentum", 1.0),
    ("BatchNormalization", "epsilon", 0),
    ("LeakyReLU", "negative_slope", -0.1),
    ("ELU", "alpha", "much"),
    ("Rescaling", "scale", float("nan")),
    ("Dense", "kernel_regularizer", "l3"),
    ("SGD", "momentum", 1.5),
    ("SGD", "learning_rate", -1),
    ("Adam", "beta_1", 1),
    ("Adam", "epsilon", 0),
    ("Adam", "weight_decay", -1),
    ("Adam", "clipnorm", 0),
    ("RMSprop", "rho", None),
    ("L2", "l2", -1),
    ("Lp", "p", 0.5),
    ("ExponentialDecay", "decay_steps", 0),
    ("PiecewiseConstantDecay", "values", [1, 2]),
    ("PiecewiseConstantDecay", "boundaries", [5, 3]),
    ("CosineDecay", "warmup_target", -1),
    ("MeanSquaredError", "from_logits", True),
    ("RandomUniform", "minval", 1.0),
    ("RandomNormal", "stddev", -1),
    ("Constant", "value", "x"),
    ("HeNormal", "seed", 0.5),
    ("VarianceScaling", "mode", "fan"),
    ("VarianceScaling", "scale", 0),
    ("MaxNorm", "axis", 2),
    ("MaxNorm", "max_value", -1),
    ("MinMaxNorm", "rate", 1.5),
    ("Dense", "kernel_constraint", "max"),
    ("BatchNormalization", "axis", 0),
    ("GaussianNoise", "stddev", 1.5),
    ("GaussianDropout", "rate", 1),
]


@pytest.mark.parametrize(("name", "argument", "value"), WRONG)
def test_a_wrong_value_is_refused_when_it_is_set(name: str, argument: str, value: Any) -> None:
    subject = SUBJECTS[name]
    made = subject.model()
    made.build()
    thing = subject.find(made)
    before = getattr(thing, argument)
    with pytest.raises((TypeError, ValueError)) as found:
        setattr(thing, argument, value)
    assert (
        "expected" in str(found.value)
        or "unknown" in str(found.value)
        or argument in str(found.value).replace("no form on logits", "from_logits")
    )
    now = getattr(thing, argument)
    assert now is before or now == before


# Clipping


def test_one_way_of_clipping_at_a_time() -> None:
    made = optimizers.Adam(clipnorm=1.0)
    with pytest.raises(ValueError, match=r"at most one way.*set clipnorm to None before"):
        made.global_clipnorm = 0.5
    assert made.global_clipnorm is None
    made.clipnorm = None
    made.global_clipnorm = 0.5
    assert made.get_config()["global_clipnorm"] == 0.5


def test_each_tensor_s_norm_needs_the_tensors() -> None:
    model = minidl.Sequential([Input((4,)), Dense(3)])
    model.build()
    optimizer = optimizers.SGD()
    optimizer.build(model.theta)
    with pytest.raises(ValueError, match=r"build\(model.theta, model.parameters\)"):
        optimizer.clipnorm = 1.0
    optimizer.build(model.theta, model.parameters)
    optimizer.clipnorm = 1.0
    model.grad[...] = 1.0
    optimizer.update(model.theta, model.grad)
    sizes = [entry.size for entry in model.parameters]
    wanted = np.concatenate([np.full(size, size**-0.5) for size in sizes])
    np.testing.assert_allclose(model.grad, wanted, rtol=1e-6)


def test_a_momentum_of_1_and_a_proximal_penalty_refuse_each_other() -> None:
    made = _network([Dense(4, kernel_regularizer=regularizers.L1(proximal=True))])
    made.optimizer = optimizers.SGD(momentum=0.5)
    fit(made, 1)
    with pytest.raises(ValueError, match="proximal penalty needs a step size"):
        made.optimizer.momentum = 1
    made = _network([Dense(4, kernel_regularizer="l1")], optimizer=optimizers.SGD(momentum=1.0))
    fit(made, 1)
    made.layers[1].kernel_regularizer.proximal = True
    with pytest.raises(ValueError, match="proximal penalty needs a step size"):
        fit(made, 1)


def test_a_network_s_seed_can_be_set(tmp_path: Path) -> None:
    """Of the masks, too, so that the loaded model is the same."""
    made = _network([layers.Dropout(0.5), layers.Dropout(0.5, seed=3)])
    fit(made, 1)
    made.seed = 99
    made.save(tmp_path / "model")
    other = load_model(tmp_path / "model")
    assert fit(made, 2) == fit(other, 2)
    np.testing.assert_array_equal(made.theta, other.theta)
    with pytest.raises(TypeError, match="seed: expected an integer"):
        made.seed = "x"


@pytest.mark.parametrize(
    ("step", "error", "words"),
    [
        (1.5, TypeError, "step: expected an integer of at least 0, received 1.5"),
        (-1, ValueError, "step: expected an integer of at least 0, received -1"),
        (2**53, ValueError, r"step: expected an integer below 2\*\*53, received 9007199254740992"),
        ("x", TypeError, "step: expected an integer of at least 0, received 'x'"),
        (True, TypeError, "step: expected an integer of at least 0, received True"),
    ],
)
def test_a_network_s_step_is_a_count(step: object, error: type[Exception], words: str) -> None:
    """A step that is refused leaves the network at its step."""
    made = _network([layers.Dropout(0.5)])
    made.step = np.int64(7)
    with pytest.raises(error, match=words):
        made.step = step
    assert (made.step, type(made.step)) == (7, int)
    fit(made, 1)
    assert made.step == 7 + made.optimizer.batches


def test_a_network_s_type_of_numbers_is_set_before_it_is_built() -> None:
    network = minidl.Sequential([layers.Dense(2)])
    network.dtype = "float64"
    with pytest.raises(ValueError, match=r"expected a floating type of .*, received 'int8'"):
        network.dtype = "int8"
    network.build((3,))
    assert network.theta.dtype == np.float64
    with pytest.raises(AttributeError, match=r"dtype of .* expected a new network"):
        network.dtype = "float32"
    assert network.dtype == np.float64
