"""scikit-learn's bundled digits: 1,797 grey images, 8 x 8. Needs no file and no network.

The images are the test part of the UCI "Optical Recognition of Handwritten Digits" set (Alpaydin
and Kaynak, 1998).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TRAIN = 1437  # 80 %


def load_data() -> tuple[
    tuple[NDArray[np.uint8], NDArray[np.uint8]], tuple[NDArray[np.uint8], NDArray[np.uint8]]
]:
    """`(x_train, y_train), (x_test, y_test)`: uint8 images and uint8 labels 0 to 9.

    Shapes are (1437, 8, 8), (1437,), (360, 8, 8) and (360,): always the first 1,437 rows and the
    last 360, in scikit-learn's order. The pixels, 0 to 16 there, are brought to 0 to 255 by
    `round(255 p / 16)`, so that code made for MNIST, with a division by 255, fits these pixels too.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # Adding half the divisor rounds; the only tie, p = 8, goes up to 128.
    x = ((bunch.images.astype(np.uint16) * 255 + 8) // 16).astype(np.uint8)
    y = bunch.target.astype(np.uint8)
    return (x[:_TRAIN], y[:_TRAIN]), (x[_TRAIN:], y[_TRAIN:])
