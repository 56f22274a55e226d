"""A part of the table of trainings on minidl and on Keras; ``python -m tests.keras_table``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.keras_table import DATA, NETWORKS, TOLERANCE, compare


@pytest.mark.parametrize(
    ("name", "on"), [*zip([*NETWORKS][4:7], ["digits", "diabetes", "wine"], strict=True)]
)
def test_numbers_are_those_of_keras(name: str, on: str) -> None:
    """One epoch from equal weights."""
    assert max(compare(name, on).values()) <= TOLERANCE


def test_the_table_is_whole() -> None:
    """The committed table has a line for each training, none of them too far off."""
    docs = Path(__file__).parents[1] / "docs"
    text = (docs / "understand" / "keras_table.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")][1:]
    assert [(row[0].strip(), row[1].strip()) for row in rows] == [
        (name, on) for name in NETWORKS for on in DATA
    ]
    assert all(float(number) <= TOLERANCE for row in rows for number in row[2:])
