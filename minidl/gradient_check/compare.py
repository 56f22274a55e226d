"""Compare gradients with slopes along random directions; then entry by entry after a difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from minidl.gradient_check.directions import (
    locate,
    one_entry,
    random_direction,
    restricted,
    rms,
)
from minidl.gradient_check.errors import NotFiniteError
from minidl.gradient_check.hints import hint
from minidl.gradient_check.report import Entry, Failure, Kink, TensorCheck
from minidl.gradient_check.slopes import RELATIVE, Line, Slope, slope

Tensors = Mapping[str, np.ndarray]
#: the kinks on a line of points within a reach of 0; whether one is known to lie at 0
NameKinks = Callable[[Callable[[float], Tensors], float, bool], Sequence[Kink]]

DIRECTIONS = 2  # for each tensor; and one direction over all tensors
ENTRIES = 1024  # a wrong tensor of up to this size is checked entry by entry
SAMPLE = 64  # entries of a larger tensor; if all are right, a search finds the wrong ones
SEARCHED = 5  # limit for the named entries, wrong or at a kink

# Rounding that cancelled terms leave behind, as a share of the largest gradient of all.
CANCELLED = 1e-12


@dataclass
class Comparison:
    """The outcome for one function, in one mode.

    Attributes:
        checks: a check for each tensor.
        failures: the wrong tensors.
        kinks: kinks at the point itself.
        avoided: kinks outside a narrowed probe.
    """

    checks: list[TensorCheck] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    kinks: list[Kink] = field(default_factory=list)
    avoided: list[str] = field(default_factory=list)


def compare(
    tensors: Tensors,
    gradients: Tensors,
    terms: Callable[[Tensors], np.ndarray],
    name_kinks: NameKinks | None = None,
    mode: str = "",
    seed: int = 0,
) -> Comparison:
    """Compare ``gradients`` with the derivatives of f = Σ terms(tensors).

    A direction u is right if |<gradient, u> - slope| is at most the sum of three terms: the slope's
    error; RELATIVE times the slope or the gradient's root mean square, whichever is larger; and
    CANCELLED times the largest entry of all gradients.

    Args:
        tensors: the point, float64, on the host.
        gradients: analytic gradients of the tensors to check.
        terms: the function; summed here, so that unchanged terms cancel.
        name_kinks: names the subject's kinks, if the subject can.
        mode: "training", "inference" or "".
        seed: seed of the directions.

    Raises:
        NotFiniteError: the function has no finite value on one side of the point.
    """
    return _Comparing(tensors, gradients, terms, name_kinks, mode, seed).run()


class _Comparing:
    def __init__(
        self,
        tensors: Tensors,
        gradients: Tensors,
        terms: Callable[[Tensors], np.ndarray],
        name_kinks: NameKinks | None,
        mode: str,
        seed: int,
    ) -> None:
        self.tensors, self.gradients, self.terms = tensors, gradients, terms
        self.name_kinks, self.mode = name_kinks, mode
        self.random = np.random.default_rng(seed)
        self.noise: dict[str, float] = {}
        self.found = Comparison()
        self.largest = max(
            (float(np.abs(g).max()) for g in gradients.values() if g.size), default=0.0
        )

    def run(self) -> Comparison:
        checked = [name for name in self.gradients if self.tensors[name].size]
        for name in checked:
            self._tensor(name)
        if len(checked) > 1 and not self.found.failures and not self.found.kinks:
            self._together(checked)
        return self.found

    def _tensor(self, name: str) -> None:
        x, gradient = self.tensors[name], self.gradients[name]
        magnitude = rms(gradient)
        deviations = []
        for _ in range(DIRECTIONS):
            direction = random_direction(self.random, x.shape)
            found = self._slope({name: direction}, magnitude)
            self._avoided({name: direction}, found)
            if not found.kink:
                analytic = float(np.sum(gradient * direction))
                deviations.append(self._deviation(analytic, found, magnitude))
        if not deviations:  # no direction avoids the kink
            self._kink(name, found, direction, magnitude)
            return
        worst = max(deviations)
        self.found.checks.append(
            TensorCheck(name, self.mode, x.shape, worst.relative, worst.resolution)
        )
        if worst.wrong:
            self.found.failures.append(self._failure(name, worst, magnitude))

    def _together(self, names: Sequence[str]) -> None:
        """Compare along a move of all tensors at once, after a comparison of each alone."""
        sizes = [self.tensors[name].size for name in names]
        flat = random_direction(self.random, (sum(sizes),))
        parts = np.split(flat, np.cumsum(sizes)[:-1])
        moves = {n: p.reshape(self.tensors[n].shape) for n, p in zip(names, parts, strict=True)}
        analytic = sum(float(np.sum(self.gradients[n] * moves[n])) for n in names)
        magnitude = rms(np.concatenate([self.gradients[n].ravel() for n in names]))
        found = self._slope(moves, magnitude)
        self._avoided(moves, found)
        if found.kink:  # no tensor alone met the kink: the single directions missed it
            self.found.kinks += self._named(moves, found) or [self._somewhere("all tensors", found)]
            return
        deviation = self._deviation(analytic, found, magnitude)
        check = TensorCheck(
            "all together", self.mode, flat.shape, deviation.relative, deviation.resolution
        )
        self.found.checks.append(check)
        if deviation.wrong:
            self.found.failures.append(
                Failure(check, deviation.analytic, deviation.numeric, (), 0, "")
            )

    # Slopes ----------------------------------------------------------------------------

    def _points(self, moves: Tensors) -> Callable[[float], Tensors]:
        def at(t: float) -> Tensors:
            return {**self.tensors, **{n: self.tensors[n] + t * u for n, u in moves.items()}}

        return at

    def _slope(self, moves: Tensors, magnitude: float) -> Slope:
        """The slope along ``moves``."""
        at = self._points(moves)
        scale = max(1.0, *(rms(self.tensors[name]) for name in moves))
        key = " ".join(moves)
        line = Line(lambda t: self.terms(at(t)), scale, self.noise.get(key))
        self.noise[key] = line.noise
        found = slope(line, magnitude)
        if not np.isfinite(found.value):
            raise NotFiniteError(
                f"{self._label(key)}: expected finite values of the function around the point, "
                f"received {found.left:g} and {found.right:g} as slopes to the left and right at a "
                f"distance of {found.step:.2g}"
            )
        return found

    def _avoided(self, moves: Tensors, found: Slope) -> None:
        """Note the kinks that made a probe narrower."""
        if found.reach and not found.kink:
            places = [kink.place for kink in self._named(moves, found)]
            self.found.avoided += [p for p in places if p not in set(self.found.avoided)]

    def _deviation(self, analytic: float, found: Slope, magnitude: float) -> Deviation:
        size = max(abs(analytic), abs(found.value), magnitude)
        allowed = found.error + RELATIVE * size + CANCELLED * self.largest
        apart = abs(analytic - found.value)
        unit = max(size, self.largest / 1000) or 1.0
        return Deviation(apart > allowed, apart / unit, allowed / unit, analytic, found.value)

    def _label(self, name: str) -> str:
        return f"{self.mode}: {name}" if self.mode else name

    # Kinks -----------------------------------------------------------------------------

    def _named(self, moves: Tensors, found: Slope) -> list[Kink]:
        """The kinks at 0, or else the kinks that narrowed the probe."""
        if self.name_kinks is None:
            return []
        reach = 4 * found.step if found.kink else found.reach
        kinks = self.name_kinks(self._points(moves), reach, found.kink)
        return [kink._replace(place=self._label(kink.place)) for kink in kinks]

    def _kink(self, name: str, found: Slope, direction: np.ndarray, magnitude: float) -> None:
        """Name a kink at the point: by the subject, or else by the entries at the kink."""
        kinks = self._named({name: direction}, found)
        if not kinks:

            def meets(indices: np.ndarray) -> bool:
                return self._slope({name: restricted(direction, indices)}, magnitude).kink

            for index in locate(meets, np.arange(direction.size), SEARCHED):
                place = np.unravel_index(index, direction.shape)
                side = self._slope({name: one_entry(direction.shape, index)}, magnitude)
                value = float(self.tensors[name][place])
                what = self._label(name)
                kinks.append(Kink.at(what, [int(k) for k in place], value, side.left, side.right))
        self.found.kinks += kinks or [self._somewhere(name, found)]

    def _somewhere(self, name: str, found: Slope) -> Kink:
        return Kink(self._label(f"{name} along a random direction"), found.left, found.right)

    # Entries ---------------------------------------------------------------------------

    def _failure(self, name: str, worst: Deviation, magnitude: float) -> Failure:
        """The wrong entries, with their common pattern."""
        x, gradient = self.tensors[name], self.gradients[name]
        everything = np.arange(x.size)
        indices = everything
        if x.size > ENTRIES:
            indices = np.sort(self.random.choice(x.size, SAMPLE, replace=False))
        entries = [self._entry(name, int(k), magnitude) for k in indices]
        if x.size > ENTRIES and not any(entry.wrong for entry in entries):
            direction = random_direction(self.random, x.shape)

            def off(part: np.ndarray) -> bool:
                moved = restricted(direction, part)
                found = self._slope({name: moved}, magnitude)
                analytic = float(np.sum(gradient * moved))
                return self._deviation(analytic, found, magnitude).wrong

            entries += [self._entry(name, k, magnitude) for k in locate(off, everything, SEARCHED)]
        wrong = tuple(entry for entry in entries if entry.wrong)
        check = TensorCheck(name, self.mode, x.shape, worst.relative, worst.resolution)
        told = hint(entries, gradient, x)
        return Failure(check, worst.analytic, worst.numeric, wrong, len(entries), told)

    def _entry(self, name: str, index: int, magnitude: float) -> Entry:
        x, gradient = self.tensors[name], self.gradients[name]
        place = tuple(int(k) for k in np.unravel_index(index, x.shape))
        found = self._slope({name: one_entry(x.shape, index)}, magnitude)
        deviation = self._deviation(float(gradient[place]), found, magnitude)
        return Entry(place, deviation.analytic, deviation.numeric, deviation.wrong)


class Deviation(NamedTuple):
    """Deviation of an analytic slope from a numeric one.

    ``relative`` is the size and ``resolution`` the allowed size, both relative to the gradient or
    to a thousandth of the largest gradient, whichever is larger.
    """

    wrong: bool
    relative: float
    resolution: float
    analytic: float
    numeric: float
