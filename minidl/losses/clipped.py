"""Cross-entropy of class numbers and probabilities, as in Keras: clipped, then made to sum to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.kernels import probabilities, sums

if TYPE_CHECKING:
    from minidl.losses.crossentropies import SparseCategoricalCrossentropy


def forward(loss: SparseCategoricalCrossentropy, predictions: Any, t: Any, out: Any) -> None:
    """L = -log p_y + log Σ_k p_k, for probabilities p kept within [1e-7, 1 - 1e-7].

    Args:
        loss: the buffers of this loss are overwritten.
        predictions: (N, K).
        t: (N, K), one-hot rows.
        out: (N, 1), overwritten.
    """
    work, row = loss._work[: len(t)], loss._row[: len(t)]
    probabilities.crossentropy_forward(predictions, t, out=work)
    sums.sum_units(work, out=out)
    probabilities.log_total_forward(predictions, work, row, loss._other[: len(t)], out)


def backward(loss: SparseCategoricalCrossentropy, predictions: Any, t: Any, out: Any) -> None:
    """Write dL / dpredictions into ``out`` (N, K), after :func:`forward`."""
    probabilities.crossentropy_backward(predictions, t, out=out)
    work, row = loss._work[: len(t)], loss._row[: len(t)]
    probabilities.log_total_backward(out, predictions, work, row)
