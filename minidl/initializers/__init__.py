"""Initial weights: classes, and the same by Keras's names in small letters."""

from __future__ import annotations

from typing import Any

from minidl.initializers.base import Initializer
from minidl.initializers.constants import Constant, Identity, IdentityInitializer, Ones, Zeros
from minidl.initializers.lecun import LecunNormal, LecunUniform
from minidl.initializers.random import (
    Orthogonal,
    OrthogonalInitializer,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
)
from minidl.initializers.scaled import GlorotNormal, GlorotUniform, HeNormal, HeUniform
from minidl.initializers.variance import VarianceScaling
from minidl.names.lookup import get as of_kind
from minidl.names.lookup import known

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "get",
]


def get(identifier: Any) -> Any:
    """An initializer by name, or the one that is given; None for None.

    Raises:
        ValueError: unknown name.
        TypeError: neither a name nor an initializer.
    """
    return None if identifier is None else of_kind(Initializer, identifier)


def __getattr__(name: str) -> Any:
    """The class of a name in small letters: ``initializers.he_normal(seed=1)``."""
    found = known(Initializer)
    if name in found:
        return found[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
