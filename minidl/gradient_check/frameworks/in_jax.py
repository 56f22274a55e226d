"""JAX: functions with ``custom_vjp`` or ``custom_jvp``, and jitted functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.gradient_check.frameworks.checking import (
    Adapted,
    Tensors,
    checked_dtype,
    in_a_row,
    split,
)


def adapted(subject: Any, inputs: Sequence[Any], seed: int) -> Adapted:
    """Adapt a JAX function with its arguments, which may be containers."""
    import jax

    if not callable(subject):
        raise TypeError(f"expected a function of JAX's, received {subject!r}")
    name = getattr(subject, "__name__", type(subject).__name__)
    leaves, structure = jax.tree_util.tree_flatten_with_path(tuple(inputs))
    tensors = {}
    keys = [f"input {path[0].idx}{jax.tree_util.keystr(path[1:])}" for path, _ in leaves]
    for key, (_, leaf) in zip(keys, leaves, strict=True):
        is_array = isinstance(leaf, np.ndarray | jax.Array)
        if is_array and checked_dtype(f"{name}: {key}", np.asarray(leaf)):
            tensors[key] = np.array(leaf)
    rest = {key: leaf for key, (_, leaf) in zip(keys, leaves, strict=True) if key not in tensors}

    def run(moved: dict[str, Any]) -> Any:
        values = [moved[key] if key in moved else rest[key] for key in keys]
        return subject(*jax.tree_util.tree_unflatten(structure, values))

    def placed(at: Tensors) -> dict[str, Any]:
        return {key: jax.numpy.asarray(x) for key, x in at.items()}

    def outputs(at: Tensors, mode: Any) -> np.ndarray:
        with jax.enable_x64(True):
            return in_a_row(jax.tree_util.tree_leaves(run(placed(at))))

    def gradients(at: Tensors, dy: np.ndarray, mode: Any) -> Tensors:
        with jax.enable_x64(True):
            y, pull = jax.vjp(run, placed(at))
            ys, outside = jax.tree_util.tree_flatten(y)
            parts = split(dy, [part.shape for part in ys])
            dys = [jax.numpy.asarray(part) for part in parts]
            (found,) = pull(jax.tree_util.tree_unflatten(outside, dys))
            return {key: np.array(gradient) for key, gradient in found.items()}

    return Adapted(name, tensors, outputs, gradients, refusals=(TypeError, ValueError))
