"""Signs of layers that do not learn: units that are dead, updates that are too small or large."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from minidl.callbacks.base import NONE, Callback, Logs
from minidl.layers import Activation, Dense


class LayerHealth(Callback):
    """Record each epoch's share of dead units, and the ratio of updates to weights, by layer.

    ``logs`` and the History hold, under the layers' names,

    - "dead_units/dense": the share of the units of a ReLU that are 0 for all rows, of the epoch's
      last batch or of ``sample``. No gradient reaches the weights of such a unit from these rows.
    - "update_ratio/dense": ‖Δw‖₂ / ‖w‖₂ of the epoch's last step, over all weights of the layer.
      Near 10⁻³ is usual; far less learns slowly, far more is noise.

    Both are NaN for an epoch that ends before its last batch.

    Args:
        sample: rows of features, passed as in inference; None takes the outputs of the epoch's last
            training batch.
    """

    def __init__(self, sample: Any = None) -> None:
        self.sample = sample
        self._before: Any = None

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        if self.params.get("steps") is None:
            raise ValueError("LayerHealth: expected data of a known number of steps, received none")
        self._rectifiers = dict(_rectifiers(model.leaves))
        self._parts = dict(_parts(model))
        dead = [f"dead_units/{name}" for name in self._rectifiers]
        ratios = [f"update_ratio/{name}" for name in self._parts]
        # The names that logs will hold, for callbacks that write or monitor values.
        self.params["metrics"].extend([*dead, *ratios])

    def on_epoch_begin(self, epoch: int, logs: Logs = NONE) -> None:
        self._found = {f"dead_units/{name}": math.nan for name in self._rectifiers}
        self._found |= {f"update_ratio/{name}": math.nan for name in self._parts}

    def on_train_batch_begin(self, batch: int, logs: Logs = NONE) -> None:
        if batch == self.params["steps"] - 1:
            self._before = self.model.theta.copy()

    def on_train_batch_end(self, batch: int, logs: Logs = NONE) -> None:
        if batch != self.params["steps"] - 1:
            return
        xp = self.model.backend.xp
        for name, part in self._parts.items():
            before = self._before[part].astype("float64")
            moved = float(xp.linalg.norm(self.model.theta[part] - before))
            size = float(xp.linalg.norm(before))
            ratio = moved / size if size else math.inf if moved else 0.0
            self._found[f"update_ratio/{name}"] = ratio
        if self.sample is None:
            self._note({name: (one.y != 0).any(axis=0) for name, one in self._rectifiers.items()})

    def on_epoch_end(self, epoch: int, logs: Logs = NONE) -> None:
        if self.sample is not None:
            self._note(self._alive())
        logs.update(self._found)  # type: ignore[attr-defined]

    def on_train_end(self, logs: Logs = NONE) -> None:
        # Layers have large buffers, and may be gone before the callback is.
        self._rectifiers, self._before = {}, None

    def _alive(self) -> dict[str, Any]:
        """True for each unit that is not 0 for some row of the sample."""
        sample = self.model.backend.to_device(self.sample)
        size, rows = self.model.rows, sample.shape[0]
        alive: dict[str, Any] = {}
        for start in range(0, rows, size):
            self.model.forward(sample[start : start + size])
            for name, one in self._rectifiers.items():
                alive[name] = (one.y != 0).any(axis=0) | alive.get(name, False)
        return alive

    def _note(self, alive: Mapping[str, Any]) -> None:
        for name, units in alive.items():
            self._found[f"dead_units/{name}"] = 1 - float(units.mean())


def _rectifiers(layers: Any) -> Iterator[tuple[str, Activation]]:
    """ReLU and its relatives, each under the layer's name."""
    for layer in layers:
        inner = layer.activation if isinstance(layer, Dense) else layer
        if isinstance(inner, Activation) and "relu" in inner.function.name:
            yield layer.name, inner


def _parts(model: Any) -> Iterator[tuple[str, slice]]:
    """The place of each layer's weights in the vector."""
    start = 0
    for layer in model.leaves:
        size = sum(math.prod(wanted.shape) for wanted in layer.tensors.values())
        if size:
            yield layer.name, slice(start, start + size)
        start += size
