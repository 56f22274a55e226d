"""Penalties on the weights of one tensor."""

from __future__ import annotations

from minidl.names.lookup import get as of_kind
from minidl.regularizers.elastic import L1L2, Lp
from minidl.regularizers.norms import L1, L2, Regularizer

# Keras writes both names.
l1 = L1
l2 = L2
l1_l2 = L1L2

__all__ = ["L1", "L1L2", "L2", "Lp", "Regularizer", "get", "l1", "l1_l2", "l2"]


def get(identifier: str | Regularizer | None) -> Regularizer | None:
    """A regularizer by name, the one that is given, or None.

    Raises:
        ValueError: unknown name.
        TypeError: neither a name nor a regularizer.
    """
    if identifier is None:
        return None
    return of_kind(Regularizer, identifier)
