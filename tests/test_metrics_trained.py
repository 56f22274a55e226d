"""Metrics within fit and evaluate: against Keras, on all executors, in files, for callbacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import metrics
from minidl.backend import use
from minidl.callbacks import EarlyStopping
from minidl.layers import Input
from tests import oracle_training
from tests.oracle_training import named
from tests.specs import Spec, spec

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(50, 4))
SCORE = X @ [1.0, -2.0, 0.5, 1.0] + RANDOM.normal(size=50)
Y = {
    "binary": (SCORE > 0).astype(float).reshape(-1, 1),
    "rows": np.eye(3)[np.digitize(SCORE, [-1, 1])],
    "values": np.stack([SCORE, 1 - SCORE], axis=1),
}
WEIGHTS = RANDOM.uniform(0.1, 2, 50)
OUTPUTS = {
    "binary": (1, "sigmoid", "binary_crossentropy"),
    "rows": (3, "softmax", "categorical_crossentropy"),
    "values": (2, None, "mse"),
}


def m(name: str, /, **options: Any) -> Spec:
    return spec(f"metrics.{name}", **options)


METRICS: dict[str, list[Any]] = {
    "binary": [
        "accuracy", m("AUC", name="area"), m("AUC", name="pr", curve="PR", num_thresholds=30),
        m("Precision", name="p"), m("Recall", name="r", thresholds=0.3), "binary_crossentropy",
        m("TruePositives", name="tp"), m("BinaryAccuracy", threshold=0.7),
    ],
    "rows": [
        "acc", m("F1Score", average="macro"), m("Precision", name="p", top_k=2), "mae",
        m("Recall", name="r", class_id=1), m("CategoricalCrossentropy"), "kl_divergence",
    ],
    "values": [
        "mse", "mape", m("RootMeanSquaredError"), m("R2Score"), m("CosineSimilarity"),
        "mean_squared_logarithmic_error", "MSE", "squared_hinge",
    ],
}  # fmt: skip


def layers(kind: str) -> list[Spec]:
    units, activation, _ = OUTPUTS[kind]
    return [
        spec("layers.Dense", units=6, activation="tanh"),
        spec("layers.Dense", units=units, activation=activation),
    ]


def model(kind: str) -> minidl.Sequential:
    minidl.utils.set_random_seed(4)
    made = minidl.Sequential(
        [Input((4,)), *(each.make(minidl) for each in layers(kind))], dtype="float64"
    )
    made.build()
    return made


@pytest.mark.parametrize("kind", METRICS)
def test_history_and_evaluate_agree_with_keras(kind: str) -> None:
    """Of training and validation, plain and weighted; the names are Keras's."""
    options: Any = {
        "batch_size": 20,
        "epochs": 1,
        "sample_weight": WEIGHTS,
        "validation_data": (X[:30], Y[kind][:30], WEIGHTS[:30]),
    }
    made = model(kind)
    theirs = oracle_training.fit(
        layers(kind),
        made.get_weights(),
        X,
        Y[kind],
        optimizer="sgd",
        loss=OUTPUTS[kind][2],
        metrics=METRICS[kind],
        weighted_metrics=METRICS[kind],
        **options,
    )
    given = [[named(minidl, each) for each in METRICS[kind]] for _ in "12"]
    made.compile("sgd", OUTPUTS[kind][2], metrics=given[0], weighted_metrics=given[1])
    ours = made.fit(X, Y[kind], verbose=0, shuffle=False, **options).history
    assert ours.keys() == theirs.history.keys()
    for name, expected in theirs.history.items():
        # Three steps in float64, then sums in another order.
        np.testing.assert_allclose(ours[name], expected, rtol=1e-9, atol=1e-12, err_msg=name)
    evaluated = made.evaluate(X, Y[kind], verbose=0)
    plain = 1 + len(METRICS[kind])
    np.testing.assert_allclose(evaluated[:plain], theirs.evaluated[:plain], rtol=1e-9, atol=1e-12)
    # Keras's list names the weighted metrics by their plain names. Without weights all are alike.
    np.testing.assert_allclose(evaluated[plain:], evaluated[1:plain], rtol=1e-12)


def distance(y: Any, p: Any) -> Any:
    return np.abs(y - p)


def top(y: Any, p: Any) -> float:
    return float(np.max(p))


class Hits(metrics.Metric):
    """A metric of somebody's, in Keras's form."""

    direction = "up"

    def __init__(self, name: str = "hits") -> None:
        super().__init__(name=name)
        self.total = self.count = 0.0

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        weight = 1.0 if sample_weight is None else sample_weight.reshape(-1)
        right = np.argmax(y_pred, axis=1) == np.argmax(y_true, axis=1)
        self.total += float((right * weight).sum())
        self.count += len(right)

    def result(self) -> float:
        return self.total / self.count

    def reset_state(self) -> None:
        self.total = self.count = 0.0


def all_of(kind: str) -> list[Any]:
    """Metrics that may have weights."""
    own = [distance, metrics.AUC(name="a"), metrics.R2Score()]
    return own + [Hits()] * (kind == "rows") + [named(minidl, each) for each in METRICS[kind]]


@pytest.mark.parametrize("kind", METRICS)
def test_executors_agree_bit_for_bit(kind: str) -> None:
    """What has no command, and what is somebody's, is called at its place."""
    found = []
    for executor in ("python", "blocks", "compiled"):
        with use("numpy", executor=executor):
            made = model(kind)
            plain = [top, *all_of(kind)]
            made.compile("adam", OUTPUTS[kind][2], metrics=plain, weighted_metrics=all_of(kind))
            history = made.fit(X, Y[kind], 10, 4, 0, sample_weight=WEIGHTS).history
            found.append((history, made.evaluate(X, Y[kind], verbose=0, sample_weight=WEIGHTS)))
    assert made.recording.startswith("compiled")
    assert "distance, which is not minidl's" in made.recording
    why = "add_buckets, for which there is no command: it reads the numbers themselves"
    assert why in made.recording
    for history, evaluated in found[1:]:
        assert str(history) == str(found[0][0])
        assert str(evaluated) == str(found[0][1])


def test_a_function_is_named_and_meant_as_in_keras() -> None:
    """Class numbers come as they are written, (N,); one number stands for the batch."""
    shapes = []

    def RightOnes(y: Any, p: Any) -> Any:  # noqa: N802
        shapes.append((y.shape, p.shape))
        return np.argmax(p, axis=1) == y

    made = model("rows")
    made.compile(
        "sgd", "sparse_categorical_crossentropy", metrics=["accuracy", RightOnes, lambda y, p: 2.5]
    )
    history = made.fit(X, np.argmax(Y["rows"], axis=1), 20, 1, 0).history
    assert list(history) == ["loss", "accuracy", "right_ones", "lambda"]
    assert history["right_ones"] == history["accuracy"]
    assert history["lambda"] == [2.5]
    assert ((20,), (20, 3)) in shapes
    assert ((10,), (10, 3)) in shapes


def test_one_number_for_the_batch_cannot_be_weighted() -> None:
    made = model("values")
    made.compile("sgd", "mse", weighted_metrics=[top])
    with pytest.raises(ValueError, match="top: expected a value for each weight"):
        made.fit(X, Y["values"], 10, 1, 0, sample_weight=WEIGHTS)


def test_names_that_come_twice_are_numbered() -> None:
    made = model("binary")
    auc = [metrics.AUC(name="auc") for _ in range(4)]
    made.compile("sgd", "mse", metrics=["auc", *auc[:2]], weighted_metrics=auc[2:])
    names = ["loss", "auc", "auc_1", "auc_2", "weighted_auc", "weighted_auc_1"]
    assert made.metrics_names == names
    assert list(made.fit(X, Y["binary"], 10, 1, 0).history) == names
    for kind in (metrics.Mean, metrics.Sum):
        with pytest.raises(TypeError, match=f"targets and predictions, received .*{kind.__name__}"):
            made.compile("sgd", "mse", metrics=[kind()])
    with pytest.raises(ValueError, match="received an object twice"):
        made.compile("sgd", "mse", metrics=[auc[0]], weighted_metrics=[auc[0]])


@pytest.mark.parametrize("kind", METRICS)
def test_saved_models_keep_their_metrics(kind: str, tmp_path: Path) -> None:
    """A function of one's own is handed over to the reader; minidl's own are known."""
    made = model(kind)
    weighted = [
        *all_of(kind),
        metrics.MeanMetricWrapper(metrics.binary_accuracy, "b", threshold=0.2),
    ]
    made.compile("sgd", OUTPUTS[kind][2], metrics=all_of(kind), weighted_metrics=weighted)
    made.save(tmp_path / "m.npz")
    with pytest.raises(ValueError, match="custom_objects"):
        minidl.load_model(tmp_path / "m.npz")
    own = {"distance": distance, "top": top, "Hits": Hits}
    for each in weighted:
        if each is top:
            weighted.remove(each)
    made.compile("sgd", OUTPUTS[kind][2], metrics=all_of(kind), weighted_metrics=weighted)
    made.save(tmp_path / "m.npz")
    loaded = minidl.load_model(tmp_path / "m.npz", custom_objects=own)
    assert loaded.metrics_names == made.metrics_names
    values = [
        each.evaluate(X, Y[kind], verbose=0, sample_weight=WEIGHTS) for each in (made, loaded)
    ]
    assert str(values[0]) == str(values[1])


def test_a_metric_says_whether_it_rises() -> None:
    """By the metric, and not by the letters of its name."""
    made = model("binary")
    hits, accident = metrics.BinaryAccuracy(name="hits"), metrics.MeanSquaredError(name="accident")
    made.compile("sgd", "binary_crossentropy", metrics=[hits, accident, "auc", distance])
    for name, rising in (
        ("val_hits", True), ("accident", False), ("auc", True), ("val_loss", False),
    ):  # fmt: skip
        watch = EarlyStopping(name, patience=9)
        made.fit(X, Y["binary"], 25, 1, 0, watch, validation_split=0.2)
        assert watch.rising == rising
        assert np.isfinite(watch.best)
    with pytest.raises(ValueError, match="mode='max' or mode='min', because nothing says"):
        made.fit(X, Y["binary"], 25, 1, 0, EarlyStopping("distance"))
    made.fit(X, Y["binary"], 25, 1, 0, EarlyStopping("distance", mode="min"))


def test_values_for_each_class_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    made = model("rows")
    made.compile("sgd", "mse", metrics=[metrics.F1Score()])
    history = made.fit(X, Y["rows"], 25, 1, 2).history
    assert np.shape(history["f1_score"]) == (1, 3)
    assert "f1_score: [0." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("MeanSquaredError", {}),
        ("BinaryAccuracy", {}),
        ("BinaryCrossentropy", {}),
        ("CategoricalAccuracy", {}),
        ("Precision", {}),
        ("AUC", {"num_thresholds": 20}),
        ("F1Score", {"average": "macro", "threshold": 0.5}),
        ("R2Score", {}),
    ],
)
@pytest.mark.parametrize("kind", ["metrics", "weighted_metrics"])
def test_a_metric_in_keras_s_form_hands_other_arrays_to_the_one_below(
    name: str, options: dict[str, Any], kind: str
) -> None:
    """It sees outputs, no logits; and the one below counts what it is handed."""
    base: Any = getattr(metrics, name)

    class Turned(base):
        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            super().update_state(y_true, 1 - y_pred, sample_weight)

    random = np.random.default_rng(0)
    x, y, weight = random.normal(size=(40, 3)), random.integers(0, 2, (40, 2)), random.random(40)
    model = minidl.Sequential([Input((3,)), minidl.layers.Dense(2, "sigmoid")], dtype="float64")
    model.compile(
        minidl.optimizers.SGD(0.0),
        "binary_crossentropy",
        **{kind: [Turned(name="turned", **options)]},
    )
    history = model.fit(x, y, 16, 2, 0, validation_data=(x, y), sample_weight=weight).history
    plain = base(**options)
    plain.update_state(y, 1 - model.predict(x), weight if kind == "weighted_metrics" else None)
    np.testing.assert_allclose(history["turned"], [plain.result()] * 2, rtol=1e-12)
    plain.reset_state()
    plain.update_state(y, 1 - model.predict(x))
    np.testing.assert_allclose(history["val_turned"], [plain.result()] * 2, rtol=1e-12)


def test_a_mean_of_values_of_one_s_own() -> None:
    class Error(metrics.Mean):
        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
            super().update_state(np.abs(y_true - y_pred).mean(axis=1), sample_weight)

    x = np.linspace(-1, 1, 20).reshape(10, 2)
    model = minidl.Sequential([Input((2,)), minidl.layers.Dense(2)], dtype="float64")
    model.compile(minidl.optimizers.SGD(0.0), "mse", metrics=[Error(name="error"), "mae"])
    history = model.fit(x, x, 4, 2, 0).history
    np.testing.assert_allclose(history["error"], history["mae"], rtol=1e-12)
