"""Random directions, and the search for the entries that make a direction wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def random_direction(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A random unit vector without an entry near 0, so that every wrong entry shows."""
    signs = random.choice([-1.0, 1.0], shape)
    vector = signs * random.uniform(0.5, 1.5, shape)
    return np.asarray(vector / np.linalg.norm(vector))


def one_entry(shape: tuple[int, ...], index: int) -> np.ndarray:
    """The unit vector along one entry, given by the flat index."""
    vector = np.zeros(shape)
    vector.reshape(-1)[index] = 1.0
    return vector


def restricted(direction: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """``direction`` in the entries of the flat indices, 0 elsewhere."""
    vector = np.zeros_like(direction)
    vector.reshape(-1)[indices] = direction.reshape(-1)[indices]
    return vector


def rms(tensor: np.ndarray) -> float:
    """The root mean square of the entries; 0 without entries."""
    return float(np.sqrt(np.mean(np.square(tensor)))) if tensor.size else 0.0


def locate(bad: Callable[[np.ndarray], bool], indices: np.ndarray, most: int) -> list[int]:
    """Up to ``most`` single indices that are bad, found by halving bad sets."""
    if most <= 0 or not bad(indices):
        return []
    if len(indices) == 1:
        return [int(indices[0])]
    first, second = np.array_split(indices, 2)
    found = locate(bad, first, most)
    return found + locate(bad, second, most - len(found))
