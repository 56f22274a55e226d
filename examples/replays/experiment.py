"""Experiments: published numbers with their bands, and the function that runs the experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from examples.replays.session import Session

ACCURACY_BAND = SMALLEST_BAND = 0.01


@dataclass(frozen=True)
class Quantity:
    """A number of an experiment.

    Attributes:
        name: of the number.
        published: the tutorial's; None where the tutorial prints none.
        low, high: the band in which a rerun may end; None where nothing is published.
        digits: printed after the point.
    """

    name: str
    published: float | None = None
    low: float | None = None
    high: float | None = None
    digits: int = 4

    def within(self, measured: float) -> bool:
        """True if ``measured`` is in the band of a published number."""
        # The ends are in the band, and rounding does not push an end out.
        return self.low - 1e-9 <= measured <= self.high + 1e-9


def accuracy(name: str, published: float) -> Quantity:
    """An accuracy: ± 0.01."""
    return Quantity(name, published, published - ACCURACY_BAND, published + ACCURACY_BAND)


def loss(name: str, published: float, swing: float = 0.0, digits: int = 4) -> Quantity:
    """A loss: ± the swing of the published curve, at least ± 0.01."""
    band = max(swing, SMALLEST_BAND)
    return Quantity(name, published, published - band, published + band, digits)


def exact(name: str, published: float, digits: int, to: int | None = None) -> Quantity:
    """A number without chance: right to ``to`` digits after the point, else to all."""
    half = 0.5 * 10.0 ** -(digits if to is None else to)
    return Quantity(name, published, published - half, published + half, digits)


def epoch(name: str, published: int, low: int, high: int) -> Quantity:
    """The number of an epoch."""
    return Quantity(name, published, low, high, digits=0)


@dataclass
class Outcome:
    """The result of one run of an experiment.

    Attributes:
        measured: quantity -> value.
        history: of the training, for the pictures.
        drawing: other material of the experiment's picture.
        stand_in: the data set that took the place of the tutorial's.
    """

    measured: dict[str, float]
    history: Any = None
    drawing: Any = None
    stand_in: str = ""


@dataclass(frozen=True)
class Experiment:
    """A row of a tutorial's results.

    Attributes:
        document, name: "001", "dropout".
        what: the network or the model.
        data: the data set.
        quantities: the measured numbers.
        run: makes an :class:`Outcome`, with a value for each quantity.
        epochs: of the tutorial; 0 where nothing is trained by epochs.
        correction: the tutorial's slip, if a ``corrected`` run mends one.
        note: a remark for the reader.
    """

    document: str
    name: str
    what: str
    data: str
    quantities: tuple[Quantity, ...]
    run: Callable[[Session], Outcome]
    epochs: int = 0
    correction: str = ""
    note: str = ""

    @property
    def title(self) -> str:
        """Tutorial and name, such as "001 dropout"."""
        return f"{self.document} {self.name}"


@dataclass(frozen=True)
class Picture:
    """A picture of a tutorial.

    Attributes:
        name: of the file.
        experiments: names of the experiments shown.
        draw: makes the figure of the experiments' outcomes, by name.
    """

    name: str
    experiments: tuple[str, ...]
    draw: Callable[[dict[str, Outcome]], Any] = field(repr=False)


def measure(history: Any, **names: str) -> dict[str, float]:
    """The last epoch's values: ``measure(history, loss="train loss")`` gives {"train loss": …}."""
    return {name: history.history[key][-1] for key, name in names.items()}


def best(history: Any, key: str = "val_loss") -> tuple[float, int]:
    """The smallest value, with its epoch, counted from 1."""
    values = history.history[key]
    smallest = min(values)
    return smallest, values.index(smallest) + 1
