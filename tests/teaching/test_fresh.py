"""The count that ``python -m tests.teaching.fresh`` prints."""

from __future__ import annotations

import pytest

from tests.teaching.fresh import HABITS, LAST, MORE, STRANGER, UNLEARNED, count


@pytest.mark.parametrize(
    ("habits", "named"),
    [
        pytest.param(HABITS, 40, marks=pytest.mark.thorough),
        pytest.param(MORE, 39, marks=pytest.mark.thorough),
        pytest.param(LAST, 38, marks=pytest.mark.thorough),
        pytest.param(UNLEARNED, 36, marks=pytest.mark.thorough),
        (STRANGER, 38),
    ],
    ids=["first", "more", "last", "unlearned", "stranger"],
)
def test_of_forty_some_are_named_and_none_wrongly(habits, named):
    assert len(habits) == 40
    counts = count(habits, details=False)
    assert counts["right"] >= named
    assert counts["wrong"] == 0
