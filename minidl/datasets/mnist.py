"""MNIST: 70,000 grey images of handwritten digits, 28 x 28.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86, 1998.
"""

from __future__ import annotations

import os

from minidl.datasets._idx import Images, Labels, load_idx, mnist_like

_DATASET = mnist_like(
    "MNIST",
    folder="mnist",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    sums=(  # train images, train labels, test images, test labels
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)


def load_data(
    path: str | os.PathLike[str] | None = None,
) -> tuple[tuple[Images, Labels], tuple[Images, Labels]]:
    """`(x_train, y_train), (x_test, y_test)` of MNIST.

    Images are uint8 of shape (60000, 28, 28) and (10000, 28, 28), 0 = background; labels are uint8
    of shape (60000,) and (10000,), the digits 0 to 9.

    Args:
        path: folder with the four IDX files (`train-images-idx3-ubyte` and so on, with or
            without `.gz`). The default is the search of `minidl.datasets`.

    Raises:
        DataNotFoundError: the files are not there and cannot be downloaded.
        DataFileError: a file is damaged: magic number, shape, size or the SHA-256 of the
            decompressed content is wrong.
    """
    return load_idx(_DATASET, path)
