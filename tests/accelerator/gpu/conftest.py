from __future__ import annotations

import pytest

from minidl.backend import use
from tests.doubles.cupy_double import installed


@pytest.fixture
def double():
    """The engine's CuPy code over the double of CuPy."""
    with installed(), use("cupy"):
        yield
