"""Launches of a recorded step, counted: each costs a device some microseconds, whatever it does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.train import jobs
from benchmarks.train.peers.on_minidl import build
from minidl.accelerator.gpu import launches
from minidl.accelerator.gpu.grouping import BY_COLUMNS, grouped
from minidl.accelerator.gpu.launches import Launches
from minidl.accelerator.gpu.nodes import Bits
from minidl.accelerator.gpu.numbers import Numbers
from minidl.accelerator.gpu.playing import Player
from minidl.backend import to_device
from minidl.backend.random import DROPOUT, RandomBits
from tests.doubles._cupy_streams import submit

pytestmark = pytest.mark.usefixtures("double")

#: CUDA kernels and products of a step, the kernel that takes the step's numbers included; and the
#: most of them that wait for each other.
COUNTS = {
    ("001", 100): (16, 14), ("001", 128): (16, 14), ("001-dropout", 100): (30, 22),
    ("001-bn", 100): (26, 22), ("001-l2", 100): (42, 24),
    # Sums of more than 128 rows are made of parts.
    ("001", 256): (16, 14), ("001-bn", 256): (26, 22), ("001-bn", 1000): (28, 22),
}  # fmt: skip


@pytest.mark.parametrize(("name", "batch"), COUNTS)
def test_a_step_has_no_more_launches(name, batch, monkeypatch):
    job, found = dataclasses.replace(jobs.JOBS[name], batch=batch), []

    class Counted(Launches):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            needs = self._run.__self__._capture.needs
            assert len(needs) == len(self._launches)
            found.append((len(needs), longest(needs)))

    # Nothing is computed: compiling would take longer than all else.
    def cuda_kernel(source, name):
        return lambda *arguments: submit(lambda: None)

    monkeypatch.setattr(launches, "cuda_kernel", cuda_kernel)
    monkeypatch.setattr("minidl.accelerator.gpu.playing.Launches", Counted)
    rows = 3 * job.batch
    x, y = np.zeros((rows, job.inputs), np.uint8), np.arange(rows) % job.outputs
    build(job).fit(x, y, job.batch, 1, verbose=0)
    assert max(found) == COUNTS[name, batch]


def longest(needs):
    """The most works of a capture that wait for each other."""
    lengths = []
    for before in needs:
        waits = [length for k, length in enumerate(lengths) if before >> k & 1]
        lengths.append(1 + max(waits, default=0))
    return max(lengths)


def record(kernel, *arrays):
    return Player().record_kernel(kernel, arrays, {})


def test_bits_part_no_loops_and_keep_their_place_among_what_touches_them():
    x, y, z = (to_device(np.arange(50.0)) for _ in range(3))
    bits = to_device(np.full(50, 3, np.uint16))
    step = np.array([4], np.int64)
    drawn = Bits(RandomBits(7, DROPOUT, 2).key, bits, step, 0)
    before = record(lambda x, bits: np.multiply(x, bits, out=x), x, bits)
    between = record(lambda z: np.add(z, 1, out=z), z)
    after = record(
        lambda z, y, bits: [np.add(z, 1, out=z), np.multiply(y, bits, out=y)], z, y, bits
    )
    nodes = [*before, *between, drawn, *after]
    assert [len(group.nodes) for group in grouped(nodes)] == [3, 1, 1]
    numbers = Numbers([step])
    numbers.renew()
    Launches(nodes, numbers)()
    host = np.zeros(50, np.uint16)
    RandomBits(7, DROPOUT, 2).fill(host, 4)
    np.testing.assert_array_equal(x.get(), np.arange(50.0) * 3)
    np.testing.assert_array_equal(y.get(), np.arange(50.0) * host)
    np.testing.assert_array_equal(z.get(), np.arange(50.0) + 2)


def test_loops_that_have_met_are_joined_by_a_sum():
    x, row = to_device(np.ones((100, 70))), to_device(np.zeros(70))

    def kernel(x, row):
        np.multiply(x, 2, out=x)
        np.add(x, 1, out=x)
        np.sum(x, axis=0, out=row)

    (group,) = grouped(record(kernel, x, row))
    assert (group.layouts[0], len(group.nodes)) == (BY_COLUMNS, 3)
    Launches(group.nodes, Numbers([]))()
    np.testing.assert_array_equal(row.get(), np.full(70, 300.0))
