"""Sequential: a network that can be compiled, fitted and evaluated."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl import checks, data, losses, optimizers, plausibility
from minidl.backend import is_sparse
from minidl.batches import Batches
from minidl.beside import Instead, undisturbed
from minidl.callbacks import Callback, History
from minidl.loop import Loop
from minidl.metrics import get as get_metric
from minidl.network import Network
from minidl.objective import PARTS, Objective
from minidl.printing import say
from minidl.progress import EpochLine, ProgressBar, values
from minidl.resuming import keeping
from minidl.saving import save_model
from minidl.summary import summary
from minidl.training_state import TrainingState

# Without gradients the batch only has to be large enough to keep the matrix product busy.
INFERENCE_BATCH = 1024


class Sequential(Network):
    """A stack of layers with a training loop around it.

    ``Sequential([...])`` or ``add``; ``compile``; ``fit``; ``evaluate`` and ``predict``. The
    explicit loop over ``forward``, a loss, ``backward`` and an optimizer works as well.

    Attributes:
        history: of the last :meth:`fit`, also of an interrupted one.
        stop_training: a callback sets it to end training after the batch.
        recording: of the last :meth:`fit`, in words: which parts of a step were compiled, which
            were called in Python, and why.
    """

    _optimizer: optimizers.Optimizer | None = None
    history: History | None = None
    stop_training = False
    recording = "no step has been made yet"
    #: The state of the training under way, and of its beginning; see :mod:`minidl.resuming`.
    fitting: TrainingState | None = None
    began: Any = None
    _looked = _continued = False

    @property
    def optimizer(self) -> optimizers.Optimizer | None:
        """The one that :meth:`compile` was given; another acts from the next step.

        Raises:
            ValueError: an unknown name.
            TypeError: neither a name nor an optimizer.
        """
        return self._optimizer

    @optimizer.setter
    def optimizer(self, value: str | optimizers.Optimizer) -> None:
        self._optimizer = optimizers.get(value)

    def compile(
        self,
        optimizer: str | optimizers.Optimizer = "rmsprop",
        loss: Any = None,
        metrics: Sequence[Any] | Any = (),
    ) -> None:
        """Choose optimizer, loss and metrics, by name, by object or by function.

        Called by a callback: the optimizer acts from the next step, loss and metrics from the
        next epoch.

        Raises:
            ValueError: an unknown name; the message has the nearest right one.
            TypeError: something else.
        """
        if loss is None:
            raise ValueError("compile: expected a loss, by name or as an object, received none")
        chosen, loss = optimizers.get(optimizer), losses.get(loss)
        wanted = metrics if isinstance(metrics, list | tuple) else [metrics]
        found = [get_metric(item, loss) for item in wanted]
        names = [metric.name for metric in found]
        if len({*PARTS, *names}) < len(PARTS) + len(names):
            raise ValueError(
                f"expected metrics of different names, none of them of {PARTS}, received {names}"
            )
        self._metrics = found
        self.optimizer, self._loss = chosen, loss

    @property
    def metrics_names(self) -> list[str]:
        """Names of the results of :meth:`evaluate`, in order: "loss", then the metrics."""
        self._compiled()
        return ["loss", *(metric.name for metric in self._metrics)]

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int = 1,
        callbacks: Sequence[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: Sequence[Any] | None = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        *,
        evaluate_train: bool = False,
        check_finite: bool = False,
        resume: str | os.PathLike[str] | None = None,
    ) -> History:
        """Train on the rows of x and y; a trained model goes on from its present state.

        The first call looks at the data and warns of likely mistakes: features all below
        .02 or far above 1 before the first Dense layer, validation rows that are training rows,
        validation rows of one class. The first that continues a training says so, unless
        ``initial_epoch`` does.

        Args:
            x: (N, ...), numbers; integers such as uint8 pixels stay so in memory. Where Dense is
                the first layer that computes, also a CSR matrix of SciPy or CuPy, which is never
                made dense.
            y: targets in the form of the loss.
            batch_size: rows a step, default 32; the last batch of an epoch may be smaller.
            epochs: number of the last epoch.
            verbose: 0 silent, 1 a bar for each epoch (the default), 2 a line.
            callbacks: one or more.
            validation_split: share of the rows, from the end and before any shuffling, that
                is kept for validation; in [0, 1), default 0.
            validation_data: (x, y) or (x, y, sample_weight); overrides validation_split.
            shuffle: whether rows come in a new order each epoch; default True.
            class_weight: class number -> weight in the loss; classes left out weigh 1.
            sample_weight: (N,), each row's weight in the loss.
            initial_epoch: number of epochs already done, default 0.
            evaluate_train: whether each epoch ends with a pass over the training rows in which
                layers behave as in inference, weighted like "loss"; default False. "loss" and
                the metrics are means over the epoch, of weights that were moving and with
                dropout.
            check_finite: whether training ends at the first NaN or infinity of a step, default
                False: the error names the tensor, a file is for :func:`minidl.replay_failure`.
            resume: a folder of checkpoints, default None. If there is one of this training, fit
                goes on from the checkpoint, bit for bit as if never stopped; without a checkpoint,
                fit begins. A checkpoint is written at each epoch's end and at SIGTERM; see
                :class:`minidl.callbacks.BackupAndRestore`, which takes another rhythm. Or a
                file that ModelCheckpoint wrote: fit goes on from there.

        Returns:
            History: "loss" (penalties included) and the metrics; for networks with penalties
            also the loss's two parts, "data_loss" and "penalty"; all again as "val_…" with
            validation data and as "train_…" with ``evaluate_train``.

        Raises:
            RuntimeError: before :meth:`compile`.
            TypeError, ValueError: arguments or data that do not fit, before any training.
            ValueError: the checkpoint is of another architecture, optimizer, loss or data set;
                the message names the difference.
            FileFormatError: no checkpoint that can be read, where there should be one.
            RuntimeError: another training uses the folder now.
            OSError: a checkpoint cannot be written.
            KeyboardInterrupt: as received; the model is usable and ``history`` holds the
                finished epochs.
            NonFiniteError: with ``check_finite``; the model is as before the step.
        """
        optimizer = self._compiled()
        size = _size(batch_size, 32)
        checks.integer("epochs", epochs, 1)
        checks.integer("initial_epoch", initial_epoch, 0)
        split = checks.real("validation_split", validation_split, 0, 1)
        if verbose not in (0, 1, 2):
            raise ValueError(f"verbose: expected 0, 1 or 2, received {verbose!r}")

        x, y, weight = self._check(x, y, sample_weight)
        by_class = data.class_weights(class_weight, y, self._loss, self.output_shape[0])
        validation = None
        if validation_data is not None:
            validation = self._check_validation(validation_data)
        elif split:
            kept = int(x.shape[0] * (1 - split))
            if kept in (0, x.shape[0]):
                raise ValueError(
                    f"validation_split: expected a share that leaves rows on both sides, received "
                    f"{split} of {x.shape[0]} rows"
                )
            validation = x[kept:], y[kept:], None if weight is None else weight[kept:]
            x, y = x[:kept], y[:kept]
            weight = None if weight is None else weight[:kept]
            by_class = None if by_class is None else by_class[:kept]
        if by_class is not None:
            weight = by_class if weight is None else weight * by_class

        train = Batches(x, y, weight, size, self.backend, self.dtype)
        held_out = None
        if validation is not None:
            held_out = Batches(*validation, INFERENCE_BATCH, self.backend, self.dtype)
        again = train.of_size(INFERENCE_BATCH) if evaluate_train else None
        optimizer.build(self.theta, self.parameters)
        rows = max(batches.size for batches in (train, held_out, again) if batches)
        objective = Objective(self, self._loss, self._metrics, rows)
        history = History()
        listeners = _as_list(callbacks)
        listeners += [ProgressBar()] if verbose == 1 else [EpochLine()] if verbose == 2 else []
        listeners.append(history)  # the last: callbacks before it may add values
        state = TrainingState(self, objective, listeners)
        arguments = {"batch_size": size, "shuffle": shuffle, "evaluate_train": evaluate_train}
        arrays = {"x": x, "y": y, "sample_weight": weight}
        names = ("validation x", "validation y", "validation weight")
        arrays |= zip(names, validation or [None] * 3, strict=True)
        before, self.fitting = self.fitting, state
        try:
            with Instead(self), _quiet(), keeping(state, resume, arguments, arrays) as origin:
                evaluated = held_out, again
                loop = Loop(
                    self, objective, listeners, train, *evaluated, shuffle, epochs, state,
                    check_finite,
                )  # fmt: skip
                if not self._looked:
                    self._looked = True
                    plausibility.look_at(self, self._loss, x, y, validation and validation[:2], 2)
                self.history = history
                self.stop_training = False
                if origin is None:
                    self._note_of_continuing(initial_epoch)
                elif verbose:
                    say(f"Going on with {origin}")
                loop.run(range(initial_epoch, epochs))
        finally:
            self.fitting = before
        return history

    def _note_of_continuing(self, initial_epoch: int) -> None:
        if self.step and not initial_epoch and not self._continued:
            self._continued = True
            warnings.warn(
                f"fit continues from step {self.step} of a model that is trained already; for a "
                "fresh start make a new model",
                stacklevel=3,
            )

    def evaluate(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = None,
        verbose: int = 1,
        sample_weight: Any = None,
    ) -> float | list[float]:
        """Loss and metrics over the rows, layers behaving as in inference.

        Args:
            x, y, sample_weight: as in :meth:`fit`.
            batch_size: rows computed at a time; changes speed only.
            verbose: 1 prints the values (the default), 0 does not.

        Returns:
            The loss (penalties included), or a list of the loss and the metrics, if any.
        """
        self._compiled()
        size = _size(batch_size, INFERENCE_BATCH)
        x, y, weight = self._check(x, y, sample_weight)
        batches = Batches(x, y, weight, size, self.backend, self.dtype)
        with _quiet():
            found = Objective(self, self._loss, self._metrics, batches.size).evaluate(batches)
        logs = {name: found[name] for name in self.metrics_names}
        if verbose:
            say(values(logs))
        results = list(logs.values())
        return results[0] if len(results) == 1 else results

    def predict(self, x: Any, batch_size: int | None = None, verbose: int = 0) -> np.ndarray:
        """The outputs for the rows of x, as a NumPy array.

        Args:
            x: (N, ...).
            batch_size: rows computed at a time; changes speed only.
            verbose: 1 shows a bar; default 0.
        """
        size = _size(batch_size, INFERENCE_BATCH)
        x = self._features(x)
        batches = Batches(x, None, None, size, self.backend, self.dtype)
        result = np.empty((x.shape[0], *self.output_shape), dtype=self.dtype)
        start = 0
        with _quiet():
            for rows, _, _ in _bar(batches, verbose):
                part = result[start : start + rows.shape[0]]
                undisturbed(self, functools.partial(self._predict, rows, part))
                start += len(part)
        return result

    def _predict(self, rows: Any, out: np.ndarray) -> None:
        self.traffic.expected = True
        out[...] = self.backend.to_host(self.forward(rows))

    def summary(self) -> None:
        """Print the layers, their output shapes and their parameters."""
        self.build()
        say(summary(self))

    def save(self, filepath: Any) -> None:
        """Save architecture, weights, statistics and optimizer; see :mod:`minidl.saving`.

        A file that is there is replaced when the new one is complete and known to load.

        Args:
            filepath: a path, or a file object that is open for writing bytes.

        Raises:
            ValueError: the model holds something that could not be loaded again.
            OSError: the file cannot be written.
        """
        save_model(self, filepath)

    def _compiled(self) -> optimizers.Optimizer:
        if self.optimizer is None:
            raise RuntimeError(
                "expected compile(optimizer, loss, metrics) to be called first; the network has "
                "no loss yet"
            )
        return self.optimizer

    def _check(
        self, x: Any, y: Any, sample_weight: Any
    ) -> tuple[Any, np.ndarray, np.ndarray | None]:
        x = self._features(x)
        rows = x.shape[0]
        y = data.targets(y, self._loss, self.output_shape, rows, self.dtype)
        return x, y, data.sample_weights(sample_weight, rows)

    def _features(self, x: Any) -> Any:
        if is_sparse(x):
            self.check_sparse()
        x = data.features(x, self.input_shape, self.dtype)
        self.build(tuple(x.shape[1:]))
        return x

    def _check_validation(self, given: Sequence[Any]) -> tuple[Any, np.ndarray, np.ndarray | None]:
        if not isinstance(given, list | tuple) or len(given) not in (2, 3):
            raise ValueError(
                "validation_data: expected (x, y) or (x, y, sample_weight), received "
                f"{type(given).__name__}"
            )
        try:
            return self._check(given[0], given[1], given[2] if len(given) == 3 else None)
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation_data: {error}") from None


def _quiet() -> np.errstate:
    """Numbers too small for the type become 0, also if the caller lets NumPy raise at underflow.

    An exponential or a square that underflows is right.
    """
    return np.errstate(under="ignore")


def _size(batch_size: int | None, default: int) -> int:
    return default if batch_size is None else checks.integer("batch_size", batch_size, 1)


def _as_list(callbacks: Sequence[Callback] | Callback | None) -> list[Callback]:
    given = [] if callbacks is None else callbacks
    found: list[Any] = list(given) if isinstance(given, list | tuple) else [given]
    for callback in found:
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks: expected minidl callbacks, received {callback!r}")
    return found


def _bar(batches: Batches, verbose: int) -> Any:
    if not verbose:
        return batches.in_order()
    from tqdm.auto import tqdm

    return tqdm(batches.in_order(), total=len(batches), unit="step")
