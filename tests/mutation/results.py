"""What came out: how many mutants each file has, which survived, and why they may."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from tests.mutation.mutants import Mutant
from tests.mutation.running import Outcome

PATH = Path(__file__).with_name("results.json")


@dataclass
class Survivor:
    """A mutant that no test noticed.

    Attributes:
        definition: the function or method changed.
        change: the lines before and after.
        reason: why nothing can notice it.
    """

    definition: str
    change: list[str]
    reason: str = ""

    def is_(self, mutant: Mutant) -> bool:
        """Whether it is this mutant."""
        return (self.definition, "\n".join(self.change)) == (mutant.definition, mutant.change)


@dataclass
class File:
    """The mutants of a file.

    Attributes:
        mutants: how many.
        unnamed: how many of those killed were by a failure that does not say what was changed.
        survivors: the others.
    """

    mutants: int = 0
    unnamed: int = 0
    survivors: list[Survivor] = field(default_factory=list)

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Mutants, killed, survivors, killed without a name."""
        left = len(self.survivors)
        return self.mutants, self.mutants - left, left, self.unnamed


@dataclass
class Results:
    """All files' mutants, by path."""

    files: dict[str, File] = field(default_factory=dict)

    @classmethod
    def load(cls) -> Results:
        """Those of the last time."""
        kept = json.loads(PATH.read_text(encoding="utf-8"))["files"] if PATH.exists() else {}
        return cls(
            {
                path: File(**{**f, "survivors": [Survivor(**s) for s in f["survivors"]]})
                for path, f in kept.items()
            }
        )

    def save(self) -> None:
        """Write them."""
        packages = {name: version(name) for name in ("cosmic-ray", "pytest", "hypothesis", "numpy")}
        found = {path: asdict(self.files[path]) for path in sorted(self.files)}
        text = json.dumps({"versions": packages, "files": found}, indent=1, ensure_ascii=False)
        PATH.write_text(text + "\n", encoding="utf-8")

    def survived(self, mutant: Mutant) -> Survivor | None:
        """The survivor that this mutant was."""
        survivors = self.files.get(mutant.path, File()).survivors
        return next((s for s in survivors if s.is_(mutant)), None)

    def put(self, path: str, outcomes: Sequence[Outcome], part: bool) -> None:
        """Take in the outcomes of a file; survivors keep their reasons.

        Args:
            part: they are of the last survivors alone, not of all its mutants.
        """
        survivors = []
        for outcome in outcomes:
            if not outcome.killed:
                mutant = outcome.mutant
                known = self.survived(mutant)
                survivors.append(known or Survivor(mutant.definition, mutant.change.splitlines()))
        unnamed = sum(outcome.killed and not outcome.named for outcome in outcomes)
        before = self.files.get(path, File())
        count = before.mutants if part else len(outcomes)
        self.files[path] = File(count, unnamed + before.unnamed * part, survivors)

    @property
    def counts(self) -> list[int]:
        """:attr:`File.counts` of all files together."""
        every = [File().counts, *(f.counts for f in self.files.values())]
        return [sum(column) for column in zip(*every, strict=True)]

    def score(self) -> float:
        """The share of the mutants that were killed."""
        mutants, _, survivors, _ = self.counts
        return 1 - survivors / max(1, mutants)

    def unexplained(self) -> list[str]:
        """Survivors without a reason."""
        return [
            f"{path}, {s.definition}\n" + "\n".join(s.change)
            for path, f in self.files.items()
            for s in f.survivors
            if not s.reason
        ]

    def table(self) -> str:
        """Markdown: a row for each file."""
        rows = [["file", "mutants", "killed", "survivors", "killed without a name"]]
        rows.append(["---", *["---:"] * 4])
        rows += [[path, *map(str, f.counts)] for path, f in sorted(self.files.items())]
        rows.append([f"all: {self.score():.2%}", *map(str, self.counts)])
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)
