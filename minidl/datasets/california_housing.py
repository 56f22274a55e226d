"""California housing: 20,640 block groups of 1990, 8 columns, and the median value of a house in $.

Pace and Barry, "Sparse spatial autoregressions", Statistics & Probability Letters 33, 1997.
"""

from __future__ import annotations

import os
from functools import partial

from minidl import checks
from minidl.datasets._files import Source, load_file
from minidl.datasets._tables import Split, check_split, read_table, shuffled, split

#: Names of the columns of `x`.
COLUMN_NAMES = (
    "MedInc",
    "HouseAge",
    "AveRooms",
    "AveBedrms",
    "Population",
    "AveOccup",
    "Latitude",
    "Longitude",
)

_SOURCE = Source(
    title="California housing",
    folder="california-housing",
    files=("california_housing.npz",),
    mirrors=("https://storage.googleapis.com/tensorflow/tf-keras-datasets/",),
)
# The sum that Keras's source gives for its file.
_SUM = "sha256:1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
_ROWS = {"small": 600, "large": None}


def load_data(
    version: str = "large",
    path: str | os.PathLike[str] | None = None,
    test_split: float = 0.2,
    seed: int = 113,
) -> Split:
    """`(x_train, y_train), (x_test, y_test)`: `x` (rows, 8) and `y` (rows,), as in the file.

    Args:
        version: "large" for all rows, "small" for the first 600.
        path: `california_housing.npz` or its folder. The default is the search of
            `minidl.datasets`.
        test_split: share of the rows in the second part, in [0, 1); default 0.2.
        seed: of the order of the rows, as in Keras.

    Raises:
        DataNotFoundError: the file is not there and cannot be downloaded.
        DataFileError: the file is damaged or holds something else. A download must have the
            SHA-256 that Keras publishes; any file the one of its line in a `SHA256SUMS` beside it.
        ValueError: another version, or another share.
    """
    share, rows = check_split(test_split), checks.lookup("version", version, _ROWS)
    read = partial(read_table, columns=len(COLUMN_NAMES))
    x, y = load_file(
        _SOURCE, "california_housing", read, path, suffixes=(".npz",), download_sum=_SUM
    )
    return split(*shuffled(x[:rows], y[:rows], seed), share)
