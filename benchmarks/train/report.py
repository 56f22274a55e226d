"""Report of a race: medians, ratios, doubts about peers, and the printed tables."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

from benchmarks.train.jobs import Job
from benchmarks.train.peers import FLOOR, FLOOR_MKL, MINIDL, PEERS
from benchmarks.train.race import Run

FLOORS = (FLOOR, FLOOR_MKL)
#: A peer with an accuracy this far from the median of all has not done the same work. Without
#: accuracy, a loss that is off by this share means the same.
ACCURACY_MARGIN, LOSS_MARGIN = 0.03, 0.25
#: Share of a processor that an idle worker may take before the report warns.
IDLE_MARGIN = 0.02
#: Shortest idle time, in seconds, for such a warning.
IDLE_LEAST = 0.5

Row = dict[str, Any]


def summarise(job: Job, runs: dict[str, Run]) -> dict[str, Row]:
    """Peer -> figures, for peers that finished.

    Keys: "seconds" an epoch (median), "spread" (largest over smallest), "epochs", "unsteady"
    (number of epochs on a slow machine), "microseconds" a step, "of minidl", "of floor", "first",
    "startup"; "epoch", "loss" and "accuracy" at the last epoch that all peers have trained; "idle"
    and "doubt".
    """
    done = {name: run for name, run in runs.items() if run.seconds and not run.error}
    trained = [len(run.losses) for name, run in done.items() if name not in FLOORS]
    epoch = min(trained, default=0)
    median = {name: statistics.median(run.seconds) for name, run in done.items()}
    floor = median.get(floor_of(done))
    rows: dict[str, Row] = {}
    for name, run in done.items():
        rows[name] = {
            "seconds": median[name],
            "spread": max(run.seconds) / min(run.seconds),
            "epochs": len(run.seconds),
            "unsteady": run.unsteady,
            "microseconds": 1e6 * median[name] / len(job.batches),
            "of minidl": median[name] / median[MINIDL] if MINIDL in median else None,
            "of floor": median[name] / floor if floor else None,
            "first": run.first,
            "startup": run.startup,
            "idle": run.idle_cpu / run.idle_wall if run.idle_wall > IDLE_LEAST else 0.0,
        }
        if name not in FLOORS:
            found = {"loss": run.losses[epoch - 1], "accuracy": run.accuracies[epoch - 1]}
            rows[name] |= {"epoch": epoch, **found}
    doubts = doubted({name: row for name, row in rows.items() if name not in FLOORS})
    for name, row in rows.items():
        row["doubt"] = doubts.get(name, "")
    return rows


def floor_of(runs: dict[str, Run]) -> str:
    """The floor through the BLAS that minidl has loaded."""
    loaded = runs[MINIDL].facts.get("libraries", []) if MINIDL in runs else []
    through_mkl = FLOOR_MKL in runs and any(entry.startswith("mkl") for entry in loaded)
    return FLOOR_MKL if through_mkl else FLOOR


def doubted(rows: dict[str, Row]) -> dict[str, str]:
    """Peer -> the reason to doubt that the peer has done the same work as all other peers."""
    if not rows:
        return {}
    usual, loss = (usually([row[key] for row in rows.values()]) for key in ("accuracy", "loss"))
    found = {}
    for name, row in rows.items():
        if row["accuracy"] is not None:
            # Not <=: a NaN is far from everything.
            if not abs(row["accuracy"] - usual) <= ACCURACY_MARGIN:
                found[name] = f"accuracy {row['accuracy']:.4f}, median of all {usual:.4f}"
        elif not abs(row["loss"] - loss) <= LOSS_MARGIN * loss:
            found[name] = f"loss {row['loss']:.4f}, median of all {loss:.4f}"
    return found


def usually(values: list[float | None]) -> float:
    """The median of all values that are numbers."""
    numbers = [value for value in values if value is not None and not math.isnan(value)]
    return statistics.median(numbers) if numbers else math.nan


def fastest_peer(rows: dict[str, Row]) -> str | None:
    """The fastest peer, without minidl, floors and peers in doubt."""
    peers = {
        name: row["seconds"]
        for name, row in rows.items()
        if name not in (MINIDL, *FLOORS) and not row["doubt"]
    }
    return min(peers, key=peers.__getitem__) if peers else None


def lead(rows: dict[str, Row], peer: str | None = None) -> float | None:
    """A peer's time as a multiple of minidl's; by default the fastest peer's."""
    name = fastest_peer(rows) if peer is None else peer
    ratio: float | None = rows[name]["of minidl"] if name in rows else None
    return ratio


def table(job: Job, rows: dict[str, Row], left_out: dict[str, str]) -> str:
    """The lines that show a job."""
    heads = ("s/epoch", "spread", "µs/step", "× minidl", "× floor", "first s", "start s", "loss")
    lines = [f"{job.name}: {job}", f"{'':<22}" + "".join(f"{h:>10}" for h in (*heads, "accuracy"))]
    for name, row in sorted(rows.items(), key=lambda item: item[1]["seconds"]):
        cells = [
            f"{row['seconds']:.3f}",
            f"{row['spread']:.2f}",
            f"{row['microseconds']:.0f}",
            *(_number(row[key], 2) for key in ("of minidl", "of floor")),
            f"{row['first']:.2f}",
            f"{row['startup']:.1f}",
            *(_number(row.get(key), 4) for key in ("loss", "accuracy")),
        ]
        lines.append(f"  {PEERS[name].label:<20}" + "".join(f"{cell:>10}" for cell in cells))
    lines += [f"  {PEERS[name].label} left out: {why}" for name, why in left_out.items()]
    for name, row in rows.items():
        if row["doubt"]:
            lines.append(f"  {PEERS[name].label}: NOT THE SAME WORK? {row['doubt']}")
        if row["idle"] > IDLE_MARGIN:
            share = f"{row['idle']:.0%}"
            lines.append(f"  {PEERS[name].label} took {share} of a processor while it was idle")
    return "\n".join(lines)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def overview(results: dict[str, dict[str, Row]]) -> str:
    """A line for each job, and medians: how many times faster minidl is."""
    lines = [f"{'':<14}{'minidl s':>10}{'× floor':>10}  {'fastest peer':<22}{'s':>10}{'faster':>8}"]
    for name, rows in results.items():
        peer = fastest_peer(rows)
        if MINIDL not in rows:
            continue
        line = f"{name:<14}{rows[MINIDL]['seconds']:>10.3f}"
        line += f"{_number(rows[MINIDL]['of floor'], 2):>10}"
        if peer is not None:
            line += f"  {PEERS[peer].label:<22}{rows[peer]['seconds']:>10.3f}"
            line += f"{_number(lead(rows), 2):>8}"
        lines.append(line)
    for label, values in leads(results).items():
        lines.append(
            f"times faster than {label}: median {statistics.median(values):.2f}, "
            f"smallest {min(values):.2f} ({len(values)} jobs)"
        )
    return "\n".join(lines)


def markdown(jobs: Mapping[str, Mapping[str, Any]]) -> str:
    """The table of the README, from the jobs of ``train.json``."""
    shown = ("torch", "keras-tf")
    heads = ["", "network", "minidl, s", "fastest peer, s", "faster"]
    heads += [f"than {PEERS[name].label}" for name in shown]
    lines = [f"| {' | '.join(heads)} |", "|---|---|" + "---:|" * (len(heads) - 2)]
    for name, job in jobs.items():
        rows = job["peers"]
        peer = fastest_peer(rows)
        cells = [name, job["what"], f"{rows[MINIDL]['seconds']:.3f}"]
        cells.append(f"{PEERS[peer].label} {rows[peer]['seconds']:.3f}" if peer else "–")
        for ratio in (lead(rows), *(lead(rows, other) for other in shown)):
            cells.append("–" if ratio is None else f"{ratio:.1f}×")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def leads(results: dict[str, dict[str, Row]]) -> dict[str, list[float]]:
    """minidl's lead in each job: over the fastest peer, and over each."""
    wanted: dict[str, str | None] = {"the fastest peer": None}
    others = (peer for peer in PEERS.values() if peer.name not in (MINIDL, *FLOORS))
    wanted |= {peer.label: peer.name for peer in others}
    found = {
        label: [ratio for rows in results.values() if (ratio := lead(rows, peer)) is not None]
        for label, peer in wanted.items()
    }
    return {label: ratios for label, ratios in found.items() if ratios}
