"""Reuters: 11,228 newswires of 1987 as lists of word ranks, of 46 topics.

Lewis, "Reuters-21578 text categorization test collection", 1997, in the layout of Keras's
`reuters.npz`: rank 1 is the most frequent word.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minidl.datasets._files import Source, load_file
from minidl.datasets._tables import check_split
from minidl.datasets._texts import (
    Ints,
    Texts,
    check_listed_sum,
    check_num_words,
    encoded,
    limited,
    read_texts,
    read_word_index,
    shorter,
)

_SOURCE = Source(
    title="Reuters",
    folder="reuters",
    files=("reuters.npz", "reuters_word_index.json"),
    mirrors=("https://storage.googleapis.com/tensorflow/tf-keras-datasets/",),
)
# The sums that Keras's source gives for its files.
_NPZ_SUM = "sha256:d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
_WORD_INDEX_SUM = "md5:4d44cc38712099c9e383dc6e5f11a921"

_TOPICS = """
    cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship
    cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin
    strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange pet-chem
    dlr gas silver wpi hog lead
"""


def load_data(
    path: str | os.PathLike[str] | None = None,
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[tuple[NDArray[np.object_], Ints], tuple[NDArray[np.object_], Ints]]:
    """`(x_train, y_train), (x_test, y_test)`: newswires as lists of word indices, topics 0 to 45.

    As in Keras, a newswire is `[start_char] + [rank + index_from for each word]`, where every index
    outside `skip_top <= index < num_words` is then replaced by `oov_char`: the limits count
    indices, not ranks. `x` are one-dimensional object arrays of lists of int, `y` int64 arrays.

    Args:
        path: `reuters.npz` or its folder. The default is the search of `minidl.datasets`.
        num_words: indices from here on count as out of vocabulary. None stands for the highest
            index in the data, and so leaves out that index, as in Keras.
        skip_top: indices below this count as out of vocabulary.
        maxlen: only newswires with fewer indices than this, the start mark included, are kept.
        test_split: share of the newswires in the second part, in [0, 1); default 0.2.
        seed: of the order of the newswires.
        start_char: index that begins each newswire; None for no such mark.
        oov_char: index in place of words out of vocabulary; None leaves such words out.
        index_from: added to each rank.

    Raises:
        DataNotFoundError: the file is not there and cannot be downloaded.
        DataFileError: the file is damaged, or its pickle asks for more than NumPy arrays, lists and
            integers; no named function is executed. A download must have the SHA-256 that Keras
            publishes. Any file must have the layout described, and the SHA-256 of its line in a
            `SHA256SUMS` beside the file, if there is such a line.
        ValueError: `num_words` is below 1, `test_split` is no share, or no newswire is shorter
            than `maxlen`.
    """
    check_num_words(num_words)
    share = check_split(test_split)

    def read(file: Path) -> tuple[Texts, Ints]:
        check_listed_sum(file)
        return read_texts(file, "x", "y", "in the file", len(_TOPICS.split()))

    texts, labels = load_file(
        _SOURCE, "reuters", read, path, suffixes=(".npz",), download_sum=_NPZ_SUM
    )
    order = np.arange(len(texts))
    np.random.RandomState(seed).shuffle(order)
    texts, labels = [texts[row] for row in order], labels[order]
    indices, offsets = encoded(texts, start_char, index_from)
    if maxlen is not None:
        indices, offsets, labels = shorter(indices, offsets, labels, maxlen)
        if not len(labels):
            raise ValueError(
                f"maxlen: expected newswires of fewer than {maxlen} indices, received none"
            )
    end = num_words or int(indices.max(initial=0))
    x = limited(indices, offsets, skip_top, end, oov_char)
    kept = int(len(x) * (1 - share))
    return (x[:kept], labels[:kept]), (x[kept:], labels[kept:])


def get_word_index(path: str | os.PathLike[str] | None = None) -> dict[str, int]:
    """Word -> rank, 1 for the most frequent; in `load_data` the word has `rank + index_from`.

    Args:
        path: `reuters_word_index.json` or its folder. The default is the search of
            `minidl.datasets`.

    Raises:
        DataNotFoundError: the file is not there and cannot be downloaded.
        DataFileError: the file is no JSON object of integers, or differs from its line in a
            `SHA256SUMS` in the same folder, or, if downloaded, from the MD5 that Keras publishes.
    """
    return load_file(
        _SOURCE,
        "reuters_word_index",
        read_word_index,
        path,
        suffixes=(".json",),
        download_sum=_WORD_INDEX_SUM,
    )


def get_label_names() -> tuple[str, ...]:
    """The 46 topics, in the order of the labels."""
    return tuple(_TOPICS.split())
