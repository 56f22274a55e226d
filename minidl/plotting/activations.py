"""Activation functions and their derivatives as curves, computed by the engine's kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from minidl import activations, checks
from minidl.activations import ActivationFunction
from minidl.layers import Activation
from minidl.names.lookup import known
from minidl.plotting import style

_FUNCTION, _DERIVATIVE = style.COLOURS[:2]
_SAMPLES = 1001
_STEEP = 1e-3  # of the curve's height: a smaller step between samples is no jump
_NARROW = 1e-12  # of the interval: a step within so little is a jump
_WIDTH, _TITLE = 2.8, 10  # inches of an axes; points of its title

_Item = str | ActivationFunction | Activation


def plot_activations(
    functions: _Item | Sequence[_Item] | None = None,
    interval: tuple[float, float] = (-5.0, 5.0),
    derivatives: bool = True,
) -> Figure:
    """y = f(x) and dashed its derivative, one axes for each function.

    Where the derivative jumps the curve is open: a full circle is the value at the jump, a hollow
    one the end of the other side.

    Args:
        functions: names, functions of :mod:`minidl.activations`, or layers for other constants
            than the default ones (``layers.LeakyReLU(0.1)``). Default: all that work element
            by element.
        interval: of x; default (-5, 5).
        derivatives: True draws the derivatives; default True.

    Raises:
        ValueError: an unknown name, no function, softmax (which has no curve: each output
            depends on the whole row), or an empty interval.
        TypeError: neither a name, a function nor a layer.
    """
    if functions is None:
        every = dict.fromkeys(known(ActivationFunction).values())
        functions = [f for f in every if not f.rowwise]
    elif isinstance(functions, str) or not isinstance(functions, Sequence):
        functions = [functions]
    found = [_resolve(item) for item in functions]
    if not found:
        raise ValueError("expected at least one activation, received none")
    if np.shape(interval) != (2,) or not interval[0] < interval[1]:
        raise ValueError(f"interval: expected (low, high), low < high, received {interval}")
    low, high = (checks.real("interval", end, -math.inf) for end in interval)
    x = np.linspace(low, high, _SAMPLES)

    columns = min(3, len(found))
    rows = math.ceil(len(found) / columns)
    figure = style.figure(3.4 * columns, 2.7 * rows)  # inches
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels[len(found) :]:
        axes.set_visible(False)
    for axes, (function, constants) in zip(panels, found, strict=False):
        axes.axhline(0, color="0.6", linewidth=0.8)
        axes.axvline(0, color="0.6", linewidth=0.8)
        axes.plot(x, _curve(function, constants, x)[0], color=_FUNCTION)
        if derivatives:
            xs, slopes, jumps = _slopes(function, constants, x)
            axes.plot(xs, slopes, "--", color=_DERIVATIVE)
            digits = 11 - math.ceil(math.log10(high - low))  # less than the jumps are known to
            for k in jumps:
                at = np.array([np.round(xs[[k - 1, k + 1]].mean(), digits)])
                left, right = abs(slopes[[k - 1, k + 1]] - _curve(function, constants, at)[1])
                full, hollow = (k - 1, k + 1) if left <= right else (k + 1, k - 1)
                for end, inside in ((full, _DERIVATIVE), (hollow, "white")):
                    axes.plot(
                        xs[end : end + 1], slopes[end : end + 1], "o", color=_DERIVATIVE,
                        markerfacecolor=inside, markersize=5,
                    )  # fmt: skip
        given = zip(function.constants, constants, strict=True)
        title = ", ".join([function.name, *(f"{n} {v:g}" for n, v in given)])
        axes.set_title(style.wrapped(title, _WIDTH, _TITLE), fontsize=_TITLE)
        axes.set_xlabel("x")
        axes.set_xlim(low, high)
        style.frame(axes)
    curves = [Line2D([], [], color=_FUNCTION, label="f(x)")]
    if derivatives:
        curves.append(Line2D([], [], color=_DERIVATIVE, linestyle="--", label="f′(x)"))
    style.legend(figure, curves)
    return figure


def _resolve(item: _Item) -> tuple[ActivationFunction, tuple[float, ...]]:
    """A function and its constants."""
    if isinstance(item, Activation):
        function, constants = item.function, item.constants
    else:
        function = activations.get(item)
        constants = tuple(function.constants.values())
    if function.rowwise:
        raise ValueError(
            f"expected activations that work element by element, received {function.name!r}, "
            "whose outputs depend on the whole row"
        )
    return function, constants


def _curve(
    function: ActivationFunction, constants: tuple[float, ...], x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """f(x) and f'(x), by the kernels that layers call."""
    y, dx = np.empty_like(x), np.empty_like(x)
    values: dict[str, Any] = {"x": x, "y": y, "dy": np.ones_like(x)}
    values |= dict(zip(function.constants, constants, strict=True))
    function.run_forward(values, y)
    function.run_backward(values, dx)
    return y, dx


def _slopes(
    function: ActivationFunction, constants: tuple[float, ...], x: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """The derivative's curve, with a NaN at each jump; and the places of the jumps.

    Each steep step between two samples is halved until it is flat, or so narrow that no
    continuous function could climb as much.
    """
    slopes = _curve(function, constants, x)[1]
    least = _STEEP * np.ptp(slopes)
    xs, ys, jumps = [x[0]], [slopes[0]], []
    for k in range(1, len(x)):
        ends, values = x[k - 1 : k + 1].copy(), slopes[k - 1 : k + 1].copy()
        while abs(values[1] - values[0]) > least and np.ptp(ends) > _NARROW * (x[-1] - x[0]):
            middle = ends.mean(keepdims=True)
            value = _curve(function, constants, middle)[1]
            # Towards the half with the larger step.
            side = int(abs(value[0] - values[0]) < abs(values[1] - value[0]))
            ends[1 - side], values[1 - side] = middle[0], value[0]
        if abs(values[1] - values[0]) > least:
            jumps.append(len(xs) + 1)
            xs += [ends[0], np.nan, ends[1]]
            ys += [values[0], np.nan, values[1]]
        xs.append(x[k])
        ys.append(slopes[k])
    return np.array(xs), np.array(ys), jumps
