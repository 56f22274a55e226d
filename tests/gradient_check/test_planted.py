"""Mistakes planted in the engine: each is found, and the message names where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from minidl import activations, layers, losses, models, regularizers
from minidl.gradient_check import GradientError, gradcheck
from minidl.kernels import activations as activation_kernels
from minidl.kernels import (
    activities,
    batchnorm,
    dense,
    dropout,
    elastic,
    gated,
    piecewise,
    probabilities,
    rescaling,
    rowwise,
    smooth,
    soft_targets,
)
from minidl.kernels import losses as loss_kernels
from minidl.kernels import penalties as penalty_kernels
from minidl.kernels.sparse import sparse_dense_backward
from minidl.network import penalties
from tests import registered
from tests.gradient_check.planting import activation, after, one_entry, replaced, sign, twice


def dense_slip(slip: str) -> Callable[..., Any]:
    def wrong(dy, x, W, dW, db, dx):
        dense.dense_backward(dy, x, W, dW, db, dx)
        if slip == "dW sign":
            dW *= -1
        elif slip == "dW over the rows":
            dW /= len(x)
        elif slip == "dW transposed":
            dW[...] = dW.T.copy()
        elif slip == "dx transposed":
            dx[...] = dy @ W
        elif slip == "db of the first row":
            db[...] = dy[0]
        elif slip == "db twice":
            db *= 2
        elif slip == "one entry of dW":
            dW[1, 0] += 1e-6
        return dx

    return wrong


def sparse_slip(slip: str) -> Callable[..., Any]:
    def wrong(dy, x, dW, db):
        sparse_dense_backward(dy, x, dW, db)
        if slip == "dW of the pattern":
            dW[...] = (x != 0).T @ dy
        elif slip == "db of the first row":
            db[...] = dy[0]

    return wrong


def from_sparse_rows():
    x = sparse.csr_array(np.array([[0.0, 2.0, 0.0], [0.5, 0.0, 0.0], [0.0, -1.5, 3.0]]))
    network = models.Network([layers.Dense(2, name="first")], dtype="float64")
    return gradcheck(network, x, np.ones((3, 2)), "mse")


def softmax_diagonal(dy, y, row, out):
    return np.multiply(dy, y * (1 - y), out=out)


SHAPE = {"shape": (4,), "rows": 3}
DENSE = {
    "dW sign": r"dense.*kernel \(4, 4\): 16 of 16 .*\n.*opposite sign",
    "dW over the rows": r"kernel .*\n.*every entry is 0.333333 times .*: a mean over 3 taken twice",
    "dW transposed": r"kernel \(4, 4\): 12 of 16 .*\n.*transposed numeric one",
    "dx transposed": r"input \(3, 4\)",
    "db of the first row": r"bias \(4,\)",
    "db twice": r"bias .*\n.*every entry is 2 times .*: a mean over 2 left out",
    "one entry of dW": r"kernel \(4, 4\): 1 of 16 entries wrong(.*\n)+.*\[1, 0\]",
}

# name: where the mistake goes (object, attribute, wrong), what is checked, what the message says
PLANTED: dict[str, tuple[tuple[Any, str, Any], Callable[[], Any], str]] = {
    **{
        f"dense: {slip}": (
            (layers.dense, "dense_backward", dense_slip(slip)),
            lambda: gradcheck(layers.Dense(4, "tanh"), **SHAPE),
            words,
        )
        for slip, words in DENSE.items()
    },
    "dense, sparse rows: the pattern taken for the values": (
        (layers.dense, "sparse_dense_backward", sparse_slip("dW of the pattern")),
        from_sparse_rows,
        r"first/kernel \(3, 2\)",
    ),
    "dense, sparse rows: db of the first row": (
        (layers.dense, "sparse_dense_backward", sparse_slip("db of the first row")),
        from_sparse_rows,
        r"first/bias \(2,\)",
    ),
    "dropout: lost mask": (
        (layers.dropout, "dropout_backward",
         after(dropout.dropout_backward, replaced(lambda dy, bits, t, scale: dy * scale))),
        lambda: gradcheck(layers.Dropout(0.5, seed=1), shape=(9,)),
        r"(?s)training: input.* analytic .* 0  ",
    ),
    "dropout: lost scale": (
        (layers.dropout, "dropout_backward",
         after(dropout.dropout_backward, replaced(lambda dy, bits, t, scale: dy * (bits >= t)))),
        lambda: gradcheck(layers.Dropout(0.5), shape=(9,)),
        r"training: input .*\n.*every entry is 0.5 times",
    ),
    "batch normalization: mean path missing": (
        (batchnorm, "batchnorm_training_backward",
         after(batchnorm.batchnorm_training_backward, replaced(
             lambda dy, x_hat, dgamma, dbeta, inverse, gamma, rows:
             gamma * inverse * (dy - x_hat * dgamma / rows)))),
        lambda: gradcheck(layers.BatchNormalization(), **SHAPE),
        r"1 of 7 are wrong\ntraining: input",
    ),
    "batch normalization: variance path missing": (
        (batchnorm, "batchnorm_training_backward",
         after(batchnorm.batchnorm_training_backward, replaced(
             lambda dy, x_hat, dgamma, dbeta, inverse, gamma, rows:
             gamma * inverse * (dy - dbeta / rows)))),
        lambda: gradcheck(layers.BatchNormalization(), **SHAPE),
        r"training: input",
    ),
    "batch normalization: 1/N missing": (
        (batchnorm, "batchnorm_training_backward",
         after(batchnorm.batchnorm_training_backward, replaced(
             lambda dy, x_hat, dgamma, dbeta, inverse, gamma, rows:
             gamma * inverse * (dy - dbeta - x_hat * dgamma)))),
        lambda: gradcheck(layers.BatchNormalization(), **SHAPE),
        r"training: input",
    ),
    "batch normalization: inference as in training": (
        (batchnorm, "batchnorm_inference_backward",
         lambda dy, inverse, gamma, out:
         np.multiply(dy - dy.mean(axis=0), gamma * inverse, out=out)),
        lambda: gradcheck(layers.BatchNormalization(), **SHAPE),
        r"inference: input",
    ),
    "batch normalization: dgamma and dbeta exchanged": (
        (batchnorm, "batchnorm_parameter_gradients",
         lambda dy, x_hat, dgamma, dbeta, work:
         (np.sum(dy * x_hat, axis=0, out=dbeta), np.sum(dy, axis=0, out=dgamma))),
        lambda: gradcheck(layers.BatchNormalization(), **SHAPE),
        r"(?s)gamma \(4,\).*beta \(4,\)",
    ),
    "rescaling: scale lost": (
        (layers.rescaling, "rescaling_backward",
         after(rescaling.rescaling_backward, replaced(lambda dy, scale: dy))),
        lambda: gradcheck(layers.Rescaling(4.0), **SHAPE),
        r"input .*\n.*every entry is 0.25 times",
    ),
    "loss: 1/N missing": (
        (losses.Loss, "backward",
         lambda loss, right=losses.Loss.backward: right(loss) * loss._rows),
        lambda: gradcheck(losses.MeanSquaredError()),
        r"predictions .*\n.*every entry is 3 times the numeric one: a mean over 3 left out",
    ),
    "cross-entropy: the row's sum taken for a constant": (
        (probabilities, "shares_backward", lambda dq, q, total, *_: np.divide(dq, total, out=dq)),
        lambda: gradcheck(losses.CategoricalCrossentropy()),
        r"CategoricalCrossentropy",
    ),
    "sparse cross-entropy: the row's sum left out": (
        (probabilities, "log_total_backward", lambda dp, *_: dp),
        lambda: gradcheck(losses.SparseCategoricalCrossentropy()),
        r"SparseCategoricalCrossentropy",
    ),
    "softmax cross-entropy: targets' sum taken for 1": (
        (soft_targets, "surplus_backward", lambda p, surplus, work, dlogits: dlogits),
        lambda: gradcheck(
            losses.CategoricalCrossentropy(from_logits=True), y=np.array([[0, 2.0], [-1, 0]]),
            predictions=np.array([[0.2, -1], [1, 0.5]]),
        ),
        r"CategoricalCrossentropy from logits",
    ),
    "penalty of outputs: 1/N missing": (
        (activities, "activity_backward",
         after(activities.activity_backward, replaced(lambda dy, dP, rows: dy + dP))),
        lambda: gradcheck(layers.Dense(3, activity_regularizer=regularizers.L2(0.5)), **SHAPE),
        r"kernel",
    ),
    "softmax cross-entropy: sign": (
        (loss_kernels, "softmax_crossentropy_backward",
         after(loss_kernels.softmax_crossentropy_backward, sign)),
        lambda: gradcheck(losses.CategoricalCrossentropy(from_logits=True)),
        r"CategoricalCrossentropy from logits: .*\n.*\n.*opposite sign",
    ),
    "softmax cross-entropy: one entry": (
        (loss_kernels, "softmax_crossentropy_backward",
         after(loss_kernels.softmax_crossentropy_backward, one_entry)),
        lambda: gradcheck(losses.SparseCategoricalCrossentropy(from_logits=True)),
        r"predictions \(3, 4\): 1 of 12 entries wrong",
    ),
    "sigmoid cross-entropy: mean over the units missing": (
        (loss_kernels, "sigmoid_crossentropy_backward",
         after(loss_kernels.sigmoid_crossentropy_backward, lambda d, z, t, units: twice(d))),
        lambda: gradcheck(losses.BinaryCrossentropy(from_logits=True)),
        r"every entry is 2 times",
    ),
    "binary cross-entropy: 1 - p missing": (
        (probabilities, "binary_crossentropy_backward",
         after(probabilities.binary_crossentropy_backward,
               replaced(lambda p, t, units: (p - t) / p / units))),
        lambda: gradcheck(losses.BinaryCrossentropy()),
        r"predictions",
    ),
    "cross-entropy: sign": (
        (probabilities, "crossentropy_backward", after(probabilities.crossentropy_backward, sign)),
        lambda: gradcheck(losses.CategoricalCrossentropy()),
        r"opposite sign",
    ),
    "squared error: factor 2 missing": (
        (loss_kernels, "squared_error_backward",
         after(loss_kernels.squared_error_backward, replaced(lambda y, t, units: (y - t) / units))),
        lambda: gradcheck(losses.MeanSquaredError()),
        r"every entry is 0.5 times the numeric one",
    ),
    "loss: weights forgotten": (
        (losses.Loss, "backward", lambda loss, right=losses.Loss.backward:
         (setattr(loss, "_weights", None), right(loss))[1]),
        lambda: gradcheck(losses.MeanSquaredError()),
        r"1 of 2 are wrong\nweighted: predictions",
    ),
    "L2: halved": (
        (penalty_kernels, "l2_backward",
         after(penalty_kernels.l2_backward, replaced(lambda dW, W, l2: 1 + l2 * W))),
        lambda: gradcheck(regularizers.L2(0.1)),
        r"gradients of L2: .*\n.*\n.*every entry is 0.5 times",
    ),
    "L1: sign lost": (
        (penalty_kernels, "l1_backward",
         after(penalty_kernels.l1_backward, replaced(lambda dW, W, l1: 1 + l1))),
        lambda: gradcheck(regularizers.L1(0.1)),
        r"gradients of L1: 1 of 1 are wrong",
    ),
    "L1L2: overwrites": (
        (elastic, "l1_l2_backward",
         after(elastic.l1_l2_backward,
               replaced(lambda dW, W, l1, l2: l1 * np.sign(W) + 2 * l2 * W))),
        lambda: gradcheck(regularizers.L1L2(0.1, 0.2)),
        r"gradients of L1L2: 1 of 1 are wrong",
    ),
    "Lp: exponent": (
        (elastic, "lp_backward",
         after(elastic.lp_backward,
               replaced(lambda dW, W, lp, p: 1 + lp * p * np.sign(W) * np.abs(W) ** p))),
        lambda: gradcheck(regularizers.Lp(1.5, 0.2)),
        r"gradients of Lp: 1 of 1 are wrong",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_mistake_in_a_kernel_is_found_and_named(name, monkeypatch):
    (place, attribute, wrong), check, words = PLANTED[name]
    check()
    monkeypatch.setattr(place, attribute, wrong)
    with pytest.raises(GradientError, match=words) as caught:
        check()
    assert caught.value.failures


@pytest.mark.parametrize("slip", [sign, twice, one_entry, replaced(lambda dy, y, *_: dy + 0 * y)])
@pytest.mark.parametrize("name", sorted(set(registered.ACTIVATIONS) - {"softmax"}))
def test_a_mistake_in_an_activation_is_found_and_named(name, slip):
    if name == "linear" and slip not in (sign, twice, one_entry):
        return  # dx = dy is right
    with pytest.raises(GradientError, match=rf"(?s)gradients of {name} \(Activation\).* input "):
        gradcheck(activation(name, slip), shape=(4,))


def test_a_jacobian_of_softmax_taken_for_diagonal_is_found():
    right = activations.softmax
    wrong = activations.ActivationFunction("softmax", right.forward, softmax_diagonal)
    with pytest.raises(GradientError, match="gradients of softmax"):
        gradcheck(wrong, shape=(4,))
    assert activation_kernels.softmax_backward is right.backward


@pytest.mark.parametrize("left_out", ["all", "half"])
def test_a_mistake_in_the_penalties_of_a_network_is_found(left_out, monkeypatch):
    def wrong(self, theta, grad, right=penalties.Penalties.add_gradients):
        before = grad.copy()
        right(self, theta, grad)
        grad[...] = before if left_out == "all" else (before + grad) / 2

    network = layers.Dense(3, kernel_regularizer=regularizers.L2(0.5))
    monkeypatch.setattr(penalties.Penalties, "add_gradients", wrong)
    share = {"all": "-1", "half": "-0.5"}[left_out]
    words = rf"kernel .*\n.*analytic - numeric is {share} times the tensor itself: a penalty"
    with pytest.raises(GradientError, match=words):
        gradcheck(network, shape=(4,))


def test_what_is_planted_covers_every_backward_kernel():
    """A kernel that is added without a mistake planted in it shows here."""
    patched = {attribute for (_, attribute, _), _, _ in PLANTED.values()}
    modules = (
        *(activities, batchnorm, dense, dropout, rescaling),
        *(loss_kernels, soft_targets, probabilities, penalty_kernels, elastic),
    )
    kernels = {n for m in modules for n in vars(m) if n.endswith(("_backward", "_gradients"))}
    assert kernels <= patched
    modules = (activation_kernels, gated, piecewise, rowwise, smooth)
    kernels = {n for m in modules for n in vars(m) if n.endswith("_backward")}
    assert kernels == {each.backward.__name__ for each in registered.ACTIVATIONS.values()}
