"""Data sets with Keras's names: `fashion_mnist`, `mnist`, `cifar10`, `imdb`, `reuters`,
`boston_housing`, `california_housing`; and `digits`.

Each module has `load_data()`, which gives `(x_train, y_train), (x_test, y_test)`. Files are looked
for in this order:

1. the explicit `path`, which, if given, is the only place;
2. the folder that the environment variable `MINIDL_DATA` names, and in it the folder of the data
   set's own name (`fashion-mnist`, `mnist`, `cifar-10`, `imdb`, `reuters`, `boston-housing`,
   `california-housing`), which comes first;
3. the user's cache (`~/.cache/minidl` on Linux), where downloads are kept;
4. for Fashion-MNIST, Debian's `/usr/share/datasets/fashion-mnist`;
5. a download, with a progress bar, from several mirrors in turn.

`DataNotFoundError` is raised where none of these has the data, `DataFileError` where a file is
there but damaged: a damaged file is never passed over in silence. A download enters the cache only
after a check of the content.
"""

from __future__ import annotations

from pathlib import Path

from minidl.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    digits,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)
from minidl.datasets._files import DataFileError, DataNotFoundError, place

__all__ = [
    "DataFileError",
    "DataNotFoundError",
    "boston_housing",
    "california_housing",
    "cifar10",
    "digits",
    "fashion_mnist",
    "imdb",
    "mnist",
    "places",
    "reuters",
]


def places() -> dict[str, tuple[Path | None, str]]:
    """The place of each data set's files on this machine, by title, or None with the remedy.

    Looks for the files' names alone; reads nothing and downloads nothing.
    """
    sources = (
        fashion_mnist._DATASET.source,
        mnist._DATASET.source,
        cifar10._SOURCE,
        imdb._SOURCE,
        reuters._SOURCE,
        boston_housing._SOURCE,
        california_housing._SOURCE,
    )
    return {source.title: place(source) for source in sources}
