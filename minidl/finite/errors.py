"""The error that names the first number of a training step that is not finite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

SHOWN = 6  # so many rows, or tensors before, stand in a message


@dataclass(frozen=True)
class Seen:
    """A tensor that a step went through, and the largest size of its numbers.

    Attributes:
        phase, layer, tensor: as in :class:`Finding`.
        largest: max |x|; infinite or NaN where not all numbers are finite.
    """

    phase: str
    layer: str
    tensor: str
    largest: float

    def __str__(self) -> str:
        return f"{self.layer} {self.tensor} {self.largest:.3g}".lstrip()


@dataclass(frozen=True)
class Finding:
    """The first tensor of a step that holds NaN or infinity.

    Attributes:
        phase: "before" the step, "data", "forward", "backward" or "update".
        layer: name of the layer, or of the loss's class; "" for the batch.
        tensor: name in the layer, such as "z", "dW", "W", "moving_variance", or a state vector's
            name with its tensor's, "v of W".
        values: the tensor, a copy on the host.
        rows: numbers of the rows of the batch that hold NaN or infinity; none for weights.
        before: the tensors that the step went through before, in order.
    """

    phase: str
    layer: str
    tensor: str
    values: np.ndarray
    rows: Sequence[int]
    before: Sequence[Seen] = field(repr=False)

    @property
    def index(self) -> tuple[int, ...]:
        """The place of the first number that is not finite."""
        return tuple(int(i) for i in np.argwhere(~np.isfinite(self.values))[0])

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of "NaN", "inf" and "-inf"."""
        values = self.values
        found = {
            "NaN": np.isnan(values).sum(),
            "inf": np.isposinf(values).sum(),
            "-inf": np.isneginf(values).sum(),
        }
        return {name: int(count) for name, count in found.items() if count}

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} x {kind}" for kind, count in self.counts.items())
        shape = " x ".join(map(str, self.values.shape)) or "a number"
        where = f"{self.layer} {self.tensor}".lstrip()
        text = f"{self.phase}: {where} ({shape}) has {kinds}"
        return text + (f", first at {self.index}" if self.index else "")


class NonFiniteError(FloatingPointError):
    """A training step came to NaN or infinity, in the tensor that the error names.

    Attributes:
        epoch, batch: counted from 0, as in callbacks.
        step: number of the training step, as ``model.step`` counts.
        phase, layer, tensor, rows, before: as in :class:`Finding`.
        data_rows: for each of ``rows``, the row of the training data.
        finding: with the values and the place.
        path: of the file for :func:`minidl.replay_failure`, or None.
    """

    def __init__(
        self,
        finding: Finding,
        epoch: int,
        batch: int,
        step: int,
        data_rows: Sequence[int] = (),
        path: str | None = None,
        note: str = "",
    ) -> None:
        super().__init__(finding, epoch, batch, step, data_rows, path, note)
        self.finding = finding
        self.epoch, self.batch, self.step = epoch, batch, step
        self.data_rows = list(data_rows)
        self.path = path
        self.note = note
        self.phase, self.layer, self.tensor = finding.phase, finding.layer, finding.tensor
        self.rows, self.before = list(finding.rows), list(finding.before)

    def __str__(self) -> str:
        lines = [
            f"epoch {self.epoch}, batch {self.batch} (both counted from 0), step {self.step}, "
            f"{self.finding}"
        ]
        if self.rows:
            lines.append(f"rows of the batch: {_some(self.rows)}; of the data: "
                         f"{_some(self.data_rows)}")  # fmt: skip
        if self.before:
            lines.append(f"largest sizes before: {_some(self.before[-SHOWN:])}")
        if self.note:
            lines.append(self.note)
        if self.path is not None:
            lines.append(f"minidl.replay_failure({self.path!r}) repeats the step")
        return "\n".join(lines)


def _some(items: Sequence[object]) -> str:
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return ", ".join(map(str, items[:SHOWN])) + more
