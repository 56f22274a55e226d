"""Both trainings of a case, from the same weights on the same batches, and how they end."""

from __future__ import annotations

from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

import minidl
from minidl.callbacks import Callback
from minidl.layers import Activation, BatchNormalization, Dense, Dropout
from tests import oracle
from tests.trajectories.cases import Case

STEPS = 100

# What was asked of them. They end within 1e-10 of Keras (docs/understand/correctness.md): 1e-16 of
# rounding in each operation, times what 100 steps make of it.
RTOL = 1e-9
# Far above what lies between the two sides before a ReLU or of a weight, some 1e-14: that they
# see the same signs all the way is no chance.
APART = 1e-12

#: Activations whose derivative jumps at 0.
KINKED = ("relu", "leaky_relu")


class Outcome(NamedTuple):
    """How far two trainings end apart.

    Attributes:
        weights, slots, statistics: the :func:`deviation` of each trainable tensor, of each of the
            optimizer's state, and of each of batch normalization's running averages, by name.
        losses: that of the mean losses of the epochs, penalties included.
        nearest: how near the training came to a jump of the gradient: :class:`Kinks`.
    """

    weights: dict[str, float]
    slots: dict[str, float]
    statistics: dict[str, float]
    losses: dict[str, float]
    nearest: float

    def worst(self) -> tuple[str, float]:
        """The largest deviation of all, and whose it is."""
        found = {**self.weights, **self.slots, **self.statistics, **self.losses}
        return max(found.items(), key=itemgetter(1))


def agrees(outcome: Outcome) -> None:
    """Every tensor is within RTOL, and nothing came near a jump of the gradient."""
    name, largest = outcome.worst()
    assert largest <= RTOL, f"{name}: {largest:.1e} from Keras's after {STEPS} steps"
    assert outcome.nearest > APART


def deviation(actual: np.ndarray, expected: np.ndarray, least: float | None = None) -> float:
    """The largest |actual - expected| / max(|expected|, least), entry by entry.

    Args:
        actual, expected: of one shape.
        least: a hundredth of the largest |expected| if left out: what passes through 0 has no
            digits of its own.
    """
    least = 1e-2 * float(np.max(np.abs(expected))) if least is None else least
    difference, size = np.abs(actual - expected), np.maximum(np.abs(expected), least)
    # NaN where something is expected to be exactly 0 and is not, or is NaN itself.
    found = float(np.max(np.where(difference == 0, 0, difference / np.where(size, size, np.nan))))
    return found if found == found else np.inf


def compare(case: Case) -> Outcome:
    """Train both for :data:`STEPS` steps."""
    model, kinks = network(case), Kinks()
    keras = oracle.Network(case.layers, case.x.shape[2:], case.loss, case.optimizer)
    keras.set_weights(model.get_weights())
    drawn = [masks(layer, case.x.shape[1]) for layer in dropouts(model)]
    expected = keras.train(case.x, case.y, STEPS, drawn)
    optimizer = case.optimizer.make(minidl)
    losses = train(model, optimizer, case, kinks)

    weights, statistics = split(model, keras.get_weights())
    names = oracle.STATE[case.optimizer.path.rpartition(".")[2]]
    state = keras.slots()
    assert {names[name] for name in optimizer.state} == set(state)
    slots = {
        f"{name} of {tensor}": d
        for name, vector in optimizer.state.items()
        for tensor, d in deviations(model, vector, state[names[name]]).items()
    }
    means = expected.reshape(len(losses), -1).mean(axis=1)
    return Outcome(
        deviations(model, model.theta, weights),
        slots,
        statistics,
        {"loss": deviation(np.array(losses), means)},
        kinks.nearest,
    )


def train(
    model: minidl.Sequential, optimizer: Any, case: Case, *callbacks: Callback
) -> list[float]:
    """Fit for :data:`STEPS` steps, batch after batch: the loss of each epoch."""
    batches, rows = case.x.shape[:2]
    x, y = (a.reshape(-1, *a.shape[2:]) for a in (case.x, case.y))
    model.compile(optimizer, case.loss.make(minidl))
    options = {"verbose": 0, "callbacks": callbacks, "shuffle": False}
    return model.fit(x, y, rows, STEPS // batches, **options).history["loss"]


def split(
    model: minidl.Sequential, expected: list[np.ndarray]
) -> tuple[list[np.ndarray], dict[str, float]]:
    """Of Keras's weights the trainable ones, and the deviations of the running statistics."""
    trainable, statistics, rest = [], {}, iter(expected)
    for layer in model.layers:
        trainable += [next(rest) for _ in layer.tensors]
        for name in layer.statistics:
            statistics[f"{layer.name}/{name}"] = deviation(getattr(layer, name), next(rest))
    return trainable, statistics


def deviations(
    model: minidl.Sequential, vector: np.ndarray, expected: list[np.ndarray]
) -> dict[str, float]:
    """Of each tensor in a vector of the parameters' size.

    The bias of a Dense layer straight before a batch normalization, which takes away what it
    adds, has a gradient of 0: what both sides compute of it is rounding, and counts in comparison
    with the layer's kernel.
    """
    nothing = {
        f"{layer.name}/bias"
        for layer, after in pairwise(model.layers)
        if isinstance(after, BatchNormalization)
    }
    found, kernel = {}, 0.0
    for entry, tensor in zip(model.parameters, expected, strict=True):
        actual = vector[entry.slice].reshape(entry.shape)
        found[entry.name] = deviation(actual, tensor, kernel if entry.name in nothing else None)
        kernel = float(np.max(np.abs(tensor)))
    return found


def network(case: Case) -> minidl.Sequential:
    """Built in float64. No bias is 0: a row of zeros would sit on the kink of a ReLU."""
    minidl.utils.set_random_seed(3)
    layers = [minidl.layers.Input(case.x.shape[2:]), *(s.make(minidl) for s in case.layers)]
    model = minidl.Sequential(layers, dtype="float64")
    model.build()
    random = np.random.default_rng(2)
    for entry in model.parameters:
        if len(entry.shape) == 1:
            signs = random.choice([-1, 1], entry.shape)
            model.parameters.view(entry)[...] += signs * random.uniform(0.02, 0.2, entry.shape)
    return model


def dropouts(model: minidl.Sequential) -> list[Dropout]:
    """Its Dropout layers."""
    return [layer for layer in model.layers if isinstance(layer, Dropout)]


def masks(layer: Dropout, rows: int) -> np.ndarray:
    """What the layer multiplies by at each step: (STEPS, rows, ...)."""
    (draws,) = layer.random
    bits = np.empty((STEPS, rows, *layer.output_shape), np.uint16)
    for step in range(STEPS):
        draws.fill(bits[step], step)
    return (bits >= layer.threshold) * layer.scale


class Kinks(Callback):
    """How near a training comes to where the gradient jumps.

    There, two sides of equal right may differ: in what the derivative is at 0, and in the sign of
    a number that is 0 but for rounding.

    Attributes:
        nearest: the smallest |z| before a ReLU or Leaky ReLU and the smallest |w| under an L1
            penalty, of all steps.
    """

    nearest = np.inf

    def on_train_batch_begin(self, batch: int, logs: Any) -> None:
        for entry in self.model.parameters:
            if getattr(entry.regularizer, "l1", 0.0):
                self._see(self.model.parameters.view(entry))

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        before = None
        for layer in self.model.layers:
            activation = getattr(layer, "activation", layer)
            if isinstance(activation, Activation) and activation.function.name in KINKED:
                self._see(layer.z if isinstance(layer, Dense) else before)
            before = layer.y

    def _see(self, values: Any) -> None:
        self.nearest = min(self.nearest, float(np.min(np.abs(values))))
