"""Which tensors a vector consists of."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.backend import tensors as declared
from minidl.backend.tensors import declare, tensors_of

TENSORS = [(0, (3, 4)), (12, (4,)), (16, (4, 1)), (20, (1,))]


@pytest.fixture
def vector():
    made = np.zeros(21)
    declare(made, TENSORS)
    return made


def test_the_vector_and_parts_of_it(vector):
    assert tensors_of(vector) == TENSORS
    assert tensors_of(vector[:16]) == TENSORS[:2]
    assert tensors_of(vector[12:]) == [(0, (4,)), (4, (4, 1)), (8, (1,))]
    assert tensors_of(vector[16:20]) == [(0, (4, 1))]
    assert tensors_of(vector[20:]) == [(0, (1,))]


def test_a_cut_tensor_is_none(vector):
    for part in (slice(1, 21), slice(0, 20 - 1), slice(0, 11), slice(13, 15), slice(3, 14)):
        assert tensors_of(vector[part]) is None


def test_other_arrays_are_none(vector):
    assert tensors_of(np.zeros(21)) is None
    assert tensors_of(vector[:12].reshape(3, 4)) is None
    assert tensors_of(vector[::2]) is None
    assert tensors_of(vector[::-1]) is None
    assert tensors_of(vector[12:20:2]) is None  # (4,) begins there
    assert tensors_of(vector.view(np.int64)) is None
    assert tensors_of(vector.view(np.float32)) is None
    assert tensors_of(np.zeros(())) is None


def test_what_begins_within_an_element_is_none(vector):
    assert tensors_of(vector.view(np.uint8)[4:-4].view(np.float64)) is None


def test_two_vectors_are_told_apart(vector):
    other = np.zeros(21)
    declare(other, [(0, (7, 3))])
    assert tensors_of(other) == [(0, (7, 3))]
    assert tensors_of(vector) == TENSORS


def test_parts_of_an_array_that_reaches_beyond_the_vector_are_none():
    whole = np.zeros(30)
    vector = whole[5:26]
    declare(vector, TENSORS)
    assert tensors_of(whole[5:26]) == TENSORS
    assert tensors_of(whole) is None
    assert tensors_of(whole[:5]) is None
    assert tensors_of(whole[5:27]) is None
    assert tensors_of(whole[26:]) is None


def test_it_ends_with_its_vector():
    gc.collect()  # the vectors of other tests
    before = len(declared._known)
    vector = np.zeros(21)
    declare(vector, TENSORS)
    assert len(declared._known) == before + 1
    del vector
    gc.collect()
    assert len(declared._known) == before


def test_vectors_may_begin_and_end_while_one_is_looked_for(vector, monkeypatch):
    """In other threads, say: here the first that is asked makes two others and ends one."""
    others = [np.zeros(3)]
    declare(others[0], [(0, (3,))])

    def ask():
        others[:] = [np.zeros(3), np.zeros(3)]
        for other in others:
            declare(other, [(0, (3,))])

    monkeypatch.setattr(declared, "_known", {0: (ask, []), **declared._known})
    assert tensors_of(vector) == TENSORS


def test_what_is_said_last_holds(vector):
    declare(vector, [(0, (21,))])
    assert tensors_of(vector) == [(0, (21,))]


def test_arrays_of_other_kinds_need_no_layout():
    before = dict(declared._known)
    declare(object(), TENSORS)
    assert declared._known == before


SHAPES = st.lists(st.integers(1, 4), max_size=3).map(tuple)


@given(st.lists(SHAPES, min_size=1, max_size=5), st.data())
def test_parts_are_the_tensors_within_or_none(shapes, data):
    sizes = [int(np.prod(shape)) for shape in shapes]
    ends = np.cumsum([0, *sizes]).tolist()
    vector = np.zeros(ends[-1], "float32")
    declare(vector, list(zip(ends, shapes, strict=False)))
    low = data.draw(st.integers(0, ends[-1] - 1), "low")
    high = data.draw(st.integers(low + 1, ends[-1]), "high")
    found = tensors_of(vector[low:high])
    if low in ends and high in ends:
        first, last = ends.index(low), ends.index(high)
        offsets = [end - low for end in ends[first:last]]
        assert found == list(zip(offsets, shapes[first:last], strict=True))
    else:
        assert found is None
