"""Hypothesis strategies for tensors, named by their axes.

N rows, I inputs, O outputs (units), K classes. Every axis goes down to 1. Values lie on a
grid, so that failures read well, and so that a kink is either hit exactly or far away::

    @given(minidl.testing.tensors(x="NI", W="IO"))
    def test_product(gradcheck, t):  # t.x.shape == (N, I), t.W.shape == (I, O)
        gradcheck(np.matmul, lambda dy, x, W: (dy @ W.T, x.T @ dy), (t.x, t.W))
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

#: how far each axis goes up
LARGEST = {"N": 5, "I": 4, "O": 4, "K": 4}


class Tensor(NamedTuple):
    """A tensor to draw: axes, elements and dtype."""

    axes: str
    elements: st.SearchStrategy[Any]
    dtype: Any = np.float64

    def of(self, shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
        """Tensors of this shape."""
        return hnp.arrays(self.dtype, shape, elements=self.elements)


def smooth(axes: str) -> Tensor:
    """Multiples of 1/16 within ±4, with zero: for functions without a kink at zero."""
    return Tensor(axes, st.integers(-64, 64).map(lambda k: k / 16))


def off_zero(axes: str) -> Tensor:
    """Odd multiples of 1/32 within ±4: never within 1/32 of zero, where kinks are."""
    return Tensor(axes, st.integers(-64, 63).map(lambda k: (2 * k + 1) / 32))


def positive(axes: str) -> Tensor:
    """Multiples of 1/16 from 1/16 to 4."""
    return Tensor(axes, st.integers(1, 64).map(lambda k: k / 16))


def probability(axes: str) -> Tensor:
    """Multiples of 1/32 strictly between 0 and 1."""
    return Tensor(axes, st.integers(1, 31).map(lambda k: k / 32))


@st.composite
def tensors(draw: st.DrawFn, /, **wanted: Any) -> SimpleNamespace:
    """Tensors by name; axes of one letter have one size.

    Args:
        wanted: name -> axes, for entries :func:`off_zero`; or a :class:`Tensor`, or whatever
            else has ``axes`` and a strategy ``of(shape)``.
    """
    kinds = {
        name: off_zero(kind) if isinstance(kind, str) else kind for name, kind in wanted.items()
    }
    letters = sorted({axis for kind in kinds.values() for axis in kind.axes})
    size = {axis: draw(st.integers(1, LARGEST[axis]), label=axis) for axis in letters}
    return SimpleNamespace(
        **{
            name: draw(kind.of(tuple(size[axis] for axis in kind.axes)), label=name)
            for name, kind in kinds.items()
        }
    )
