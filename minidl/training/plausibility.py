"""Warnings of data and losses that can be trained on but are probably a mistake."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minidl.backend import backend_of, is_sparse
from minidl.backend.sparse import outside
from minidl.layers import Dense, Normalization, Rescaling
from minidl.losses import Loss
from minidl.losses.base import JOINED
from minidl.metrics import ChosenAccuracy, Metric
from minidl.network import Network

# Pixels divided by 255 twice end at .0039; of features that were scaled once, one is larger.
SMALL = 0.02
# Features of unit scale stay below 50 but for outliers; pixels and raw measurements do not.
LARGE = 50.0
# A larger share of large numbers in a column are no outliers: by Chebyshev's inequality at most
# 1 / LARGE² of a standardised column is above LARGE.
OUTLIERS = 0.1
# In many data sets some rows occur twice, on either side of a split.
REPEATED = 0.1
# A finding that chance gives more often than this is not worth a warning.
CHANCE = 1e-3
# Rows that are looked at for the scale, and looked for among the training rows.
SAMPLE = 256
# Numbers that are converted at a time.
BLOCK = 2**20

# What a loss of one kind makes of outputs of the other kind.
_MIXED: dict[tuple[str, str | None], str] = {
    ("sigmoid", "softmax"): (
        ", whose outputs sum to 1 in each row: of several labels in a row not all can be likely"
    ),
    ("softmax", "sigmoid"): (
        ", whose outputs have any sum: for several labels in a row, write "
        "loss='binary_crossentropy'; for one class, end with a softmax"
    ),
}


def look_at(
    network: Network,
    loss: Loss,
    metrics: Sequence[Metric],
    x: Any,
    y: Any,
    held_out: tuple[Any, Any] | None,
    stacklevel: int,
) -> None:
    """Warn of features on a wrong scale, of validation rows that cannot validate, of layers that
    leave every row as it was, and of an accuracy of measured values.

    Args:
        network: built.
        loss: knows the kind of the targets.
        metrics: as compiled.
        x, y: checked features and targets to train on.
        held_out: checked features and targets for validation, or None.
        stacklevel: as in :func:`warnings.warn`, seen from the caller.
    """
    found = [_scale(network, x), _one_unit(network), *_not_adapted(network)]
    found.append(_accuracy_of_values(loss, metrics, y))
    if held_out is not None:
        found += [_repeated(x, held_out[0]), _one_class(loss, y, held_out[1])]
    for message in found:
        if message:
            warnings.warn(message, stacklevel=stacklevel + 1)


def look_at_output(loss: Loss, output: str | None) -> None:
    """Warn of a cross-entropy on an unsuitable output: the model would train for another aim.

    Args:
        loss: as compiled.
        output: name of the network's last activation; None for none.
    """
    kind, wanted = type(loss).__name__, loss.activation
    if wanted is None:
        return
    if loss.from_logits and output in JOINED:
        warnings.warn(
            f"{kind}(from_logits=True) expects logits, and after a {output} output it takes the "
            f"logits before the {output}: leave out one, the {output} or from_logits=True",
            stacklevel=4,
        )
    elif not loss.from_logits and output != wanted:
        warnings.warn(
            f"{kind} expects probabilities: expected a {wanted} output or from_logits=True, "
            f"received the output {output or 'linear'}{_MIXED.get((wanted, output), '')}",
            stacklevel=4,
        )


def look_once(model: Any, rows: Sequence[Any], held_out: Sequence[Any] | None) -> None:
    """Look at the data of a model's first ``fit``, which is the caller.

    Args:
        model: compiled and built.
        rows: checked (x, y, weight) to train on.
        held_out: the same for validation, or None.
    """
    if not model._looked:
        model._looked = True
        others = None if held_out is None else (held_out[0], held_out[1])
        look_at(model, model._loss, model._metrics, rows[0], rows[1], others, 3)


def note_of_continuing(model: Any, initial_epoch: int) -> None:
    """Warn, once, that ``fit``, which is the caller, goes on with a trained model.

    Args:
        model: built.
        initial_epoch: of ``fit``; more than 0 where the caller knows of the earlier training.
    """
    if model.step and not initial_epoch and not model._continued:
        model._continued = True
        warnings.warn(
            f"fit continues from step {model.step} of a model that is trained already; for a "
            "fresh start make a new model",
            stacklevel=3,
        )


def note_of_loss(value: float, epoch: int) -> bool:
    """Warn ``fit``'s caller of a loss that is NaN or infinite.

    Args:
        value: the loss of an epoch.
        epoch: the epoch's number.

    Returns:
        True if the loss is no finite number.
    """
    if math.isfinite(value):
        return False
    warnings.warn(
        f"the loss is not finite since epoch {epoch} (counted from 0): expected a number, received "
        f"{value}; on a new model fit(..., check_finite=True) ends at the first step that comes to "
        "NaN or infinity, and names step, layer and tensor",
        stacklevel=outside(),
    )
    return True


def _one_unit(network: Network) -> str | None:
    """Look for a softmax that divides each number by itself."""
    if network.output_activation != "softmax" or network.output_row[-1] != 1:
        return None
    return (
        "a softmax of one unit is 1 for every row, whatever the weights are: for two classes "
        "expected Dense(1, 'sigmoid') and loss='binary_crossentropy'"
    )


def _accuracy_of_values(loss: Loss, metrics: Sequence[Metric], y: Any) -> str | None:
    """Look for a count of right answers where targets are measured values."""
    counted = [each.name for each in metrics if isinstance(each, ChosenAccuracy)]
    if loss.labels != "values" or not counted or y.shape[1] > 1:
        return None
    some = _some(y)
    values = some[(some != 0) & (some != 1)]
    if not values.size:
        return None
    return (
        f"{counted[0]}: expected targets 0 and 1, received values such as {values[0]:.4g}, for "
        "which no output counts as right; for a regression expected metrics=['mae'] or R2Score()"
    )


def _not_adapted(network: Network) -> Iterator[str]:
    """Look for Normalization layers of no numbers."""
    for layer in network.leaves:
        if not (isinstance(layer, Normalization) and layer.statistics):
            continue
        if (layer.mean == 0).all() and (layer.variance == 1).all():
            yield (
                f"{layer.name}: expected adapt(x) before training, or mean= and variance=; with a "
                "mean of 0 and a variance of 1 the layer changes nothing"
            )


def _scale(network: Network, x: Any) -> str | None:
    """Look at the features that the first Dense layer gets."""
    scale, offset = 1.0, 0.0
    for layer in network.leaves:
        if isinstance(layer, Dense):
            break
        if isinstance(layer, Rescaling):
            scale, offset = scale * layer.scale, offset * layer.scale + layer.offset
        elif layer.computes:
            return None
    else:
        return None
    expected = "x: expected features of a size near 1 before the first Dense layer, received"
    sizes = _flat(_some(x))
    if is_sparse(sizes):
        # The stored numbers; all other numbers are 0.
        sizes = sizes.data.reshape(-1, 1)
    if not sizes.size:
        return None
    sizes = backend_of(x).to_host(sizes) * scale
    sizes += offset
    np.abs(sizes, out=sizes)
    if np.max(sizes) < SMALL:
        largest = max(abs(float(end) * scale + offset) for end in (x.min(), x.max()))
        if 0 < largest < SMALL:
            return f"{expected} none above {largest:.2g}; were they divided twice?"
    large = sizes > LARGE
    if np.max(np.mean(large, axis=0)) > OUTLIERS:
        return (
            f"{expected} values such as {np.median(sizes[large]):.4g}; scale them, for instance "
            "by layers.Rescaling(1 / 255) for pixels"
        )
    return None


def _repeated(x: Any, held_out: Any) -> str | None:
    """Look for validation rows among the training rows.

    Features of few values repeat by chance: repeated training rows show how often.
    """
    known = np.sort(_marks(x))
    # BLAS sums a row in an order that depends on the row's place.
    rounding = 1e-12 * np.max(np.abs(known))

    def occurrences(rows: Any) -> np.ndarray:
        marks = _marks(rows)
        first = np.searchsorted(known, marks - rounding, side="left")
        counts: np.ndarray = np.searchsorted(known, marks + rounding, side="right") - first
        return counts

    twins = occurrences(_some(x)) > 1
    # One more of each: a few rows without a twin do not show that there are none.
    share = max(REPEATED, (1 + int(np.sum(twins))) / (1 + len(twins)))
    found = occurrences(_some(held_out)) > 0
    repeated = int(np.sum(found))
    if _chance(repeated, len(found), share) > CHANCE:
        return None
    return (
        f"validation data: expected rows that are not trained on, received {repeated} of "
        f"{len(found)} rows looked at that are training rows"
    )


def _one_class(loss: Loss, y: Any, held_out: Any) -> str | None:
    if loss.labels == "values" or not (held_out == held_out[0]).all():
        return None
    rows = len(held_out)
    share = (rows + int(np.sum((y == held_out[0]).all(axis=1)))) / (rows + len(y))
    if _chance(rows, rows, share) > CHANCE:
        return None
    return (
        f"validation data: expected rows of all classes, received one class in all {rows} rows; "
        "rows in the order of their classes have to be shuffled before the last are split off"
    )


def _chance(hits: int, trials: int, share: float) -> float:
    """Probability of so many hits or more: Σ C(n, k) p^k (1 - p)^(n - k)."""
    return sum(
        math.comb(trials, k) * share**k * (1 - share) ** (trials - k)
        for k in range(hits, trials + 1)
    )


def _marks(x: Any) -> np.ndarray:
    """Each row's product with a fixed random vector: the same for equal rows, up to rounding.

    Different rows with the same product are too rare to be met.
    """
    backend = backend_of(x)
    features = math.prod(x.shape[1:])
    key = backend.to_device(np.random.default_rng(0).standard_normal((features, 1)))
    step = max(1, BLOCK // features)
    parts = [_flat(x[k : k + step]) @ key for k in range(0, x.shape[0], step)]
    return backend.to_host(backend.xp.concatenate(parts))[:, 0]


def _some(x: Any) -> Any:
    """Up to :data:`SAMPLE` rows, spread over ``x``."""
    return x[:: -(-x.shape[0] // SAMPLE)]


def _flat(rows: Any) -> Any:
    """Rows as vectors of float64."""
    if is_sparse(rows):
        return rows.astype(np.float64)
    return rows.astype(np.float64, copy=False).reshape(rows.shape[0], -1)
