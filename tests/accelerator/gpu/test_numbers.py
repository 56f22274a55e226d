"""Numbers reach the device as they were when they were kept, however late it reads them."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from minidl.accelerator.gpu import numbers
from minidl.accelerator.gpu.kernels import cuda_kernel
from minidl.accelerator.gpu.numbers import MOST, ROWS, Numbers
from minidl.backend import to_device
from tests.conftest import on_devices
from tests.doubles.cupy_double import STATE, count_synchronisations, forbid_synchronisation

pytestmark = [on_devices, pytest.mark.usefixtures("executor")]

NOTE = """
extern "C" __global__ void note(const long long* now, long long* out, long long* count)
{
    out[*count] = *now;
    *count += 1;
}
"""


class Notes:
    """What each run finds, noted on the device."""

    def __init__(self, runs):
        self.out, self.count = to_device(np.zeros(runs, np.int64)), to_device(np.zeros(1, np.int64))
        self._kernel = cuda_kernel(NOTE, "note")

    def run(self, sent, array, runs):
        for _ in range(runs):
            sent.take()
            self._kernel((1,), (1,), (sent.place(array), self.out, self.count))


def keep(sent, array, values):
    for value in values:
        array[0] = value
        sent.keep()


@pytest.mark.parametrize("each", [1, 5, MOST])
def test_each_run_finds_the_numbers_that_were_kept_for_it(each):
    """Over more runs than both tables have rows, of which none is waited for but by an event."""
    array, runs = np.zeros(2, np.int64), 3 * ROWS
    sent, notes = Numbers([array]), Notes(runs)
    for first in range(0, runs - each, each):
        keep(sent, array, range(first, first + each))
        notes.run(sent, array, sent.upload())
    found = notes.out.get()[: int(notes.count.get()[0])]
    np.testing.assert_array_equal(found, np.arange(len(found)))
    assert len(found) > 2 * ROWS


def test_the_host_waits_once_for_the_rows_of_a_table(executor):
    if executor == "cupy":
        pytest.skip("a GPU may have read all rows by then, and the host need not wait; the double "
                    "reads none before it is asked to")  # fmt: skip
    array = np.zeros(1, np.int64)
    sent = Numbers([array])
    with count_synchronisations() as counts:
        for _ in range(2 * ROWS // MOST):
            keep(sent, array, range(MOST))
            sent.upload()
    assert counts.synchronisations == 0
    with count_synchronisations() as counts:
        keep(sent, array, range(MOST))
        sent.upload()
    assert counts.synchronisations == 1


def test_numbers_that_are_gone_leave_their_tables_until_these_are_read():
    numbers._parked.clear()
    array, notes = np.zeros(1, np.int64), Notes(3)
    sent = Numbers([array])
    keep(sent, array, [7, 8, 9])
    with forbid_synchronisation():
        notes.run(sent, array, sent.upload())
        del sent
        gc.collect()
        # The next ones may come to lie in their memory, as soon as that is given back.
        others = [Numbers([np.zeros(1, np.int64)]) for _ in range(3)]
    np.testing.assert_array_equal(notes.out.get(), [7, 8, 9])
    others.append(Numbers([array]))
    if STATE.deferred:
        assert not numbers._parked


def test_a_row_that_was_written_again_before_it_was_kept_counts_once():
    """As where a signal's handler comes between, and another step is kept first."""
    array, notes = np.zeros(1, np.int64), Notes(1)
    sent = Numbers([array])
    for array[0] in (3, 4):
        sent.write()
    sent.waiting[0] += 1
    notes.run(sent, array, sent.upload())
    np.testing.assert_array_equal(notes.out.get(), [4])
