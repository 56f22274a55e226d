"""The common part of all estimators: data checks, network, pickling and curves."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, validate_data

from minidl.backend import use
from minidl.callbacks import History
from minidl.data.checking import surely_finite
from minidl.estimators.picture import curves
from minidl.estimators.ranges import validate
from minidl.model.arguments import INFERENCE_BATCH
from minidl.model.evaluation import ignoring_underflow
from minidl.model.pickling import packed, unpacked
from minidl.model.sequential import Sequential
from minidl.network.concurrency import undisturbed

#: Types of numbers that are kept; any other type becomes the first.
DTYPES = np.float64, np.float32
#: scikit-learn converts other sparse formats to this one.
SPARSE = ["csr"]
#: Reduction of the losses: Σ w_n L_n / Σ w_n, so that a weight of 2 is a row that comes twice.
BY_WEIGHT = "mean_with_sample_weight"


class Rows(NamedTuple):
    """Checked rows.

    Attributes:
        x: (N, features), an array or a sparse matrix.
        y: (N, outputs), the targets.
        weight: (N,), or None for weight 1 in each row.
    """

    x: Any
    y: np.ndarray
    weight: np.ndarray | None


def _several(given: Any) -> bool:
    """True for a list of pairs, [(X, y), (X, y)]."""
    first = given[0] if isinstance(given, tuple | list) and given else None
    return isinstance(first, tuple) and getattr(first[0] if first else None, "ndim", 0) == 2


class NetworkEstimator(BaseEstimator):  # type: ignore[misc]
    """Base of the estimators. Subclasses define the network and the training.

    Attributes:
        network_: the network, a :class:`minidl.Sequential`.
        history_: history of all epochs since the last start from new weights.
        n_features_in_: number of features.
        feature_names_in_: names of features, if X has names.
        n_outputs_: number of columns of targets.
    """

    network_: Sequential
    history_: History
    n_outputs_: int
    backend: Any
    random_state: Any
    warm_start: Any
    class_weight: Any = None

    def _set(self, arguments: dict[str, Any]) -> None:
        """Store a constructor's arguments as attributes, unchanged."""
        for name, value in arguments.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    @classmethod
    @functools.cache  # reading a signature takes as long as training on ten rows
    def _get_param_names(cls) -> list[str]:
        names: list[str] = super()._get_param_names()
        return names

    # Methods for subclasses to define ------------------------------------------------------------

    def _targets(self, X: Any, y: Any, first: bool, incremental: bool) -> tuple[Any, np.ndarray]:
        """Checked X, and y as targets (N, outputs).

        Args:
            X, y: data from the caller.
            first: whether training starts from new weights.
            incremental: whether ``partial_fit`` was called.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _targets")

    def _held_out(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        """Like :meth:`_targets`, for held-out rows."""
        raise NotImplementedError(f"{type(self).__name__} must define _held_out")

    def _network(self, features: int, dtype: Any, random: Any) -> Sequential:
        """A new network with initial weights.

        Args:
            features: number of features.
            dtype: type of the rows.
            random: generator of the weights and the network's seed.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _network")

    def _train(self, rows: Rows, held_out: Rows | None, incremental: bool, random: Any) -> None:
        """Train the network on rows; ``held_out`` rows are evaluated after each epoch."""
        raise NotImplementedError(f"{type(self).__name__} must define _train")

    @property
    def _begun(self) -> bool:
        """True if an earlier training can continue."""
        return hasattr(self, "network_")

    def __sklearn_is_fitted__(self) -> bool:
        return self._begun  # a fit that failed may have left classes_ and n_features_in_

    # Methods of all estimators -------------------------------------------------------------------

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, eval_set: Any = None, incremental: bool = False
    ) -> Any:
        validate(self)
        first = not self._begun or not (self.warm_start or incremental)
        given = y
        X, y = self._targets(X, y, first, incremental)
        columns = y.shape[1] if first else getattr(self, "n_outputs_", y.shape[1])
        if y.shape[1] != columns:
            raise ValueError(
                f"y: expected {columns} columns, as in the training that goes on, received "
                f"{y.shape[1]}"
            )
        weight = self._weights(X, given, sample_weight)
        if weight is not None and not weight.sum() > 0:
            raise ValueError(
                f"sample_weight: expected weights whose sum is above 0, received {weight.sum()}"
            )
        held_out = None if eval_set is None else self._checked_set(eval_set)
        self.n_outputs_ = y.shape[1]
        random = check_random_state(self.random_state)
        if first:
            self._start(X, random)
        self._train(Rows(X, y, weight), held_out, incremental, random)
        if not np.isfinite(self.network_.backend.to_host(self.network_.theta)).all():
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )
        return self

    def _weights(self, X: Any, y: Any, sample_weight: Any) -> np.ndarray | None:
        """The weight of each row."""
        return None if sample_weight is None else _check_sample_weight(sample_weight, X)

    def _checked_set(self, given: Any) -> Rows:
        if isinstance(given, tuple | list) and len(given) == 1:
            (given,) = given  # [(X, y)], as XGBoost and LightGBM take it
        if not isinstance(given, tuple | list) or len(given) not in (2, 3) or _several(given):
            raise ValueError(
                "eval_set: expected (X, y) or (X, y, sample_weight), received "
                f"{f'{len(given)} sets' if _several(given) else type(given).__name__}"
            )
        X, y = self._held_out(given[0], given[1])
        return Rows(X, y, _check_sample_weight(given[2], X) if len(given) == 3 else None)

    @staticmethod
    def _seed(random: Any) -> int:
        """A network's seed, drawn from the generator; the generator's state is then restored."""
        with random._bit_generator.lock:  # no other thread draws meanwhile
            state = random.get_state(legacy=False)
            seed = int(random.randint(2**31 - 1))
            random.set_state(state)
        return seed

    @property
    def _there(self) -> AbstractContextManager[Any]:
        """The context that makes networks on the chosen backend."""
        return nullcontext() if self.backend is None else use(self.backend)

    def _start(self, X: Any, random: Any) -> None:
        """Make a new network for rows like the rows of ``X``."""
        with self._there:
            self.network_ = self._network(X.shape[1], X.dtype, random)
        self.history_ = History()

    def _ready(self) -> Sequential:
        """The network with the current weights."""
        return self.network_

    def _usual(self, X: Any, dtype: Any) -> bool:
        """True if scikit-learn's checks of X, some 50 µs, would surely find nothing."""
        if not (type(X) in (np.ndarray, csr_matrix, csr_array) and X.ndim == 2):
            return False
        values = X if type(X) is np.ndarray else X.data
        return (
            X.dtype == dtype
            and values.size > 0
            and X.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
            and surely_finite(values)
        )

    def _outputs(self, X: Any) -> np.ndarray:
        """The outputs of the network for rows from the caller, (N, outputs)."""
        network = self._ready()
        if not self._usual(X, network.dtype):
            X = validate_data(self, X, accept_sparse=SPARSE, dtype=network.dtype, reset=False)
        if X.shape[0] > INFERENCE_BATCH or network.backend.name != "numpy":
            return network.predict(X)

        def one_pass() -> np.ndarray:
            network.traffic.expected = True
            found: np.ndarray = network.forward(X).copy()
            return found

        with ignoring_underflow():
            return undisturbed(network, one_pass)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        if "network_" in state:  # as the bytes of a model file, which skops can inspect, too
            state = {**state, "network_": packed(self._ready())}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "network_" in state:
            with self._there:
                self.network_ = unpacked(Sequential, *state["network_"])

    def _repr_html_inner(self) -> str:
        shown: str = super()._repr_html_inner()
        return shown + curves(self)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += curves(self)
        return bundle
