"""What the README says of speed is what the last run came to."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.train import report

ROOT = Path(__file__).parents[2]


def test_the_readmes_table_is_the_last_runs() -> None:
    record = json.loads((ROOT / "benchmarks/results/train.json").read_text())
    assert report.markdown(record["jobs"]) in (ROOT / "README.md").read_text()
