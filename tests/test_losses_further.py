"""Distances, hinges, smoothing, reductions and losses of one's own: against Keras, and trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import losses
from minidl.backend import to_device, to_host, use
from minidl.gradient_check import KinkError, gradcheck
from tests import oracle
from tests.registered import forgotten  # noqa: F401  a fixture
from tests.specs import Spec, spec

ROWS, UNITS = 6, 4
RANDOM = np.random.default_rng(7)
ONE_HOT = np.eye(UNITS)[RANDOM.integers(0, UNITS, ROWS)]
SHARES = RANDOM.dirichlet(np.ones(UNITS), ROWS)
COUNTS = RANDOM.poisson(1.5, (ROWS, UNITS)).astype(float)
NORMAL = RANDOM.normal(size=(ROWS, UNITS))
POSITIVE = RANDOM.uniform(0.05, 0.95, (ROWS, UNITS))
WEIGHT = np.array([0, 1, -0.5, 2, 0.25, 3])
ZEROS_AND_ONES = np.array([[0, 1, 0, 1], [1, 0, 0, 1], [0, 0, 0, 0]] * 2, float)


def loss(name: str, **options: Any) -> Spec:
    return spec(f"losses.{name}", **options)


# The loss, targets and predictions.
CASES = [
    (loss("MeanAbsoluteError"), NORMAL[::-1], NORMAL),
    (loss("MeanAbsolutePercentageError"), COUNTS, NORMAL),
    (loss("MeanSquaredLogarithmicError"), COUNTS, NORMAL),
    (loss("Huber"), COUNTS, NORMAL),
    (loss("Huber", delta=0.25), COUNTS, NORMAL),
    (loss("LogCosh"), COUNTS, 100 * NORMAL),
    (loss("Poisson"), COUNTS, POSITIVE),
    (loss("KLDivergence"), SHARES, POSITIVE),
    (loss("KLDivergence"), ONE_HOT, np.round(POSITIVE)),
    (loss("CosineSimilarity"), COUNTS, NORMAL),
    (loss("CosineSimilarity", axis=-1), ONE_HOT, np.round(POSITIVE)),
    (loss("Hinge"), 2 * ZEROS_AND_ONES - 1, NORMAL),
    (loss("Hinge"), ZEROS_AND_ONES, np.round(NORMAL)),
    (loss("SquaredHinge"), ZEROS_AND_ONES, NORMAL),
    (loss("SquaredHinge"), NORMAL[::-1], NORMAL),
    (loss("CategoricalHinge"), ONE_HOT, NORMAL),
    (loss("CategoricalHinge"), SHARES, np.round(NORMAL)),
    (loss("CategoricalCrossentropy", label_smoothing=0.25), ONE_HOT, POSITIVE),
    (loss("CategoricalCrossentropy", label_smoothing=0.25, from_logits=True), ONE_HOT, NORMAL),
    (loss("BinaryFocalCrossentropy"), ZEROS_AND_ONES, POSITIVE),
    (loss("BinaryFocalCrossentropy", gamma=0.5, label_smoothing=0.25), ZEROS_AND_ONES, POSITIVE),
    (
        loss("BinaryFocalCrossentropy", apply_class_balancing=True, alpha=0.375, gamma=3.0),
        ZEROS_AND_ONES,
        POSITIVE,
    ),
    (loss("BinaryFocalCrossentropy", from_logits=True), ZEROS_AND_ONES, NORMAL),
    (loss("CategoricalFocalCrossentropy"), ONE_HOT, POSITIVE),
    (loss("CategoricalFocalCrossentropy", alpha=0.5, gamma=0.5), SHARES, POSITIVE),
    (loss("CategoricalFocalCrossentropy", from_logits=True, label_smoothing=0.25), ONE_HOT, NORMAL),
    (loss("BinaryCrossentropy", label_smoothing=0.25), ZEROS_AND_ONES, POSITIVE),
    (loss("BinaryCrossentropy", label_smoothing=0.25, from_logits=True), ZEROS_AND_ONES, NORMAL),
]
IDS = [f"{number}-{case[0]}" for number, case in enumerate(CASES)]
REDUCTIONS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight"]


def run(made: losses.Loss, y: Any, p: Any, weight: Any = None) -> tuple[Any, np.ndarray]:
    """Value and gradient, through the executor in use."""
    weight = None if weight is None else to_device(weight)
    value = to_host(made.forward(to_device(p), to_device(y), weight)).copy()
    return value, to_host(made.backward()).copy()


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("made", "y", "p"), CASES, ids=[f"{n}-{c[0]}" for n, c in enumerate(CASES)]
)
@pytest.mark.usefixtures("executor")
def test_value_and_gradient_agree_with_keras(made: Spec, y: Any, p: Any, weight: Any) -> None:
    """Also at kinks, where predictions are whole numbers, and with negative weights."""
    expected, gradient = oracle.loss(made, y, p, weight)
    value, d = run(made.make(minidl), y, p, weight)
    oracle.assert_agrees(value, expected, "value", rtol(made))
    oracle.assert_agrees(d, gradient, "gradient")


def rtol(made: Spec) -> float:
    """Keras's log 2, of LogCosh, has been a float32: 1.9e-9 of losses near 50."""
    return 1e-10 if made.path == "losses.LogCosh" else oracle.RTOL


@pytest.mark.parametrize(("made", "y", "p"), CASES, ids=IDS)
def test_functions_give_the_rows_as_keras_does(made: Spec, y: Any, p: Any) -> None:
    """So does a loss without a reduction."""
    rows = made.make(minidl)
    rows.reduction = "none"
    (name,) = (
        name
        for name in losses.__all__
        if getattr(getattr(losses, name), "__name__", "") == name
        and getattr(losses, name).__module__.startswith("minidl.losses.fu")
        and type(losses.get(name)) is type(rows)
    )
    expected = oracle.loss_rows(name, y, p, **made.options)
    function = getattr(losses, name)(y, p, **made.options)
    oracle.assert_agrees(rows(y, p), expected, "rows", rtol(made))
    oracle.assert_agrees(function, expected, "function", rtol(made))


@pytest.mark.parametrize("weight", [None, WEIGHT, np.array([1, -1, 1, -1, 2, -2.0])],
                         ids=["plain", "weighted", "sum 0"])  # fmt: skip
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.usefixtures("executor")
def test_reductions_agree_with_keras(reduction: str, weight: Any) -> None:
    """Value, gradient, and the number of a loss that is called with arrays."""
    for made, y, p in (
        (loss("Huber", reduction=reduction), COUNTS, NORMAL),
        (loss("CategoricalCrossentropy", reduction=reduction, from_logits=True), ONE_HOT, NORMAL),
    ):
        expected, gradient = oracle.loss(made, y, p, weight)
        value, d = run(made.make(minidl), y, p, weight)
        oracle.assert_agrees(value, expected, "value")
        oracle.assert_agrees(d, gradient, "gradient")
        called = made.make(minidl)(y, p, weight)
        assert called == pytest.approx(expected, rel=oracle.RTOL, abs=oracle.ATOL)


def test_without_a_reduction_there_is_nothing_to_train_on() -> None:
    """A loss of rows, when called with arrays."""
    rows = losses.MeanSquaredError(reduction="none")([[1.0, 2]], [[1.0, 4]], [0.5])
    np.testing.assert_allclose(rows, [1])
    model = minidl.Sequential([minidl.layers.Dense(1)])
    for none in ("none", None):
        with pytest.raises(ValueError, match=r"Error\(reduction=.* keeps a loss for each row; exp"):
            model.compile("sgd", losses.MeanSquaredError(reduction=none))
    made = losses.MeanSquaredError(reduction="none")
    with pytest.raises(ValueError, match="expected one number to train on"):
        made.forward(np.ones((1, 1)), np.ones((1, 1)))


def network(units: int = UNITS, activation: str | None = None) -> minidl.Sequential:
    """Two layers, the same at each call, float64."""
    minidl.utils.set_random_seed(3)
    return minidl.Sequential(
        [
            minidl.layers.Input((3,)),
            minidl.layers.Dense(5, "tanh"),
            minidl.layers.Dense(units, activation),
        ],
        dtype="float64",
    )


X = np.random.default_rng(9).normal(size=(ROWS, 3))


@pytest.mark.parametrize(
    ("made", "y", "activation"),
    [
        (loss("MeanAbsoluteError"), COUNTS, None),
        (loss("MeanAbsolutePercentageError"), COUNTS + 1, None),
        (loss("MeanSquaredLogarithmicError"), COUNTS, "softplus"),
        (loss("Huber", delta=0.5), COUNTS, None),
        (loss("LogCosh"), COUNTS, None),
        (loss("Poisson"), COUNTS, "softplus"),
        (loss("KLDivergence"), SHARES, "softmax"),
        (loss("CosineSimilarity"), COUNTS, None),
        (loss("Hinge"), ZEROS_AND_ONES, "tanh"),
        (loss("SquaredHinge"), ZEROS_AND_ONES, None),
        (loss("CategoricalHinge"), ONE_HOT, None),
        # Keras takes the logits of the other activation, too.
        (loss("CategoricalCrossentropy"), ONE_HOT, "sigmoid"),
        (loss("CategoricalCrossentropy", from_logits=True), ONE_HOT, "softmax"),
        (loss("BinaryCrossentropy"), ONE_HOT, "softmax"),
        (loss("CategoricalCrossentropy"), ONE_HOT, "softplus"),
        (loss("CategoricalCrossentropy", label_smoothing=0.2, reduction="sum"), ONE_HOT, "softmax"),
        (loss("BinaryCrossentropy", label_smoothing=0.2), ZEROS_AND_ONES, "sigmoid"),
        (loss("BinaryFocalCrossentropy"), ZEROS_AND_ONES, "sigmoid"),
        (loss("CategoricalFocalCrossentropy"), ONE_HOT, "softmax"),
    ],
    ids=lambda value: "" if isinstance(value, np.ndarray) else str(value),
)
@pytest.mark.filterwarnings("ignore:.*expects probabilities", "ignore:.*takes the logits before")
@pytest.mark.filterwarnings("ignore:.*received `from_logits=True`")
def test_trainings_agree_with_keras_and_over_executors(
    made: Spec, y: np.ndarray, activation: str | None
) -> None:
    """Six steps of momentum on batches of two rows: losses and weights, in float64."""
    layers = [spec("layers.Dense", units=5, activation="tanh"),
              spec("layers.Dense", units=UNITS, activation=activation)]  # fmt: skip
    optimizer = spec("optimizers.SGD", learning_rate=0.05, momentum=0.5)
    theirs = oracle.Network(layers, (3,), made, optimizer)
    theirs.set_weights(network(UNITS, activation).get_weights())
    expected = theirs.train(X.reshape(3, 2, 3), y.reshape(3, 2, UNITS), 6)
    found = {}
    for executor in ("python", "blocks", "compiled"):
        with use("numpy", executor=executor):
            model = network(UNITS, activation)
            model.compile(optimizer.make(minidl), made.make(minidl))
            history = model.fit(X, y, 2, 2, verbose=0, shuffle=False).history["loss"]
            found[executor] = history, model.get_weights()
            assert "called in Python" not in str(model.recording) or executor != "compiled"
    np.testing.assert_allclose(
        found["python"][0], expected.reshape(2, 3).mean(axis=1), 100 * rtol(made)
    )
    for ours, other in zip(found["python"][1], theirs.get_weights(), strict=True):
        # Six steps of the rounding of test_value_and_gradient_agree_with_keras, times 1000.
        np.testing.assert_allclose(ours, other, rtol=1e-9, atol=1e-12)
    for executor in ("blocks", "compiled"):
        assert found[executor][0] == found["python"][0]
        for one, other in zip(found[executor][1], found["python"][1], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ("mse MSE mean_squared_error MeanSquaredError", "MeanSquaredError"),
        ("mae MAE mean_absolute_error MeanAbsoluteError", "MeanAbsoluteError"),
        ("mape MAPE mean_absolute_percentage_error", "MeanAbsolutePercentageError"),
        ("msle MSLE mean_squared_logarithmic_error", "MeanSquaredLogarithmicError"),
        ("huber Huber huber_loss", "Huber"),
        ("log_cosh logcosh LogCosh", "LogCosh"),
        ("poisson Poisson", "Poisson"),
        ("kld KLD kl_divergence KLDivergence kullback_leibler_divergence", "KLDivergence"),
        ("cosine_similarity CosineSimilarity", "CosineSimilarity"),
        ("hinge Hinge", "Hinge"),
        ("squared_hinge SquaredHinge", "SquaredHinge"),
        ("categorical_hinge CategoricalHinge", "CategoricalHinge"),
        ("bce BCE binary_crossentropy", "BinaryCrossentropy"),
    ],
)
def test_names(names: str, kind: str) -> None:
    """In each spelling of Keras's; and the attributes of the package that have these names."""
    for name in names.split():
        assert type(losses.get(name)).__name__ == kind
        if hasattr(losses, name):
            assert type(losses.get(getattr(losses, name))).__name__ == kind
    described = {"class_name": kind, "config": {"reduction": "sum", "name": "mine"}}
    made = losses.get(described)
    assert (type(made).__name__, made.reduction, made.name) == (kind, "sum", "mine")
    again = type(made).from_config(made.get_config())
    assert again.get_config() == made.get_config()


def test_a_function_with_its_arguments() -> None:
    """functools.partial, as programs write it."""
    import functools

    made = losses.get(functools.partial(losses.huber, delta=0.5))
    assert isinstance(made, losses.Huber)
    assert made.delta == 0.5


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: losses.Huber(0), ValueError, r"delta: expected a number in \(0"),
        (lambda: losses.Huber(reduction="avg"), ValueError, "reduction: expected one of .*'avg'"),
        (lambda: losses.Hinge(dtype="float32"), ValueError, "dtype: expected None.*float32"),
        (lambda: losses.CosineSimilarity(axis=0), ValueError, "axis: expected -1.*received 0"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=2), ValueError, "label_smoothing: exp"),
        (
            lambda: losses.SparseCategoricalCrossentropy(ignore_class=-1),
            ValueError,
            "ignore_class: expected None, and a sample_weight of 0",
        ),
        (lambda: losses.mae([], []), ValueError, r"\(N, units\), received shape \(0,\)"),
        (lambda: losses.hinge(np.ones((0, 2)), np.ones((0, 2))), ValueError, r"shape \(0, 2\)"),
        (lambda: losses.mae([[1, 2]], [[1, 2, 3]]), ValueError, r"shape \(1, 3\), received"),
    ],
)
def test_bad_arguments(call: Any, error: type[Exception], words: str) -> None:
    """Each says what was expected."""
    with pytest.raises(error, match=words):
        call()


def test_functions_of_vectors_and_of_more_axes() -> None:
    """One number, or one for each row of the last axis, as in Keras."""
    y, p = COUNTS.reshape(3, 2, UNITS), NORMAL.reshape(3, 2, UNITS)
    for name in ("mean_absolute_error", "huber", "cosine_similarity", "mean_squared_error"):
        for t, x in ((y, p), (y[0, 0], p[0, 0]), (y[0, :, 0], p[0, :, :1])):
            actual = getattr(losses, name)(t, x)
            expected = oracle.loss_rows(name, t, x)
            assert actual.shape == expected.shape
            np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14)
    assert losses.MeanAbsoluteError()([1, 2, 3], [1, 2, 6]) == 1


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", None])
def test_two_vectors_are_one_row_to_a_class_too(reduction: Any) -> None:
    """As in Keras: the units of one row are summed up, whatever the reduction of rows."""
    t, p = np.array([1.0, 0, 0]), np.array([0.2, 0.5, 0.3])
    for name, row in (
        ("CategoricalCrossentropy", -np.log(0.2)),
        ("KLDivergence", np.log(1 / 0.2)),
        ("CosineSimilarity", -0.2 / np.sqrt(0.38)),
        ("MeanSquaredError", (0.64 + 0.25 + 0.09) / 3),
    ):
        loss = getattr(losses, name)(reduction=reduction)
        np.testing.assert_allclose(loss(t, p), row, rtol=1e-5)
        np.testing.assert_allclose(loss(t, p, sample_weight=2), 2 * row, rtol=1e-5)
        with pytest.raises(ValueError, match=r"received \(3,\); vectors are one row"):
            loss(t, p, sample_weight=[1, 2, 3])


def test_the_axis_of_the_units_is_the_last() -> None:
    cube = np.full((2, 3, 4), 0.25)
    for name in ("categorical_crossentropy", "binary_crossentropy", "cosine_similarity"):
        function = getattr(losses, name)
        np.testing.assert_array_equal(
            function(cube[0], cube[0], axis=1), function(cube[0], cube[0])
        )
        with pytest.raises(ValueError, match=r"axis: expected -1, .* \(2, 3, 4\), received 1"):
            function(cube, cube, axis=1)


@pytest.mark.parametrize("name", ["python", "blocks", "compiled"])
def test_a_logit_of_a_class_that_is_not_meant_may_be_anything(name: str) -> None:
    """0 · ∞ is not NaN there; for the class that is meant, -∞ is an infinite loss."""
    with use("numpy", executor=name), np.errstate(over="ignore"):
        z = np.array([[9.8, -np.inf, 9.4], [3e38, -3e38, 0], [0, -np.inf, 0]])
        for dtype in ("float32", "float64"):
            rows = losses.sparse_categorical_crossentropy([0, 0, 1], z.astype(dtype), True)
            np.testing.assert_allclose(rows, [np.log(1 + np.exp(-0.4)), 0, np.inf], rtol=1e-6)
            z1 = np.array([[-np.inf], [np.inf], [-np.inf]], dtype)
            rows = losses.binary_crossentropy([[0], [1], [1]], z1, from_logits=True)
            np.testing.assert_array_equal(rows, [0, 0, np.inf])


def test_class_weights_where_targets_are_classes() -> None:
    """One-hot rows under any loss, whole numbers for one unit, as Keras's table of weights."""
    by_class = {0: 2.0, 2: 0.5}
    weight = np.array([by_class.get(int(k), 1.0) for k in ONE_HOT.argmax(axis=1)])
    for name in ("mse", "categorical_hinge", "kl_divergence", "binary_crossentropy"):
        ends = [
            _trained(network(UNITS, "sigmoid"), name, ONE_HOT, **options)
            for options in ({"class_weight": by_class}, {"sample_weight": weight})
        ]
        np.testing.assert_array_equal(*ends)
    signs = np.array([1, -1, 1, 1, -1, -1])
    ends = [
        _trained(network(1), "hinge", signs, **options)
        for options in ({"class_weight": {-1: 3.0}}, {"sample_weight": np.where(signs < 0, 3, 1)})
    ]
    np.testing.assert_array_equal(*ends)
    with pytest.raises(ValueError, match="class_weight: expected targets that are classes"):
        _trained(network(), "mse", COUNTS, class_weight={0: 2.0})


def _trained(model: minidl.Sequential, name: Any, y: np.ndarray, **options: Any) -> np.ndarray:
    model.compile("sgd", name)
    model.fit(X, y, 4, 2, verbose=0, **options)
    return model.theta.copy()


@pytest.mark.parametrize("loss_weights", [0.5, [0.5], {"out": 0.5}], ids=str)
def test_the_weight_of_the_loss_is_a_factor(loss_weights: Any) -> None:
    """Of the value and of the gradient; the loss that was given stays as it is."""
    given = losses.Huber()
    plain, weighted = network(), network()
    plain.compile(minidl.optimizers.SGD(0.05), given)
    weighted.compile(minidl.optimizers.SGD(0.1), given, loss_weights=loss_weights)
    assert given.weight == 1
    values = [m.fit(X, COUNTS, 2, 2, verbose=0).history["loss"] for m in (plain, weighted)]
    np.testing.assert_allclose(values[1], np.multiply(values[0], 0.5), rtol=1e-12)
    np.testing.assert_allclose(weighted.theta, plain.theta, rtol=1e-12)
    with pytest.raises(ValueError, match="loss_weights: expected one, for the one output"):
        weighted.compile("sgd", given, loss_weights=[1, 2])
    with pytest.raises(ValueError, match="loss: expected one, for the one output, received 2"):
        weighted.compile("sgd", ["mse", "mae"])


def fourth_power(y_true: Any, y_pred: Any) -> Any:
    return np.mean((y_pred - y_true) ** 4, axis=-1)


def fourth_power_gradient(y_true: Any, y_pred: Any) -> Any:
    return 4 * (y_pred - y_true) ** 3 / y_pred.shape[-1]


@pytest.mark.filterwarnings("ignore:fit continues")
def test_two_functions_make_a_loss(tmp_path: Any) -> None:
    """Checked, trained to the same bits everywhere, called at their place, saved by name."""
    made = losses.from_functions(fourth_power, fourth_power_gradient)
    gradcheck(made)
    assert made([[1.0, 3]], [[2.0, 1]]) == 8.5
    assert losses.get(made) is made
    ends = []
    for executor in ("python", "blocks", "compiled"):
        with use("numpy", executor=executor):
            model = network()
            model.compile("sgd", made)
            model.fit(X, COUNTS, 2, 3, verbose=0, sample_weight=WEIGHT)
            ends.append(model.theta.copy())
    assert "fourth_power" in str(model.recording)
    assert "compiled:" in str(model.recording)
    np.testing.assert_array_equal(ends[0], ends[1])
    np.testing.assert_array_equal(ends[0], ends[2])
    path = tmp_path / "model.npz"
    model.save(path)
    with pytest.raises(minidl.FileFormatError, match=r"tests>fourth_power.*custom_objects"):
        minidl.load_model(path)
    loaded = minidl.load_model(path, custom_objects={"fourth_power": made})
    assert type(loaded._loss) is type(made)
    again = _trained(loaded, loaded._loss, COUNTS)
    np.testing.assert_array_equal(again, _trained(model, made, COUNTS))


@pytest.mark.usefixtures("forgotten")
def test_a_loss_of_two_functions_can_be_registered(tmp_path: Any) -> None:
    """Then it is known by name, to compile and to files."""
    made = minidl.register(losses.from_functions(fourth_power, fourth_power_gradient, "quartic"))
    assert type(losses.get("quartic")) is type(made)
    model = network()
    model.compile("sgd", "quartic")
    model.save(tmp_path / "model.npz")
    assert type(minidl.load_model(tmp_path / "model.npz")._loss) is type(made)


@pytest.mark.parametrize(
    ("forward", "backward", "words"),
    [
        (lambda t, y: (y - t) ** 2, fourth_power_gradient, r"for each row, shape \(6,\), received"),
        (lambda t, y: 1.0, fourth_power_gradient, "received a float; a mean over the units"),
        (fourth_power, lambda t, y: y.sum(), r"at y_pred, shape \(6, 4\), received shape \(\)"),
    ],
)
def test_functions_that_return_something_else(forward: Any, backward: Any, words: str) -> None:
    """Named when they are first called."""
    model = network()
    model.compile("sgd", losses.from_functions(forward, backward, "wrong"))
    with pytest.raises(ValueError, match=words):
        model.fit(X, COUNTS, 6, verbose=0)


@pytest.mark.parametrize("method", ["row_losses", "row_gradients"])
def test_results_that_are_not_written_are_refused(method: str) -> None:
    """The training would go by what ``out`` holds before."""

    class Returning(losses.MeanSquaredError):
        pass

    def returns(self: Any, predictions: Any, t: Any, out: Any) -> Any:
        return predictions - t

    setattr(Returning, method, returns)
    p = np.ones((2, 3))
    with pytest.raises(TypeError, match=r"returns: expected .* out\[...\] = …, received it as"):
        gradcheck(Returning(), p, 2 * p)
    model = minidl.Sequential([minidl.layers.Dense(3)])
    model.compile("sgd", Returning())
    with pytest.raises(TypeError, match=r"written into out"):
        model.fit(p, p, verbose=0)


def test_a_lambda_needs_a_name() -> None:
    with pytest.raises(ValueError, match="a lambda takes from_functions"):
        losses.from_functions(lambda t, p: p, lambda t, p: p)


def test_a_loss_that_lacks_a_gradient_is_refused() -> None:
    """A function, a class of Keras's kind, and what is no function."""
    model = network()
    with pytest.raises(TypeError, match="the function fourth_power without its gradient; write"):
        model.compile("sgd", fourth_power)

    class Mine(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return fourth_power(y_true, y_pred)

    with pytest.raises(TypeError, match="loss: Mine lacks a gradient; expected a class that def"):
        model.compile("sgd", Mine())

    class Half(losses.Loss):
        def forward(self, predictions: Any, y: Any, sample_weight: Any = None) -> Any:
            return np.mean(fourth_power(y, predictions))

    with pytest.raises(TypeError, match="loss: Half lacks a gradient; expected a class that def"):
        model.compile("sgd", Half())
    with pytest.raises(TypeError, match="from_functions: expected two functions, received None"):
        losses.from_functions(fourth_power, None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="name: expected that of a Python function, received '<l"):
        losses.from_functions(lambda t, y: y, fourth_power_gradient)


def test_kinks_are_told_from_mistakes() -> None:
    """A prediction that equals its target."""
    y = np.array([[1.0, 2.0]])
    with pytest.raises(KinkError):
        gradcheck(losses.MeanAbsoluteError(), predictions=y.copy(), y=y)
