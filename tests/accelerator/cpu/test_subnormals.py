"""Subnormal numbers in lists of commands: where they are 0, and where they are not."""

from __future__ import annotations

import platform
import threading

import numpy as np
import pytest

from minidl.accelerator.cpu import player
from minidl.accelerator.cpu.commands import WORTH, CommandList
from minidl.accelerator.cpu.ufuncs.plan import ufunc_loop
from minidl.accelerator.record.tape import Tape
from minidl.backend import fused, use
from tests.accelerator.cpu.running import play

ON_EVERY_TEAM = pytest.mark.usefixtures("parts")

pytestmark = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"),
    reason=f"no floating-point control is known for {platform.machine()}",
)


def halves(size, dtype):
    """The smallest normal number and the command that halves it, in ``size`` places."""
    x = np.full(size, np.finfo(dtype).smallest_normal, dtype)
    half = np.full(size, 0.5, dtype)
    return x, ufunc_loop(np.multiply, [x, half], x)


def subnormal_here():
    """Whether this thread computes with subnormal numbers."""
    x = np.full(3, np.finfo(np.float32).smallest_normal)
    return bool(np.all(x * np.float32(0.5) > 0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, WORTH])
@ON_EVERY_TEAM
def test_results_that_are_subnormal_become_0_in_every_part(size, dtype):
    x, command = halves(size, dtype)
    play([command])
    assert np.all(x > 0)
    x, command = halves(size, dtype)
    CommandList([command], flushes=True)()
    assert np.all(x == 0)


@ON_EVERY_TEAM
def test_arguments_that_are_subnormal_are_0():
    x = np.full(50, np.finfo(np.float32).smallest_normal / 4)
    assert np.all(x > 0)
    eight = np.full(50, 8, np.float32)
    CommandList([ufunc_loop(np.multiply, [x, eight], x)], flushes=True)()
    assert np.all(x == 0)


@ON_EVERY_TEAM
def test_afterwards_everybody_has_them_again():
    x, command = halves(WORTH, "float32")
    CommandList([command], flushes=True)()
    assert subnormal_here()
    x, command = halves(WORTH, "float32")  # the team's other threads, too
    play([command])
    assert np.all(x > 0)
    found = []
    other = threading.Thread(target=lambda: found.append(subnormal_here()))
    other.start()
    other.join()
    assert found == [True]


@fused
def half(x):
    return x * 0.5


@ON_EVERY_TEAM
def test_a_tape_plays_such_lists():
    x = np.full(50, np.finfo(np.float32).smallest_normal)
    y = np.empty_like(x)
    tape = Tape(0, player)
    with use("numpy", executor="compiled"), tape.record():
        half(x, out=y)
    assert np.all(y > 0)
    tape.play(1)
    assert np.all(y == 0)
    half(x, out=y)
    assert np.all(y > 0)
