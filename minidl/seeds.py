"""The seed of a run: one number from which every model's random numbers follow."""

from __future__ import annotations

import random
import secrets

import numpy as np

from minidl import checks

_seed: int | None = None
_models = 0


def set_random_seed(seed: int) -> None:
    """Make every later model a function of ``seed`` (0 … 2⁶⁴ - 1) and of the model's number.

    The first model made after the call has the same initial weights, masks and shuffles each time;
    so has the second, and each one after. Python's generator, ``random.random()``, and NumPy's,
    ``np.random.rand()``, are seeded, too, which minidl itself does not use.

    Raises:
        TypeError, ValueError: not an integer of that range.
    """
    global _seed, _models
    _seed = checks.seed(seed)
    _models = 0
    random.seed(_seed)
    # NumPy takes 32 bits at a time.
    np.random.seed(  # noqa: NPY002 - the generator that np.random.rand() asks
        _seed if _seed < 2**32 else [_seed % 2**32, _seed >> 32]
    )


def next_seed() -> int:
    """The seed of the next model: derived from the run's, or fresh if there is none."""
    global _models
    if _seed is None:
        return secrets.randbits(64)
    _models += 1
    state: np.ndarray = np.random.SeedSequence([_seed, _models]).generate_state(1, np.uint64)
    return int(state[0])
