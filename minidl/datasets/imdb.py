"""IMDB: 50,000 film reviews as lists of word ranks, half positive and half negative.

Maas, Daly, Pham, Huang, Ng and Potts, "Learning word vectors for sentiment analysis", ACL 2011, in
the layout of Keras's `imdb.npz`: rank 1 is the most frequent word.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from minidl.datasets._files import Source, load_file
from minidl.datasets._texts import (
    Ints,
    check_listed_sum,
    check_num_words,
    encoded,
    limited,
    read_texts,
    read_word_index,
    shorter,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_array

T = TypeVar("T")

_SOURCE = Source(
    title="IMDB",
    folder="imdb",
    files=("imdb.npz", "imdb_word_index.json"),
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://s3.amazonaws.com/text-datasets/",  # Keras's own address before 2.3
    ),
)
# The sums that Keras's source gives for its files.
_NPZ_SUM = "sha256:69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
_WORD_INDEX_SUM = "md5:bfafd718b763782e994055a2d397834f"

_START, _OOV, _INDEX_FROM, _SEED = 1, 2, 3, 113  # Keras's defaults


def load_data(
    path: str | os.PathLike[str] | None = None,
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = _SEED,
    start_char: int | None = _START,
    oov_char: int | None = _OOV,
    index_from: int = _INDEX_FROM,
) -> tuple[tuple[NDArray[np.object_], Ints], tuple[NDArray[np.object_], Ints]]:
    """`(x_train, y_train), (x_test, y_test)`: reviews as lists of word indices, labels 0 or 1.

    As in Keras, a review is `[start_char] + [rank + index_from for each word]`, where every index
    outside `skip_top <= index < num_words` is then replaced by `oov_char`: the limits count
    indices, not ranks. `x` are one-dimensional object arrays of lists of int (also where all
    reviews are equally long, where Keras's become two-dimensional), `y` int64 arrays.

    Args:
        path: `imdb.npz` or its folder. The default is the search of `minidl.datasets`.
        num_words: indices from here on count as out of vocabulary. None stands for the highest
            index in the data, and so leaves out that index, as in Keras.
        skip_top: indices below this count as out of vocabulary.
        maxlen: only reviews with fewer indices than this, the start mark included, are kept.
        seed: of the order of the reviews.
        start_char: index that begins each review; None for no such mark.
        oov_char: index in place of words out of vocabulary; None leaves such words out.
        index_from: added to each rank.

    Raises:
        DataNotFoundError: the file is not there and cannot be downloaded.
        DataFileError: the file is damaged, or its pickle asks for more than NumPy arrays, lists and
            integers; no named function is executed. A download must have the SHA-256 that Keras
            publishes. Any file must have the layout described, and the SHA-256 of its line in a
            `SHA256SUMS` beside the file, if there is such a line.
        ValueError: `num_words` is below 1, or a split has no review shorter than `maxlen`.
    """
    check_num_words(num_words)

    def encode(indices: Ints, offsets: Ints, labels: Ints) -> tuple[Ints, Ints, Ints]:
        if maxlen is None:
            return indices, offsets, labels
        return shorter(indices, offsets, labels, maxlen)

    train, test = _load_splits(path, seed, start_char, index_from, encode)
    if len(train[2]) == 0 or len(test[2]) == 0:
        raise ValueError(
            f"maxlen: expected reviews of fewer than {maxlen} indices in both splits, received none"
        )
    end = num_words or int(max(train[0].max(initial=0), test[0].max(initial=0)))

    def decode(indices: Ints, offsets: Ints, labels: Ints) -> tuple[NDArray[np.object_], Ints]:
        return limited(indices, offsets, skip_top, end, oov_char), labels

    return decode(*train), decode(*test)


def load_csr(
    num_words: int, path: str | os.PathLike[str] | None = None
) -> tuple[tuple[csr_array[Any], Ints], tuple[csr_array[Any], Ints]]:
    """`(x_train, y_train), (x_test, y_test)`: reviews as multi-hot float32 CSR rows.

    `x` have shape (reviews, num_words); Keras's file has 25,000 reviews in each split. Row i is
    review i of `load_data(num_words=…)`, all other arguments at their defaults: `x[i, j]` is 1 if
    index j is in the review, else 0. So column 1, the start mark, is 1 in every row. Column 2 is 1
    where some word is out of vocabulary. Columns 0 and 3 are empty, and the word of rank r is
    column r + 3. Column indices are sorted within a row, int32 unless an index or the number of
    entries needs int64. No dense matrix is built on the way.

    Args:
        num_words: number of columns, at least 3.
        path: as for `load_data`.

    Raises:
        DataNotFoundError, DataFileError: as for `load_data`.
        ValueError: `num_words` is below 3, so that the mark for other words has no column.
    """
    if num_words <= _OOV:
        raise ValueError(f"num_words: expected at least {_OOV + 1}, received {num_words}")
    from scipy.sparse import csr_array

    def encode(indices: Ints, offsets: Ints, labels: Ints) -> tuple[csr_array[Any], Ints]:
        indices[indices >= num_words] = _OOV
        wide = max(num_words, len(indices)) > np.iinfo(np.int32).max
        dtype = np.int64 if wide else np.int32
        x = csr_array(
            (np.ones(len(indices), np.bool_), indices.astype(dtype), offsets.astype(dtype)),
            shape=(len(labels), num_words),
        )
        x.sum_duplicates()  # True and True is True
        return x.astype(np.float32), labels

    return _load_splits(path, _SEED, _START, _INDEX_FROM, encode)


def get_word_index(path: str | os.PathLike[str] | None = None) -> dict[str, int]:
    """Word -> rank, 1 for the most frequent; in `load_data` the word has `rank + index_from`.

    Args:
        path: `imdb_word_index.json` or its folder. The default is the search of `minidl.datasets`.

    Raises:
        DataNotFoundError: the file is not there and cannot be downloaded.
        DataFileError: the file is no JSON object of integers, or differs from its line in a
            `SHA256SUMS` in the same folder, or, if downloaded, from the MD5 that Keras publishes.
    """
    return load_file(
        _SOURCE,
        "imdb_word_index",
        read_word_index,
        path,
        suffixes=(".json",),
        download_sum=_WORD_INDEX_SUM,
    )


def _load_splits(
    path: str | os.PathLike[str] | None,
    seed: int,
    start_char: int | None,
    index_from: int,
    encode: Callable[[Ints, Ints, Ints], T],
) -> tuple[T, T]:
    """`encode(indices, offsets, labels)` of the training and of the test split, in Keras's order.

    `indices` and `offsets` come from `encoded`. One split is encoded after the other, and the
    lists are dropped before, because lists take much more memory than their indices.
    """

    def read(file: Path) -> tuple[T, T]:
        check_listed_sum(file)
        # Keras shuffles with one RandomState, training split first.
        random = np.random.RandomState(seed)

        def split(name: str) -> T:
            where = f"in the {name} split"
            reviews, labels = read_texts(file, f"x_{name}", f"y_{name}", where, 2)
            order = np.arange(len(reviews))
            random.shuffle(order)
            reviews = [reviews[row] for row in order]
            indices, offsets = encoded(reviews, start_char, index_from)
            del reviews
            return encode(indices, offsets, labels[order])

        return split("train"), split("test")

    return load_file(_SOURCE, "imdb", read, path, suffixes=(".npz",), download_sum=_NPZ_SUM)
