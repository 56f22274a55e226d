"""Sequential: a network that can be compiled, fitted and evaluated."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from minidl import checks
from minidl.callbacks import Callback, History
from minidl.model import arguments, feeding
from minidl.model.evaluation import ignoring_underflow
from minidl.model.keras_names import KerasNames
from minidl.model.on_batch import OnBatch
from minidl.network.concurrency import Instead
from minidl.printing import say
from minidl.resuming.resume import resumable
from minidl.training import plausibility
from minidl.training.loop import Loop
from minidl.training.objective import Objective
from minidl.training.state import TrainingState


class Sequential(OnBatch, KerasNames):
    """A stack of layers with a training loop.

    ``Sequential([...])`` or ``add``; ``compile``; ``fit``; ``evaluate`` and ``predict``. The
    explicit loop over ``forward``, a loss, ``backward`` and an optimizer works as well.

    Attributes:
        history: of the last :meth:`fit`, also of an interrupted one.
        stop_training: True, set by a callback, ends training after the batch.
        recording: of the last :meth:`fit`, in words: which parts of a step were compiled, which
            were called in Python, and why.
    """

    history: History | None = None
    stop_training = False
    recording = "no step has been made yet"
    #: State of the training under way, and of its beginning; see :mod:`minidl.resuming.resume`.
    fitting: TrainingState | None = None
    began: Any = None
    _looked = _continued = False

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        *,
        evaluate_train: bool = False,
        check_finite: bool = False,
        resume: str | os.PathLike[str] | None = None,
    ) -> History:
        """Train on the rows of x and y; a trained model goes on from its present state.

        The first call warns of likely mistakes: features on a wrong scale, validation rows that
        are training rows or of one class. The first call that continues a training warns of this,
        unless ``initial_epoch`` is given. Any call warns, once, of an epoch whose loss is NaN or
        infinite.

        Args:
            x: (N, ...), numbers; integers, as in uint8 pixels, stay integers in memory. If Dense is
                the first layer that computes, also a CSR matrix of SciPy or CuPy, which is never
                made dense. Or batches (x, y) or (x, y, sample_weight): a generator, a
                :class:`minidl.utils.PyDataset`, or an iterable that begins anew for each epoch.
            y: targets in the form of the loss; none where x gives batches.
            batch_size: rows a step, default 32; the last batch of an epoch may be smaller.
            epochs: number of the last epoch.
            verbose: 0 silent, 1 a bar for each epoch ("auto", the default), 2 a line.
            callbacks: one or more.
            validation_split: share of the rows, from the end and before any shuffling, that
                is kept for validation; in [0, 1), default 0.
            validation_data: (x, y) or (x, y, sample_weight); overrides validation_split.
            shuffle: whether rows, or the batches of a PyDataset, come in a new order each epoch;
                default True.
            class_weight: class number -> weight in the loss; classes left out weigh 1.
            sample_weight: (N,), each row's weight in the loss.
            initial_epoch: number of epochs already done, default 0.
            steps_per_epoch: number of batches in an epoch, default None, all. The next epoch goes
                on with the following batches.
            validation_steps: number of batches to validate on, the first; default None, all.
            validation_batch_size: rows validated at a time; default ``batch_size``. The values
                depend on it only with ``validation_steps`` or with a loss of the reduction "sum".
            validation_freq: each so many epochs end with a validation, default 1; or the numbers
                of the epochs, counted from 1.
            evaluate_train: whether the training rows are evaluated, too, after each epoch; default
                False. "loss" alone is the mean over an epoch in which weights move and dropout
                acts.
            check_finite: whether training ends at the first NaN or infinity; default False. The
                error names the tensor, and a file for :func:`minidl.replay_failure`.
            resume: a folder of checkpoints, or a file that ModelCheckpoint wrote; default None. fit
                goes on from the newest checkpoint, bit for bit as if never stopped, or begins if
                the folder has none. A checkpoint is written at each epoch's end and at SIGTERM;
                :class:`minidl.callbacks.BackupAndRestore` writes at other times.

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
        self._check_compiled()
        checks.integer("epochs", epochs, 1)
        checks.integer("initial_epoch", initial_epoch, 0)
        validates = arguments.frequency(validation_freq)
        history = History()
        # The history is the last: earlier callbacks may add values.
        listeners = [*arguments.listeners(callbacks, verbose), history]
        if validation_batch_size is None:
            validation_batch_size = feeding.seen_size(listeners, self._loss, None, batch_size or 32)
        with self.backend.here:
            feed = feeding.training(
                self, x, y, sample_weight, class_weight, batch_size, steps_per_epoch, shuffle,
                validation_split, validation_data, validation_steps, validation_batch_size,
            )  # fmt: skip
            train, evaluated = feed.train, feed.evaluated(evaluate_train)
            self._built_optimizer()
            rows = max(batches.size for batches in (train, *evaluated.values()))
            objective = Objective(self, self._loss, self._metrics, rows)
        state = TrainingState(self, objective, listeners)
        settings = {"batch_size": train.size, "shuffle": shuffle, "evaluate_train": evaluate_train}
        before, self.fitting = self.fitting, state
        try:
            with (
                self.backend.here,
                Instead(self),
                ignoring_underflow(),
                resumable(state, resume, settings, feed) as origin,
            ):
                numbers = range(initial_epoch, epochs)
                loop = Loop(state, train, evaluated, numbers, shuffle, validates, check_finite)
                plausibility.look_once(self, feed.rows, feed.validation)
                self.history = history
                if origin is None:
                    plausibility.note_of_continuing(self, initial_epoch)
                elif arguments.verbosity(verbose):
                    say(f"Going on with {origin}")
                loop.run()
        finally:
            self.fitting = before
        return history
