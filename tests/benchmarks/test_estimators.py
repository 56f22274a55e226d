"""The race of the estimators runs, and its tables are those of the page on speed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.estimators import __main__ as race
from benchmarks.estimators.jobs import JOBS, few
from benchmarks.estimators.scores import of_seeds
from minidl.estimators import MLPRegressor

ROOT = Path(__file__).parents[2]


def test_the_pages_tables_are_the_last_runs() -> None:
    results = ROOT / "benchmarks" / "results"
    page = (ROOT / "docs" / "understand" / "performance.md").read_text("utf-8")
    record = json.loads((results / "estimators.json").read_text("utf-8"))
    assert list(record["jobs"]) == [job.name for job in JOBS]
    assert race.table_of(record["jobs"]) in page
    assert (results / "estimators-scores.md").read_text("utf-8") in page


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_job_is_run_by_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "PREDICTIONS", 2)
    monkeypatch.setattr(race, "SETTLE", 0)
    row = race.race(JOBS[0], rounds=1)
    assert row["rows"] == 20
    assert all(len(every) == 1 and every[0] > 0 for every in row["every"].values())
    (ours,), (theirs,) = row["every"]["minidl"], row["every"]["scikit-learn"]
    assert row["faster"] == theirs / ours
    assert len(of_seeds(MLPRegressor, few(), {"max_iter": 2})) == 10
