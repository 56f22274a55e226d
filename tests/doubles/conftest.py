from __future__ import annotations

import numpy as np
import pytest

from ._cupy_streams import forget
from .support import device


@pytest.fixture(autouse=True)
def nothing_waits():
    """What an earlier test has left in streams is not done in this one."""
    forget()


@pytest.fixture
def x():
    return device([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])


@pytest.fixture
def host():
    return np.ones((2, 3), np.float32)
