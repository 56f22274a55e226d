"""All experiments and pictures, with a search by name."""

from __future__ import annotations

from collections.abc import Sequence

from examples.replays import t000, t001, t002, t003, t004
from examples.replays.experiment import Experiment, Picture

TUTORIALS = {"000": t000, "001": t001, "002": t002, "003": t003, "004": t004}
EXPERIMENTS: tuple[Experiment, ...] = tuple(
    experiment for tutorial in TUTORIALS.values() for experiment in tutorial.EXPERIMENTS
)


def find(document: str, names: Sequence[str]) -> tuple[Experiment, ...]:
    """The experiments of a tutorial, or of these names; of all tutorials for "all".

    Raises:
        ValueError: no such tutorial or experiment; the message lists the known names.
    """
    if document == "all" and not names:
        return EXPERIMENTS
    if document not in TUTORIALS:
        known = ", ".join((*TUTORIALS, "all"))
        raise ValueError(
            "all: expected no names of experiments after it"
            if document == "all"
            else f"unknown tutorial {document!r} (known: {known})"
        )
    own = {experiment.name: experiment for experiment in TUTORIALS[document].EXPERIMENTS}
    for name in names:
        if name not in own:
            raise ValueError(f"unknown experiment {document} {name!r} (known: {', '.join(own)})")
    return tuple(own[name] for name in names) if names else tuple(own.values())


def pictures(document: str) -> tuple[Picture, ...]:
    """The pictures of a tutorial."""
    found: tuple[Picture, ...] = TUTORIALS[document].PICTURES
    return found
