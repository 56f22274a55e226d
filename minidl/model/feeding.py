"""Batches for ``fit``, ``evaluate`` and ``predict``, from arrays or from a source of batches."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from minidl import checks
from minidl.backend.sparse import outside
from minidl.callbacks.base import Callback, overriding
from minidl.data.base import typed
from minidl.data.batches import Batches
from minidl.data.source_batches import SourceBatches, run_out
from minidl.data.sources import Slices, is_source, source
from minidl.data.sparse_batches import batches_of
from minidl.model import arguments
from minidl.model.arguments import INFERENCE_BATCH, VALIDATION_BATCH, Rows
from minidl.model.compiling import Compiled


class Feed(NamedTuple):
    """Batches for a training.

    Attributes:
        train: to train on.
        held_out: to validate on, or None.
        rows: the first rows to train on, checked.
        validation: the rows to validate on, or the first batch, checked; or None.
        arrays: the data by the names of arguments, for fingerprints.
        restarts: True if a resumed training can have the batches of an undisturbed training.
    """

    train: Any
    held_out: Any
    rows: Rows
    validation: Rows | None
    arrays: dict[str, Any]
    restarts: bool

    def evaluated(self, train: bool) -> dict[str, Any]:
        """Batches that are evaluated after an epoch, by the beginning of the values' names.

        Args:
            train: True to include the rows to train on.
        """
        batches = {"val_": self.held_out, "train_": rows_trained_on(self.train) if train else None}
        return {prefix: each for prefix, each in batches.items() if each is not None}


def training(
    model: Compiled,
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Mapping[int, float] | None,
    batch_size: int | None,
    steps: int | None,
    shuffle: bool,
    validation_split: float,
    validation_data: Any,
    validation_steps: int | None,
    validation_size: int | None,
) -> Feed:
    """The batches of ``fit``, for which the model is built; takes the arguments of ``fit``.

    Raises:
        TypeError, ValueError: arguments or data that do not fit.
    """
    steps = _count("steps_per_epoch", steps)
    validation_steps = _count("validation_steps", validation_steps)
    split = checks.real("validation_split", validation_split, 0, 1)
    apart = None  # data to validate on that come batch by batch
    if validation_data is not None:
        alone = is_source(validation_data)
        if alone or (_is_tuple(validation_data) and is_source(validation_data[0])):
            apart = validation_data if alone else validation_data[0]
            validation_data, split = None, 0.0
    names = ("validation x", "validation y", "validation weight")
    if is_source(x):
        what = source(x)
        _refuse(what.kind, y=y, sample_weight=sample_weight)
        _note_of_size(what.kind, batch_size)
        if split and validation_data is None:
            raise ValueError(f"validation_split: expected arrays, received a {what.kind}")
        train: Any = _stream(model, what, steps, class_weight)
        rows, validation = train.first, arguments.validation_rows(model, validation_data)
        arrays: dict[str, Any] = dict.fromkeys(("x", "y", "sample_weight"))
        restarts = what.again and steps is None
    else:
        rows, validation = arguments.training_rows(
            model, x, y, sample_weight, class_weight, split, validation_data
        )
        train, restarts = _array_batches(model, rows, batch_size, steps, shuffle)
        arrays = dict(zip(("x", "y", "sample_weight"), rows, strict=True))
    arrays |= zip(names, validation or [None] * 3, strict=True)
    held_out: Any = None
    if apart is not None:
        held_out = _stream(model, source(apart), validation_steps, None)
        validation = held_out.first
    elif validation is not None:
        validation_size = _count("validation_batch_size", validation_size)
        size = validation_size if validation_size is not None else batch_size
        held_out = _inference(model, validation, size, validation_steps, validation_size)
    return Feed(train, held_out, rows, validation, arrays, restarts)


def evaluation(
    model: Compiled,
    x: Any,
    y: Any,
    sample_weight: Any,
    batch_size: int | None,
    steps: int | None,
) -> Any:
    """The batches of ``evaluate``, for which the model is built.

    Raises:
        TypeError, ValueError: arguments or data that do not fit.
    """
    steps = _count("steps", steps)
    if is_source(x):
        what = source(x)
        _refuse(what.kind, y=y, sample_weight=sample_weight)
        _note_of_size(what.kind, batch_size)
        return _stream(model, what, steps, None)
    rows = arguments.rows(model, x, y, sample_weight)
    size = INFERENCE_BATCH if batch_size is None else batch_size
    return _inference(model, rows, batch_size, steps, size)


def prediction(model: Any, x: Any, batch_size: int | None, steps: int | None) -> Any:
    """The batches of ``predict``, for which the network is built.

    Raises:
        TypeError, ValueError: arguments or data that do not fit.
    """
    steps = _count("steps", steps)
    if is_source(x):
        what = source(x)
        _note_of_size(what.kind, batch_size)

        def suit(batch: Any) -> Rows:
            return arguments.features(model, _parts(batch)[0]), None, None  # type: ignore[return-value]

        return SourceBatches(what, suit, steps, model.backend, model.dtype)
    x = arguments.features(model, x)
    size = INFERENCE_BATCH if batch_size is None else batch_size
    return _inference(model, (x, None, None), batch_size, steps, size)  # type: ignore[arg-type]


def rows_trained_on(train: Any) -> Batches:
    """The rows to train on, to be evaluated after each epoch.

    Raises:
        ValueError: the rows come batch by batch.
    """
    if not isinstance(train, Batches):
        raise ValueError(
            f"evaluate_train: expected whole epochs of arrays, received a {train.source.kind} or "
            "steps_per_epoch"
        )
    return train.of_size(VALIDATION_BATCH)


def seen_size(
    listeners: Sequence[Callback], loss: Any, size: int | None, default: int
) -> int | None:
    """Rows in a batch of inference: the given number, or Keras's number where the number matters.

    It matters to a callback of batches, and to a loss that is summed over the rows of each batch.
    """
    looks = overriding(listeners, "on_test_batch_begin") or overriding(
        listeners, "on_test_batch_end"
    )
    return default if size is None and (looks or loss.reduction == "sum") else size


def _stream(
    model: Compiled, what: Any, steps: int | None, class_weight: Mapping[int, float] | None
) -> SourceBatches:
    suit = functools.partial(_suit, model, class_weight)
    return SourceBatches(what, suit, steps, model.backend, model.dtype)


def _suit(model: Compiled, class_weight: Mapping[int, float] | None, batch: Any) -> Rows:
    """A batch of a source, checked: features, targets, weights."""
    parts = _parts(batch)
    if len(parts) < 2:
        raise ValueError("expected (x, y) or (x, y, sample_weight), received no targets")
    given: list[Any] = [*parts, None]
    x, y, weight = arguments.rows(model, given[0], given[1], given[2], class_weight)
    return x, *typed(y, weight, model.dtype)


def _parts(batch: Any) -> tuple[Any, ...]:
    """The parts of a batch: (x,), (x, y) or (x, y, weight); an array is x."""
    if isinstance(batch, Mapping):
        raise TypeError(
            "expected a batch (x, y), received a dictionary; expected one array of features"
        )
    parts = tuple(batch) if isinstance(batch, list | tuple) else (batch,)
    if not 1 <= len(parts) <= 3:
        raise ValueError(
            f"expected (x,), (x, y) or (x, y, sample_weight), received {len(parts)} parts"
        )
    return parts


def _array_batches(
    model: Compiled, rows: Rows, batch_size: int | None, steps: int | None, shuffle: bool
) -> tuple[Any, bool]:
    """Batches of arrays, and True if each epoch begins at the first row."""
    count = rows[0].shape[0]
    fitting = 32 if steps is None else -(-count // steps)
    size = arguments.size(batch_size, fitting)
    train = batches_of(*rows, size, model.backend, model.dtype)
    if steps is None or steps >= len(train):
        if steps is not None and steps > len(train):
            run_out(len(train), steps)
        return train, True

    def suit(batch: Any) -> Any:
        return batch

    x, y, weight = rows
    slices = Slices((x, *typed(y, weight, model.dtype)), size, model if shuffle else None)
    return SourceBatches(slices, suit, steps, model.backend, model.dtype), False


def _inference(
    model: Any, rows: Rows, counted: int | None, steps: int | None, size: int | None
) -> Batches:
    """Batches of arrays for passes without gradients.

    Args:
        model: built.
        rows: checked.
        counted: rows in one of the ``steps``; None for all rows in so many steps.
        steps: number of batches, or None.
        size: rows computed at a time, or None.
    """
    x, y, weight = rows
    if steps is not None and counted is not None:
        counted = checks.integer("batch_size", counted, 1)
        kept = steps * counted
        if kept - counted >= x.shape[0]:
            run_out(-(-x.shape[0] // counted), steps)
        x = x[:kept]
        y, weight = (None if a is None else a[:kept] for a in (y, weight))  # type: ignore[assignment]
    number = arguments.size(size, VALIDATION_BATCH)
    return batches_of(x, y, weight, number, model.backend, model.dtype)


def _is_tuple(given: Any) -> bool:
    return isinstance(given, list | tuple) and len(given) > 0


def _refuse(kind: str, **given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"{name}: expected None, because x is a {kind} whose batches hold it, received "
                f"{type(value).__name__}"
            )


def _note_of_size(kind: str, batch_size: int | None) -> None:
    if batch_size is not None:
        warnings.warn(
            f"batch_size changes nothing, because x is a {kind} whose batches have their own size",
            stacklevel=outside(),
        )


def _count(name: str, given: int | None) -> int | None:
    return None if given is None else checks.integer(name, given, 1)
