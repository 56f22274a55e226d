"""Tutorial 001: one network, five ways to change it, in an explicit loop (Fashion-MNIST)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import minidl
from examples.replays import data
from examples.replays.experiment import Experiment, Outcome, Picture, accuracy, exact, loss
from examples.replays.session import Session

EPOCHS, BATCH_SIZE, LEARNING_RATE, CLASSES = 30, 100, 0.001, 10
SHOWN = 15


def network(
    keras: Any,
    units: tuple[int, ...] = (256, 256, 128, 128),
    dropout: float = 0.0,
    l2: float = 0.0,
    normalized: bool = False,
) -> Any:
    """784-units-10 with ReLU and softmax, in the module ``keras``.

    Args:
        units: of the hidden layers.
        dropout: rate after each hidden layer.
        l2: penalty on each kernel.
        normalized: True puts batch normalization before every activation.
    """
    layers = keras.layers

    def dense(size: int, activation: str) -> list[Any]:
        if normalized:
            function = layers.ReLU() if activation == "relu" else layers.Softmax()
            return [layers.Dense(size), layers.BatchNormalization(), function]
        penalty = keras.regularizers.l2(l2) if l2 else None
        return [layers.Dense(size, activation=activation, kernel_regularizer=penalty)]

    model = keras.Sequential([keras.Input(shape=(28, 28)), layers.Flatten()])
    for size in units:
        for layer in dense(size, "relu"):
            model.add(layer)
        if dropout:
            model.add(layers.Dropout(dropout))
    for layer in dense(CLASSES, "softmax"):
        model.add(layer)
    return model


def training(
    build: Callable[[Any], Any], decay: bool = False, shown: bool = False
) -> Callable[[Session], Outcome]:
    """Thirty epochs of the tutorial's loop; corrected, of ``fit``.

    Args:
        build: makes the network, from the module.
        decay: whether the learning rate is halved every ten epochs.
        shown: whether predictions are drawn.
    """

    def run(session: Session) -> Outcome:
        keras = session.keras
        (x_train, y_train), (x_test, y_test) = data.fashion_mnist()
        train = x_train, keras.utils.to_categorical(y_train, CLASSES)
        test = x_test, keras.utils.to_categorical(y_test, CLASSES)
        rate = LEARNING_RATE
        if decay:
            rate = keras.optimizers.schedules.ExponentialDecay(
                initial_learning_rate=LEARNING_RATE,
                decay_steps=len(x_train) // BATCH_SIZE * 10,
                decay_rate=0.5,
                staircase=True,
            )
        optimizer = keras.optimizers.Adam(learning_rate=rate)
        model = build(keras)
        if session.corrected:
            model.compile(
                optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"]
            )
            history = session.fit(
                model, *train, EPOCHS, batch_size=BATCH_SIZE, validation_data=test
            )
        else:
            history = session.published_loop(model, optimizer, train, test, EPOCHS, BATCH_SIZE)
        values = history.history
        drawing = None
        if shown:
            some = x_test[:SHOWN].copy()
            drawing = some, model.predict(some, verbose=0), y_test[:SHOWN]
        return Outcome(
            {
                "train loss": values["loss"][-1],
                "train accuracy": values["accuracy"][-1],
                "test accuracy": values["val_accuracy"][-1],
                "best test accuracy": max(values["val_accuracy"]),
                "parameters": model.count_params(),
            },
            history,
            drawing,
        )

    return run


CORRECTION = (
    "fit in place of the tutorial's loop: the loss includes penalties and is that before the "
    "update, and statistics move once a step"
)


def _experiment(
    name: str,
    what: str,
    numbers: tuple[float, float, float, float],
    parameters: int,
    run: Callable[[Session], Outcome],
    correction: str = CORRECTION,
) -> Experiment:
    # No training loss moves by more than .01 between two of its last ten epochs.
    quantities = (
        loss("train loss", numbers[0], digits=5),
        accuracy("train accuracy", numbers[1]),
        accuracy("test accuracy", numbers[2]),
        accuracy("best test accuracy", numbers[3]),
        exact("parameters", parameters, 0),
    )
    return Experiment(
        "001", name, what, data.FASHION_MNIST, quantities, run, EPOCHS, correction
    )  # fmt: skip


EXPERIMENTS = (
    _experiment(
        "plain", "256-128", (0.09498, 0.9655, 0.8951, 0.8989), 235_146,
        training(lambda keras: network(keras, (256, 128)), shown=True),
    ),
    _experiment(
        "deep", "256-256-128-128", (0.09266, 0.9647, 0.8945, 0.8964), 317_450,
        training(network, shown=True),
    ),
    _experiment(
        "dropout", "256-256-128-128 + Dropout(.3) four times",
        (0.26390, 0.9203, 0.8914, 0.8914), 317_450,
        training(lambda keras: network(keras, dropout=0.3)),
    ),
    _experiment(
        "l2", "256-256-128-128 + l2(.002), never added to the loss",
        (0.09443, 0.9646, 0.8939, 0.8971), 317_450,
        training(lambda keras: network(keras, l2=0.002)),
    ),
    _experiment(
        "batchnorm", "256-256-128-128 + BatchNormalization before each activation",
        (0.04471, 0.9714, 0.8813, 0.8902), 320_562,
        training(lambda keras: network(keras, normalized=True)),
    ),
    _experiment(
        "decay", "256-256-128-128, learning rate halved every 6,000 steps",
        (0.04747, 0.9829, 0.8989, 0.9001), 317_450,
        training(network, decay=True),
    ),
)  # fmt: skip


def _grid(name: str) -> Picture:
    return Picture(
        name,
        (name,),
        lambda outcomes: minidl.plotting.plot_predictions(
            *outcomes[name].drawing, data.CLASS_NAMES
        ),
    )


PICTURES = (_grid("plain"), _grid("deep"))
