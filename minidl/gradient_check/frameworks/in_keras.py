"""Keras: layers and models on TensorFlow, JAX or PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from minidl.gradient_check.errors import GradientDtypeError
from minidl.gradient_check.frameworks.checking import (
    Adapted,
    Tensors,
    checked_dtype,
    in_a_row,
    split,
)

# For functions of a list of tensors: the value, and the gradients of Σ dy · value.
Function = Callable[[list[Any]], Sequence[Any]]


def adapted(subject: Any, inputs: Sequence[Any], seed: int) -> Adapted:
    """Adapt a layer with its arguments; an unbuilt layer is built."""
    if not isinstance(subject, keras.layers.Layer):
        raise TypeError(f"expected a Keras layer or model, received {subject!r}")
    name = f"{subject.name} ({type(subject).__name__})"
    if keras.backend.standardize_dtype(subject.compute_dtype) != "float64":
        raise GradientDtypeError(
            f'{name}: expected a layer of dtype "float64", received {subject.compute_dtype}'
        )
    arguments = [keras.ops.convert_to_numpy(x) if _is_tensor(x) else x for x in inputs]
    if not subject.built:
        subject(*arguments)
    variables = subject.trainable_variables
    point = [(v.path, keras.ops.convert_to_numpy(v)) for v in variables]
    state = [keras.ops.convert_to_tensor(v) for v in subject.non_trainable_variables]
    for number, value in enumerate(arguments):
        if isinstance(value, np.ndarray) and checked_dtype(f"{name}: input {number}", value):
            point.append((f"input {number}", value))
    tensors = dict(point)
    places = [f"input {number}" for number in range(len(arguments))]

    def run(mode: bool) -> Function:
        def function(values: list[Any]) -> Sequence[Any]:
            given = dict(zip(tensors, values, strict=True))
            moved = [given.get(place, x) for place, x in zip(places, arguments, strict=True)]
            own = values[: len(variables)]
            outputs, _ = subject.stateless_call(own, state, *moved, **_mode(subject, mode))
            return list(keras.tree.flatten(outputs))

        return function

    def placed(at: Tensors) -> list[Any]:
        return [keras.ops.convert_to_tensor(at[key], dtype="float64") for key in tensors]

    def outputs(at: Tensors, mode: Any) -> np.ndarray:
        return in_a_row(keras.ops.convert_to_numpy(y) for y in run(mode)(placed(at)))

    def gradients(at: Tensors, dy: np.ndarray, mode: Any) -> Tensors:
        found = BACKENDS[keras.backend.backend()](run(mode), placed(at), dy)
        return {
            key: np.zeros(at[key].shape) if g is None else keras.ops.convert_to_numpy(g)
            for key, g in zip(tensors, found, strict=True)
        }

    return Adapted(name, tensors, outputs, gradients, (True, False), (ValueError, RuntimeError))


def _is_tensor(value: Any) -> bool:
    return bool(keras.ops.is_tensor(value))


def _mode(layer: Any, training: bool) -> dict[str, bool]:
    return {"training": training} if layer._call_has_training_arg else {}


def _in_tensorflow(function: Function, values: list[Any], dy: np.ndarray) -> Sequence[Any]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(values)
        ys = function(values)
    dys = [tf.convert_to_tensor(part) for part in split(dy, [tuple(y.shape) for y in ys])]
    found: Sequence[Any] = tape.gradient(ys, values, output_gradients=dys)
    return found


def _in_jax(function: Function, values: list[Any], dy: np.ndarray) -> Sequence[Any]:
    import jax

    ys, pull = jax.vjp(function, values)
    dys = [jax.numpy.asarray(part) for part in split(dy, [y.shape for y in ys])]
    found: Sequence[Any] = pull(dys)[0]
    return found


def _in_torch(function: Function, values: list[Any], dy: np.ndarray) -> Sequence[Any]:
    import torch

    values = [value.detach().requires_grad_() for value in values]
    ys = function(values)
    dys = [torch.from_numpy(part).to(ys[0].device) for part in split(dy, [y.shape for y in ys])]
    found: Sequence[Any] = torch.autograd.grad(ys, values, dys, allow_unused=True)
    return found


BACKENDS: dict[str, Callable[[Function, list[Any], np.ndarray], Sequence[Any]]] = {
    "tensorflow": _in_tensorflow,
    "jax": _in_jax,
    "torch": _in_torch,
}
