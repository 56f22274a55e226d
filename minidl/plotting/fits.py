"""One-dimensional data with fitted lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from minidl.plotting import style

Fit = Callable[[Any], Any] | tuple[float, float]

_STYLES = ("-", "--", "-.", ":")
_SAMPLES = 200


def plot_fit(
    x: Any,
    y: Any,
    fits: Fit | Mapping[Any, Fit] | None = None,
    xlabel: str = "x",
    ylabel: str = "y",
) -> Figure:
    """The points (x, y) and fitted lines.

    Args:
        x, y: (N,) or (N, 1).
        fits: a ``predict`` that takes (M, 1) and gives (M,) or (M, 1); or (slope, intercept);
            or several of these by name. Default: the points alone.
        xlabel, ylabel: of the axes, with units.

    Raises:
        ValueError: x and y of different lengths, of more than one column, empty or not finite;
            predictions of another length.
        TypeError: a fit that is neither a function nor two numbers.
    """
    x, y = _column("x", x), _column("y", y)
    if len(x) != len(y):
        raise ValueError(f"expected as many x as y, received {len(x)} and {len(y)}")
    if fits is None:
        fits = {}
    elif not isinstance(fits, Mapping):
        fits = {"": fits}
    figure = style.figure(5, 4.2)
    axes = figure.subplots()
    # Translucent: points that coincide are seen to.
    axes.plot(x, y, "o", color=style.COLOURS[0], alpha=0.5, markeredgewidth=0, label="data")
    at = np.linspace(x.min(), x.max(), _SAMPLES)
    handles = []
    for k, (name, fit) in enumerate(fits.items()):
        line, formula = _line(str(name), fit, at)
        label = ": ".join(text for text in (str(name), formula) if text)
        handles += axes.plot(
            at, line, _STYLES[k % len(_STYLES)], color=style.COLOURS[(k + 1) % len(style.COLOURS)],
            label=label or "fit",
        )  # fmt: skip
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    style.frame(axes)
    if handles:
        style.legend(figure, handles)
    return figure


def _column(what: str, values: Any) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0 or array.size != len(np.atleast_1d(array)):
        raise ValueError(f"{what}: expected shape (N,) or (N, 1), received {array.shape}")
    array = array.reshape(-1)
    if not np.isfinite(array).all():
        raise ValueError(f"{what}: expected finite values, received NaN or infinity")
    return array


def _line(name: str, fit: Fit, x: np.ndarray) -> tuple[np.ndarray, str]:
    """The fit's values at x, and its formula where known."""
    if callable(fit):
        y = np.asarray(fit(x.reshape(-1, 1)), dtype=np.float64)
        if y.size != len(x):
            raise ValueError(
                f"{name or 'fit'}: expected {len(x)} predictions for {len(x)} rows, received "
                f"shape {y.shape}"
            )
        return y.reshape(-1), ""
    try:
        # One number each, of any shape: a regression's coef_ is (1,), a kernel (1, 1).
        slope, intercept = (np.asarray(number, dtype=np.float64).item() for number in fit)
    except (TypeError, ValueError):
        raise TypeError(
            f"{name or 'fit'}: expected a function or (slope, intercept), received {fit!r}"
        ) from None
    sign = "-" if intercept < 0 else "+"
    return slope * x + intercept, f"y = {slope:.3g} x {sign} {abs(intercept):.3g}"
