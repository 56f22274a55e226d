"""The derivative of a function of one number by differences: value, error, kinks.

The central difference D(h) = (φ(h) - φ(-h)) / 2h has an error in powers of h². One Richardson step
R(h) = (4 D(h) - D(2h)) / 3 removes the term in h². (Richardson, "The approximate arithmetical
solution by finite differences", Phil. Trans. R. Soc. A 210, 1911.)

A table explains the choice of one step and of h = 2⁻⁹. The numbers are the largest errors, relative
to the gradient, over 200 random directions, for sigmoid and softmax cross-entropy with 8 × 10
entries. ``python -m benchmarks.gradient_check_step`` prints the whole curve.

    h       plain D(h)   one step R(h)   two steps
    2⁻⁵     3e-06        4e-11           3e-13
    2⁻⁷     2e-07        1e-12           1e-12
    2⁻⁹     1e-08        4e-12           4e-12
    2⁻¹³    7e-11        6e-11           7e-11
    2⁻¹⁷    8e-10        1e-09           1e-09

The smallest errors: 7e-11 for plain differences, 1e-12 for one step, 2e-13 for two. So the second
step gains less than the first, and needs a wide h, within which a kink or a sharp bend may lie.
2⁻⁹ is a quarter of the best h for functions that vary on a scale of 1, so a function that varies
four times as fast still gets the best accuracy.

The error of R is measured, not assumed. *Rounding*: the noise σ of φ is estimated from the fourth
differences at points so near to each other that only noise is left (Moré & Wild, "Estimating
computational noise", SIAM J. Sci. Comput. 33, 2011); R has the noise 0.95 σ / h. *Curvature*:
|R(h) - R(2h)| is about 15 times the remaining term in h⁴ of R(h).

A *kink* shows in the second difference B(h) = (φ(h) - 2 φ(0) + φ(-h)) / h. For a smooth function,
B(2h) - 2 B(h) is of the order h³, so the value for 2h in place of h is 8 times as large. With a
kink between the points, the value is of the order of the jump in slope, for h and 2h alike. Then
the step shrinks until the kink is outside, or turns out to lie at the point itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

STEP = 2.0**-9
SHRINK = 8.0
SMALLEST = STEP / SHRINK**8

# In standard deviations of the noise, estimated from a dozen differences: a normal number never
# exceeds 8 deviations, and the estimate may be too small by a factor of 3.
DEVIATIONS = 24.0

# Smaller shares of the gradient count as 0: rounding of the analytic gradient, and a jump in the
# slope at a kink.
RELATIVE = 1e-9
JUMP = 1e-7

_EPS = float(np.finfo(np.float64).eps)
_WINDOW = 10  # points in a row for the noise
_ORDER, _GAMMA = 4, 1 / 70  # (k!)² / (2k)! for k = 4: the variance of a k-th difference, inverted

Terms = Callable[[float], np.ndarray]


class Slope(NamedTuple):
    """φ'(0).

    Attributes:
        value: R(h).
        error: bound on the error of R(h).
        left, right: the slopes to both sides, as accurate as the step allows.
        step: h.
        kink: True if a kink lies at 0, as far as differences can tell.
        reach: reach of the widest narrowed probe; 0.0 if none was narrowed.
    """

    value: float
    error: float
    left: float
    right: float
    step: float
    kink: bool = False
    reach: float = 0.0


class Line:
    """φ(t) = Σ terms(t), with the rise from 0 and the noise.

    Args:
        terms: the function as the terms of a sum; unchanged terms cancel exactly.
        scale: the unit of t; steps are shares of this unit.
        noise: σ if known from another direction, else measured.
    """

    def __init__(self, terms: Terms, scale: float, noise: float | None = None) -> None:
        self._terms, self.scale = terms, scale
        self._start = terms(0.0)
        self.noise = self._measured_noise() if noise is None else noise

    def rise(self, t: float) -> float:
        """φ(t) - φ(0); NaN outside the function's domain."""
        # A probe outside the domain is no mistake of the function.
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            return float(np.sum(self._terms(t) - self._start))

    def _measured_noise(self) -> float:
        step = STEP * self.scale
        near = step / 1024
        # Repeated rounding can stay hidden, so the noise is at least half an ulp of the terms that
        # change. If no term changes, rounding may hide every change, so all terms count.
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            moves = self._terms(step) != self._start
        moving = self._start[moves] if np.any(moves) else self._start
        least = _EPS / 2 * float(np.linalg.norm(moving[np.isfinite(moving)]))
        # Two windows away from 0, where kinks lie; a kink in the first is not in the second.
        seen = np.inf
        for start in (step, -step - (_WINDOW - 1) * near):
            rises = np.array([self.rise(start + k * near) for k in range(_WINDOW)])
            deviation = float(np.sqrt(np.mean(np.diff(rises, _ORDER) ** 2) * _GAMMA))
            if np.isfinite(deviation):
                seen = min(seen, deviation)
            if seen <= 64 * least:
                break
        return max(least, seen if np.isfinite(seen) else 0.0)


def slope(line: Line, magnitude: float) -> Slope:
    """φ'(0) by the widest step that neither curvature nor a kink spoils.

    Args:
        line: the function.
        magnitude: typical size of the derivatives; errors below a share of this size do not
            matter.
    """
    best: Slope | None = None
    step, reach, before = STEP * line.scale, 0.0, 0.0
    while True:
        found, curvature, bend = _at(line, step)
        rounding = DEVIATIONS * line.noise / step
        size = max(magnitude, abs(found.value))
        # A jump keeps its size; the bend of |x|^1.5 at 0 falls by √8 from step to step.
        if found.kink and bend > max(JUMP * size, before / 2):
            best, before = found, bend
            # With a smaller step, a jump of this size would drown in the noise.
            lost = bend < 3 * rounding * SHRINK
        else:
            bias = curvature + (bend if found.kink else 0.0)
            found, lost = found._replace(error=bias + rounding, kink=False), False
            if bias <= max(rounding, RELATIVE * size):
                return found._replace(reach=reach)
            if np.isfinite(bias) and (best is None or best.kink or found.error < best.error):
                best = found
        reach = reach or 4 * step
        step /= SHRINK
        if lost or step < 0.99 * SMALLEST * line.scale:
            return (best or found)._replace(reach=reach)


def _at(line: Line, h: float) -> tuple[Slope, float, float]:
    """The slope with step h, |R(h) - R(2h)|, and the size of a possible jump in slope."""
    s = {k: line.rise(k * h) for k in (-4, -2, -1, 1, 2, 4)}
    plain = {k: (s[k] - s[-k]) / (2 * k * h) for k in (1, 2, 4)}
    fine, coarse = ((4 * plain[k] - plain[2 * k]) / 3 for k in (1, 2))
    bends = {k: (s[k] + s[-k]) / (k * h) for k in (1, 2, 4)}
    bend, wider = (abs(bends[2 * k] - 2 * bends[k]) for k in (1, 2))
    kink = bend > max(3 * DEVIATIONS * line.noise / h, wider / 3)
    return Slope(fine, np.inf, -s[-1] / h, s[1] / h, h, kink), abs(fine - coarse), bend
