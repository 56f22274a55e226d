from __future__ import annotations

import numpy as np
import pytest

from .support import device


@pytest.fixture
def x():
    return device([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])


@pytest.fixture
def host():
    return np.ones((2, 3), np.float32)
