"""One vector, its gradient, and named views into both."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.backend import current
from minidl.initializers import Zeros
from minidl.layers import BatchNormalization, Dense, Dropout
from minidl.models import Network
from minidl.parameters import ParameterVector, Specification
from minidl.regularizers import L2
from tests.strategies import tensors


def vector(*shapes: tuple[int, ...], dtype: str = "float32") -> ParameterVector:
    wanted = [(f"layer_{k}", Specification("w", shape, Zeros())) for k, shape in enumerate(shapes)]
    return ParameterVector(wanted, current(), np.dtype(dtype))


@given(st.lists(tensors(w="IO"), max_size=5), st.sampled_from(["float32", "float64"]))
def test_tensors_lie_one_after_the_other(drawn: list[SimpleNamespace], dtype: str) -> None:
    """Offsets are the sums of the sizes before; together the views are the vector."""
    made = vector(*(t.w.shape for t in drawn), dtype=dtype)
    assert len(made) == len(drawn)
    offset = 0
    for index, (entry, t) in enumerate(zip(made, drawn, strict=True)):
        assert entry == made[index]
        assert (entry.name, entry.shape, entry.offset) == (f"layer_{index}/w", t.w.shape, offset)
        assert entry.slice == slice(offset, offset + t.w.size)
        made.view(entry)[...] = t.w
        made.gradient(entry)[...] = -t.w
        offset += entry.size
    assert made.theta.shape == made.grad.shape == (offset,)
    assert made.theta.dtype == made.grad.dtype == dtype
    flat = np.concatenate([np.empty(0), *(t.w.ravel() for t in drawn)]).astype(dtype)
    np.testing.assert_array_equal(made.theta, flat)
    np.testing.assert_array_equal(made.grad, -flat)


def test_views_share_memory_with_the_vectors() -> None:
    """In both directions, for both vectors, and both start at zero."""
    made = vector((2, 3), (3,))
    assert not made.theta.any()
    assert not made.grad.any()
    assert not np.shares_memory(made.theta, made.grad)
    for entry in made:
        assert np.shares_memory(made.view(entry), made.theta)
        assert np.shares_memory(made.gradient(entry), made.grad)
    made.theta[6] = 7
    assert made.view(made[1])[0] == 7
    made.gradient(made[0])[1, 2] = 5
    assert made.grad[5] == 5


def test_listing_of_a_network() -> None:
    """Names, shapes, offsets and penalties, as the layers asked for them."""
    penalty = L2(0.1)
    network = Network(
        [
            Dense(4, kernel_regularizer=penalty, input_shape=(3,), name="first"),
            BatchNormalization(name="norm"),
            Dropout(0.5),
            Dense(2, use_bias=False, name="last"),
        ]
    )
    network.build()
    assert [(p.name, p.shape, p.offset, p.regularizer) for p in network.parameters] == [
        ("first/kernel", (3, 4), 0, penalty),
        ("first/bias", (4,), 12, None),
        ("norm/gamma", (4,), 16, None),
        ("norm/beta", (4,), 20, None),
        ("last/kernel", (4, 2), 24, None),
    ]
    assert [(p.name, p.shape, p.offset) for p in network.statistics] == [
        ("norm/moving_mean", (4,), 0),
        ("norm/moving_variance", (4,), 4),
    ]
    assert network.theta.size == 32
    assert network.statistics.theta.size == 8
    assert network.count_params() == 40
    assert [p.name for p in network.parameters[1:3]] == ["first/bias", "norm/gamma"]


def test_layers_hold_views() -> None:
    """A layer's W, dW, gamma … are the vector's memory: writing one writes the other."""
    dense, norm = Dense(4, input_shape=(3,)), BatchNormalization()
    network = Network([dense, norm])
    network.build()
    for layer, names in ((dense, "Wb"), (norm, ("gamma", "beta"))):
        for name in names:
            assert np.shares_memory(getattr(layer, name), network.theta)
            assert np.shares_memory(getattr(layer, f"d{name}"), network.grad)
    assert np.shares_memory(norm.moving_mean, network.statistics.theta)
    network.theta[:] = np.arange(24)
    np.testing.assert_array_equal(dense.W, np.arange(12).reshape(3, 4))
    np.testing.assert_array_equal(norm.beta, [20, 21, 22, 23])


def test_repr_lists_the_tensors() -> None:
    """Size, number, and a line for each."""
    text = repr(vector((1000, 3), (3,)))
    assert text.splitlines() == [
        "ParameterVector of 3,003 in 2 tensors",
        "  layer_0/w (1000, 3) at 0",
        "  layer_1/w (3,) at 3000",
    ]


def test_entries_cannot_be_changed() -> None:
    """An offset that moved would silently point elsewhere."""
    entry = vector((2,))[0]
    with pytest.raises(AttributeError):
        entry.offset = 3  # type: ignore[misc]
