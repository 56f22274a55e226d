"""The count that ``python -m tests.teaching.fresh`` prints."""

from __future__ import annotations

import pytest

from tests.teaching.fresh import HABITS, LAST, MORE, UNLEARNED, count


@pytest.mark.parametrize(
    ("habits", "named"),
    [(HABITS, 40), (MORE, 39), (LAST, 38), (UNLEARNED, 36)],
    ids=["first", "more", "last", "unlearned"],
)
def test_of_forty_some_are_named_and_none_wrongly(habits, named):
    assert len(habits) == 40
    counts = count(habits, details=False)
    assert counts["right"] >= named
    assert counts["wrong"] == 0
