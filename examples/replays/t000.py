"""Tutorial 000: linear models, norms, dropout and batch normalization (Fashion-MNIST, Adam)."""

from __future__ import annotations

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
    exact,
    loss,
    measure,
)
from examples.replays.linear import fit_linear, lasso_sweeps
from examples.replays.norms import matrix_norm_forward, max_norm_forward, p_norm_forward
from examples.replays.session import Session


def iris(alpha: float, power: int, mended: float = 0.0) -> Callable[[Session], Outcome]:
    """One feature, one slope: least squares, with alpha · |slope|^power in scikit-learn's units."""

    def run(session: Session) -> Outcome:
        x, y = data.iris()
        strength = mended if session.corrected and mended else alpha
        slopes, intercept = fit_linear(x, y, **_penalty(strength, power, len(x)))
        line = float(slopes[0]), float(intercept)
        return Outcome(dict(zip(("slope", "intercept"), line, strict=True)), drawing=(x, y, line))

    return run


def wine(fit: Callable[[Any, Any], tuple[Any, float]]) -> Callable[[Session], Outcome]:
    """The class number from 13 features; errors on the test rows."""

    def run(session: Session) -> Outcome:
        (x_train, y_train), (x_test, y_test) = data.wine()
        coefficients, intercept = fit(x_train, y_train)
        errors = x_test @ coefficients + intercept - y_test
        squared = float(np.mean(errors**2))
        return Outcome(
            {
                "MAE": float(np.mean(np.abs(errors))),
                "MSE": squared,
                "RMSE": squared**0.5,
                "nonzero coefficients": int(np.count_nonzero(coefficients)),
            }
        )

    return run


def _penalty(alpha: float, power: int, rows: int) -> dict[str, float]:
    """scikit-learn's alpha as a penalty beside the *mean* of the squared errors.

    Lasso minimises Σ r² / 2N + alpha · Σ |w|, Ridge Σ r² + alpha · Σ w².
    """
    return {"l1": 2 * alpha} if power == 1 else {"l2": alpha / rows}


def norms(session: Session) -> Outcome:
    """The vector and the matrix of the section on p-norms."""
    x = np.array([1.0, 10, 1, 1, 1])
    A = np.array([[1.0, 2, 3], [1, 2, 3], [4, 6, 8]])
    norm, work = np.zeros(()), np.empty_like(A)
    columns, rows = np.empty((1, 3)), np.empty((3, 1))
    return Outcome(
        {
            "p = 5": float(p_norm_forward(x, 5, np.empty_like(x), norm)),
            "p = inf": float(max_norm_forward(x, np.empty_like(x), norm)),
            "matrix, inf": float(matrix_norm_forward(A, 1, work, rows, norm)),
            "matrix, 1": float(matrix_norm_forward(A, 0, work, columns, norm)),
        }
    )


def images(
    units: int,
    epochs: int,
    between: Callable[[Any], list[Any]] = lambda layers: [],
    held_out: float = 0.0,
    divided: int = 1,
    **options: int,
) -> Callable[[Session], Outcome]:
    """One hidden layer on Fashion-MNIST.

    Args:
        units: of the hidden layer.
        epochs: of the tutorial.
        between: the layers after the hidden layer, from a module ``layers``.
        held_out: share of the training images for validation.
        divided: number of the tutorial's divisions of the pixels by 255.
        options: for ``fit``.
    """

    def run(session: Session) -> Outcome:
        keras, layers = session.keras, session.keras.layers
        (x, y), _ = data.fashion_mnist()
        for _ in range(0 if session.corrected else divided - 1):
            x /= 255
        arguments: dict[str, Any] = dict(options)
        if held_out:
            (x, y), arguments["validation_data"] = data.split(x, y, held_out)
        model = keras.Sequential(
            [
                keras.Input(shape=(28, 28)),
                layers.Flatten(),
                layers.Dense(units, activation="relu"),
                *between(layers),
                layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile(
            optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        history = session.fit(model, x, y, epochs, **arguments)
        names = {"loss": "train loss", "accuracy": "train accuracy"}
        if held_out:
            names |= {"val_loss": "validation loss", "val_accuracy": "validation accuracy"}
        return Outcome(measure(history, **names), history)

    return run


def _iris(name: str, what: str, slope: float, intercept: float, **more: Any) -> Experiment:
    quantities = (exact("slope", slope, 2), exact("intercept", intercept, 2))
    return Experiment("000", name, f"petal to sepal length, {what}", data.IRIS, quantities, **more)


def _wine(
    name: str,
    what: str,
    errors: tuple[float, float, float],
    nonzero: int,
    fit: Callable[[Any, Any], tuple[Any, float]],
) -> Experiment:
    quantities = (
        *(exact(n, v, 5, to=4) for n, v in zip(("MAE", "MSE", "RMSE"), errors, strict=True)),
        exact("nonzero coefficients", nonzero, 0),
    )
    return Experiment("000", name, f"wine class number, {what}", data.WINE, quantities, wine(fit))


def _images(
    name: str, what: str, quantities: tuple[Quantity, ...], epochs: int, **more: Any
) -> Experiment:
    return Experiment("000", name, what, data.FASHION_MNIST, quantities, epochs=epochs, **more)


ONCE = "the pixels are divided by 255 once, not twice"

EXPERIMENTS = (
    _iris("iris-least-squares", "least squares", 1.00, 1.06, run=iris(0.0, 2)),
    _iris(
        "iris-lasso", "Lasso(alpha 1)", 0.00, 6.59, run=iris(1.0, 1, mended=0.1),
        correction="alpha 0.1 in place of 1: an L1 penalty works with one feature too, but any "
        "alpha above the covariance, 0.297, makes the slope 0",
    ),
    _iris("iris-ridge", "Ridge(alpha 1)", 0.93, 1.41, run=iris(1.0, 2)),
    _wine(
        "wine-least-squares", "least squares", (0.25129, 0.10625, 0.32595), 13, fit_linear,
    ),
    _wine(
        "wine-lasso", "Lasso(alpha .05)", (0.24234, 0.09560, 0.30919), 7,
        lambda x, y: fit_linear(x, y, **_penalty(0.05, 1, len(x))),
    ),
    _wine(
        "wine-lasso-5", "Lasso(alpha .05), 5 sweeps", (0.24846, 0.10263, 0.32036), 6,
        lambda x, y: lasso_sweeps(x, y, alpha=0.05, sweeps=5),
    ),
    _wine(
        "wine-ridge", "Ridge(alpha .05)", (0.25115, 0.10568, 0.32509), 13,
        lambda x, y: fit_linear(x, y, **_penalty(0.05, 2, len(x))),
    ),
    Experiment(
        "000", "norms", "p-norms of a vector and a matrix", data.NONE,
        (exact("p = 5", 10.00008, 5), exact("p = inf", 10, 5),
         exact("matrix, inf", 18, 1), exact("matrix, 1", 14, 1)),
        norms,
    ),
    _images(
        "dropout-90", "128 + Dropout(.9)",
        (loss("train loss", 1.0924, 0.0256), accuracy("train accuracy", 0.5649)), 5,
        run=images(128, 5, lambda layers: [layers.Dropout(0.9)]),
    ),
    _images(
        "plain-5", "128",
        (loss("train loss", 0.2909, 0.0234), accuracy("train accuracy", 0.8910)), 5,
        run=images(128, 5),
    ),
    _images(
        "long", "256, batches of 512, 1 % validation",
        (loss("train loss", 0.2808, 0.0142), accuracy("train accuracy", 0.9008),
         loss("validation loss", 0.3238, 0.0086), accuracy("validation accuracy", 0.8650)), 200,
        run=images(256, 200, held_out=0.01, divided=2, batch_size=512), correction=ONCE,
    ),
    _images(
        "long-dropout", "256 + Dropout(.5), batches of 512, 1 % validation",
        (loss("train loss", 0.3170, 0.0060), accuracy("train accuracy", 0.8871),
         loss("validation loss", 0.3123, 0.0069), accuracy("validation accuracy", 0.8750)), 200,
        run=images(256, 200, lambda layers: [layers.Dropout(0.5)], held_out=0.01, divided=2,
                   batch_size=512),
        correction=ONCE,
    ),
    _images(
        "large-batch", "128, batches of 2048, 30 % validation",
        (loss("train loss", 0.3280, 0.0154), accuracy("train accuracy", 0.8871),
         loss("validation loss", 0.3688, 0.0078), accuracy("validation accuracy", 0.8703)), 20,
        run=images(128, 20, held_out=0.3, batch_size=2048),
    ),
    _images(
        "batchnorm", "128 + BatchNormalization, batches of 2048, 30 % validation",
        (loss("train loss", 0.2274, 0.0149), accuracy("train accuracy", 0.9212),
         loss("validation loss", 0.3673, 0.0233), accuracy("validation accuracy", 0.8709)), 20,
        run=images(128, 20, lambda layers: [layers.BatchNormalization()], held_out=0.3,
                   batch_size=2048),
    ),
)  # fmt: skip


def _curves(name: str) -> Picture:
    return Picture(
        name, (name,), lambda outcomes: minidl.plotting.plot_history(outcomes[name].history)
    )


def _scatter(name: str) -> Picture:
    return Picture(
        name,
        (name,),
        lambda outcomes: minidl.plotting.plot_fit(
            *outcomes[name].drawing, xlabel="petal length (cm)", ylabel="sepal length (cm)"
        ),
    )


PICTURES = (
    *(_scatter(f"iris-{model}") for model in ("least-squares", "lasso", "ridge")),
    *(_curves(name) for name in ("long", "long-dropout", "large-batch", "batchnorm")),
)
