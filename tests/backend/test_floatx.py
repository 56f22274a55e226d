"""The default floating type."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.backend import floating, floatx, set_floatx


def test_float32_is_the_default():
    assert floatx() == "float32"
    assert floating() == np.dtype("float32")


@pytest.mark.parametrize("dtype", ["float64", np.float64, np.dtype("float64"), float, "d"])
def test_set_floatx_takes_what_numpy_takes(dtype):
    set_floatx(dtype)
    assert floatx() == "float64"
    assert floating() == np.dtype("float64")
    assert floating("float32") == np.dtype("float32")
    set_floatx("float32")
    assert floatx() == "float32"


@pytest.mark.parametrize(
    "dtype", ["float16", "int32", "complex64", "longdouble", "single!", object]
)
def test_other_types_are_refused(dtype):
    with pytest.raises(ValueError, match=r"floating type of \('float32', 'float64'\), received"):
        set_floatx(dtype)
    with pytest.raises(ValueError, match="received"):
        floating(dtype)
    assert floatx() == "float32"
