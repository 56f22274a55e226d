"""The short form of the campaign ``tests.campaigns.files``: thousands of files, at random."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.campaigns.files import scatter
from tests.saving import hostile

BYTES = st.binary(max_size=60)


@given(kind=st.integers(0, 255), rest=BYTES)
@settings(max_examples=200)
def test_bytes_that_hypothesis_chooses(kind: int, rest: bytes) -> None:
    hostile.load(bytes([kind]) + rest)


@given(kind=st.integers(0, 5), rest=BYTES)
@settings(max_examples=200)
def test_data_that_hypothesis_chooses(kind: int, rest: bytes) -> None:
    hostile.read_data(bytes([kind]) + rest)


@pytest.mark.parametrize(("name", "count"), [("models", 1000), ("data", 400)])
def test_seeds_with_edits(name: str, count: int) -> None:
    """Both ends are met, and no other."""
    chance = random.Random(5)
    seeds = hostile.seeds()[name]
    run = hostile.load if name == "models" else hostile.read_data
    results = set(map(run, seeds))
    for _ in range(count):
        seed = chance.choice(seeds)
        edits = chance.randbytes(4 * chance.randrange(4))
        data = hostile.edited(seed[1:], edits) + chance.randbytes(chance.randrange(12))
        results.add(run(seed[:1] + data))
    assert results == {"loaded", "refused"}


def test_every_kind_of_file_is_met() -> None:
    """Each kind of input makes files that load and files that do not."""
    chance = random.Random(5)
    for kind in range(1, 2 * hostile.KINDS):
        if kind % hostile.KINDS:
            results = {hostile.load(bytes([kind]))} if kind % hostile.KINDS != 2 else {"loaded"}
            for _ in range(40):
                results.add(hostile.load(bytes([kind]) + chance.randbytes(5)))
            assert "refused" in results
            assert len(results) == 2 or kind % hostile.KINDS == 4, kind


def test_the_campaign_can_be_repeated() -> None:
    """The same seed makes the same files."""
    first, again = (scatter(90, seed=4, seconds=600) for _ in range(2))
    assert first == again
    assert sum(first.values()) == 90
