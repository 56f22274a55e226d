"""The block executor: its plan, and that it keeps to it."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.accelerator.trace import blocks
from minidl.accelerator.trace.program import trace
from minidl.kernels import probabilities, updates


def plan(formula, arrays, aliases, numbers=0):
    """(float registers, mask registers, outputs that need a last copy) of a formula."""
    program = trace(formula, [True] * arrays + [False] * numbers)
    _, floats, masks, copies = blocks._allocate(program, aliases)
    return floats, masks, len(copies)


def chain(x):
    for _ in range(20):
        x = np.sqrt(x + 1)
    return x


def ladder(x):
    powers = [x]
    for _ in range(5):
        powers.append(powers[-1] * x)
    total = powers[0]
    for power in powers[1:]:
        total = total + power
    return total


def test_a_register_is_used_again_after_its_last_reader():
    assert plan(chain, 1, [()]) == (1, 0, 0)
    assert plan(chain, 1, [(0,)]) == (1, 0, 0)
    # Five powers wait for the sum; the sum itself takes over their places.
    assert plan(ladder, 1, [()])[0] <= 6


def test_the_result_goes_straight_into_its_array_where_nobody_reads_it_any_more():
    assert plan(lambda x, y: x * 2 + y, 2, [()]) == (1, 0, 0)
    assert plan(lambda x, y: x * 2 + y, 2, [(1,)]) == (1, 0, 0)
    # x is read after the first result is known: that one waits in a register.
    assert plan(lambda x, y: (x + y, x - y), 2, [(0,), ()]) == (1, 0, 1)
    assert plan(lambda x, y: (x + y, x - y), 2, [(), (0,)]) == (0, 0, 0)


def test_masks_have_registers_of_their_own():
    floats, masks, _ = plan(probabilities.crossentropy_backward.formula, 2, [()])
    assert masks == 2
    assert floats <= 3


def test_adam_needs_a_handful_of_registers():
    floats, masks, _ = plan(updates.adam.formula, 4, [(0,), (2,), (3,)], numbers=4)
    assert floats <= 5
    assert masks == 0


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64])
def test_the_block_size_does_not_change_the_result(block, monkeypatch):
    random = np.random.default_rng(0)
    x, mean = random.standard_normal((13, 5)), random.standard_normal(5)
    monkeypatch.setattr(blocks, "BLOCK", block)
    for arrays in ([x, mean], [x, x[::-1].copy()]):
        program = trace(lambda x, y: ((x - y) * x, x + 2 * y), [True, True])
        outs = [np.full_like(x, np.nan), np.full_like(x, np.nan)]
        blocks.compile(program, [(), ()])(arrays, outs)
        np.testing.assert_array_equal(outs[0], (arrays[0] - arrays[1]) * arrays[0])
        np.testing.assert_array_equal(outs[1], arrays[0] + 2 * arrays[1])
