"""The interval of every number that optimizers, schedules, layers and penalties take.

An end that belongs to it is taken, one that does not is refused, and so is what lies beyond.
"""

from __future__ import annotations

import math
from typing import Any

import pytest

from minidl import layers, optimizers, regularizers
from minidl.optimizers import schedules

INF = math.inf
STEPS = {"initial_learning_rate": 0.1, "decay_steps": 10}
DECAY = {**STEPS, "decay_rate": 0.5}
# class, other arguments, then name and interval of each number.
RANGES: list[tuple[type[Any], dict[str, Any], dict[str, str]]] = [
    (optimizers.SGD, {}, {"momentum": "[0, 1]"}),
    (
        optimizers.RMSprop,
        {},
        {"rho": "[0, 1)", "momentum": "[0, 1]", "epsilon": "(0, inf)"},
    ),
    (
        optimizers.Adam,
        {},
        {
            "learning_rate": "[0, inf)",
            "beta_1": "[0, 1)",
            "beta_2": "[0, 1)",
            "epsilon": "(0, inf)",
            "weight_decay": "[0, inf)",
            "clipnorm": "(0, inf)",
            "clipvalue": "(0, inf)",
            "global_clipnorm": "(0, inf)",
        },
    ),
    (
        optimizers.Adagrad,
        {},
        {"initial_accumulator_value": "[0, inf)", "epsilon": "(0, inf)"},
    ),
    (
        schedules.ExponentialDecay,
        DECAY,
        {
            "initial_learning_rate": "[0, inf)",
            "decay_steps": "(0, inf)",
            "decay_rate": "(0, inf)",
        },
    ),
    (
        schedules.PolynomialDecay,
        STEPS,
        {
            "initial_learning_rate": "[0, inf)",
            "decay_steps": "(0, inf)",
            "end_learning_rate": "[0, inf)",
            "power": "(0, inf)",
        },
    ),
    (
        schedules.InverseTimeDecay,
        DECAY,
        {
            "initial_learning_rate": "[0, inf)",
            "decay_steps": "(0, inf)",
            "decay_rate": "[0, inf)",
        },
    ),
    (
        schedules.CosineDecay,
        {**STEPS, "warmup_target": 0.2},
        {
            "initial_learning_rate": "[0, inf)",
            "decay_steps": "(0, inf)",
            "alpha": "[0, inf)",
            "warmup_target": "[0, inf)",
            "warmup_steps": "[0, inf)",
        },
    ),
    (
        layers.BatchNormalization,
        {},
        {"momentum": "[0, 1)", "epsilon": "(0, inf)"},
    ),
    (layers.Dropout, {}, {"rate": "[0, 1)"}),
    (layers.LeakyReLU, {}, {"negative_slope": "[0, inf)"}),
    (layers.ELU, {}, {"alpha": "[0, inf)"}),
    (regularizers.L1, {}, {"l1": "[0, inf)"}),
    (regularizers.L2, {}, {"l2": "[0, inf)"}),
    (regularizers.L1L2, {}, {"l1": "[0, inf)", "l2": "[0, inf)"}),
    (regularizers.Lp, {"p": 2}, {"lp": "[0, inf)"}),
    (regularizers.Lp, {"lp": 1}, {"p": "[1, inf)"}),
]
NUMBERS = [
    pytest.param(kind, others, name, interval, id=f"{kind.__name__}-{name}")
    for kind, others, names in RANGES
    for name, interval in names.items()
]


@pytest.mark.parametrize(("kind", "others", "name", "interval"), NUMBERS)
def test_ends(kind: type[Any], others: dict[str, Any], name: str, interval: str) -> None:
    """Both, and the numbers next to them on either side."""

    def make(value: float) -> Any:
        return kind(**{**others, name: value})

    low, high = (float(end) for end in interval[1:-1].split(", "))
    taken = [math.nextafter(low, INF), min(math.nextafter(high, -INF), 1e300)]
    refused = [math.nextafter(low, -INF), math.nextafter(high, INF), math.nan, -INF, INF]
    (taken if interval[0] == "[" else refused).append(low)
    (taken if interval[-1] == "]" else refused).append(high)
    for value in taken:
        assert make(value).get_config()[name] == value
    for value in refused:
        # Not the number alone: -5e-324 is printed as it is.
        with pytest.raises(ValueError, match=f"{name}: expected a number in ") as caught:
            make(value)
        assert interval in str(caught.value)
        assert str(caught.value).endswith(f"received {value!r}")


@pytest.mark.parametrize("name", ["boundaries", "values"])
def test_every_number_of_a_piecewise_rate(name: str) -> None:
    """Of both lists: at least 0."""
    given = {"boundaries": [1.0], "values": [0.5, 0.25]}
    schedules.PiecewiseConstantDecay(**{**given, name: [0.0, *given[name][1:]]})
    for bad in (math.nextafter(0, -1), math.nan, INF):
        with pytest.raises(ValueError, match=rf"{name}: expected a number in \[0, inf\)"):
            schedules.PiecewiseConstantDecay(**{**given, name: [bad, *given[name][1:]]})


def test_a_number_that_may_be_anything() -> None:
    """Rescaling's: any but NaN and infinity."""
    for name in ("scale", "offset"):
        others = {"scale": 1.0} if name == "offset" else {}
        for value in (-1e300, 0.0, 1e300):
            assert layers.Rescaling(**{**others, name: value}).get_config()[name] == value
        for value in (math.nan, INF, -INF):
            with pytest.raises(ValueError, match=f"{name}: expected a number"):
                layers.Rescaling(**{**others, name: value})
