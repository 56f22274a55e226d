"""The tutorials' data sets, each loaded once.

scikit-learn is imported on use: the import takes more memory than IMDB in CSR rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import datasets

Splits = tuple[tuple[Any, Any], tuple[Any, Any]]

FASHION_MNIST, MNIST, IMDB = "Fashion-MNIST", "MNIST", "IMDB"
IRIS, WINE, NONE = "iris", "wine", "none"

CLASS_NAMES = datasets.fashion_mnist.CLASS_NAMES

_loaded: dict[str, Any] = {}


def fashion_mnist() -> Splits:
    """Images of 28 × 28 as float32 in 0 … 1, and class numbers.

    Raises:
        DataNotFoundError, DataFileError: the data set cannot be had.
    """
    return _scaled(_once(FASHION_MNIST, datasets.fashion_mnist.load_data))


def mnist() -> tuple[Splits, str]:
    """MNIST, like :func:`fashion_mnist`; or Fashion-MNIST, with its name, where MNIST is missing.

    Raises:
        DataNotFoundError: neither can be had.
        DataFileError: a file is damaged.
    """
    try:
        return _scaled(_once(MNIST, datasets.mnist.load_data)), ""
    except datasets.DataNotFoundError:
        return fashion_mnist(), FASHION_MNIST


def imdb(num_words: int) -> Splits:
    """Multi-hot reviews as CSR rows, and labels 0 and 1 as float32.

    Raises:
        DataNotFoundError, DataFileError: the data set cannot be had.
    """
    (x_train, y_train), (x_test, y_test) = _once(
        f"{IMDB} {num_words}", lambda: datasets.imdb.load_csr(num_words)
    )
    return (x_train, y_train.astype(np.float32)), (x_test, y_test.astype(np.float32))


def iris() -> tuple[np.ndarray, np.ndarray]:
    """Petal length, (50, 1), and sepal length, (50,), of iris virginica, in cm."""
    from sklearn.datasets import load_iris

    table = load_iris()
    virginica = table.data[table.target == 2]
    return virginica[:, 2:3], virginica[:, 0]


def wine() -> Splits:
    """The 13 features and the class number as a real number; 30 % are for the test."""
    from sklearn.datasets import load_wine

    table = load_wine()
    return split(table.data, table.target.astype(np.float64), 0.3)


def split(x: np.ndarray, y: np.ndarray, held_out: float) -> Splits:
    """Rows to train on and a held-out share, drawn as in the tutorials."""
    from sklearn.model_selection import train_test_split

    x_kept, x_held_out, y_kept, y_held_out = train_test_split(
        x, y, test_size=held_out, random_state=101
    )
    return (x_kept, y_kept), (x_held_out, y_held_out)


def _scaled(splits: Splits) -> Splits:
    (x_train, y_train), (x_test, y_test) = splits
    return (_pixels(x_train), y_train), (_pixels(x_test), y_test)


def _pixels(images: np.ndarray) -> np.ndarray:
    x = images.astype(np.float32)
    x /= 255
    return x


def _once(name: str, load: Callable[[], Any]) -> Any:
    """The result of the first call of ``load``; an error comes again without another attempt."""
    if name not in _loaded:
        try:
            _loaded[name] = load()
        except (datasets.DataNotFoundError, datasets.DataFileError) as error:
            _loaded[name] = error
    if isinstance(_loaded[name], Exception):
        raise _loaded[name]
    return _loaded[name]
