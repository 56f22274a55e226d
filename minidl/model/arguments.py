"""Arguments of compile, fit, evaluate and predict, checked; arrays as rows that suit a model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl import checks
from minidl.backend import is_sparse
from minidl.callbacks import Callback, CallbackList
from minidl.callbacks.base import refuse_unawaited_methods
from minidl.callbacks.progress import EpochLine, ProgressBar
from minidl.data import checking
from minidl.network import Network, conversion

if TYPE_CHECKING:
    from minidl.model.compiling import Compiled

# Without gradients the batch only has to be large enough to keep the matrix product busy; within a
# training its buffers are memory beside the training's.
INFERENCE_BATCH, VALIDATION_BATCH = 2048, 1024

#: Features, targets and weights; the weights are None where all are 1.
Rows = tuple[Any, np.ndarray, np.ndarray | None]


def note_of_no_meaning(steps: Any, jit_compile: Any, scale: Any) -> None:
    """Warn of arguments of compile that say how Keras computes, and change nothing here.

    Args:
        steps, jit_compile, scale: ``steps_per_execution``, ``jit_compile``, ``auto_scale_loss``.
    """
    reasons = {
        "steps_per_execution": (steps != 1, "fit runs up to 32 steps in a row by itself"),
        "jit_compile": (jit_compile != "auto", "fit compiles its steps wherever it can"),
        "auto_scale_loss": (not scale, "no loss is scaled, as there is no float16 training"),
    }
    for name, (given, reason) in reasons.items():
        if given:
            warnings.warn(f"compile: {name} changes nothing, because {reason}", stacklevel=3)


def size(batch_size: int | None, default: int) -> int:
    """The number of rows in a batch."""
    return default if batch_size is None else checks.integer("batch_size", batch_size, 1)


def verbosity(verbose: int | str) -> int:
    """``verbose`` as 0, 1 or 2; "auto" is 1.

    Raises:
        ValueError: another value.
    """
    level = 1 if isinstance(verbose, str) and verbose == "auto" else verbose
    if level not in (0, 1, 2):
        raise ValueError(f"verbose: expected 0, 1, 2 or 'auto', received {verbose!r}")
    return int(level)


def listeners(callbacks: Any, verbose: int | str = 0) -> list[Callback]:
    """The callbacks, and the display that ``verbose`` asks for.

    Raises:
        ValueError: another ``verbose`` than 0, 1, 2 or "auto".
        TypeError: something else than callbacks, or one with a method that is async.
    """
    verbose = verbosity(verbose)
    given = [] if callbacks is None else callbacks
    if isinstance(given, CallbackList):
        given = given.callbacks
    found: list[Any] = list(given) if isinstance(given, list | tuple) else [given]
    for callback in found:
        if not isinstance(callback, Callback):
            hint = f"; write {callback.__name__}(...)" if isinstance(callback, type) else ""
            raise TypeError(f"callbacks: expected minidl callbacks, received {callback!r}{hint}")
        refuse_unawaited_methods(callback)
    display = {1: ProgressBar, 2: EpochLine}.get(verbose)
    shown = any(isinstance(each, ProgressBar) for each in found)
    return [*found, display()] if display and not shown else found


def frequency(validation_freq: Any) -> Callable[[int], bool]:
    """A function that says for the number of an epoch, from 0, if a validation ends the epoch.

    Raises:
        TypeError, ValueError: neither an integer of at least 1 nor a list of such integers.
    """
    if isinstance(validation_freq, list | tuple | set | frozenset | range):
        chosen = {checks.integer("validation_freq", each, 1) for each in validation_freq}
        return lambda epoch: epoch + 1 in chosen
    every = checks.integer("validation_freq", validation_freq, 1)
    return lambda epoch: (epoch + 1) % every == 0


def features(network: Network, x: Any) -> Any:
    """The features, for which the network is built.

    Raises:
        TypeError, ValueError: features that do not fit; see :mod:`minidl.data.checking`.
    """
    if is_sparse(x):
        conversion.check_sparse(network)
    x = checking.features(x, network.input_row, network.dtype)
    network.build((None, *x.shape[1:]))
    return x


def rows(
    model: Compiled,
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Mapping[int, float] | None = None,
) -> Rows:
    """Features, targets in the form of the model's loss, and weights, of rows and classes.

    Raises:
        TypeError, ValueError: arrays that do not fit; see :mod:`minidl.data.checking`.
    """
    if y is None:
        raise TypeError("y: expected targets, received none")
    x = features(model, x)
    count = x.shape[0]
    y = checking.targets(y, model._loss, model.output_row, count, model.dtype)
    weight = checking.sample_weights(sample_weight, count)
    by_class = checking.class_weights(class_weight, y, model._loss, model.output_row[0])
    return x, y, checking.product(weight, by_class)


def training_rows(
    model: Compiled,
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Mapping[int, float] | None,
    validation_split: float,
    validation_data: Sequence[Any] | None,
) -> tuple[Rows, Rows | None]:
    """The rows to train on, and the rows to validate on.

    Weights of classes count in training alone; the rows for validation have the weights of
    ``sample_weight``.

    Args:
        model: compiled.
        x, y, sample_weight, class_weight, validation_split, validation_data: as in ``fit``.

    Raises:
        TypeError, ValueError: arguments or arrays that do not fit.
    """
    share = checks.real("validation_split", validation_split, 0, 1)
    x, y, weight = rows(model, x, y, sample_weight)
    by_class = checking.class_weights(class_weight, y, model._loss, model.output_row[0])
    validation = None
    if validation_data is not None:
        validation = validation_rows(model, validation_data)
    elif share:
        kept = int(x.shape[0] * (1 - share))
        if kept in (0, x.shape[0]):
            raise ValueError(
                f"validation_split: expected a share that leaves rows on both sides, received "
                f"{share} of {x.shape[0]} rows"
            )
        validation = x[kept:], y[kept:], None if weight is None else weight[kept:]
        x, y = x[:kept], y[:kept]
        weight = None if weight is None else weight[:kept]
        by_class = None if by_class is None else by_class[:kept]
    return (x, y, checking.product(weight, by_class)), validation


def validation_rows(model: Compiled, given: Any) -> Rows | None:
    """The rows to validate on; None for None.

    Raises:
        TypeError, ValueError: no pair or triple, or arrays that do not fit.
    """
    if given is None:
        return None
    several = isinstance(given, list | tuple)
    if not several or len(given) not in (2, 3):
        kind = type(given).__name__
        raise ValueError(
            "validation_data: expected (x, y) or (x, y, sample_weight), received "
            + (f"a {kind} of {len(given)}" if several else kind)
        )
    try:
        return rows(model, given[0], given[1], given[2] if len(given) == 3 else None)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None
