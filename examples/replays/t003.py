"""Tutorial 003: penalties and dropout against overfitting, 10000-16-16-1 (IMDB, RMSprop)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
    measure,
)
from examples.replays.session import Session

WORDS, UNITS = 10_000, 16
MAX_EPOCHS, PATIENCE = 200, 20


def network(keras: Any, words: int, l2: float = 0.0, dropout: float = 0.0) -> Any:
    """words-16-16-1 with ReLU and sigmoid, in the module ``keras``, compiled."""
    layers = keras.layers
    model = keras.models.Sequential()
    model.add(keras.Input(shape=(words,)))
    for _ in range(2):
        penalty = keras.regularizers.l2(l2) if l2 else None
        model.add(layers.Dense(UNITS, kernel_regularizer=penalty, activation="relu"))
        if dropout:
            model.add(layers.Dropout(dropout))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["acc"])
    return model


def training(
    epochs: int = 20, stopping: bool = False, trained_before: bool = False, **options: float
) -> Callable[[Session], Outcome]:
    """Training in batches of 512; the test set serves for validation.

    Args:
        epochs: of the tutorial.
        stopping: True lets early stopping end the training.
        trained_before: True if the recorded training continues an earlier one of the same length.
        options: of :func:`network`.
    """

    def run(session: Session) -> Outcome:
        keras = session.keras
        (x_train, y_train), (x_test, y_test) = data.imdb(WORDS)
        x_train, x_test = session.rows(x_train), session.rows(x_test)
        y_train, y_test = session.labels(y_train), session.labels(y_test)
        model = network(keras, x_train.shape[1], **options)
        arguments: dict[str, Any] = {"batch_size": 512, "validation_data": (x_test, y_test)}
        if stopping:
            arguments["callbacks"] = [keras.callbacks.EarlyStopping(patience=PATIENCE)]
        if trained_before and not session.corrected:
            session.fit(model, x_train, y_train, epochs, **arguments)
        history = session.fit(model, x_train, y_train, epochs, **arguments)
        smallest, where = best(history)
        measured = {
            **measure(
                history,
                loss="train loss",
                acc="train accuracy",
                val_loss="validation loss",
                val_acc="validation accuracy",
            ),
            "best validation loss": smallest,
            "best epoch": where,
        }
        if stopping:
            measured["epochs"] = len(history.epoch)
        if "val_data_loss" in history.history:
            measured |= measure(history, val_data_loss="validation loss without penalty")
        return Outcome(measured, history)

    return run


PENALTY = (
    "the text says that the penalty is added in training only, but the validation loss includes it"
)
WITHOUT_PENALTY = Quantity("validation loss without penalty")

EXPERIMENTS = (
    Experiment(
        "003", "plain", "16-16-1", data.IMDB,
        (loss("train loss", 0.0047, 0.0099), accuracy("train accuracy", 0.9995),
         loss("validation loss", 0.8262, 0.1143), accuracy("validation accuracy", 0.8526),
         loss("best validation loss", 0.2790, 0.0107), epoch("best epoch", 3, 3, 4)),
        training(), 20,
    ),
    Experiment(
        "003", "l2", "16-16-1, l2(.001)", data.IMDB,
        (loss("train loss", 0.1826, 0.0151), accuracy("train accuracy", 0.9546),
         loss("validation loss", 0.4209, 0.0969), accuracy("validation accuracy", 0.8685),
         loss("best validation loss", 0.3338, 0.0295), epoch("best epoch", 2, 2, 6),
         WITHOUT_PENALTY),
        training(l2=0.001), 20, note=PENALTY,
    ),
    Experiment(
        "003", "early-stopping", "16-16-1, l2(.001), EarlyStopping(patience 20)", data.IMDB,
        (loss("train loss", 0.1590, 0.0138), accuracy("train accuracy", 0.9666),
         loss("validation loss", 0.4682, 0.0447), accuracy("validation accuracy", 0.8607),
         loss("best validation loss", 0.3262, 0.0072), epoch("best epoch", 3, 2, 3),
         epoch("epochs", 23, 22, 23), WITHOUT_PENALTY),
        training(MAX_EPOCHS, stopping=True, l2=0.001), MAX_EPOCHS, note=PENALTY,
    ),
    Experiment(
        "003", "dropout", "16-16-1, Dropout(.5) twice", data.IMDB,
        (loss("train loss", 0.0946, 0.0129), accuracy("train accuracy", 0.9726),
         loss("validation loss", 0.8251, 0.0494), accuracy("validation accuracy", 0.8636),
         loss("best validation loss", 0.6252, 0.0172), epoch("best epoch", 1, 1, 2)),
        training(trained_before=True, dropout=0.5), 20,
        correction="recorded from the start, not on a network that is trained already",
    ),
)  # fmt: skip

PLAIN, L2, DROPOUT = "Original model", "L2-regularized model", "Dropout-regularized model"


def _compared(other: str, title: str) -> Callable[[dict[str, Outcome]], Any]:
    return lambda outcomes: minidl.plotting.plot_comparison(
        {PLAIN: outcomes["plain"].history, title: outcomes[other].history}, value="val_loss"
    )


PICTURES = (
    Picture("plain-and-l2", ("plain", "l2"), _compared("l2", L2)),
    Picture("plain-and-dropout", ("plain", "dropout"), _compared("dropout", DROPOUT)),
    Picture(
        "sheet",
        ("plain", "dropout", "l2"),
        lambda outcomes: minidl.plotting.plot_sheet(
            {
                PLAIN: outcomes["plain"].history,
                DROPOUT: outcomes["dropout"].history,
                L2: outcomes["l2"].history,
            },
            value="loss",
            columns=2,
        ),
    ),
)
