"""The numeric gradient, and the one way in which tests compare a gradient with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

# The central difference D(h) = (f(x + h) - f(x - h)) / 2h is off by a term in h² for the curve,
# and by eps |f| / h for the rounding of f. The first goes by extrapolation, (4 D(h) - D(2h)) / 3:
# a term in h⁴ is left, 1e-21 of the fifth derivative at this h, the cube root of eps. The second
# stays: 4e-11 of |f| for each ulp by which a forward pass may be off.
STEP = float(np.cbrt(np.finfo(np.float64).eps))
ULPS = 16

# The analytic gradient is rounded too; and no wrong term is as small a share as this.
RELATIVE = 1e-7


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
        kinks: share of a tensor's entries that may lie within two steps of a kink. There the
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
    down2, down, up, up2 = (at(float(x[index]) + k * h) for k in (-2, -1, 1, 2))
    # Outputs that do not depend on this entry cancel exactly before they are weighted.
    numeric = float(np.sum(dy * (8 * (up - down) - (up2 - down2)))) / (12 * h)
    noise = ULPS * np.finfo(np.float64).eps * float(np.sum(np.abs(dy) * np.abs(up))) / h
    allowed = 2 * noise + RELATIVE * max(abs(analytic), abs(numeric))
    if abs(analytic - numeric) <= allowed:
        return False
    here = at(x[index])
    sides = sorted(float(np.sum(dy * rise)) / (2 * h) for rise in (up2 - here, here - down2))
    # A smooth curve's two sides differ by 2 h f'': 1e-3 is 80 times that for f'' of f's size.
    slack = 1e-3 * max(map(abs, sides)) + 2 * noise
    if sides[1] - sides[0] > slack and sides[0] - slack <= analytic <= sides[1] + slack:
        return True
    raise AssertionError(
        f"gradient of {name}{list(index)}: analytic {analytic:.12g}, numeric {numeric:.12g}, "
        f"{abs(analytic - numeric):.3g} apart, {allowed:.3g} allowed"
    )
