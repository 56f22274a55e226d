"""The curves of a fitted estimator, for display in a notebook."""

from __future__ import annotations

import io
from typing import Any

_SVG = '<svg style="max-width: 100%; height: auto"'


def curves(estimator: Any) -> str:
    """Loss and score against the epoch, as an SVG picture; "" without a trained epoch."""
    history = getattr(estimator, "history_", None)
    if history is None or not history.epoch:
        return ""
    from minidl.plotting import plot_history  # imports matplotlib, which only a picture needs

    values = ["loss", "score"] if "val_score" in history.history else None
    file = io.StringIO()
    plot_history(history, values).savefig(file, format="svg")
    picture = file.getvalue()
    # As wide as the page allows.
    return picture[picture.index("<svg") :].replace("<svg", _SVG, 1)
