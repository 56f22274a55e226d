"""The count that ``python -m tests.teaching.fresh`` prints."""

from __future__ import annotations

import pytest

from tests.teaching.fresh import HABITS, MORE, count


@pytest.mark.parametrize("habits", [HABITS, MORE], ids=["first", "further"])
def test_nine_in_ten_are_named_and_none_wrongly(habits):
    assert len(habits) == 40
    counts = count(habits, details=False)
    assert counts["right"] >= 36
    assert counts["wrong"] == 0
