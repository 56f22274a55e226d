"""The same run gives the same bits: twice, in another process, on another executor or thread."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from tests.same_answer import SMALL, elsewhere, hashed, trained

# These take long.
pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("wide", [False, True], ids=["small", "wide"])
def test_twenty_epochs_are_the_same_twice(wide: bool, executor: str) -> None:
    """History, weights, statistics, state and outputs, bit for bit, on every executor."""
    first = trained(wide)
    assert trained(wide) == first
    # A device adds in another order; so do the threads of a team where a product is large enough to
    # be shared out.
    if "cupy" not in executor and not (wide and executor == "compiled"):
        with minidl.backend.use("numpy", executor="blocks"):
            assert trained(wide) == first


@pytest.mark.parametrize("threads", [1, 2])
def test_twenty_epochs_are_the_same_in_another_process(threads: int) -> None:
    """With 1 or 2 threads of the BLAS, where no product is larger than one thread takes alone."""
    assert SMALL >= 100 * 64 * 40
    assert elsewhere("small", threads).strip() == trained()


@pytest.mark.thorough
def test_wide_products_are_the_same_with_as_many_threads() -> None:
    """Of 2 threads each has its part of the result, and the parts are the same each time."""
    assert elsewhere("wide", 2) == elsewhere("wide", 2)


def test_the_answer_is_of_every_bit() -> None:
    """One number of one array, to its neighbour."""
    a, b = np.random.default_rng(1).normal(size=(2, 4))
    other = b.copy()
    other[3] = np.nextafter(other[3], 2)
    assert hashed([a, b]) == hashed([a.copy(), b.copy()]) != hashed([a, other])
    assert trained() != trained(wide=True)
