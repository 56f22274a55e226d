"""The numeric gradient, and the one way in which tests compare a gradient with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

# Central differences are off by h² f'''/6 for the curve and eps |f| / h for the rounding of f:
# together least near the cube root of eps, and there about eps^(2/3) = 4e-11 of f's scale.
STEP = float(np.cbrt(np.finfo(np.float64).eps))

# The curve's share, STEP² / 6 · |f''' / f'|: room for third derivatives 1e5 times the first.
CURVE = 1e-6

# The rounding's share in units of eps |f| / h: a forward pass may be off by several ulps.
ULPS = 16


def check_gradient(
    forward: Callable[..., Any],
    inputs: Mapping[str, np.ndarray],
    gradients: Mapping[str, np.ndarray],
    dy: Any = 1.0,
    kinks: float = 0.0,
) -> None:
    """Assert that ``gradients`` are those of Σ dy · forward(**inputs), entry by entry.

    Args:
        forward: takes the inputs by name, as NumPy arrays, and returns a NumPy array.
        inputs: float64 arrays, and whatever else ``forward`` takes.
        gradients: the analytic gradient for each input that is to be probed, by its name.
        dy: weights of the forward's entries, the gradient handed to the backward.
        kinks: share of a tensor's entries that may lie within a step of a kink. There the
            differences to both sides disagree, and the analytic gradient has to lie between
            them. Kernel tests keep away from kinks; networks cannot.

    Raises:
        AssertionError: with the tensor, the entry, the analytic and the numeric value.
    """
    for name, analytic in gradients.items():
        x = inputs[name]
        if x.dtype != np.float64:
            raise TypeError(f"{name}: expected float64, received {x.dtype}")
        assert np.shape(analytic) == x.shape, (
            f"gradient of {name}: expected shape {x.shape}, received {np.shape(analytic)}"
        )
        at_kinks = [
            index
            for index in np.ndindex(x.shape)
            if _at_kink(forward, inputs, name, index, float(analytic[index]), dy)
        ]
        assert len(at_kinks) <= kinks * x.size, (
            f"gradient of {name}: {len(at_kinks)} of {x.size} entries lie at a kink: {at_kinks}"
        )


def _at_kink(
    forward: Callable[..., Any],
    inputs: Mapping[str, np.ndarray],
    name: str,
    index: tuple[int, ...],
    analytic: float,
    dy: Any,
) -> bool:
    """Compare one entry; whether only a kink excuses the difference."""
    x = inputs[name]

    def at(value: float) -> np.ndarray:
        moved = x.copy()
        moved[index] = value
        return np.array(forward(**{**inputs, name: moved}), dtype=np.float64)

    h = STEP * max(1.0, abs(float(x[index])))
    low, high = x[index] - h, x[index] + h
    down, up = at(low), at(high)
    # Outputs that do not depend on this entry cancel exactly before they are weighted.
    numeric = float(np.sum(dy * (up - down)) / (high - low))
    size = float(np.sum(np.abs(dy) * (np.abs(up) + np.abs(down))))
    noise = ULPS * np.finfo(np.float64).eps * size / (high - low)
    allowed = noise + CURVE * max(abs(analytic), abs(numeric))
    if abs(analytic - numeric) <= allowed:
        return False
    here = at(x[index])
    sides = sorted(
        [
            float(np.sum(dy * (up - here)) / (high - x[index])),
            float(np.sum(dy * (here - down)) / (x[index] - low)),
        ]
    )
    # A smooth curve's two sides differ by h f'': 1e-3 is 170 times that for f'' of f's size.
    slack = 1e-3 * max(map(abs, sides)) + 2 * noise
    if sides[1] - sides[0] > slack and sides[0] - slack <= analytic <= sides[1] + slack:
        return True
    raise AssertionError(
        f"gradient of {name}{list(index)}: analytic {analytic:.12g}, numeric {numeric:.12g}, "
        f"{abs(analytic - numeric):.3g} apart, {allowed:.3g} allowed"
    )
