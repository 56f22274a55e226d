"""Products and loops strip by strip: the same bits, and only where nothing else would notice."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.accelerator.cpu import player
from minidl.accelerator.cpu.products.plan import product
from minidl.accelerator.cpu.products.tiling import TILES
from minidl.accelerator.cpu.strips import plan as strips
from minidl.accelerator.cpu.strips.plan import chained
from minidl.accelerator.cpu.sums.plan import reduction
from minidl.accelerator.cpu.team.team import part_count
from minidl.backend import fused
from tests.accelerator.cpu.running import each_schedule, play, random, same_bits

pytestmark = [
    pytest.mark.usefixtures("parts"),
    pytest.mark.skipif(not TILES, reason="a processor without AVX-512"),
]


@pytest.fixture(autouse=True)
def small_strips(monkeypatch):
    """As if a cache had room for a few rows only."""
    monkeypatch.setattr(strips, "BYTES", 1 << 12)
    monkeypatch.setattr(strips, "ROWS", 16)


@fused
def stepped(x, y, rate):
    return x - rate * y


@fused
def added(x, y):
    return x + y


@fused
def positive(x):
    return np.maximum(x, 0)


def commands(formula, arguments, out):
    return player.commands(formula.program(arguments, [out]), arguments, [out])


def layer(dtype):
    """dW = xᵀ dy, dx = dy Wᵀ, and the update of W: a network's backward pass."""
    x, dy = random((40, 330), dtype), random((40, 90), dtype, 1)
    weights = random((330, 90), dtype, 2)
    grad, dx = np.zeros((330, 90), dtype), np.zeros((40, 330), dtype)
    made = [
        *product(x.T, dy, grad),
        *product(dy, weights.T, dx),
        *commands(positive, [dx], dx),
        *commands(stepped, [weights, grad, 0.25], weights),
    ]
    return made, [x, dy, weights, grad, dx]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gradient_and_its_update(dtype):
    made, arrays = layer(dtype)
    start = [array.copy() for array in arrays]
    play(made)
    wanted = [array.copy() for array in arrays]
    for array, before in zip(arrays, start, strict=True):
        array[...] = before
    together = chained(made)
    if part_count() > 1:  # one part does not share rows out
        assert len(together) == len(made) - 1
        assert repr(together[-1]).startswith("<product (330, 40) (40, 90), stepped")
    for _ in each_schedule(together, arrays):
        for array, values in zip(arrays, wanted, strict=True):
            same_bits(array, values)


def test_a_layer_of_many_rows_and_what_follows_it():
    x, weights, bias = random((700, 50)), random((50, 60), seed=1), random(60, seed=2)
    y = np.zeros((700, 60))
    made = [*product(x, weights, y), *commands(added, [y, bias], y)]
    together = chained(made)
    assert len(together) == (1 if part_count() > 1 else 2)
    for _ in each_schedule(together, [y]):
        np.testing.assert_allclose(y, x @ weights + bias, rtol=0, atol=1e-12)  # other sums


def left_alone(made):
    assert [repr(each) for each in chained(made)] == [repr(each) for each in made]


def test_what_is_read_in_between_stays_where_it_is():
    made, (_, dy, _, grad, _) = layer("float32")
    sums = np.zeros(90, "float32")
    left_alone([made[0], *reduction("sum", grad, 0, sums), *made[1:]])
    # What is multiplied is overwritten before the loop.
    left_alone([made[0], *commands(positive, [dy], dy), *made[1:]])


def test_a_loop_over_something_else_stays_where_it_is():
    made, (_, _, weights, grad, _) = layer("float32")
    other = np.zeros_like(grad)
    left_alone([made[0], *commands(stepped, [weights, other, 0.25], weights)])


def test_a_loop_that_overwrites_what_other_parts_multiply_waits_for_them():
    x, y = random((400, 330)), np.zeros((400, 330))
    longer = random((400, 330), seed=1)
    # All parts need all of the second operand, and of the first each its own rows.
    left_alone([*product(x, longer[:330], y), *commands(added, [longer, y], longer)])
    together = chained([*product(x, longer[:330], y), *commands(added, [x, y], x)])
    assert len(together) == (1 if part_count() > 1 else 2)


def test_small_results_and_those_of_blas_stay_where_they_are(monkeypatch):
    made, _ = layer("float32")
    monkeypatch.setattr(strips, "BYTES", 1 << 20)
    left_alone(made)
    monkeypatch.setattr(strips, "BYTES", 1 << 12)
    monkeypatch.setattr(strips, "ROWS", 1000)
    left_alone(made)
    monkeypatch.setattr(strips, "ROWS", 16)
    monkeypatch.setattr("minidl.accelerator.cpu.products.plan.TILES", False)
    left_alone(layer("float32")[0])
