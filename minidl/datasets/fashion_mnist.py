"""Fashion-MNIST: 70,000 grey images of clothes, 28 x 28, in ten classes.

Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
algorithms", 2017 (https://github.com/zalandoresearch/fashion-mnist, MIT licence).
"""

from __future__ import annotations

import os

from minidl.datasets._idx import Images, Labels, load_idx, mnist_like

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

_DATASET = mnist_like(
    "Fashion-MNIST",
    folder="fashion-mnist",
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    sums=(  # train images, train labels, test images, test labels
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    debian_package="dataset-fashion-mnist",
)


def load_data(
    path: str | os.PathLike[str] | None = None,
) -> tuple[tuple[Images, Labels], tuple[Images, Labels]]:
    """`(x_train, y_train), (x_test, y_test)` of Fashion-MNIST.

    Images are uint8 of shape (60000, 28, 28) and (10000, 28, 28), 0 = background; labels are uint8
    of shape (60000,) and (10000,), indices into `CLASS_NAMES`.

    Args:
        path: folder with the four IDX files (`train-images-idx3-ubyte` and so on, with or
            without `.gz`). The default is the search of `minidl.datasets`.

    Raises:
        DataNotFoundError: the files are not there and cannot be downloaded.
        DataFileError: a file is damaged: magic number, shape, size or the SHA-256 of the
            decompressed content is wrong.
    """
    return load_idx(_DATASET, path)
