"""scikit-learn's digits as uint8 images."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from minidl.datasets import digits


def test_the_bundled_digits_in_their_order():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1437, 8, 8)
    assert x_test.shape == (360, 8, 8)
    x, y = np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])
    assert x.dtype == y.dtype == np.uint8
    bunch = load_digits()
    # The formula, in float64: its only tie, 127.5, goes to the even 128.
    assert np.array_equal(x, np.round(255 * bunch.images / 16))
    assert np.array_equal(y, bunch.target)
    assert set(y_test) == set(range(10))
