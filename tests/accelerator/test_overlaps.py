"""Memory that arrays have in common."""

from __future__ import annotations

import numpy as np

from minidl.accelerator.overlaps import owner


def test_the_array_that_memory_belongs_to():
    vector = np.zeros(21)
    for view in (vector, vector[3:], vector[:12].reshape(3, 4).T, vector.view(np.uint8)[8:]):
        assert owner(view) is vector
    frozen = np.frombuffer(bytes(80))
    assert owner(frozen[2:]) is frozen
