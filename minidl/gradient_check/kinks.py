"""Places of a network's kinks: the unit of an activation, the weight, or the output."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minidl.backend import Backend
from minidl.gradient_check.report import Kink
from minidl.gradient_check.slopes import Line, slope
from minidl.layers import Activation
from minidl.network import Network
from minidl.regularizers.arrays import costs

# Distances at which a function of one number is evaluated, as shares of the reach.
SHARES = (-1.0, -0.5, 0.0, 0.5, 1.0)
NAMED = 20  # limit for the kinks of one layer on one line
SEARCHED = 1024  # limit for the outputs of a network that are moved one by one

_EPS = float(np.finfo(np.float64).eps)


def bent(x: Sequence[np.ndarray], y: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Elements of y(x) that have a kink, and their slopes to the left and to the right.

    Args:
        x, y: arguments and values at SHARES of the reach.

    If y is smooth, the slopes to both sides differ by reach · y'', and by half as much at half the
    reach. At a kink, the difference is equally large at half the reach; with a kink between both
    distances, the difference there is 0. A difference below 1e-4 of the slope does not matter.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        left, near_left, near_right, right = ((y[k] - y[2]) / (x[k] - x[2]) for k in (0, 1, 3, 4))
        steepest = np.maximum(abs(left), abs(right))
        noise = 64 * _EPS * abs(y[2]) / np.minimum(abs(x[1] - x[2]), abs(x[3] - x[2]))
        wide, narrow = right - left, near_right - near_left
        found = (abs(wide) > 1e-4 * steepest + noise) & (abs(narrow - wide / 2) > abs(wide) / 20)
    backwards = x[4] < x[0]
    return found, np.where(backwards, right, left), np.where(backwards, left, right)


@contextlib.contextmanager
def watched(network: Network) -> Iterator[dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Record the inputs and outputs of each elementwise activation in the block, by name."""
    seen: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    activations = [
        (layer.name if part is layer else f"{layer.name} ({part.function.name})", part)
        for layer in network.leaves
        for part in (layer, *vars(layer).values())
        if isinstance(part, Activation) and not part.function.rowwise
    ]

    def watching(name: str, forward: Callable[..., Any]) -> Callable[..., Any]:
        def watched_forward(x: Any, *arguments: Any) -> Any:
            z = network.backend.to_host(x).copy()
            y = forward(x, *arguments)
            seen[name] = z, network.backend.to_host(y).copy()
            return y

        return watched_forward

    for name, activation in activations:
        activation.forward = watching(name, activation.forward)  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        for _, activation in activations:
            del activation.forward


def of_activations(network: Network, run: Callable[[float], object], reach: float) -> list[Kink]:
    """The kinks of activations within ``reach`` of 0.

    Args:
        network: the network with the activations.
        run: function of a distance from 0 that makes a forward pass there.
        reach: largest distance.
    """
    passes = []
    with watched(network) as seen:
        for share in SHARES:
            run(share * reach)
            passes.append(dict(seen))
    found: list[Kink] = []
    for name in passes[0]:
        x, y = zip(*(one[name] for one in passes), strict=True)
        found += _kinks(f"{name}: input", x[2], *bent(x, y))
    return found


def of_penalties(network: Network, theta: np.ndarray, reach: float) -> list[Kink]:
    """The kinks of penalties within ``reach`` of the weights."""
    found: list[Kink] = []
    for entry in network.parameters:
        if entry.regularizer is not None and not entry.regularizer.proximal:
            weights = theta[entry.slice]
            x = [weights + share * reach for share in SHARES]
            y = []
            for moved in x:
                out = network.backend.to_device(np.empty_like(moved))
                terms = costs(entry.regularizer, network.backend.to_device(moved), out)
                y.append(network.backend.to_host(terms))
            parts = (part.reshape(entry.shape) for part in bent(x, y))
            name = f"penalty of {entry.name}: weight"
            found += _kinks(name, weights.reshape(entry.shape), *parts)
    return found


def of_outputs(
    name: str, terms: Callable[[Any], np.ndarray], outputs: np.ndarray, backend: Backend
) -> list[Kink]:
    """The kinks of a loss at the outputs of a network, with each output moved alone."""
    if outputs.size > SEARCHED:
        return []
    found: list[Kink] = []
    for place in np.ndindex(outputs.shape):

        def at(t: float, place: tuple[int, ...] = place) -> np.ndarray:
            moved = outputs.copy()
            moved[place] += t
            return terms(backend.to_device(moved))

        side = slope(Line(at, 1.0), 0.0)
        if side.kink:
            value = outputs[place]
            found.append(Kink.at(f"{name}: output", place, value, side.left, side.right))
    return found


def _kinks(
    what: str, values: np.ndarray, found: np.ndarray, left: np.ndarray, right: np.ndarray
) -> list[Kink]:
    places = [tuple(place) for place in np.argwhere(found)[:NAMED]]
    return [Kink.at(what, place, values[place], left[place], right[place]) for place in places]
