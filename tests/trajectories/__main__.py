"""Every trajectory, and how far each group ends from Keras, as tables.

They are those of docs/understand/correctness.md.

    python -m tests.trajectories

Some three minutes on one core; exit status 1 if anything is further away than is allowed.
"""

from __future__ import annotations

import sys
from collections import defaultdict

from tests.trajectories.cases import CHANGES, LOSSES, OPTIMIZERS, case, product
from tests.trajectories.running import APART, RTOL, Outcome, compare
from tests.trajectories.tutorials import TUTORIALS

COLUMNS = {
    change: "schedule" if CHANGES[change].schedule else change.replace("_", " ")
    for change in CHANGES
}
GROUPS = ("weights", "slots", "statistics", "losses")


def main() -> int:
    """The command; returns the exit status."""
    by_pair: dict[tuple[str, str], float] = defaultdict(float)
    by_loss: dict[tuple[str, str], float] = defaultdict(float)
    failed = []
    for name in product():
        outcome = compare(case(name))
        optimizer, change, loss = name
        pair = optimizer, COLUMNS[change]
        by_pair[pair] = max(by_pair[pair], outcome.worst()[1])
        for group, largest in largest_of(outcome).items():
            by_loss[loss, group] = max(by_loss[loss, group], largest)
        failed += problems(" / ".join(name), outcome)
    networks = {}
    for name, made in TUTORIALS.items():
        outcome = compare(made())
        networks |= {(name, group): value for group, value in largest_of(outcome).items()}
        failed += problems(name, outcome)
    print("\n\n".join([table(by_pair), table(by_loss), table(networks)]))
    print("\n".join(["", *failed, f"{len(failed)} of {count()} trajectories failed"]))
    return 1 if failed else 0


def count() -> int:
    """How many trajectories there are."""
    return len(OPTIMIZERS) * len(CHANGES) * len(LOSSES) + len(TUTORIALS)


def largest_of(outcome: Outcome) -> dict[str, float]:
    """The largest deviation of each group that has any tensors."""
    groups = {group: getattr(outcome, group) for group in GROUPS}
    return {group: max(found.values()) for group, found in groups.items() if found}


def problems(name: str, outcome: Outcome) -> list[str]:
    """A line for what is wrong."""
    tensor, largest = outcome.worst()
    found = []
    if largest > RTOL:
        found.append(f"{name}: {tensor} is {largest:.1e} from Keras's, allowed {RTOL:.0e}")
    if outcome.nearest <= APART:
        found.append(f"{name}: {outcome.nearest:.1e} from a jump of the gradient")
    return found


def table(values: dict[tuple[str, str], float]) -> str:
    """Markdown: a row for each first name, a column for each second."""
    rows, columns = (list(dict.fromkeys(key[k] for key in values)) for k in (0, 1))
    cells = [
        [row, *(f"{values[row, c]:.0e}" if (row, c) in values else "–" for c in columns)]
        for row in rows
    ]
    lines = [["", *columns], ["---"] * (len(columns) + 1), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
