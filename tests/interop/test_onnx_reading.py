"""Networks from files of ONNX: of minidl's own, scikit-learn's and Keras's, and node by node."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skl2onnx
from hypothesis import given
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import minidl
from minidl import interop
from minidl.layers import (
    Activation,
    BatchNormalization,
    Dense,
    Identity,
    LayerNormalization,
    Normalization,
    ReLU,
    Rescaling,
)
from tests.interop.models import everything, filled, models
from tests.interop.onnx_files import proto, written
from tests.interop.test_onnx_writing import run

EYE = np.eye(3)


@given(case=models())
def test_random_networks_come_back(case: Any, tmp_path: Path) -> None:
    """With their type. Numbers that went into weights round otherwise."""
    model, x = case
    path = tmp_path / "model.onnx"
    interop.to_onnx(model, path)
    back = interop.from_onnx(path)
    assert back.dtype == model.dtype
    # As much as ten layers of the type's rounding let through.
    error = 1e-6 if model.dtype == np.float64 else 1e-3
    np.testing.assert_allclose(back.predict(x), model.predict(x), rtol=error, atol=error)


def test_every_layer_comes_back(tmp_path: Path) -> None:
    """Of its own kind, but for what inference lacks."""
    model, x = everything("float64")
    interop.to_onnx(model, tmp_path / "model.onnx")
    back = interop.from_onnx(tmp_path / "model.onnx")
    np.testing.assert_allclose(back.predict(x), model.predict(x), rtol=1e-6, atol=1e-9)
    kinds = {type(layer).__name__ for layer in model.layers}
    left_out = {"Dropout", "AlphaDropout", "GaussianNoise", "GaussianDropout", "Identity"}
    plain = {"ActivityRegularization", "Sigmoid", "Tanh", "Softmax"}
    assert kinds - {type(layer).__name__ for layer in back.layers} == left_out | plain


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_without_numbers_has_the_type_of_its_rows(dtype: str, tmp_path: Path) -> None:
    model, x = filled([minidl.Input((5,)), Activation("hard_tanh"), Activation("softmax")], dtype)
    interop.to_onnx(model, tmp_path / "model.onnx")
    back = interop.from_onnx(tmp_path / "model.onnx")
    assert back.dtype == model.dtype
    np.testing.assert_array_equal(back.predict(x), model.predict(x))


def test_a_network_is_the_same_again(tmp_path: Path) -> None:
    """Layers, arguments and weights, to the last bit; and it can be trained on."""
    layers = [
        minidl.Input((5,)),
        Dense(4, "relu"),
        BatchNormalization(momentum=0.9, epsilon=1e-4),
        Dense(3, "softmax", use_bias=False),
    ]
    model, x = filled(layers, "float32")
    interop.to_onnx(model, tmp_path / "model.onnx")
    back = interop.from_onnx(tmp_path / "model.onnx")
    for old, new in zip(model.layers, back.layers, strict=True):
        assert type(old) is type(new)
        wanted = {k: v for k, v in old.get_config().items() if k != "name"}
        assert {k: v for k, v in new.get_config().items() if k in wanted}.keys() == wanted.keys()
        for key in ("momentum", "epsilon", "activation", "use_bias", "units"):
            assert new.get_config().get(key) == wanted.get(key)
    for old, new in zip(model.get_weights(), back.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    back.compile("sgd", "sparse_categorical_crossentropy")
    back.fit(x, np.arange(5) % 3, verbose=0)


# Of other packages -------------------------------------------------------------------------


def of_scikit_learn(estimator: Any, x: np.ndarray, y: np.ndarray, folder: Path) -> Path:
    """The path of skl2onnx's file of a fitted estimator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that training is short
        estimator.fit(x, y)
    return written(skl2onnx.to_onnx(estimator, x[:1]), folder)


@pytest.fixture
def iris() -> tuple[np.ndarray, np.ndarray]:
    """Three kinds of rows with four numbers."""
    random = np.random.default_rng(0)
    y = np.arange(60) % 3
    return (random.normal(size=(60, 4)) + y[:, None]).astype(np.float32), y


# skl2onnx and scikit-learn compute in float32 and float64, after each other.
OF_FLOAT32 = 2e-6


def test_a_classifier_of_scikit_learn(iris: Any, tmp_path: Path) -> None:
    """With its scaler, by the name of its probabilities."""
    x, y = iris
    estimator = make_pipeline(StandardScaler(), MLPClassifier((8, 5), "tanh", max_iter=5))
    path = of_scikit_learn(estimator, x, y, tmp_path)
    model = interop.from_onnx(path, output="output_probability")
    assert [type(layer) for layer in model.layers] == [Normalization, Dense, Dense, Dense]
    expected = estimator.predict_proba(x)
    np.testing.assert_allclose(model.predict(x), expected, rtol=0, atol=OF_FLOAT32)
    with pytest.raises(interop.ConversionError, match=r"'output_label', 'output_probability'"):
        interop.from_onnx(path)


def test_two_classes_of_scikit_learn(iris: Any, tmp_path: Path) -> None:
    """Both probabilities are a softmax of two units, of which one is 0; the sigmoid is there."""
    x, y = iris
    estimator = MLPClassifier((8,), max_iter=5)
    path = of_scikit_learn(estimator, x, y > 0, tmp_path)
    expected = estimator.predict_proba(x)
    model = interop.from_onnx(path, output="output_probability")
    assert [layer.get_config()["activation"] for layer in model.layers] == ["relu", "softmax"]
    np.testing.assert_array_equal(model.layers[-1].W[:, 0], 0)
    np.testing.assert_allclose(model.predict(x), expected, rtol=0, atol=OF_FLOAT32)
    model = interop.from_onnx(path, output="out_activations_result")
    np.testing.assert_allclose(model.predict(x), expected[:, 1:], rtol=0, atol=OF_FLOAT32)


def test_several_labels_of_scikit_learn(iris: Any, tmp_path: Path) -> None:
    """Probabilities of each label and of its absence are no chain; the error names what is one."""
    x, y = iris
    estimator = MLPClassifier((8,), max_iter=5)
    path = of_scikit_learn(estimator, x, np.eye(3, dtype=int)[y][:, :2], tmp_path)
    with pytest.raises(interop.ConversionError, match=r"Concat.*output='out_activations_result'"):
        interop.from_onnx(path, output="output_probability")
    model = interop.from_onnx(path, output="out_activations_result")
    expected = estimator.predict_proba(x)
    np.testing.assert_allclose(model.predict(x), expected, rtol=0, atol=OF_FLOAT32)


def test_a_regressor_of_scikit_learn(iris: Any, tmp_path: Path) -> None:
    """Its numbers are rows of one."""
    x, y = iris
    estimator = MLPRegressor(hidden_layer_sizes=(8,), activation="logistic", max_iter=5)
    model = interop.from_onnx(of_scikit_learn(estimator, x, y, tmp_path))
    expected = estimator.predict(x)[:, None]
    np.testing.assert_allclose(model.predict(x), expected, rtol=OF_FLOAT32, atol=OF_FLOAT32)


@pytest.mark.filterwarnings("ignore::FutureWarning:keras", "ignore::DeprecationWarning")
def test_a_network_of_keras(tmp_path: Path) -> None:
    """Batch normalization comes as factors, which go into weights or become a Normalization."""
    from tests.oracle import export_onnx

    path = tmp_path / "model.onnx"
    x = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)
    expected = export_onnx(path, x)
    model = interop.from_onnx(path)
    np.testing.assert_allclose(model.predict(x), expected, rtol=0, atol=OF_FLOAT32)


# Node by node ------------------------------------------------------------------------------

AFFINE: dict[str, tuple[Any, ...]] = {
    "Gemm": ([("Gemm", ["x", "W", "c"], "y", {"alpha": 0.5, "beta": 2.0})], [Dense]),
    "Gemm, transposed": ([("Gemm", ["x", "W"], "y", {"transB": 1})], [Dense]),
    "factors behind": ([("MatMul", ["x", "W"], "a"), ("Mul", ["a", "c"], "y")], [Dense]),
    "a sum behind": ([("MatMul", ["x", "W"], "a"), ("Add", ["c", "a"], "y")], [Dense]),
    "negative, before": ([("Neg", ["x"], "a"), ("MatMul", ["a", "W"], "y")], [Rescaling, Dense]),
    "differences": ([("Sub", ["c", "x"], "a"), ("MatMul", ["a", "W"], "y")], [Dense]),
    "quotients": ([("Sub", ["x", "c"], "a"), ("Div", ["a", "p"], "y")], [Normalization]),
    "one number": ([("Mul", ["x", "s"], "a"), ("Add", ["a", "s"], "y")], [Rescaling]),
    "nothing": ([("Mul", ["x", "s"], "a"), ("Div", ["a", "s"], "y")], [Identity]),
    "a scaler": (
        [("ai.onnx.ml/Scaler", ["x"], "y", {"offset": [1.0, 2.0, 3.0], "scale": [2.0, 1.0, 0.5]})],
        [Normalization],
    ),
}
TENSORS = {
    "W": np.arange(9).reshape(3, 3) / 7,
    "c": np.array([0.5, -1, 2]),
    "p": np.array([0.5, 1, 2]),
    "s": np.array(3.0),
}


@pytest.mark.parametrize("name", AFFINE)
def test_products_and_constants(name: str, tmp_path: Path) -> None:
    """As ONNX Runtime computes, in as few layers as hold the numbers."""
    nodes, kinds = AFFINE[name]
    used = {each for node in nodes for each in node[1]}
    model = proto(nodes, {k: v for k, v in TENSORS.items() if k in used})
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    back = interop.from_onnx(written(model, tmp_path))
    assert [type(layer) for layer in back.layers] == kinds
    np.testing.assert_allclose(back.predict(x), run(model, x), rtol=1e-5, atol=1e-6)


GELU = [
    ("Div", ["x", "root"], "a"),
    ("Erf", ["a"], "b"),
    ("Add", ["b", "one"], "c"),
    ("Mul", ["x", "c"], "d"),
    ("Mul", ["d", "half"], "y"),
]
GELU_AS_KERAS = [
    ("Mul", ["x", "half"], "h"),
    ("Mul", ["x", "inverse"], "a"),
    ("Erf", ["a"], "b"),
    ("Add", ["one", "b"], "c"),
    ("Mul", ["h", "c"], "y"),
]
SPELT: dict[str, list[Any]] = {
    "silu": [("Sigmoid", ["x"], "a"), ("Mul", ["x", "a"], "y")],
    "silu, turned": [("Sigmoid", ["x"], "a"), ("Mul", ["a", "x"], "y")],
    "mish": [("Softplus", ["x"], "a"), ("Tanh", ["a"], "b"), ("Mul", ["x", "b"], "y")],
    "gelu": GELU,
    "gelu, again": GELU_AS_KERAS,
    "softsign": [("Abs", ["x"], "a"), ("Add", ["a", "one"], "b"), ("Div", ["x", "b"], "y")],
    "softplus": [
        ("Softplus", ["x"], "a"),
        ("Greater", ["x", "twenty"], "b"),
        ("Where", ["b", "x", "a"], "y"),
    ],
}
NUMBERS = {"root": 2**0.5, "inverse": 0.5**0.5, "one": 1.0, "half": 0.5, "twenty": 20.0}


@pytest.mark.parametrize("name", SPELT)
def test_functions_in_several_operators(name: str, tmp_path: Path) -> None:
    """Are one activation again."""
    model = proto(SPELT[name], NUMBERS)
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32) * 3
    back = interop.from_onnx(written(model, tmp_path))
    (layer,) = back.layers
    assert layer.function.name == name.partition(",")[0]
    # Of float32 in another order.
    np.testing.assert_allclose(back.predict(x), run(model, x), rtol=1e-5, atol=2e-6)


SIGMOID = [("Sigmoid", ["x"], "p"), ("Sub", ["one", "p"], "q")]


def test_both_classes_of_one_number(tmp_path: Path) -> None:
    """Without a product before; far from 0, where 1 - p rounds to 0, the softmax has digits."""
    both = ("Concat", ["q", "p"], "y", {"axis": -1})
    model = proto([*SIGMOID, both], NUMBERS, shape=("N", 1))
    x = np.linspace(-200, 200, 41, dtype=np.float32)[:, None]
    back = interop.from_onnx(written(model, tmp_path))
    assert [type(layer) for layer in back.layers] == [Dense]
    np.testing.assert_allclose(back.predict(x), run(model, x), rtol=1e-6, atol=1e-7)


OTHERS: list[tuple[list[Any], int]] = [
    ([*SIGMOID, ("Concat", ["p", "q"], "y", {"axis": 1})], 1),
    ([*SIGMOID, ("Concat", ["q", "p"], "y", {"axis": 0})], 1),
    ([*SIGMOID, ("Concat", ["q", "p"], "y", {"axis": 1})], 3),
    ([SIGMOID[0], ("Sub", ["p", "one"], "q"), ("Concat", ["q", "p"], "y", {"axis": 1})], 1),
    ([("Tanh", ["x"], "p"), SIGMOID[1], ("Concat", ["q", "p"], "y", {"axis": 1})], 1),
    ([("Sub", ["one", "x"], "q"), ("Concat", ["q", "x"], "y", {"axis": 1})], 1),
]


@pytest.mark.parametrize("number", range(len(OTHERS)))
def test_what_is_not_both_classes(number: int, tmp_path: Path) -> None:
    """p before 1 - p, other axes, several units, p - 1, no sigmoid."""
    nodes, features = OTHERS[number]
    path = written(proto(nodes, NUMBERS, shape=("N", features)), tmp_path)
    with pytest.raises(interop.ConversionError, match="Concat"):
        interop.from_onnx(path)


def test_a_quotient_of_a_number_is_no_gelu(tmp_path: Path) -> None:
    """Where the number is divided by x."""
    path = written(proto([("Div", ["root", "x"], "a"), *GELU[1:]], NUMBERS), tmp_path)
    with pytest.raises(interop.ConversionError, match="received 2 values"):
        interop.from_onnx(path)


PLAIN: list[tuple[str, dict[str, Any]]] = [
    ("LeakyRelu", {}), ("LeakyRelu", {"alpha": 0.3}), ("Elu", {"alpha": 0.5}), ("Selu", {}),
    ("ThresholdedRelu", {"alpha": 0.5}), ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    ("Gelu", {}), ("Gelu", {"approximate": "tanh"}), ("Mish", {}), ("Softplus", {}),
    ("Softsign", {}), ("Exp", {}), ("Softmax", {"axis": 1}), ("LogSoftmax", {}), ("Flatten", {}),
    ("Relu", {}), ("Sigmoid", {}), ("Tanh", {}),
    ("HardSwish", {}), ("Celu", {}), ("Shrink", {}), ("Shrink", {"lambd": 0.5, "bias": 0.5}),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "attributes"), PLAIN)
def test_operators_alone(operator: str, attributes: dict[str, Any], tmp_path: Path) -> None:
    """Behind a product, as ONNX Runtime computes."""
    model = proto([("MatMul", ["x", "W"], "a"), (operator, ["a"], "y", attributes)], {"W": EYE})
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32) * 3
    back = interop.from_onnx(written(model, tmp_path))
    np.testing.assert_allclose(back.predict(x), run(model, x), rtol=1e-5, atol=1e-6)


def test_a_dropout_that_says_whether_it_trains(tmp_path: Path) -> None:
    nodes = [("MatMul", ["x", "W"], "a"), ("Dropout", ["a", "ratio", "training"], "y")]
    tensors = {"W": EYE, "ratio": np.array(0.5), "training": np.array(False)}
    x = np.ones((2, 3), np.float32)
    path = written(proto(nodes, tensors), tmp_path)
    np.testing.assert_array_equal(interop.from_onnx(path).predict(x), x)
    path = written(proto(nodes, tensors | {"training": np.array(True)}), tmp_path)
    with pytest.raises(interop.ConversionError, match=r"Dropout.*received training_mode=True"):
        interop.from_onnx(path)


def test_normalizations(tmp_path: Path) -> None:
    """With a scale alone, too."""
    nodes = [("LayerNormalization", ["x", "p"], "a", {"epsilon": 1e-3}), ("Relu", ["a"], "y")]
    model = proto(nodes, {"p": TENSORS["p"]})
    back = interop.from_onnx(written(model, tmp_path))
    assert isinstance(back.layers[0], LayerNormalization)
    assert back.layers[0].epsilon == 1e-3
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_allclose(back.predict(x), run(model, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("opset", "inputs"), [(20, ["x", "", "six"]), (20, ["x", "zero", "six"])])
def test_a_bounded_relu(opset: int, inputs: list[str], tmp_path: Path) -> None:
    """The lower end has to be 0."""
    model = proto([("Clip", inputs, "y")], {"zero": 0.0, "six": 6.0}, opset=opset)
    if inputs[1]:
        (layer,) = interop.from_onnx(written(model, tmp_path)).layers
        assert isinstance(layer, ReLU)
        assert layer.max_value == 6
    else:
        with pytest.raises(interop.ConversionError, match=r"Clip: expected 0 as the lower end"):
            interop.from_onnx(written(model, tmp_path))


def test_attributes_of_an_older_opset(tmp_path: Path) -> None:
    """Clip's ends were attributes before opset 11."""
    model = proto([("Clip", ["x"], "y", {"min": 0.0, "max": 6.0})], opset=9)
    assert interop.from_onnx(written(model, tmp_path)).layers[0].max_value == 6


def test_shapes(tmp_path: Path) -> None:
    """0 and -1 stand for sizes."""
    nodes = [("Reshape", ["x", "s"], "a"), ("Relu", ["a"], "b"), ("Flatten", ["b"], "y")]
    model = proto(nodes, {"s": np.array([-1, 3, 2])}, shape=("N", 6))
    back = interop.from_onnx(written(model, tmp_path))
    assert [layer.output_shape for layer in back.layers] == [(3, 2), (3, 2), (6,)]
    model = proto(nodes, {"s": np.array([0, 0, -1])}, shape=("N", 2, 3, 2))
    back = interop.from_onnx(written(model, tmp_path))
    assert back.layers[0].output_shape == (2, 6)


def test_a_part_of_a_graph(tmp_path: Path) -> None:
    """Up to any value."""
    model = proto([("MatMul", ["x", "W"], "a"), ("Relu", ["a"], "y")], {"W": EYE})
    path = written(model, tmp_path)
    x = np.array([[-1, 2, -3]], np.float32)
    np.testing.assert_array_equal(interop.from_onnx(path, output="a").predict(x), x)
    with pytest.raises(interop.ConversionError, match=r"output: .*'y', received 'z'"):
        interop.from_onnx(path, output="z")


UNKNOWN: dict[str, tuple[list[Any], str]] = {
    "an operator": ([("Sin", ["x"], "y")], r"operator Sin: minidl has no layer"),
    "a domain": ([("com.microsoft/Gelu", ["x"], "y")], r"com.microsoft.Gelu: minidl has no"),
    "an attribute": ([("Relu", ["x"], "y"), ("Elu", ["y"], "z", {"gamma": 1.0})], r"'gamma'"),
    "branches": ([("Relu", ["x"], "a"), ("Add", ["a", "x"], "y")], r"Add.*received 2 values"),
    "an axis": ([("Softmax", ["x"], "y", {"axis": 0})], r"expected axis=-1"),
    "rows": ([("Flatten", ["x"], "y", {"axis": 0})], r"expected axis=1"),
    "a shape": ([("Reshape", ["x", "s"], "y")], r"expected rows that stay rows"),
    "a slope": ([("LeakyRelu", ["x"], "y", {"alpha": -1.0})], r"expected a number >= 0"),
    "a sigmoid": ([("HardSigmoid", ["x"], "y")], r"expected alpha=0.1666667"),
    "a celu": ([("Celu", ["x"], "y", {"alpha": 2.0})], r"expected alpha=1, .* received 2"),
    "a threshold": ([("Shrink", ["x"], "y", {"lambd": 1.0})], r"expected lambd=0.5"),
    "a shift": ([("Shrink", ["x"], "y", {"bias": 0.25})], r"expected bias=0.5"),
    "a type": ([("Cast", ["x"], "y", {"to": 7})], r"Cast to float32 or float64"),
    "weights": ([("MatMul", ["x", "M"], "y")], r"expected a matrix of 3 rows"),
    "a side": ([("MatMul", ["M", "x"], "y")], r"on the right"),
    "constants": ([("Mul", ["x", "n"], "a"), ("Relu", ["a"], "y")], r"expected factors above 0"),
    "zero": ([("Div", ["x", "z"], "y")], r"none of them 0"),
    "larger rows": ([("Add", ["x", "M"], "y")], r"expected constants for rows"),
    "a function": ([("minidl/elu", ["x", "z"], "y")], r"expected the body that minidl's elu has"),
    "a name": ([("minidl/evil", ["x"], "y")], r"expected the name of an activation"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_minidl_lacks(name: str, tmp_path: Path) -> None:
    """Is named, with what would do."""
    nodes, message = UNKNOWN[name]
    tensors = {
        "M": np.ones((4, 3)), "n": np.array([1.0, -2, 3]), "z": np.array(0.0),
        "s": np.array([3, -1]),
    }  # fmt: skip
    model = proto(nodes, tensors, output=nodes[-1][2])
    with pytest.raises(interop.ConversionError, match=message) as caught:
        interop.from_onnx(written(model, tmp_path))
    assert str(tmp_path) in str(caught.value)


def test_an_operator_of_two_results(tmp_path: Path) -> None:
    """As scikit-learn's linear classifiers and trees have: labels, and probabilities."""
    model = proto([("ai.onnx.ml/LinearClassifier", ["x"], "label"), ("Relu", ["p"], "y")])
    model.graph.node[0].output.append("p")
    message = "LinearClassifier.*no layer for an operator of several results, received 'label', 'p'"
    with pytest.raises(interop.ConversionError, match=message):
        interop.from_onnx(written(model, tmp_path))


def test_a_function_with_another_body(tmp_path: Path) -> None:
    """Is none of minidl's, whatever it is called."""
    model, _ = filled([minidl.Input((3,)), minidl.layers.ELU(0.5)], "float64")
    path = tmp_path / "model.onnx"
    interop.to_onnx(model, path)
    (layer,) = interop.from_onnx(path).layers
    assert layer.alpha == 0.5
    from minidl.interop.onnx.writing import proto_of

    changed = proto_of(model)
    changed.functions[0].node[0].op_type = "Sin"
    with pytest.raises(interop.ConversionError, match="received another"):
        interop.from_onnx(written(changed, tmp_path))


@pytest.mark.parametrize("shape", [("N", "M"), ("N",), None])
def test_rows_of_unknown_shape(shape: Any, tmp_path: Path) -> None:
    """Are no input for layers."""
    model = proto([("Relu", ["x"], "y")], shape=shape)
    with pytest.raises(interop.ConversionError, match="expected rows of a known shape"):
        interop.from_onnx(written(model, tmp_path))


def test_an_old_opset(tmp_path: Path) -> None:
    """Operators meant other things."""
    model = proto([("Relu", ["x"], "y")], opset=6)
    with pytest.raises(interop.ConversionError, match="opset 7 or newer, received 6"):
        interop.from_onnx(written(model, tmp_path))
