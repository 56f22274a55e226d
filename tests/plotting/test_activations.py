"""The curves are those of the engine's kernels, and a jump of a derivative stays a jump."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import activations, layers
from minidl.plotting import plot_activations
from tests import registered
from tests.doubles.cupy_double import installed

ELEMENTWISE = [f.name for f in registered.ACTIVATIONS.values() if not f.rowwise]
LABELLED = 2  # lines through the origin


def curves(axes):
    """The function's line, the derivative's, and the circles."""
    lines = axes.lines[LABELLED:]
    return lines[0], lines[1], lines[2:]


def test_the_default_is_every_function_of_one_number():
    figure = plot_activations()
    panels = [axes for axes in figure.axes if axes.get_visible()]
    names = [axes.get_title().partition(",")[0] for axes in panels]
    assert names == ELEMENTWISE
    assert all(axes.get_xlim() == (-5, 5) for axes in panels)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["f(x)", "f′(x)"]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_curve_is_the_function(name):
    line, *_ = curves(plot_activations(name).axes[0])
    x, y = line.get_data()
    assert (x[0], x[-1]) == (-5, 5)
    np.testing.assert_array_equal(y, getattr(activations, name)(x))


#: Where slopes jump, but for those that jump at 0 alone.
KINKS = {
    "hard_sigmoid": (-3, 3), "relu6": (0, 6), "hard_tanh": (-1, 1), "hard_silu": (-3, 3),
    "hard_shrink": (-0.5, 0.5), "soft_shrink": (-0.5, 0.5), "sparse_sigmoid": (-1, 1),
    "sparse_plus": (-1, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_dashed_curve_is_its_derivative(name):
    line, dashed, _ = curves(plot_activations(name).axes[0])
    assert dashed.get_linestyle() == "--"
    x, slope = dashed.get_data()
    function, h = getattr(activations, name), 1e-6
    # Away from kinks; central differences of step h are good to h² + 1e-16 / h of the values.
    kinks = KINKS.get(name, (0,))
    away = np.all([np.abs(x - kink) > 2 * h for kink in kinks], axis=0)
    numeric = (function(x + h) - function(x - h)) / (2 * h)
    np.testing.assert_allclose(slope[away], numeric[away], rtol=1e-9, atol=1e-9)
    # It covers all of the curve.
    assert set(line.get_xdata()) <= set(x)


@pytest.mark.parametrize(
    ("item", "left", "right"),
    [
        ("relu", 0.0, 1.0),
        ("leaky_relu", 0.2, 1.0),
        (layers.LeakyReLU(0.1), 0.1, 1.0),
        (layers.LeakyReLU(3.0), 3.0, 1.0),
        (layers.ELU(0.5), 0.5, 1.0),
        (layers.ELU(0.0), 0.0, 1.0),
    ],
)
@pytest.mark.parametrize("interval", [(-5, 5), (-5, 4), (-0.3, 1000)])
def test_no_line_joins_a_jump(item, left, right, interval):
    _, dashed, circles = curves(plot_activations(item, interval).axes[0])
    x, slope = dashed.get_data()
    (gap,) = np.flatnonzero(np.isnan(slope))
    # The alpha · exp(x) of ELU changes by as much as x does.
    np.testing.assert_allclose(slope[[gap - 1, gap + 1]], [left, right], rtol=0, atol=1e-8)
    width = interval[1] - interval[0]
    np.testing.assert_allclose(x[[gap - 1, gap + 1]], 0, rtol=0, atol=1e-11 * width)
    assert x[gap - 1] <= 0 < x[gap + 1]
    finite = np.delete(slope, gap)
    assert np.all(finite[:gap] <= left + 1e-8)
    np.testing.assert_allclose(finite[gap:], right)
    # The value at the kink is the one from the left.
    closed, hollow = circles
    assert (closed.get_ydata()[0], hollow.get_ydata()[0]) == (slope[gap - 1], slope[gap + 1])
    assert closed.get_markerfacecolor() == closed.get_color()
    assert hollow.get_markerfacecolor() == "white"


def test_the_full_circle_is_the_value_at_the_jump():
    """At both kinks of the hard sigmoid: from the left at one, from the right at the other."""
    _, _, circles = curves(plot_activations("hard_sigmoid").axes[0])
    full = [c.get_markerfacecolor() == c.get_color() for c in circles]
    assert full == [True, False, True, False]
    places = [c.get_xdata()[0] for c in circles]
    np.testing.assert_allclose(places, [-3, -3, 3, 3], rtol=0, atol=1e-9)
    values = [c.get_ydata()[0] for c in circles]
    np.testing.assert_allclose(values, [0, 1 / 6, 0, 1 / 6])


@pytest.mark.parametrize(
    ("item", "interval"),
    [
        *((name, (-5, 5)) for name in ("linear", "sigmoid", "tanh", "elu")),
        ("sigmoid", (-1000, 1000)),
        ("elu", (-1e4, 10)),
        ("relu", (0.1, 5)),
        ("relu", (-5, -0.1)),
        (layers.LeakyReLU(1.0), (-5, 5)),
    ],
)
def test_what_is_steep_or_only_bent_has_no_gap(item, interval):
    _, dashed, circles = curves(plot_activations(item, interval).axes[0])
    assert np.isfinite(dashed.get_ydata()).all()
    assert not circles


def test_the_derivative_is_the_backward_kernel():
    """Whatever that computes."""

    def backward(dy, y, out):
        return np.multiply(dy, 7 + y, out=out)

    odd = activations.ActivationFunction("odd", activations.linear.forward, backward)
    (axes,) = plot_activations(odd).axes
    _, dashed, _ = curves(axes)
    x, slope = dashed.get_data()
    np.testing.assert_array_equal(slope, 7 + x)
    assert axes.get_title() == "odd"


def test_derivatives_can_be_left_out():
    figure = plot_activations(["relu", "tanh"], derivatives=False)
    assert [len(axes.lines) - LABELLED for axes in figure.axes] == [1, 1]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["f(x)"]


def test_names_functions_and_layers_do():
    items = ["elu", activations.tanh, layers.Sigmoid(), layers.LeakyReLU(0.1)]
    figure = plot_activations(items)
    titles = [axes.get_title() for axes in figure.axes if axes.get_visible()]
    assert titles == ["elu, alpha 1", "tanh", "sigmoid", "leaky_relu, negative_slope 0.1"]
    y = curves(figure.axes[3])[0].get_ydata()
    assert y[0] == pytest.approx(-0.5)


def test_it_is_drawn_whatever_the_backend():
    with installed(), minidl.backend.use("cupy"):
        y = curves(plot_activations("relu").axes[0])[0].get_ydata()
    assert isinstance(y, np.ndarray)
    assert y[-1] == 5


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((["rleu"],), ValueError, "unknown activation 'rleu'; did you mean 'relu'"),
        (("softmax",), ValueError, "work element by element, received 'softmax'"),
        ((layers.Softmax(),), ValueError, "work element by element, received 'softmax'"),
        (([],), ValueError, "at least one activation"),
        (([layers.Dense(3)],), TypeError, "activation: expected a name or a function .* Dense"),
        ((3,), TypeError, "activation: expected a name or a function .* received int"),
        (("relu", (5, -5)), ValueError, r"low < high, received \(5, -5\)"),
        (("relu", (1, 1)), ValueError, "low < high"),
        (("relu", (0, np.inf)), ValueError, "interval: expected a number"),
        (("relu", (0, 1, 2)), ValueError, r"interval: expected \(low, high\).*\(0, 1, 2\)"),
        (("relu", 5), ValueError, r"interval: expected \(low, high\).* received 5"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        plot_activations(*arguments)
