"""Predictions for a service: buffers bound once, safe from many threads."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import current, is_sparse
from minidl.backend.own import has_foreign, overridden
from minidl.backend.recorder import recorder
from minidl.backend.turns import new_lock
from minidl.data import checking
from minidl.model import cloning
from minidl.network import Network
from minidl.network.concurrency import undisturbed
from minidl.training.whole_step import WholeStep

# Passes made before the first request: the first with new buffers, the second recorded, the third
# played. So many are expected afterwards that a recording is worth its time.
_FIRST, _EXPECTED = 3, 1 << 40
# Rows on which layers made anew are compared with the layers of the model.
_PROBED = 64


class Predictor:
    """The outputs of a model in its present state, for rows that come a few at a time.

    The predictor has a separate network: later changes of the model, by another training for
    example, change nothing here. All buffers are bound when the predictor is made, and the pass is
    recorded, so that a call is one call of compiled code where the executor compiles. The numbers
    equal ``predict(x, batch_size=rows)`` to the bit, except for results below the smallest normal
    number, which may become 0.

    Threads may call one predictor; the calls wait for each other.

    Args:
        model: built, or of known input shape. A user's layers are made anew from their
            configuration.
        rows: number of rows computed at once, default 1. Rows beyond that come in further passes;
            a last pass of fewer rows is not played and takes longer.

    Attributes:
        rows: as given.

    Raises:
        ValueError: rows below 1, a model of unknown input shape, or a model of another backend
            than the one in use; a user's layers or network that predict otherwise when made anew.
    """

    def __init__(self, model: Network, rows: int = 1) -> None:
        self.rows = checks.integer("rows", rows, 1)
        model.build()
        if model.backend != current():
            raise ValueError(
                f"Predictor: expected a model of the backend in use, {current().name}, received "
                f"one of {model.backend.name}; make the predictor within minidl.backend.use(...)"
            )
        network = self._network = cloning.clone(Network, model)
        with model.traffic.lock:  # another thread may train the model
            network.set_weights(model.get_weights())
            own = "forward" not in vars(model) and not overridden(type(model), "forward")
            foreign = not own or has_foreign(model.leaves)
            probed = self._probe(model) if foreign else None
        # Properties of the network, which a call of some microseconds reads here.
        self._shape, self._outputs = network.input_row, network.output_row
        self._dtype, self._backend = network.dtype, network.backend
        self._lock = new_lock()
        self._busy = False
        self._y: Any = None
        with network.backend.here:
            self._x = self._backend.xp.zeros((rows, *self._shape), dtype=self._dtype)
        self._step = WholeStep(self._pass, network)
        self._step.expect(_EXPECTED)
        played = [self._step(self._x) for _ in range(_FIRST)]
        # The network belongs to this object alone: no call comes between, and a tape is enough.
        tape = self._step.tape if played[-1] else None
        self._play = tape and (tape.as_function() or functools.partial(tape.play, 0))
        if probed is not None:
            self._compare(*probed)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            "a Predictor cannot be copied or pickled; expected the model, whose predictor() makes "
            "another one"
        )

    def _probe(self, model: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows, and the model's outputs for the rows, twice: layers may draw."""
        # Several rows of both signs: on one alone all units of a ReLU may be 0.
        shape = (max(self.rows, _PROBED), *model.input_row)
        rows = np.random.default_rng(0).standard_normal(shape).astype(model.dtype)
        backend = model.backend

        def outputs() -> np.ndarray:
            model.traffic.expected = True
            return np.array(backend.to_host(model.forward(backend.to_device(rows))))

        return rows, undisturbed(model, outputs), undisturbed(model, outputs)

    def _compare(self, rows: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
        """Raise if layers made anew do not predict as the model's layers do."""
        alike = np.array_equal(first, second, equal_nan=True)
        if alike and not np.allclose(self(rows), first, 1e-3, 1e-6, equal_nan=True):
            raise ValueError(
                "Predictor: expected layers of your own that their get_config describes, in a "
                "network with minidl's forward, received some that predict otherwise when made anew"
            )

    def __call__(self, x: Any, out: np.ndarray | None = None) -> np.ndarray:
        """The outputs for the rows of x.

        Args:
            x: (N, *input_shape), numbers without NaN and infinity.
            out: (N, *output_shape), of the model's type, overwritten with the outputs and
                returned; a new array if left out.

        Raises:
            TypeError: a sparse matrix, no numbers, or an ``out`` that is no array.
            ValueError: rows, or an ``out``, of another shape; NaN or infinity.
            RuntimeError: a call within a call, for example in a signal handler.
        """
        x = self._features(x)
        shape = (len(x), *self._outputs)
        if out is None:
            out = np.empty(shape, self._dtype)
        elif not isinstance(out, np.ndarray):
            raise TypeError(f"out: expected an array, received {type(out).__name__}")
        elif out.shape != shape or out.dtype != self._dtype:
            raise ValueError(
                f"out: expected {self._dtype} of shape {shape}, received {out.dtype} of shape "
                f"{out.shape}"
            )
        elif not out.flags.writeable:
            raise ValueError("out: expected an array to write into, received one that is read-only")
        elif len(x) > self.rows and isinstance(x, np.ndarray) and np.may_share_memory(x, out):
            x = x.copy()  # results of one pass would be the rows of the next
        with self._lock, self._backend.here:
            if self._busy:
                raise RuntimeError(
                    "Predictor: expected no call within a call, received one, as of a signal's "
                    "handler; use model.predict there"
                )
            self._busy = True
            before, recorder.tape = recorder.tape, None  # of a step that this call is made in
            try:
                if len(x) == self.rows:
                    self._fill(x, out)
                    return out
                for start in range(0, len(x), self.rows):
                    self._fill(x[start : start + self.rows], out[start : start + self.rows])
            finally:
                recorder.tape = before
                self._busy = False
        return out

    def _features(self, x: Any) -> Any:
        """The rows, checked: quickly for the usual rows of one pass."""
        usual = type(x) is np.ndarray and x.dtype == self._dtype and x.shape == self._x.shape
        if usual and checking.surely_finite(x):
            return x
        if is_sparse(x):
            raise TypeError("Predictor: expected an array, received a sparse matrix; use predict")
        return checking.features(x, self._shape, self._dtype)

    def _fill(self, x: Any, out: np.ndarray) -> None:
        """Write the outputs for rows that fit into the buffers."""
        if self._play and len(x) == self.rows:
            self._x[...] = self._backend.to_device(x)
            self._play()
            out[...] = self._backend.to_host(self._y)
        else:
            out[...] = self._backend.to_host(self._network.forward(self._backend.to_device(x)))

    def _pass(self, x: Any) -> None:
        self._y = self._network.forward(x)
