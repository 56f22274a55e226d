"""Strategies: what they draw, and that they shrink to the smallest that fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import minidl
from minidl.gradient_check import GradientError, gradcheck
from minidl.kernels import dropout, penalties
from minidl.kernels import losses as loss_kernels
from minidl.layers import BatchNormalization, Dense, Dropout, Layer, ReLU
from minidl.testing import NetworkCase, layers, networks, tensors
from minidl.testing.axes import LARGEST, Tensor, positive, probability
from tests import registered
from tests.gradient_check.planting import activation, after, sign, twice
from tests.registered import forgotten  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[2]
# Without the phase that explains, which takes as long again.
SEARCH = settings(
    max_examples=2000,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
)


@given(networks())
def test_networks_are_what_a_check_takes(case):
    network = case.network
    assert network.built
    assert network.dtype == np.float64
    assert 1 <= len(network.layers) <= 6
    assert isinstance(network.layers[-1], Dense)
    assert case.x.shape == (len(case.x), *network.input_row)
    assert np.abs(network.theta).min() >= 0.3
    assert network.forward(case.x).shape == (len(case.x), *network.output_row)
    assert float(case.loss.forward(network.forward(case.x), case.y, case.sample_weight)) >= 0


@pytest.mark.thorough
def test_every_kind_of_layer_loss_and_size_comes_up():
    seen: set[object] = set()

    @settings(max_examples=3000, derandomize=True, database=None)
    @given(networks())
    def look(case):
        seen.update(type(layer).__name__ for layer in case.network.layers)
        output = case.network.output_activation
        seen.add(f"{type(case.loss).__name__} {case.loss.from_logits} {output}")
        seen.update(
            layer.activation.function.name
            for layer in case.network.layers
            if isinstance(layer, Dense) and layer.activation
        )
        seen.update(
            type(entry.regularizer).__name__
            for entry in case.network.parameters
            if entry.regularizer
        )
        seen.update({("N", len(case.x)), ("I", case.network.input_row[0])})
        seen.update({("K", case.network.output_row[0]), ("weighted", case.sample_weight is None)})
        seen.add(("hidden", len(case.network.layers) - 1))

    look()
    assert {("N", 1), ("N", 5), ("I", 1), ("I", 4), ("K", 1), ("K", 4)} <= seen
    assert {("hidden", k) for k in range(6)} <= seen
    assert {("weighted", True), ("weighted", False)} <= seen
    assert {"L1", "L2", "L1L2", "Lp"} <= seen
    assert set(registered.ACTIVATIONS) - {"linear", "exponential"} <= seen
    bases = {"Layer", "Input", "InputLayer", "Activation"}
    # What changes no number, or has numbers of its data; and what has no gradient at 0.
    others = {"Flatten", "Reshape", "Identity", "Normalization", "UnitNormalization"}
    assert set(minidl.layers.__all__) - bases - others <= seen
    for loss, output in (
        ("SparseCategorical", "softmax"),
        ("Categorical", "softmax"),
        ("Binary", "sigmoid"),
    ):
        assert {f"{loss}Crossentropy False {output}", f"{loss}Crossentropy True None"} <= seen
    assert {"MeanSquaredError False tanh", "MeanSquaredError False None"} <= seen


def test_the_same_draw_is_the_same_network():
    """Also in its names, which would count on otherwise."""
    first = settings(SEARCH, phases=[Phase.generate])  # not the smallest
    one, other = (
        find(networks(), lambda case: len(case.network.layers) > 2, settings=first)
        for _ in range(2)
    )
    assert repr(one) == repr(other)
    assert [layer.name for layer in one.network.layers] == [k.name for k in other.network.layers]
    np.testing.assert_array_equal(one.network.theta, other.network.theta)
    np.testing.assert_array_equal(one.x, other.x)


class Own(Layer):
    """A layer of somebody else's."""

    def bind(self, rows, backend, dtype):
        pass

    def forward(self, x, training=False, step=0):
        self.y = x
        return x

    def backward(self, dy):
        return dy


def test_own_layers_come_up_and_come_first():
    case = find(
        networks(layers=st.builds(Own)), lambda c: len(c.network.layers) > 1, settings=SEARCH
    )
    assert [type(layer) for layer in case.network.layers] == [Own, Dense]


@given(networks(hidden=1))
def test_as_many_hidden_layers_as_wanted(case):
    assert len(case.network.layers) <= 2


@given(tensors(x="NI", W="IO", p=probability("K"), s=positive("N")))
def test_tensors_share_their_axes(t):
    rows, inputs = t.x.shape
    assert t.W.shape[0] == inputs
    assert t.s.shape == (rows,)
    assert ((t.p > 0) & (t.p < 1)).all()
    assert (t.s > 0).all()
    assert np.abs(t.x).min() >= 1 / 32
    assert max(rows, inputs, t.W.shape[1]) <= max(LARGEST.values())


def test_tensors_of_an_own_kind():
    t = find(tensors(x=Tensor("NO", st.integers(3, 9), np.int8)), lambda t: t.x.size > 1)
    assert t.x.dtype == np.int8
    assert t.x.shape in ((1, 2), (2, 1))
    assert (t.x == 3).all()


# Shrinking ---------------------------------------------------------------------------------


def smallest(strategy: st.SearchStrategy[NetworkCase]) -> NetworkCase:
    """The smallest network whose gradient is wrong."""

    def wrong(case: NetworkCase) -> bool:
        try:
            gradcheck(*case)
        except GradientError:
            return True
        return False

    return find(strategy, wrong, settings=SEARCH)


def described(case: NetworkCase) -> str:
    return repr(case).partition(", seed")[0]


MEAN = "MeanSquaredError()"
OUTPUT = "Dense(units=1)"


@pytest.mark.thorough
@pytest.mark.usefixtures("forgotten")
def test_a_wrong_activation_shrinks_to_itself_and_one_unit():
    registered.put_in_place("relu", activation("relu", twice))
    assert described(smallest(networks())) == f"<1 row of 1 into [ReLU(), {OUTPUT}], {MEAN}"


@pytest.mark.thorough
def test_a_wrong_normalization_shrinks_to_two_rows(monkeypatch):
    """One row has no variance: nothing flows back, right or wrong."""
    from minidl.kernels import batchnorm

    wrong = after(batchnorm.batchnorm_training_backward, sign)
    monkeypatch.setattr(batchnorm, "batchnorm_training_backward", wrong)
    normalization = "BatchNormalization(center=False, scale=False)"
    assert (
        described(smallest(networks())) == f"<2 rows of 1 into [{normalization}, {OUTPUT}], {MEAN}"
    )


def test_a_wrong_loss_shrinks_to_no_hidden_layer(monkeypatch):
    kernel = loss_kernels.sigmoid_crossentropy_backward
    monkeypatch.setattr(loss_kernels, "sigmoid_crossentropy_backward", after(kernel, sign))
    found = described(smallest(networks(hidden=2)))
    assert found == f"<1 row of 1 into [{OUTPUT}], BinaryCrossentropy(from_logits=True)"


@pytest.mark.thorough
def test_a_wrong_penalty_shrinks_to_one_weight(monkeypatch):
    monkeypatch.setattr(penalties, "l2_backward", after(penalties.l2_backward, sign))
    case = smallest(networks())
    assert len(case.network.layers) == 2
    assert "kernel_regularizer=L2(l2=0.05)" in repr(case)
    assert case.network.theta.size == 3  # a weight without a bias, and the output's two


@pytest.mark.thorough
def test_a_lost_mask_shrinks_to_one_dropout(monkeypatch):
    def lost(out, dy, bits, threshold, scale):
        out[...] = dy * scale

    wrong = after(dropout.dropout_backward, lost)
    monkeypatch.setattr("minidl.layers.dropout.dropout_backward", wrong)
    case = smallest(networks())
    assert [type(layer) for layer in case.network.layers] == [Dropout, Dense]
    assert case.x.shape[0] == 1
    assert case.x.size <= 2  # one to drop; of seed 0 it is the second


@pytest.mark.thorough
@pytest.mark.usefixtures("forgotten")
def test_only_the_guilty_of_several_layers_stays():
    """Drawn from five layers on, three of them go, and the fourth does where seed 1 is tried.

    With seed 0 a lone ReLU gets a number below 0, where a gradient of another sign is right.
    """
    registered.put_in_place("relu", activation("relu", sign))
    some = st.one_of(st.builds(ReLU), st.builds(BatchNormalization), layers())
    case = smallest(networks(layers=some))
    found = [type(layer) for layer in case.network.layers]
    assert found[-2:] == [ReLU, Dense]
    assert len(found) <= 3


# Without Hypothesis ------------------------------------------------------------------------


def test_without_hypothesis_the_message_says_what_to_install():
    code = """
import sys
sys.modules["hypothesis"] = None
import minidl
try:
    minidl.testing.networks
except ModuleNotFoundError as error:
    print(error)
print(minidl.gradient_check.gradcheck("tanh").subject)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "minidl.testing.networks needs hypothesis; install it with pip install 'minidl[testing]'",
        "tanh (Activation)",
    ]


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"'minidl\.testing' has no attribute 'network'"):
        _ = minidl.testing.network
