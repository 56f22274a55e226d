"""The curves of a fitted estimator, for its representation in a notebook."""

from __future__ import annotations

import io
from typing import Any


def curves(estimator: Any) -> str:
    """The loss against the epoch, as an SVG picture; "" where no epoch was trained."""
    history = getattr(estimator, "history_", None)
    if history is None or not history.epoch:
        return ""
    from minidl.plotting import plot_history  # matplotlib is loaded when a picture is drawn

    values = [name for name in ("loss", "score") if name in history.history]
    values += ["score"] if "val_score" in history.history else []
    file = io.StringIO()
    plot_history(history, values).savefig(file, format="svg")
    picture = file.getvalue()
    return picture[picture.index("<svg") :]
