"""Boston housing: 506 districts of 1978, 13 columns, and the median value of a house in $1000.

Harrison and Rubinfeld, "Hedonic housing prices and the demand for clean air", Journal of
Environmental Economics and Management 5, 1978. One of the columns, B, is made of the share of
black inhabitants, on the assumption that segregation raises prices; use the data to talk about
such columns, and :mod:`minidl.datasets.california_housing` for everything else.
"""

from __future__ import annotations

import os
from functools import partial

from minidl.datasets._files import Source, load_file
from minidl.datasets._tables import Split, check_split, read_table, shuffled, split

_SOURCE = Source(
    title="Boston housing",
    folder="boston-housing",
    files=("boston_housing.npz",),
    mirrors=("https://storage.googleapis.com/tensorflow/tf-keras-datasets/",),
)
# The sum that Keras's source gives for its file.
_SUM = "sha256:f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"
_COLUMNS = 13


def load_data(
    path: str | os.PathLike[str] | None = None, test_split: float = 0.2, seed: int = 113
) -> Split:
    """`(x_train, y_train), (x_test, y_test)`: `x` (rows, 13) and `y` (rows,), as in the file.

    Args:
        path: `boston_housing.npz` or its folder. The default is the search of `minidl.datasets`.
        test_split: share of the rows in the second part, in [0, 1); default 0.2.
        seed: of the order of the rows, as in Keras.

    Raises:
        DataNotFoundError: the file is not there and cannot be downloaded.
        DataFileError: the file is damaged or holds something else. A download must have the
            SHA-256 that Keras publishes; any file the one of its line in a `SHA256SUMS` beside it.
        ValueError: another share.
    """
    share = check_split(test_split)
    read = partial(read_table, columns=_COLUMNS)
    x, y = load_file(_SOURCE, "boston_housing", read, path, suffixes=(".npz",), download_sum=_SUM)
    return split(*shuffled(x, y, seed), share)
