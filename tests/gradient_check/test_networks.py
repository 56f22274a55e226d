"""Whole networks: what is checked, what is left alone, which kinks are named, what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import minidl
from minidl.backend import to_host
from minidl.gradient_check import (
    GradientDtypeError,
    GradientError,
    GradientShapeError,
    InPlaceError,
    KinkError,
    NondeterministicError,
    NonScalarLossError,
    NotFiniteError,
    check_layer,
    check_loss,
    check_network,
    gradcheck,
)
from minidl.gradient_check.passes import INPUT
from minidl.kernels import losses as kernels
from minidl.kernels import probabilities
from minidl.layers import BatchNormalization, Dense, Dropout, Layer, ReLU
from minidl.losses import MeanSquaredError
from minidl.models import Network
from minidl.parameters import Specification
from tests.strategies import csr, tensors

random = np.random.default_rng(0)
ROWS, INPUTS, CLASSES = 5, 4, 3
X = random.normal(size=(ROWS, INPUTS))
Y = random.integers(0, CLASSES, ROWS)


def classifier(*hidden: Layer, dtype: str = "float64", **options: object) -> minidl.Sequential:
    """A compiled network; its biases are not at 0, where penalties have kinks."""
    minidl.utils.set_random_seed(3)
    model = minidl.Sequential(
        [*hidden, Dense(CLASSES, "softmax", name="out", **options)], dtype=dtype
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.build((INPUTS,))
    model.theta[...] += 0.1
    return model


def full() -> minidl.Sequential:
    return classifier(
        Dense(6, "relu", name="first", kernel_regularizer="l1", bias_regularizer="l2"),
        BatchNormalization(name="norm"),
        Dropout(0.3, name="drop"),
    )


@pytest.mark.usefixtures("executor")
def test_every_tensor_and_the_input_in_both_modes():
    result = check_network(full(), X, Y, sample_weight=np.arange(1.0, 6))
    names = ["first/kernel", "first/bias", "norm/gamma", "norm/beta", "out/kernel", "out/bias",
             "input", "all together"]  # fmt: skip
    assert [check.name for check in result.checks] == 2 * names
    assert [check.mode for check in result.checks] == 8 * ["training"] + 8 * ["inference"]
    assert result.max_error < 1e-7
    assert str(result).startswith(f"gradients of {result.subject}: right, ")
    assert "training: norm/gamma" in str(result)


def test_the_network_is_left_as_it_was():
    model = full()
    model.forward(X, training=True)
    model.forward(X[:2])
    theta, statistics = model.theta.copy(), model.statistics.theta.copy()
    model.grad[...] = 7
    needed = [layer.needs_dx for layer in model.layers]
    check_network(model, X, Y)
    np.testing.assert_array_equal(model.theta, theta)
    np.testing.assert_array_equal(model.statistics.theta, statistics)
    assert (model.grad == 7).all()
    assert model.step == 1
    assert [layer.needs_dx for layer in model.layers] == needed
    assert model.layers[0]._dx is None
    model.layers[0].b[...] = 0  # a kink, for which the activations are watched
    with pytest.raises(KinkError):
        check_network(model, np.zeros_like(X), Y)
    assert [layer.needs_dx for layer in model.layers] == needed
    assert "forward" not in vars(model.layers[0].activation)
    model.evaluate(X, Y, verbose=0)


class Drifting(Layer):
    """Multiplies by a statistic, which every training pass moves."""

    def build(self, input_shape):
        super().build(input_shape)
        self.statistics = {"share": Specification("share", (1,), minidl.initializers.Ones())}

    def forward(self, x, training=False, step=0):
        self.y = x * self.share
        self.factor = self.share.copy()
        if training:
            self.share[...] += 1
        return self.y

    def backward(self, dy):
        return dy * self.factor


def test_statistics_start_each_pass_from_the_same():
    model = classifier(Drifting())
    assert check_network(model, X, Y).max_error < 1e-9
    assert model.layers[0].share == 1


def test_dropout_masks_are_those_of_the_step():
    model = classifier(Dense(20, "tanh"), Dropout(0.5, name="drop"))
    masks = []
    for step in (4, 4, 5):
        check_network(model, X, Y, training=True, step=step)
        model.forward(X, training=True, step=step)
        masks.append(model.layers[1].bits >= model.layers[1].threshold)
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).any()


def test_the_gradient_is_that_of_fit_which_goes_by_the_logits(monkeypatch):
    monkeypatch.setattr(probabilities, "crossentropy_backward", None)  # not called
    seen = set()
    forward = Network.forward

    def spy(self, x, training=False, step=None, logits=False):
        seen.add(logits)
        return forward(self, x, training, step, logits)

    monkeypatch.setattr(Network, "forward", spy)
    check_network(classifier(), X, Y)
    assert seen == {True}
    monkeypatch.setattr(
        kernels, "softmax_crossentropy_backward", lambda p, t, out: np.copyto(out, p)
    )
    with pytest.raises(GradientError):
        check_network(classifier(), X, Y)


def test_a_loss_by_name_or_object_stands_above_the_compiled_one():
    model = full()
    targets = np.eye(CLASSES)[Y]
    for loss in ("categorical_crossentropy", minidl.losses.MeanSquaredError()):
        assert check_network(model, X, targets, loss).max_error < 1e-7
    network = Network([Dense(CLASSES)], dtype="float64")
    assert gradcheck(network, X, targets, "mse").max_error < 1e-9
    with pytest.raises(TypeError, match="expected a loss, by the argument loss or by compile"):
        gradcheck(network, X, targets)


def test_a_proximal_penalty_is_left_out_of_the_function():
    """Its value is in the loss that training reports, its gradient nowhere."""
    penalty = minidl.regularizers.L1(0.5, proximal=True)
    model = classifier(kernel_regularizer=penalty, bias_regularizer="l2")
    assert check_network(model, X, Y).max_error < 1e-9


@pytest.mark.usefixtures("executor")
@given(tensors(x=csr("NI")), st.integers(0, 99))
def test_sparse_rows_as_they_come(t, seed):
    """Every parameter is checked; nobody needs the gradient at sparse rows."""
    minidl.utils.set_random_seed(seed)
    network = Network([Dense(3, "tanh", kernel_regularizer="l2"), Dense(2)], dtype="float64")
    rows = t.x.shape[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that duplicates are summed
        result = check_network(network, t.x, np.ones((rows, 2)), "mse")
    assert INPUT not in {check.name for check in result.checks}
    assert len(result.checks) == 2 * (4 + 1)
    assert result.max_error < 1e-7


def test_a_wrong_gradient_from_sparse_rows_is_found(monkeypatch):
    def wrong(dy, x, dW, db):
        right(dy, x, dW, db)
        dW[...] = (x != 0).T @ dy  # the pattern taken for the values

    right = minidl.layers.dense.sparse_dense_backward
    monkeypatch.setattr(minidl.layers.dense, "sparse_dense_backward", wrong)
    x = np.where(X > 0, X, 0)
    assert check_network(classifier(), x, Y)
    with pytest.raises(GradientError, match="training and inference: out/kernel"):
        check_network(classifier(), sparse.csr_array(x), Y)


# Kinks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_a_unit_at_its_kink_is_named_by_layer_row_and_unit(activation):
    model = classifier(Dense(4, activation, name="first"))
    dense = model.layers[0]
    dense.b[2] -= (X @ dense.W + dense.b)[3, 2]
    model.forward(X)
    dense.b[2] -= dense.z[3, 2]  # the rest of the rounding
    model.forward(X)
    assert dense.z[3, 2] == 0
    left = {"relu": "0", "leaky_relu": "0.2"}[activation]
    with pytest.raises(KinkError, match="the point lies at a kink") as caught:
        check_network(model, X, Y)
    told = f"training: first ({activation}): input[3, 2] = 0, slope {left} to the left, 1 to the"
    assert all(f"({activation}): input[3, 2] = 0" in text for text in caught.value.kinks)
    assert caught.value.kinks[0].startswith(told)
    dense.b[2] += 1e-7
    result = check_network(model, X, Y)
    assert any(f"first ({activation}): input[3, 2] = 1e-07" in text for text in result.kinks)
    assert "kink avoided" in str(result)


def test_a_kink_beside_an_activations_input_is_named():
    result = gradcheck("relu", x=np.array([[1e-5, 1.0]]))
    assert result.kinks == ("inference: relu: input[0, 0] = 1e-05",)
    assert gradcheck("relu", x=np.array([[1.0, -1.0]])).kinks == ()


def test_smooth_activations_are_not_taken_for_kinks():
    model = classifier(Dense(30, "tanh", name="smooth"), Dense(30, "relu", name="kinked"))
    model.forward(X)
    kinked = model.layers[1]
    kinked.b[2] -= kinked.z[3, 2] - 1e-5
    kinks = check_network(model, X, Y).kinks
    assert any("kinked (relu): input[3, 2] = 1e-05" in text for text in kinks)
    assert all("kinked (relu)" in text for text in kinks)


def test_elu_has_a_kink_unless_alpha_is_1():
    for alpha, kinked in ((1.0, False), (0.7, True)):
        layer = minidl.layers.ELU(alpha, name="elu")
        x = np.array([[0.0, 1.0]])
        if kinked:
            with pytest.raises(KinkError, match=r"elu: input\[0, 0\] = 0, slope 0.7 to the left"):
                check_layer(layer, x=x)
        else:
            assert check_layer(layer, x=x).max_error < 1e-6


def test_a_weight_at_the_kink_of_its_penalty_is_named():
    model = classifier(kernel_regularizer=minidl.regularizers.L1(0.3))
    model.layers[0].W[1, 2] = 0
    with pytest.raises(KinkError) as caught:
        check_network(model, X, Y, training=False)
    assert set(caught.value.kinks) == {
        "inference: penalty of out/kernel: weight[1, 2] = 0, slope -0.3 to the left, 0.3 to the "
        "right"
    }
    assert check_network(classifier(kernel_regularizer="l2", use_bias=False), X * 0 + 1, Y)


def test_an_output_at_the_kink_of_its_loss_is_named():
    class Distance(MeanSquaredError):  # noqa: N818 - an error of the squared kind
        def kernels(self):
            def forward(y, t, out):
                return np.abs(y - t, out=out)

            def backward(y, t, units, out):
                return np.divide(np.sign(y - t), units, out=out)

            return forward, backward

    minidl.utils.set_random_seed(3)
    network = Network([Dense(2, use_bias=False, name="out")], dtype="float64")
    targets = random.normal(size=(ROWS, 2))
    assert gradcheck(network, X, targets, Distance()).max_error < 1e-9
    targets[1, 1] = network.forward(X)[1, 1]
    with pytest.raises(KinkError, match=r"Distance: output\[1, 1\] = .*, slope -0\.(1|0999)"):
        gradcheck(network, X, targets, Distance())
    with pytest.raises(KinkError, match=r"plain: predictions\[1, 1\] = "):
        check_loss(Distance(), network.forward(X).copy(), targets)


def test_a_clipped_probability_is_named():
    p = np.array([[0.3, 1e-7, 0.7 - 1e-7]])  # a row's sum is 1
    with pytest.raises(KinkError, match=r"predictions\[0, 1\] = 1e-07"):
        check_loss("categorical_crossentropy", p, np.full((1, 3), 1 / 3))
    p[0, 1:] = 2e-7, 0.7 - 2e-7
    assert check_loss("categorical_crossentropy", p, np.full((1, 3), 1 / 3)).max_error < 1e-6


def test_units_that_do_not_move_are_at_no_kink():
    """Dropped before a ReLU: its input is 0 and stays 0."""
    model = classifier(Dropout(0.5), ReLU())
    assert check_network(model, X, Y, training=True).max_error < 1e-7


def test_batch_normalization_of_one_row_and_one_unit():
    model = classifier(Dense(1), BatchNormalization(), Dense(1))
    assert check_network(model, X[:1], Y[:1]).max_error < 1e-7


# Layers of others that are wrong -------------------------------------------------------------


class Scale(Layer):
    """y = a · x with one trained factor; ``slip`` says what is wrong with it."""

    def __init__(self, slip: str = "", name: str = "scale") -> None:
        super().__init__(name)
        self.slip = slip
        self.random = np.random.default_rng(0)

    def build(self, input_shape):
        super().build(input_shape)
        self.add_tensor("a", "factor", (1,), minidl.initializers.Ones())

    def forward(self, x, training=False, step=0):
        self.x = x
        if self.slip == "forward changes x":
            x[0, 0] = 5.0
        if self.slip == "forward changes a":
            self.a[...] += 1.0
        if self.slip == "random":
            return x * self.a * self.random.normal()
        if self.slip == "NaN":
            return x * np.nan
        if self.slip == "float32":
            return (x * self.a).astype(np.float32)
        if self.slip == "narrow":
            return x[:, :1] * self.a
        if self.slip == "counts":
            self.calls = getattr(self, "calls", 0) + 1
            return x * self.a * self.calls
        self.y = x * self.a
        return self.y

    def backward(self, dy):
        if self.slip == "adds":
            self.da += (dy * self.x).sum()
        elif self.slip != "forgets":
            self.da = (dy * self.x).sum() * (2 if self.slip == "twice" else 1)
        if self.slip == "backward changes x":
            self.x *= 2
        dx = dy * self.a
        return {
            "no dx": None, "transposed dx": dx.T, "dx of float32": dx.astype(np.float32),
            "half dx": dx / 2,
        }.get(self.slip, dx)  # fmt: skip


def test_an_own_layer_passes():
    assert gradcheck(Scale(), shape=(3,)).max_error < 1e-9


@pytest.mark.parametrize(
    ("slip", "error", "words"),
    [
        ("twice", GradientError, r"scale/factor \(1,\): 1 of 1 entries wrong"),
        ("half dx", GradientError, "input .*\n.*every entry is 0.5 times the numeric one"),
        ("adds", NotFiniteError, "training: gradient of scale/factor: expected backward to write"),
        ("forgets", NotFiniteError, "received NaN, which was there before; gradients are over"),
        ("no dx", GradientShapeError, "scale: dx: expected the gradient at .*, received None"),
        ("transposed dx", GradientShapeError,
         r"scale: dx: expected shape \(2, 3\), the input's, received \(3, 2\)"),
        ("dx of float32", GradientDtypeError, "gradient of input: expected float64, received flo"),
        ("narrow", GradientShapeError,
         r"scale: expected forward to return an array of shape \(2, 3\), .*received \(2, 1\)"),
        ("forward changes x", InPlaceError, "forward: expected its input input as it was, .*"
         r"changed in 1 of 6 entries, the first at \[0, 0\]"),
        ("forward changes a", InPlaceError, "forward: expected its input scale/factor as it was"),
        ("backward changes x", InPlaceError, "backward: expected its input input as it was"),
        ("random", NondeterministicError, "training: forward: expected the same numbers"),
        ("counts", NondeterministicError, "training: forward: expected the same numbers"),
        ("NaN", NotFiniteError, "training: output: expected finite numbers, received nan"),
        ("float32", GradientDtypeError, "output: expected float64, received float32"),
    ],
)  # fmt: skip
def test_each_slip_of_an_own_layer_has_its_own_error(slip, error, words):
    with pytest.raises(error, match=f"(?s){words}") as caught:
        check_layer(Scale(slip), (3,), rows=2)
    assert type(caught.value) is error
    assert "scale" in str(caught.value)


class Shift(Layer):
    """y = x + b, whose backward is given as ``write(layer, dy)``; it returns dx."""

    def __init__(self, write, name="shift"):
        super().__init__(name)
        self.write = write

    def build(self, input_shape):
        super().build(input_shape)
        self.add_tensor("b", "bias", input_shape, minidl.initializers.Ones())

    def forward(self, x, training=False, step=0):
        return x + self.b

    def backward(self, dy):
        return self.write(self, dy)


def assigned(value):
    """A backward that assigns ``value(dy)`` to db."""

    def write(layer, dy):
        layer.db = value(dy)
        return dy

    return write


def in_place(layer, dy):
    layer.db[...] = dy
    return dy


def by_ufunc(layer, dy):
    np.add(dy, 0, out=layer.db)
    return dy


def from_zero(layer, dy):
    layer.db = 0.0
    for row in dy:
        layer.db += row
    return dy


def and_dx(dx):
    """A backward with a right db and another dx."""

    def write(layer, dy):
        layer.db = dy.sum(0)
        return dx(dy)

    return write


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (assigned(lambda dy: dy), r"shift: db: expected shape \(3,\), the tensor's, received an "
         r"array of shape \(5, 3\); sum over the rows alone, with axis=0"),
        (assigned(np.sum), "shift: db: expected shape .*, received one number; sum over the rows"),
        (in_place, r"shift: could not broadcast .*, in layer.db\[...\] = dy"),
        (by_ufunc, r"shift: non-broadcastable output .*, in np.add\(dy, 0, out=layer.db\)"),
        (and_dx(np.sum), r"shift: dx: expected shape \(5, 3\), the input's, received \(\)"),
        (and_dx(lambda dy: float(dy.sum())), r"shift: dx: expected an array of shape \(5, 3\), .*"
         "received a float"),
        (and_dx(lambda dy: dy.sum(0)), r"shift: dx: expected shape \(5, 3\), .* \(3,\)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["alone", "in a network"])
def test_a_gradient_that_is_not_summed_or_one_number_has_its_error(write, words, where):
    check, given = check_layer, (Shift(write), (3,), 5)
    if where == "in a network":
        check, given = check_network, (classifier(Dense(3), Shift(write), Dense(3)), X, Y)
    with pytest.raises(GradientShapeError, match=f"(?s)training: {words}"):
        check(*given)


def test_one_number_in_every_entry_is_told():
    """Written in place, where NumPy takes it."""

    def write(layer, dy):
        layer.db[...] = dy.sum()
        return dy

    with pytest.raises(GradientError, match="every entry is the same number: a sum over all axes"):
        check_layer(Shift(write), (3,), rows=5)


def test_a_gradient_may_be_added_up_from_zero():
    assert check_layer(Shift(from_zero), (3,), rows=5).max_error < 1e-7


def test_an_error_that_is_not_about_shapes_passes_through():
    def write(layer, dy):
        raise ValueError("no shape")

    layer = Shift(write)
    with pytest.raises(ValueError, match="no shape"):
        check_layer(layer, (3,), rows=5)
    # The check's own watch over the gradients has ended with the check.
    layer.db = 7.0
    assert layer.db.tolist() == [7.0] * 3


def test_what_is_wrong_in_both_modes_is_told_once():
    with pytest.raises(GradientError) as caught:
        check_layer(Scale("twice"), (3,), rows=2)
    assert str(caught.value).count("entries wrong") == 1
    assert "\ntraining and inference: scale/factor (1,): 1 of 1 entries wrong" in str(caught.value)
    assert [f.check.mode for f in caught.value.failures] == ["training", "inference"]


def test_what_is_wrong_in_each_mode_otherwise_is_told_for_each():
    class Moody(Scale):
        def forward(self, x, training=False, step=0):
            self.slope = 0.3 if training else 0.7
            return super().forward(x, training, step)

        def backward(self, dy):
            dx = super().backward(dy)
            self.da += self.slope
            return dx

    with pytest.raises(GradientError) as caught:
        check_layer(Moody(), (3,), rows=2)
    text = str(caught.value)
    assert "\ntraining: scale/factor" in text
    assert "\ninference: scale/factor" in text


# Losses and data that do not fit --------------------------------------------------------------


class RowByRow(MeanSquaredError):  # noqa: N818 - an error of the squared kind
    """A loss without the mean over the batch."""

    def forward(self, predictions, y, sample_weight=None):
        super().forward(predictions, y, sample_weight)
        return self._losses[: len(predictions), 0]


class Overwriting(MeanSquaredError):  # noqa: N818 - an error of the squared kind
    """Works in the predictions."""

    def row_losses(self, predictions, t, out):
        predictions -= t
        np.mean(predictions**2, axis=1, keepdims=True, out=out)


class TooLong(MeanSquaredError):  # noqa: N818 - an error of the squared kind
    """The gradient has a row too many."""

    def backward(self):
        d = super().backward()
        return np.vstack([d, d[:1]])


@pytest.mark.parametrize(
    ("loss", "error", "words"),
    [
        (RowByRow(), NonScalarLossError,
         r"RowByRow: expected one number, the mean over the batch, received an array of shape "
         r"\(5,\)"),
        (TooLong(), GradientShapeError, r"gradient of .*: expected shape \(5, 3\), .* \(6, 3\)"),
    ],
)  # fmt: skip
def test_each_slip_of_an_own_loss_has_its_own_error(loss, error, words):
    targets = np.eye(CLASSES)[Y]
    with pytest.raises(error, match=words):
        check_network(full(), X, targets, loss)
    with pytest.raises(error, match=words):
        check_loss(loss, random.normal(size=(ROWS, CLASSES)), targets)


def test_a_loss_that_works_in_its_predictions():
    with pytest.raises(
        InPlaceError, match="Overwriting: plain: forward: expected its input predic"
    ):
        check_loss(Overwriting())


@pytest.mark.parametrize(
    ("x", "y", "error", "words"),
    [
        (X.astype(int), Y, GradientDtypeError, "input: expected float64, received int64; pass"),
        ((X > 0), Y, GradientDtypeError, "input: expected float64, received bool"),
        (X, Y[:3], ValueError, "expected as many targets as rows of x, 5, received 3"),
        (X[:, :2], Y, ValueError, "expected rows of shape"),
        (X * np.nan, Y, ValueError, "NaN|finite"),
    ],
)
def test_data_that_do_not_fit(x, y, error, words):
    with pytest.raises(error, match=words):
        check_network(full(), x, y)


def test_a_network_of_float32_is_refused():
    with pytest.raises(GradientDtypeError, match='float32; make it with dtype="float64", or after'):
        check_network(classifier(dtype="float32"), X, Y)
    assert check_network(classifier(), X.astype("float32"), Y)  # the rows themselves may be
    assert to_host(classifier().theta).dtype == np.float64
