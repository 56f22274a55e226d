"""Tutorial 002: activation functions, optimizers and dropout, 784-100-10 (Fashion-MNIST)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import minidl
from examples.replays import data
from examples.replays.experiment import (
    Experiment,
    Outcome,
    Picture,
    Quantity,
    accuracy,
    best,
    epoch,
    loss,
)
from examples.replays.session import Session

TRAINING_ROWS = 0.8  # 48,000 of the 60,000; the tutorial does not show which
SLOPE = 0.1

# The functions of the tutorial's code.
FORMULAS: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x, negative_slope=SLOPE: np.maximum(x, negative_slope * x),
    "elu": lambda x: np.where(x >= 0, x, np.exp(x) - 1),
}


def activations(session: Session) -> Outcome:
    """The tutorial's formulas beside the engine's, and where the formulas fail."""
    engine = session.keras.activations
    x = np.arange(-5, 5, 0.0001)
    largest = 0.0
    for name, formula in FORMULAS.items():
        constants = {"negative_slope": SLOPE} if name == "leaky_relu" else {}
        difference = np.asarray(getattr(engine, name)(x, **constants)) - formula(x)
        largest = max(largest, float(np.abs(difference).max()))
    leaky_relu, elu = FORMULAS["leaky_relu"], FORMULAS["elu"]
    if session.corrected:
        leaky_relu, elu = engine.leaky_relu, engine.elu
    minus_one = np.asarray(leaky_relu(np.array([-1.0]), negative_slope=2.0))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        elu(np.array([1000.0]))
    return Outcome(
        {
            "largest difference": largest,
            "leaky_relu of -1 with slope 2": float(minus_one[0]),
            "overflows in elu of 1000": len(caught),
        }
    )


def network(keras: Any, activation: str = "relu", hidden: tuple[Any, ...] = ()) -> Any:
    """784-100-10, in the module ``keras``; ``hidden`` layers follow the first."""
    return keras.Sequential(
        [
            keras.Input(shape=(28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(units=100, activation=activation),
            *hidden,
            keras.layers.Dense(units=10, activation="softmax"),
        ]
    )


def training(
    build: Callable[[Any], Any],
    optimizer: Callable[[Any], Any] | None = None,
    epochs: int = 20,
    validated: bool = True,
) -> Callable[[Session], Outcome]:
    """Training on 48,000 images in batches of 32.

    Args:
        build: makes the network, from the module.
        optimizer: makes the optimizer; None leaves the choice to ``compile``.
        epochs: of the tutorial.
        validated: True validates at every epoch; else training and validation images are evaluated
            at the end.
    """

    def run(session: Session) -> Outcome:
        keras = session.keras
        (x, y), _ = data.fashion_mnist()
        kept = int(TRAINING_ROWS * len(x))
        train, held_out = (x[:kept], y[:kept]), (x[kept:], y[kept:])
        model = build(keras)
        chosen = {"optimizer": optimizer(keras)} if optimizer else {}
        model.compile(
            **chosen,
            loss=keras.losses.sparse_categorical_crossentropy,
            metrics=[keras.metrics.sparse_categorical_accuracy],
        )
        if not validated:
            history = session.fit(model, *train, epochs)
            values = model.evaluate(*train, verbose=0) + model.evaluate(*held_out, verbose=0)
            return Outcome(dict(zip(VALUES, values, strict=True)), history)
        history = session.fit(model, *train, epochs, validation_data=[*held_out])
        metric = "sparse_categorical_accuracy"
        last = (history.history[key][-1] for key in ("loss", metric, "val_loss", f"val_{metric}"))
        smallest, where = best(history)
        return Outcome(
            {
                **dict(zip(VALUES, last, strict=True)),
                "best validation loss": smallest,
                "best epoch": where,
            },
            history,
        )

    return run


VALUES = ("train loss", "train accuracy", "validation loss", "validation accuracy")


def _short(name: str, what: str, run: Callable[[Session], Outcome], best: bool) -> Experiment:
    names = (*VALUES, *(("best validation loss",) if best else ()))
    quantities = [Quantity(name) for name in names]
    if best:
        quantities.append(Quantity("best epoch", digits=0))
    return Experiment(
        "002", name, what, data.FASHION_MNIST, tuple(quantities), run, 5,
        note="the tutorial shows a screenshot, no number",
    )  # fmt: skip


EXPERIMENTS = (
    Experiment(
        "002", "activations", "sigmoid, tanh, ReLU, Leaky ReLU (slope .1) and ELU on -5 … 5",
        data.NONE,
        (Quantity("largest difference", 0.0, -1e-6, 1e-6, 7),
         Quantity("leaky_relu of -1 with slope 2", digits=1),
         Quantity("overflows in elu of 1000", digits=0)),
        activations,
        correction="max(x, αx) is Leaky ReLU for 0 <= α <= 1 only; where() with a bare exp "
        "overflows for large x; the sigmoid's formula lacks the 1 in its denominator",
    ),
    _short(
        "relu", "ReLU, optimizer left out",
        training(network, epochs=5, validated=False), best=False,
    ),
    _short(
        "elu", "ELU, optimizer left out",
        training(lambda keras: network(keras, "elu"), epochs=5, validated=False), best=False,
    ),
    _short(
        "sgd", "ReLU, SGD(.02, momentum .1, Nesterov)",
        training(
            network,
            lambda keras: keras.optimizers.SGD(learning_rate=0.02, momentum=0.1, nesterov=True),
            epochs=5, validated=False,
        ), best=False,
    ),
    _short(
        "adam-5", "ReLU, Adam",
        training(network, lambda keras: keras.optimizers.Adam(), epochs=5, validated=False),
        best=False,
    ),
    _short(
        "rmsprop-5", "ReLU, RMSprop",
        training(network, lambda keras: keras.optimizers.RMSprop(), epochs=5), best=True,
    ),
    Experiment(
        "002", "rmsprop", "ReLU, RMSprop", data.FASHION_MNIST,
        (loss("train loss", 0.2246, 0.0121), accuracy("train accuracy", 0.9207),
         loss("validation loss", 0.3798, 0.0238), accuracy("validation accuracy", 0.8915),
         loss("best validation loss", 0.3306, 0.0163), epoch("best epoch", 6, 6, 9)),
        training(network, lambda keras: keras.optimizers.RMSprop()), 20,
    ),
    Experiment(
        "002", "adam", "ReLU, Adam", data.FASHION_MNIST,
        (loss("train loss", 0.1854, 0.0115), accuracy("train accuracy", 0.9300),
         loss("validation loss", 0.3359, 0.0239), accuracy("validation accuracy", 0.8940),
         loss("best validation loss", 0.3144, 0.0018), epoch("best epoch", 11, 7, 14)),
        training(network, lambda keras: keras.optimizers.Adam()), 20,
    ),
    Experiment(
        "002", "dropout", "ReLU + Dropout(.3), Adam", data.FASHION_MNIST,
        (loss("train loss", 0.2741, 0.0144), accuracy("train accuracy", 0.8958),
         loss("validation loss", 0.3213, 0.0145), accuracy("validation accuracy", 0.8892),
         loss("best validation loss", 0.3102, 0.0059), epoch("best epoch", 19, 12, 19)),
        training(
            lambda keras: network(keras, hidden=(keras.layers.Dropout(rate=0.3),)),
            lambda keras: keras.optimizers.Adam(),
        ), 20,
        note="dropout masks change with every batch, not with every epoch as the text says",
    ),
)  # fmt: skip


def _losses(name: str) -> Picture:
    return Picture(
        name,
        (name,),
        lambda outcomes: minidl.plotting.plot_history(outcomes[name].history, values=("loss",)),
    )


PICTURES = (
    Picture(
        "activations",
        ("activations",),
        lambda _: minidl.plotting.plot_activations(
            ["sigmoid", "tanh", "relu", minidl.layers.LeakyReLU(SLOPE), "elu"]
        ),
    ),
    *(_losses(name) for name in ("rmsprop-5", "rmsprop", "adam", "dropout")),
)
