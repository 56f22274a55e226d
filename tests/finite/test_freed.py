"""A watched training keeps nothing: a model that is dropped is freed at once."""

from __future__ import annotations

import gc
import weakref

import pytest

import minidl
from minidl.callbacks import LayerHealth, TerminateOnNaN
from tests.finite.planted import CASES, Case


@pytest.mark.parametrize("executor", ["blocks", "compiled"], indirect=True)
@pytest.mark.parametrize("own", [False, True])
def test_a_watched_model_that_is_dropped_is_freed(executor: str, own: bool) -> None:
    case = CASES["NaN in a row of data"]
    plain = Case(case.make, "", "", "")
    health = LayerHealth()
    gc.collect()
    gc.disable()
    try:
        made = plain.make()
        if own:
            made.layers[0].forward = made.layers[0].forward
        plain.fit(made, health, TerminateOnNaN(), check_finite=True)
        vanished = weakref.ref(made.theta)
        if own:
            del made.layers[0].forward
        del made
        assert vanished() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("executor", ["blocks", "compiled"], indirect=True)
def test_after_a_failure_the_model_trains_on(executor: str) -> None:
    case = CASES["a square that overflows in the optimizer"]
    made = case.make()
    with pytest.raises(minidl.NonFiniteError):
        case.fit(made, check_finite=True)
    assert made.traffic.pending is None
    x, y = case.data()
    made.fit(x * 1e-15, y * 0, 2, 1, 0, check_finite=True)
    assert made.step == 45
