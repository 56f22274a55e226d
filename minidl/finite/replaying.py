"""One step of a training that came to NaN or infinity, done again from a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.finite.errors import Finding, NonFiniteError, Seen
from minidl.finite.naming import Observer
from minidl.model.sequential import Sequential
from minidl.network import Network
from minidl.saving import FileFormatError, Saved, fill, load_with_extra, read_file
from minidl.step import train_step
from minidl.training.objective import Objective

# Buffers of the step take some eight numbers for each output of a layer.
_WORDS, _SPARE, _TIMES = 8, 256 << 20, 64


@dataclass(frozen=True)
class Replay:
    """A step that was done again.

    Attributes:
        error: of the training, with this step's finding in place of the old one; None where the
            step came to numbers alone.
        same: True if the tensor has the same bits as in the training.
        model: as after the step.
        x, y, weight: the batch; None for no weights.
        recorded: the error as in the file.
    """

    error: NonFiniteError | None
    same: bool
    model: Any
    x: Any
    y: Any
    weight: Any
    recorded: NonFiniteError

    def __str__(self) -> str:
        bits = "the same bits" if self.same else "other bits"
        return f"{self.error or 'all numbers are finite'}\n{bits} as in the training"


def replay_failure(path: str | os.PathLike[str], model: Any = None) -> Replay:
    """Do the step again that ``fit(..., check_finite=True)`` has written to a file.

    Weights, optimizer, counters, masks, batch, loss and metrics are restored. The step is called
    in Python, so that a debugger or a ``print`` in a layer shows the work, and each tensor is
    checked. On another machine, or with another number of threads, numbers may be rounded
    otherwise.

    The file may come from a stranger: the file holds names and numbers, and no code to run.

    Args:
        path: of the file, as in the error.
        model: a compiled model made as the failed model was; needed for a model with classes of
            your own. The given weights are overwritten. None makes a model from the file.

    Raises:
        FileFormatError: no file of a failed step, or a damaged file.
        ValueError: ``model`` is needed, or is another than the one that failed.
    """
    name = os.fsdecode(path)
    saved = read_file(path)
    recorded = _recorded(saved, name)
    if model is not None:
        if model.optimizer is None:
            raise ValueError("model: expected a compiled model, received one without optimizer")
        model.build(tuple(saved.extra.arrays["x"].shape[1:]) if "x" in saved.extra.arrays else None)
        fill(model, _vectors(saved, name))
    elif "counters" in saved.extra.values:
        raise ValueError(
            f"{name}: expected model=, a compiled model made as the one that failed was, because "
            f"the file cannot name its classes. {recorded.note}".rstrip()
        )
    else:
        model, _ = load_with_extra(path, Sequential, allow_nonfinite=True)
        if model.optimizer is None:
            raise FileFormatError(name, "expected a compiled model, received one without a loss")
    x, y, weight = _batch(saved, model, name)
    objective = Objective(model, model._loss, model._metrics, x.shape[0])
    model.optimizer.build(model.theta, model.parameters)
    objective.reset()
    observer = Observer(objective)
    x, y, weight = (a if a is None else model.backend.to_device(a) for a in (x, y, weight))
    with observer.watching():
        results = train_step(model, objective.loss, model.optimizer, x, y, weight)
        objective.observe(*results, y, weight)
    found, was = observer.found, recorded.finding.values
    error = None
    if found is not None:
        where = (recorded.epoch, recorded.batch, recorded.step)
        error = NonFiniteError(found, *where, recorded.data_rows, name)
    same = found is not None and _bits(found.values) == _bits(was)
    return Replay(error, same, model, x, y, weight, recorded)


def _bits(array: np.ndarray) -> tuple[Any, ...]:
    return array.shape, array.dtype.str, np.ascontiguousarray(array).tobytes()


def _recorded(saved: Saved, name: str) -> NonFiniteError:
    """The error of the training.

    Raises:
        FileFormatError: the file is another model's.
    """
    try:
        told = saved.extra.values["failure"]
        found = dict(told["finding"])
        before = [Seen(*_names(one), float(one["largest"])) for one in found["before"]]
        rows = [int(row) for row in found["rows"]]
        finding = Finding(*_names(found), saved.extra.arrays["tensor"], rows, before)
        epoch, batch, step = (int(told[key]) for key in ("epoch", "batch", "step"))
        data_rows = [int(row) for row in told["data_rows"]]
        return NonFiniteError(finding, epoch, batch, step, data_rows, name)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"expected a step that fit(check_finite=True) has written, received {error!r}"
        raise FileFormatError(name, reason) from None


def _names(found: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(found["phase"]), str(found["layer"]), str(found["tensor"])


def _vectors(saved: Saved, name: str) -> Saved:
    """The vectors and counters for a model that is given."""
    counters = saved.extra.values.get("counters")
    if counters is None:
        return saved
    try:
        config: dict[str, Any] = {key: int(counters[key]) for key in ("seed", "step", "iterations")}
        older = counters.get("gathered_rate")  # its name in older files
        rate = counters.get("accumulated_learning_rate", older)
        config["accumulated_learning_rate"] = float(rate)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise FileFormatError(name, f"expected counters, received {error!r}") from None
    arrays = {
        key.removeprefix("model/"): array
        for key, array in saved.extra.arrays.items()
        if key.startswith("model/")
    }
    return Saved({**config, "optimizer": None}, arrays, saved.extra)


def _batch(saved: Saved, model: Network, name: str) -> tuple[Any, Any, Any]:
    """x, y and weight, of sizes that suit the model.

    Raises:
        FileFormatError: other sizes, or sizes that would take far more memory than the file.
    """
    arrays = saved.extra.arrays
    x, y, weight = (arrays.get(key) for key in ("x", "y", "weight"))
    shape = model.input_row or ()
    if x is None and "x/data" in arrays:
        x = _rows(arrays, shape, name)
    if x is None or y is None or x.ndim < 2 or tuple(x.shape[1:]) != shape or not x.shape[0]:
        raise FileFormatError(name, f"expected a batch of rows of shape {shape}")
    rows = x.shape[0]
    if any(each.ndim != 2 or each.shape[0] != rows for each in (y, weight) if each is not None):
        raise FileFormatError(name, f"expected {rows} targets and weights")
    outputs = sum(int(np.prod(layer.output_shape)) for layer in model.leaves)
    held = sum(array.nbytes for array in (*arrays.values(), *saved.arrays.values()))
    if rows * outputs * _WORDS * model.dtype.itemsize > _SPARE + _TIMES * held:
        raise FileFormatError(name, f"{rows} rows of {outputs} outputs for {held} bytes")
    return x, y, weight


def _rows(arrays: dict[str, np.ndarray], shape: tuple[int, ...], name: str) -> Any:
    """CSR rows, checked by SciPy."""
    from scipy import sparse

    try:
        data, indices, indptr = (arrays[f"x/{key}"] for key in ("data", "indices", "indptr"))
        found = sparse.csr_matrix((data, indices, indptr), (len(indptr) - 1, shape[0]))
        found.check_format(full_check=True)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise FileFormatError(name, f"expected CSR rows, received {error!r}") from None
    return found
