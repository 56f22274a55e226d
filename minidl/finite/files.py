"""A failed step in a file: the model before the step, the batch, and the finding.

The file is one of :mod:`minidl.saving`, as safe to read. Where a model holds unregistered
classes, an empty network stands in the model's place, beside the model's vectors.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import asdict
from typing import Any

import numpy as np

from minidl.backend import is_sparse
from minidl.finite.errors import Finding
from minidl.layers import Flatten, Input
from minidl.names.in_files import name_of, noting
from minidl.network import Network
from minidl.optimizers.schedules import LearningRateSchedule
from minidl.saving import Extra, describe, save_model

NAME = "minidl-failure-step-{}.npz"


class _Nothing(Network):
    """A network without parameters, in the place of one that no file can describe."""

    optimizer = None


def write(
    model: Any, batch: list[Any], finding: Finding, where: dict[str, Any]
) -> tuple[str | None, str]:
    """Write the file to the working folder, or to a new temporary one.

    Args:
        model: as before the step.
        batch: x, y and weight of the step, or None.
        finding: of the step.
        where: "epoch", "batch" and the like, for the error that a replay raises.

    Returns:
        The path, or None; and a sentence for the reader of the error, or "".
    """
    extra = _extra(model, batch, finding, where)
    name = NAME.format(model.step)
    try:
        return _save(model, os.path.abspath(name), extra)
    except OSError as error:
        reason = str(error)
    try:
        return _save(model, os.path.join(tempfile.mkdtemp(prefix="minidl-"), name), extra)
    except OSError as error:
        return None, f"the step could not be written to a file: {reason}; {error}"


def _save(model: Any, path: str, extra: Extra) -> tuple[str, str]:
    optimizer = model.optimizer
    rate, note = optimizer._learning_rate, ""
    if callable(rate) and not isinstance(rate, LearningRateSchedule):
        # For one step a number says as much as a function.
        optimizer.learning_rate = optimizer.current_learning_rate()
    try:
        with noting() as own:
            describe(model)
        if own:
            names = ", ".join(map(name_of, own.values()))
            raise ValueError(f"expected @minidl.register for {names}")
        save_model(model, path, extra)
    except ValueError as error:
        empty = _Nothing([Input((1,)), Flatten()])
        save_model(empty, path, _with_vectors(model, extra))
        note = f"replay_failure needs model=, a model made as this one was: {error}"
    finally:
        optimizer.learning_rate = rate
    return path, note


def _extra(model: Any, batch: list[Any], finding: Finding, where: dict[str, Any]) -> Extra:
    arrays: dict[str, np.ndarray] = {"tensor": finding.values}
    to_host = model.backend.to_host
    for name, array in zip(("x", "y", "weight"), batch, strict=True):
        if is_sparse(array):
            for part in ("data", "indices", "indptr"):
                arrays[f"{name}/{part}"] = to_host(getattr(array, part))
        elif array is not None:
            arrays[name] = to_host(array)
    found = {key: value for key, value in asdict(finding).items() if key != "values"}
    return Extra({"failure": {**where, "finding": found}}, arrays)


def _with_vectors(model: Any, extra: Extra) -> Extra:
    optimizer, to_host = model.optimizer, model.backend.to_host
    counters = {
        "seed": model.seed,
        "step": model.step,
        "iterations": optimizer.batches,
        "accumulated_learning_rate": optimizer.accumulated_learning_rate,
    }
    vectors = {"theta": model.theta, "statistics": model.statistics.theta}
    vectors |= {f"optimizer/{name}": vector for name, vector in optimizer.state.items()}
    arrays = {f"model/{name}": to_host(vector) for name, vector in vectors.items()}
    return Extra({**extra.values, "counters": counters}, {**extra.arrays, **arrays})
