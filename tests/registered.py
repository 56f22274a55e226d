"""What minidl registers, by kind, for tests that run over all of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from minidl.activations import ActivationFunction
from minidl.constraints import Constraint
from minidl.initializers import Initializer
from minidl.losses import Loss
from minidl.metrics import Metric
from minidl.names.lookup import known
from minidl.names.register import entries
from minidl.optimizers import Optimizer
from minidl.optimizers.schedules import LearningRateSchedule
from minidl.regularizers import Regularizer


def by_class(base: type) -> dict[str, Any]:
    """Classes of a kind by their own names, each once."""
    return {kind.__name__: kind for kind in known(base).values()}


@pytest.fixture
def forgotten() -> Iterator[None]:
    """What a test registers is forgotten afterwards."""
    before = list(entries)
    yield
    entries[:] = before


def put_in_place(name: str, other: ActivationFunction) -> None:
    """Have another activation found by the name of one of minidl's; needs ``forgotten``."""
    place = next(k for k, entry in enumerate(entries) if entry.thing is ACTIVATIONS[name])
    entries[place] = dataclasses.replace(entries[place], thing=other)


#: Without further names, such as "swish".
ACTIVATIONS = {function.name: function for function in known(ActivationFunction).values()}
CONSTRAINTS = known(Constraint)
INITIALIZERS = known(Initializer)
LOSSES = by_class(Loss)
METRICS = by_class(Metric)
#: What ``compile(metrics=[...])`` takes by name.
METRIC_NAMES = [name for name in (*known(Metric), *known(Loss)) if name != "loss_metric"]
OPTIMIZERS = known(Optimizer)
REGULARIZERS = known(Regularizer)
SCHEDULES = by_class(LearningRateSchedule)
