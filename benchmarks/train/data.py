"""The rows of a job, loaded once, and read by every peer from the same files."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.train.jobs import CLASSES, IMAGES, PIXELS, Job
from minidl.datasets import fashion_mnist, imdb

#: Training rows of Fashion-MNIST.
PICTURES = 60_000


def prepare(job: Job, folder: Path) -> None:
    """Write the training rows that the job needs, if missing.

    Raises:
        DataNotFoundError, DataFileError: the data set cannot be had.
    """
    path = _path(job, folder)
    if path.exists():
        return
    if job.data == IMAGES:
        (images, labels), _ = fashion_mnist.load_data()
        np.save(path, images.reshape(len(images), -1))
    else:
        (rows, labels), _ = imdb.load_csr(job.words)
        sparse.save_npz(path, rows, compressed=False)
    np.save(path.with_suffix(".labels.npy"), labels.astype(np.int32))


def prepare_random(job: Job, folder: Path) -> None:
    """Write rows of noise around a picture for each class, as many as Fashion-MNIST has.

    Raises:
        ValueError: the job trains on reviews.
    """
    if job.data != IMAGES:
        raise ValueError(f"expected a job on {IMAGES}, received {job.name} on {job.data}")
    random = np.random.default_rng(0)
    labels = random.integers(0, CLASSES, PICTURES)
    pictures = random.integers(0, 128, (CLASSES, PIXELS), np.uint8)
    np.save(
        _path(job, folder), pictures[labels] + random.integers(0, 128, (PICTURES, PIXELS), np.uint8)
    )
    np.save(_path(job, folder).with_suffix(".labels.npy"), labels.astype(np.int32))


def _path(job: Job, folder: Path) -> Path:
    return folder / ("images.npy" if job.data == IMAGES else f"reviews-{job.words}.npz")


class Rows:
    """A job's training rows, in the fastest form for each peer.

    Attributes:
        job: owner of the rows.
        labels: (N,) int32, class numbers, or 0 and 1.
    """

    def __init__(self, job: Job, folder: Path) -> None:
        self.job = job
        self._path = _path(job, folder)
        labels = np.load(self._path.with_suffix(".labels.npy"))
        self.labels: np.ndarray = np.ascontiguousarray(labels[: job.rows])

    @cached_property
    def pixels(self) -> np.ndarray:
        """(N, 784) uint8, 0 … 255."""
        return np.ascontiguousarray(np.load(self._path, mmap_mode="r")[: self.job.rows])

    @cached_property
    def csr(self) -> Any:
        """(N, words) float32, the reviews as stored."""
        return sparse.load_npz(self._path)[: self.job.rows].astype(np.float32)

    @cached_property
    def dense(self) -> np.ndarray:
        """(N, inputs) float32: pixels divided by 255, or multi-hot reviews."""
        if self.job.data != IMAGES:
            # Not kept as CSR beside it.
            rows = sparse.load_npz(self._path)[: self.job.rows]
            return np.ascontiguousarray(rows.toarray(), np.float32)
        x = np.load(self._path, mmap_mode="r")[: self.job.rows].astype(np.float32)
        x /= 255
        return x

    @property
    def targets(self) -> np.ndarray:
        """Labels for the cross-entropies: (N,) int32, or (N, 1) float32 of 0 and 1."""
        if self.job.data == IMAGES:
            return self.labels
        return self.labels.astype(np.float32).reshape(-1, 1)
