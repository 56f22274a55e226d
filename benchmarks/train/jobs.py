"""The jobs: one table of networks, optimizers, batches and rows.

:data:`TABLE` holds the five tutorials' networks. :data:`OTHERS` holds shapes, batches and
activations that no tutorial has; :data:`DRAWN` is drawn by lot, so that nothing can be tuned to a
list.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from minidl import checks

IMAGES, REVIEWS = "Fashion-MNIST", "IMDB"
PIXELS, CLASSES = 784, 10


@dataclass(frozen=True)
class Layer:
    """A hidden dense layer.

    Attributes:
        units: number of outputs.
        activation: "relu", "tanh", "sigmoid" or "elu".
        l1, l2: penalty on the kernel, l1 · Σ|w| + l2 · Σ w².
        normalized: place of batch normalization, "before" or "after" the activation; "" for none.
        dropout: rate of the dropout that follows.
    """

    units: int
    activation: str = "relu"
    l1: float = 0.0
    l2: float = 0.0
    normalized: str = ""
    dropout: float = 0.0


@dataclass(frozen=True)
class Optimizer:
    """An optimizer with Keras's constants.

    Attributes:
        name: "adam" (beta .9 and .999, epsilon 1e-7), "rmsprop" (rho .9, epsilon 1e-7) or "sgd".
        learning_rate: learning rate of every step.
        momentum: Nesterov's momentum of "sgd".
    """

    name: str = "adam"
    learning_rate: float = 0.001
    momentum: float = 0.0

    def __str__(self) -> str:
        return {"adam": "Adam", "rmsprop": "RMSprop", "sgd": "SGD-Nesterov"}[self.name]


@dataclass(frozen=True)
class Job:
    """A network and its training.

    The output is softmax over the ten classes of Fashion-MNIST, or one sigmoid for IMDB, each with
    cross-entropy; accuracy is measured in training. Kernels are Glorot-uniform.

    Attributes:
        name: name on the command line.
        hidden: the hidden layers.
        batch, rows: of an epoch; the last batch takes the rest.
        data: :data:`IMAGES` or :data:`REVIEWS`.
        words: columns of the multi-hot reviews.
        optimizer: optimizer of the training.
        output_l2: penalty on the kernel of the output.
        sparse: True if minidl takes the reviews as CSR rows.
        alone: True if the peers' dense rows are too large for more than one process at a time.
    """

    name: str
    hidden: tuple[Layer, ...]
    batch: int
    rows: int
    data: str = IMAGES
    words: int = 0
    optimizer: Optimizer = Optimizer()
    output_l2: float = 0.0
    sparse: bool = False
    alone: bool = False

    @property
    def inputs(self) -> int:
        """Columns of a row."""
        return PIXELS if self.data == IMAGES else self.words

    @property
    def outputs(self) -> int:
        """Units of the output layer."""
        return CLASSES if self.data == IMAGES else 1

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Inputs and units of each dense layer."""
        sizes = [self.inputs, *(layer.units for layer in self.hidden), self.outputs]
        return list(itertools.pairwise(sizes))

    @property
    def parameters(self) -> int:
        """Number of trained parameters: kernels, biases, gammas and betas."""
        dense = sum(i * o + o for i, o in self.shapes)
        return dense + sum(2 * layer.units for layer in self.hidden if layer.normalized)

    @property
    def batches(self) -> list[int]:
        """Rows of each step of an epoch."""
        whole, rest = divmod(self.rows, self.batch)
        return [self.batch] * whole + [rest] * bool(rest)

    def __str__(self) -> str:
        layers = "-".join(_text(layer) for layer in self.hidden)
        network = f"{self.inputs}-{layers}-{self.outputs}"
        output = f", output l2 {self.output_l2:g}" if self.output_l2 else ""
        return f"{network}{output}, {self.optimizer}, batch {self.batch}, {self.rows:,} rows"


def _text(layer: Layer) -> str:
    parts = [str(layer.units)]
    parts += [layer.activation] * (layer.activation != "relu")
    parts += [f"l1 {layer.l1:g}"] * bool(layer.l1) + [f"l2 {layer.l2:g}"] * bool(layer.l2)
    parts += [f"BN {layer.normalized}"] * bool(layer.normalized)
    parts += [f"dropout {layer.dropout:g}"] * bool(layer.dropout)
    return parts[0] if len(parts) == 1 else f"({' '.join(parts)})"


def _layers(*units: int, **options: float | str) -> tuple[Layer, ...]:
    return tuple(Layer(size, **options) for size in units)  # type: ignore[arg-type]


RMSPROP = Optimizer("rmsprop")
DEEP = (256, 256, 128, 128)

TABLE = (
    Job("001", _layers(256, 128), 100, 60_000),
    Job("001-deep", _layers(*DEEP), 100, 60_000),
    Job("001-dropout", _layers(*DEEP, dropout=0.3), 100, 60_000),
    Job("001-l2", _layers(*DEEP, l2=0.002), 100, 60_000, output_l2=0.002),
    Job("001-bn", _layers(*DEEP, normalized="before"), 100, 60_000),
    Job("000-dropout", _layers(256, dropout=0.5), 512, 59_400),
    Job("000-bn", _layers(128, normalized="after"), 2048, 42_000),
    Job("002-sgd", _layers(100), 32, 48_000, optimizer=Optimizer("sgd", 0.02, 0.1)),
    Job("002-rmsprop", _layers(100), 32, 48_000, optimizer=RMSPROP),
    Job("002-dropout", _layers(100, dropout=0.3), 32, 48_000),
    Job(
        "004-develop",
        (
            Layer(256, l1=0.001),
            Layer(128, l2=0.001),
            Layer(256),
            Layer(64, normalized="before", dropout=0.2),
        ),
        1000,
        60_000,
    ),
    Job("004-overfit", _layers(1024, 512, 128, 64, 64), 1000, 25_000, REVIEWS, 100),
    Job(
        "003", _layers(16, 16), 512, 25_000, REVIEWS, 10_000, RMSPROP, sparse=True, alone=True
    ),
)  # fmt: skip

OTHERS = (
    Job("odd-sizes", _layers(300, 75, 33), 77, 30_000),
    Job("tanh", _layers(192, 64, activation="tanh"), 50, 30_000,
        optimizer=Optimizer("sgd", 0.01, 0.9)),
    Job("wide", _layers(1024, 1024), 250, 15_000),
    Job("elu-dropout", _layers(96, 96, 96, activation="elu", dropout=0.25), 200, 30_000,
        optimizer=RMSPROP),
    Job("sigmoid-bn", _layers(150, 150, activation="sigmoid", normalized="before"), 640, 30_000),
    Job("small-batch", _layers(64, l2=0.0005), 8, 10_000, output_l2=0.0005),
    Job("few-words", _layers(48), 128, 25_000, REVIEWS, 2_000, sparse=True),
)  # fmt: skip


def _drawn(number: int) -> Job:
    """A network chosen by lot: 1 to 4 layers of 16 to 1024 units, batches of 8 to 2048."""
    draw = random.Random(number)
    options = {
        "activation": draw.choice(["relu", "relu", "tanh", "elu", "sigmoid"]),
        "normalized": draw.choice(["", "", "before"]),
        "dropout": draw.choice([0.0, 0.0, 0.25]),
    }
    units = [round(16 * 64 ** draw.random()) for _ in range(draw.randint(1, 4))]
    batch = round(8 * 256 ** draw.random())
    optimizer = draw.choice([Optimizer(), RMSPROP, Optimizer("sgd", 0.01, 0.9)])
    rows = min(30_000, 400 * batch)
    return Job(f"drawn-{number}", _layers(*units, **options), batch, rows, optimizer=optimizer)


DRAWN = tuple(map(_drawn, range(8)))
# Jobs that ask more of a GPU: larger batches, larger layers.
LARGE = (
    Job("batch-2048", _layers(256, 128), 2048, 60_000),
    Job("units-4096", _layers(4096, 4096, 4096, 4096), 2048, 60_000),
)
JOBS = {job.name: job for job in (*TABLE, *OTHERS, *DRAWN, *LARGE)}
GROUPS = {
    "table": TABLE, "others": OTHERS, "drawn": DRAWN, "large": LARGE, "all": (*TABLE, *OTHERS)
}  # fmt: skip


def find(names: Sequence[str], rows: int | None = None) -> list[Job]:
    """The jobs of the given names or groups, each once, cut to a number of rows.

    Raises:
        ValueError: an unknown name; the message has the nearest right one, and all.
    """
    found: dict[str, Job] = {}
    for name in names:
        if name not in GROUPS and name not in JOBS:
            raise checks.unknown("job", name, (*JOBS, *GROUPS))
        for job in GROUPS.get(name, (JOBS.get(name),)):
            assert job is not None
            found[job.name] = job if rows is None else replace(job, rows=min(rows, job.rows))
    return list(found.values())
