"""The exercises in a course's order: functions to write, and the kernels that are their forward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minidl.kernels import (
    activations,
    batchnorm,
    dense,
    dropout,
    gated,
    layernorm,
    losses,
    penalties,
    piecewise,
    probabilities,
    rowwise,
    smooth,
    updates,
)
from minidl.teaching.catalogue import KERNELS


@dataclass(frozen=True)
class Exercise:
    """A file with one function to write, or several.

    Attributes:
        name: of the file, without ``.py``.
        part: the part of the course.
        task: the student's task, in a sentence or more.
        kernels: the names, in :data:`~minidl.teaching.catalogue.KERNELS`, of the functions.
        forwards: functions of the engine, whose docstrings have the forward's formulas.
    """

    name: str
    part: str
    task: str
    kernels: tuple[str, ...]
    forwards: tuple[Callable[..., Any], ...] = ()

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the functions to write."""
        return tuple(KERNELS[kernel].function for kernel in self.kernels) or (self.name,)


_ACTIVATIONS = (activations, gated, piecewise, rowwise, smooth)
GRADIENT = (
    "Write the backward. It is given dy, the gradient of the loss with respect to the forward's "
    "output y, and returns the gradients that its docstring names: dx is the one with respect to "
    "x, and so on."
)
MEAN = "The loss is the mean over the N rows of what the forward gives for a row"
STEP = "Write the step: a function that returns new arrays and leaves its arguments as they are."


def _activation(name: str) -> Exercise:
    known = {key: value for module in _ACTIVATIONS for key, value in vars(module).items()}
    forward = known[f"{name}_forward"]
    return Exercise(name, "activations", GRADIENT, (name,), (forward,))


def _loss(name: str, forward: Callable[..., Any], row: str) -> Exercise:
    return Exercise(
        name, "losses and penalties", f"{MEAN}{row}. Write its gradient.", (name,), (forward,)
    )


def _penalty(name: str, forward: Callable[..., Any]) -> Exercise:
    task = "Write the function that adds the penalty's gradient to dW, that of the loss."
    return Exercise(name, "losses and penalties", task, (name,), (forward,))


def _optimizer(name: str) -> Exercise:
    task = STEP
    if name == "adam":
        task += " step is 1 for the first step. The textbook's form, with m̂ and v̂, is right, too."
    if name in ("momentum", "nesterov"):
        task += " The argument beta is what the formula calls momentum."
    return Exercise(name, "optimizers", task, (name,), (vars(updates)[name],))


STAGES = (
    "batchnorm_scale", "batchnorm_product", "batchnorm_inverse", "batchnorm_variance",
    "batchnorm_centre", "batchnorm_mean", "batchnorm",
)  # fmt: skip

ALL = (
    # In the order of the chapters of docs/learn.
    _loss("mean_squared_error", losses.squared_error_forward, ", which is the mean over its units"),
    _optimizer("sgd"),
    *map(_activation, ("sigmoid", "tanh")),
    Exercise("dense", "layers", GRADIENT, ("dense",), (dense.dense_forward,)),
    *map(_activation, ("relu", "leaky_relu", "elu", "softmax")),
    _loss("softmax_crossentropy", losses.softmax_crossentropy_forward, ""),
    Exercise("two_layer_network", "networks",
             "A network of two layers: z = x W1 + b1, hidden = max(z, 0), logits = hidden W2 + "
             "b2. The loss is the mean over the N rows of the cross-entropy of softmax(logits) "
             "with the targets t. Write the gradients of all parameters, forward included.",
             ("two_layer_network",)),
    Exercise("gradient_check", "differences",
             "Write a gradient check of your own: the gradient of f at x by central differences, "
             "(f(x + h e) - f(x - h e)) / 2 h for each entry, e its unit vector and h about 1e-5.",
             ("gradient_check",)),
    *map(_optimizer, ("momentum", "nesterov", "rmsprop", "adam")),
    Exercise("glorot_uniform", "networks",
             "Write Glorot's initial weights: uniform in ±√(6 / (inputs + outputs)), a matrix of "
             "shape (inputs, outputs), from the generator rng. Glorot & Bengio, \"Understanding "
             "the difficulty of training deep feedforward neural networks\", AISTATS 2010, "
             "equation 16.", ()),
    Exercise("dropout", "layers",
             f"{GRADIENT} mask has the forward's bits >= threshold; rate is the share that is "
             "dropped, and the scale 1 / (1 - rate).", ("dropout",), (dropout.dropout_forward,)),
    _penalty("l1", penalties.l1_forward),
    _penalty("l2", penalties.l2_forward),
    Exercise("batchnorm_staged", "layers",
             "Batch normalization's backward by stages. Forward, with sums over the N rows: mean = "
             "Σ x / N; centred = x - mean; variance = Σ centred² / N; inverse = (variance + "
             "epsilon)^(-1/2); x̂ = centred · inverse; y = gamma · x̂ + beta. Write the backward of "
             "each stage, the last first. Then put them together in batchnorm_backward: where a "
             "quantity is used twice, its gradients add up.", STAGES),
    Exercise("batchnorm", "layers",
             "Write the backward of batch normalization in training, in as few lines as you can: "
             "mean and variance are those of the batch, and depend on x.", ("batchnorm",),
             (batchnorm.batch_statistics, batchnorm.inverse_deviation,
              batchnorm.batchnorm_forward)),
    # Further exercises, beside the chapters.
    Exercise("training_loop", "networks",
             "Write the loop of gradient descent on batches. Each epoch takes all rows, in their "
             "order, in batches of batch_size rows, of which the last may be smaller. Each batch "
             "is one step, theta - learning_rate · gradient(theta, rows of x, rows of t).",
             ("training_loop",)),
    Exercise("layernorm", "layers", f"{GRADIENT} Mean and variance are those of the row.",
             ("layernorm",), (layernorm.layernorm_forward,)),
    _loss("sigmoid_crossentropy", losses.sigmoid_crossentropy_forward,
          ", which is the mean over its units"),
    _loss("categorical_crossentropy", probabilities.crossentropy_forward, ""),
    _loss("binary_crossentropy", probabilities.binary_crossentropy_forward,
          ", which is the mean over its units"),
    *map(_activation, (
        "selu", "softplus", "softsign", "exponential", "hard_sigmoid", "bounded_relu", "silu",
        "gelu", "gelu_tanh", "mish", "log_softmax", "celu", "squareplus", "log_sigmoid",
        "tanh_shrink", "relu6", "hard_tanh", "hard_silu", "hard_shrink", "soft_shrink",
        "sparse_sigmoid", "sparse_plus",
    )),
)  # fmt: skip

EXERCISES: dict[str, Exercise] = {exercise.name: exercise for exercise in ALL}
