"""A model that was trained ends when nobody has it any more: no tape keeps it in a circle."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import callbacks, layers, losses, metrics, optimizers, regularizers
from minidl.backend import use


class Doubling(layers.Dense):
    """A layer of somebody else's."""

    def forward(self, *given: Any, **named: Any) -> Any:
        """Twice what a dense layer gives."""
        return super().forward(*given, **named) * 1


class Loss(losses.MeanSquaredError):
    """A loss of somebody else's."""

    def backward(self) -> Any:
        """As its base."""
        return super().backward()


class Metric(metrics.Accuracy):
    """A metric of somebody else's."""

    def update(self, *given: Any) -> None:
        """As its base."""
        super().update(*given)


class Penalty(regularizers.L2):
    """A penalty of somebody else's."""

    def forward(self, *given: Any) -> Any:
        """As its base."""
        return super().forward(*given)


class Optimizer(optimizers.SGD):
    """An optimizer of somebody else's."""

    def update(self, *given: Any) -> None:
        """As its base."""
        super().update(*given)


class Told(callbacks.Callback):
    """A callback that is told of batches and knows its model."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look."""
        assert self.model.step > 0


def fit(layer: Any = None, optimizer: Any = "adam", **options: Any) -> Any:
    """A trained model."""
    kind = layer or layers.Dense
    penalty = options.pop("penalty", None)
    model = minidl.Sequential(
        [
            layers.Input((3,)),
            kind(4, "relu", kernel_regularizer=penalty),
            layers.Dense(2, "softmax"),
        ]
    )
    x, y = np.ones((40, 3), np.float32), np.arange(40) % 2
    loss = options.pop("loss", "sparse_categorical_crossentropy")
    if not isinstance(loss, str):
        y = np.eye(2, dtype=np.float32)[y]
    model.compile(optimizer, loss, metrics=options.pop("metrics", []))
    model.fit(x, y, 10, epochs=3, verbose=0, **options)
    return model


CASES: dict[str, Callable[[], Any]] = {
    "minidl's": fit,
    "penalty and clipping": lambda: fit(optimizer=optimizers.Adam(clipnorm=1.0), penalty="l2"),
    "no NaN": lambda: fit(callbacks=[callbacks.TerminateOnNaN()]),
    "check_finite": lambda: fit(check_finite=True),
    "a callback": lambda: fit(callbacks=[Told()]),
    "a callback and no NaN": lambda: fit(callbacks=[Told(), callbacks.TerminateOnNaN()]),
    "layer": lambda: fit(Doubling),
    "layer, checked": lambda: fit(Doubling, check_finite=True),
    "loss": lambda: fit(loss=Loss()),
    "metric": lambda: fit(metrics=[Metric()]),
    "penalty": lambda: fit(penalty=Penalty(0.01)),
    "optimizer": lambda: fit(optimizer=Optimizer(0.1)),
    "rate": lambda: fit(optimizer=optimizers.SGD(lambda step: 0.1)),
}


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Circles stay."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("executor", ["python", "compiled"])
@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_a_trained_model_ends_with_its_last_name(make: Callable[[], Any], executor: str) -> None:
    with use("numpy", executor=executor):
        model = make()
        kept = weakref.ref(model.theta), weakref.ref(model.parameters)
        assert kept[0]() is not None
        del model
    assert [reference() for reference in kept] == [None, None]
