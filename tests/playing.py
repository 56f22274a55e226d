"""Trainings with and without played steps, and how many steps were played."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.accelerator.record import products
from minidl.accelerator.record.recording import Recording
from minidl.accelerator.record.tape import Tape
from minidl.optimizers.schedules import LearningRateSchedule
from tests import registered

RATES = {
    "ExponentialDecay": (0.1, 5, 0.9),
    "PiecewiseConstantDecay": ([3, 6], [0.1, 0.2, 0.3]),
    "PolynomialDecay": (0.1, 5),
    "InverseTimeDecay": (0.1, 5, 0.9),
    "CosineDecay": (0.1, 5),
    "CosineDecayRestarts": (0.1, 5),
}


def schedule(name: str) -> LearningRateSchedule:
    """One that changes in the first steps."""
    made: LearningRateSchedule = registered.SCHEDULES[name](*RATES[name])
    return made


@contextlib.contextmanager
def counting() -> Iterator[list[int]]:
    """The numbers of the steps that are played within the block."""
    steps: list[int] = []
    play = Tape.play

    def noting(tape: Tape, step: int, *arguments: Any, **named: Any) -> bool:
        done = play(tape, step, *arguments, **named)
        steps.extend([step] if done else [])
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tape, "play", noting)
        yield steps


@contextlib.contextmanager
def calling() -> Iterator[None]:
    """No step is recorded: each is called, as on other executors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recording, "call", lambda _, step, arrays: step(*arrays))
        with counting() as played:
            yield
    assert not played


def both(train: Callable[[], Any], plays: int | None = None) -> tuple[Any, Any]:
    """What a training gives where steps are played, and where each is called.

    Args:
        train: makes a model and trains it.
        plays: how many steps have to be played; any number from 1 if left out.
    """
    with counting() as steps:
        played = train()
    assert len(steps) == plays if plays is not None else steps
    with calling():
        called = train()
    return played, called


@pytest.fixture
def same_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels multiply as commands do.

    NumPy does small ones otherwise. Sums of products in another order are the only difference
    between a step that is played and one that is called.
    """
    monkeypatch.setattr(products, "SMALL", 0)


def arrays(model: minidl.Sequential) -> dict[str, np.ndarray]:
    """Copies of everything that shows a training: weights, gradients, state, layers' attributes."""
    found = {"theta": model.theta, "grad": model.grad, "statistics": model.statistics.theta}
    assert model.optimizer is not None
    found |= {f"optimizer {name}": vector for name, vector in model.optimizer.state.items()}
    for number, layer in enumerate(model.layers):
        kind = f"{number} {type(layer).__name__}"  # names count all layers that were ever made
        parts = {kind: layer, f"{kind}'s activation": getattr(layer, "activation", None)}
        for name, part in parts.items():
            for key, value in vars(part).items() if part else ():
                if isinstance(value, np.ndarray) and not key.startswith("_"):
                    found[f"{name}.{key}"] = value
    return {name: np.array(array) for name, array in found.items()}


def the_same(found: Any, expected: Any, rtol: float = 0) -> None:
    """Assert that two dictionaries of arrays or histories are equal, or close."""
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol, rtol / 10, err_msg=name)
