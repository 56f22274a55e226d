"""Figures of speed on the pages are those of the last run."""

from __future__ import annotations

import json
import re
from pathlib import Path

from benchmarks.train import report

ROOT = Path(__file__).parents[2]
JOBS = json.loads((ROOT / "benchmarks/results/train.json").read_text())["jobs"]


def test_the_pages_table_is_the_last_runs() -> None:
    page = ROOT / "docs" / "understand" / "performance.md"
    assert report.markdown(JOBS) in page.read_text(encoding="utf-8")


def test_the_readmes_rows_are_the_last_runs() -> None:
    """Six rows; the largest lead over the fastest peer, and the smallest, are among them."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"<!-- table: .*?-->\n\n(.*?)\n\n<!-- end", readme, flags=re.S)
    rows = table.splitlines()[2:]
    names = [row.split("|")[1].strip() for row in rows]
    assert len(names) == 6
    assert report.markdown({name: JOBS[name] for name in names}) == table
    every, shown = (
        [float(row.split("|")[5].strip(" ×")) for row in each]
        for each in (report.markdown(JOBS).splitlines()[2:], rows)
    )
    assert (min(shown), max(shown)) == (min(every), max(every))
