"""Fingerprints: every number of the data counts, and how it lies in memory does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

from minidl.resuming import fingerprints
from minidl.resuming.fingerprints import differences, fingerprint
from minidl.saving.json_values import inward, outward

RANDOM = np.random.default_rng(2)
ARRAYS = {
    "matrix": RANDOM.normal(size=(50, 7)).astype(np.float32),
    "pixels": RANDOM.integers(0, 256, (20, 4, 4), dtype=np.uint8),
    "labels": RANDOM.integers(0, 9, (50, 1)).astype(np.int32),
    "one row": RANDOM.normal(size=(1, 3)),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=list(ARRAYS))
@pytest.mark.parametrize("part", [1, 100, 1 << 24])
def test_each_number_counts(array: np.ndarray, part: int, monkeypatch: Any) -> None:
    """However many rows are hashed at a time."""
    whole = fingerprint(array)
    monkeypatch.setattr(fingerprints, "_PART", part)
    assert fingerprint(array) == whole
    assert fingerprint(np.asfortranarray(array)) == whole
    assert fingerprint(np.repeat(array, 2, axis=0)[::2]) == whole
    for index in (0, array.size // 2, array.size - 1):
        other = array.copy()
        other.reshape(-1).view(np.uint8)[index * array.itemsize] ^= 1
        assert fingerprint(other) != whole
    assert fingerprint(array[:, ::-1]) != whole or array.shape[1] == 1


def test_sparse_matrices() -> None:
    """Values, columns and rows."""
    matrix = scipy.sparse.random(30, 20, 0.2, "csr", random_state=3)
    whole = fingerprint(matrix)
    assert fingerprint(matrix.copy()) == whole
    for name in ("data", "indices", "indptr"):
        other = matrix.copy()
        getattr(other, name)[-2] += 1
        assert fingerprint(other) != whole
    assert fingerprint(scipy.sparse.csr_matrix((30, 20))) == fingerprint(
        scipy.sparse.csr_matrix((30, 20))
    )


def test_shape_and_type_count() -> None:
    """Where the bytes are the same."""
    zeros = np.zeros((4, 6), np.float32)
    found = [fingerprint(a) for a in (zeros, zeros.reshape(6, 4), zeros.view(np.int32))]
    assert len({str(each) for each in found}) == 3
    assert fingerprint(None) is None
    assert differences({"x": found[0]}, {"x": found[1]}) == [
        "x: expected shape [4, 6], received [6, 4]"
    ]
    assert differences({"x": found[0]}, {"x": found[2]}) == [
        "x: expected numbers of type float32, received int32"
    ]
    assert differences({"x": None}, {"x": found[2]}) == ["x: expected none, received some"]


def test_differences() -> None:
    """A text for each, with its place; objects of other classes are not looked into."""
    dense = {"class": "Dense", "config": {"units": 3, "kernel_regularizer": None}}
    other = {"class": "Dense", "config": {"units": 4, "kernel_regularizer": {"class": "L2"}}}
    assert differences([dense, dense], [dense, other], "layers") == [
        "layers[1].units: expected 3, received 4",
        "layers[1].kernel_regularizer: expected none, received L2",
    ]
    assert differences([dense], [dense, other], "layers") == [
        "layers: expected ['Dense'], received ['Dense', 'Dense']"
    ]
    flatten = {"class": "Flatten", "config": {}}
    assert differences({"last": dense}, {"last": flatten}) == [
        "last: expected Dense, received Flatten"
    ]
    assert differences({"a": 1}, {"b": 2}) == [
        "a: expected 1, received none",
        "b: expected none, received 2",
    ]
    assert differences([dense], [dense]) == []


@pytest.mark.parametrize(
    "state",
    [
        {"wait": 3, "best": -np.inf, "rate": 0.1, "name": "a", "on": True, "none": None},
        {"nan": float("nan"), "zero": -0.0, "tiny": 5e-324, "many": [1, [2.5, {}]]},
        {"half": np.float16(0.1), "large": np.uint64(2**64 - 1), "true": np.bool_(True)},
        {"array": np.arange(6.0).reshape(2, 3), "odd key /..": [np.zeros(0, np.int8)]},
        {"dictionary": {"array": "3", "type": "float", "float": 1}},
    ],
)
def test_states_come_back(state: Any) -> None:
    """Through JSON, to the bit and the type."""
    import json

    arrays: Any = {}
    text = json.dumps(outward(state, arrays), allow_nan=False)
    for array in arrays.values():
        array.flags.writeable = False
    found = inward(json.loads(text), arrays)
    assert repr(found) == repr(state)
    for name, value in state.items():
        assert type(found[name]) is type(value)
        if isinstance(value, np.ndarray):
            assert found[name].flags.writeable
            assert found[name].dtype == value.dtype
