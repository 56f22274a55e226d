"""The figures show what they were given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from minidl.callbacks import History
from minidl.plotting import plot_history, plot_predictions, plot_weights


def a_history(epochs=3, **values):
    history = History()
    for epoch in range(epochs):
        history.on_epoch_end(epoch, {name: series[epoch] for name, series in values.items()})
    return history


LOSSES = {"loss": [3.0, 2.0, 1.0], "val_loss": [3.5, 2.5, 2.0]}


def test_history_draws_training_dashed_and_validation_solid():
    figure = plot_history(a_history(**LOSSES), values=["loss"])
    (axes,) = figure.axes
    dashed, solid = axes.lines
    assert (dashed.get_linestyle(), solid.get_linestyle()) == ("--", "-")
    np.testing.assert_array_equal(dashed.get_xydata(), [[1, 3.0], [2, 2.0], [3, 1.0]])
    np.testing.assert_array_equal(solid.get_ydata(), LOSSES["val_loss"])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss")


def test_several_histories_have_a_colour_and_a_name_each():
    runs = {"one": a_history(**LOSSES), "two": a_history(2, loss=[2.0, 1.0])}
    (axes,) = plot_history(runs, values=["loss"]).axes
    assert [line.get_label() for line in axes.lines] == [
        "one, training",
        "one, validation",
        "two, training",
    ]
    assert len({line.get_color() for line in axes.lines}) == 2
    assert axes.get_legend() is not None


def test_a_single_epoch_is_visible():
    (axes,) = plot_history(a_history(1, loss=[1.0]), values=["loss"]).axes
    assert axes.lines[0].get_marker() == "o"


@pytest.mark.parametrize(
    ("histories", "values", "message"),
    [
        ({}, ["loss"], "at least one History"),
        (a_history(**LOSSES), ["los"], r"expected a value of \['loss', 'val_loss'\].*'los'"),
    ],
)
def test_history_errors(histories, values, message):
    with pytest.raises(ValueError, match=message):
        plot_history(histories, values=values)


def test_predictions_are_blue_where_right_and_red_where_wrong():
    images = np.arange(3 * 4).reshape(3, 2, 2)
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]])
    figure = plot_predictions(images, probabilities, [0, 1, 1], ["cat", "dog"], rows=2, columns=2)
    pictures, bars = figure.axes[0::2], figure.axes[1::2]
    titles = [axes.get_title(loc="left") for axes in pictures]
    assert titles == ["cat 90% (cat)", "cat 70% (dog)", "dog 80% (dog)", ""]
    colours = [axes._left_title.get_color() for axes in pictures[:3]]
    assert colours == ["tab:blue", "tab:red", "tab:blue"]
    blue, red = to_rgba("tab:blue"), to_rgba("tab:red")
    assert [bar.get_facecolor() for bar in bars[1].patches] == [red, blue]
    assert [bar.get_width() for bar in bars[0].patches] == [0.9, 0.1]
    np.testing.assert_array_equal(pictures[2].images[0].get_array(), images[2])
    assert not pictures[3].images
    assert not pictures[3].axison


def test_predictions_errors():
    with pytest.raises(ValueError, match="as many images as probabilities and labels"):
        plot_predictions(np.zeros((2, 2, 2)), np.zeros((1, 2)), [0, 1], ["a", "b"])
    with pytest.raises(ValueError, match="expected 3 probabilities a row"):
        plot_predictions(np.zeros((1, 2, 2)), np.zeros((1, 2)), [0], ["a", "b", "c"])


def test_weights_show_the_strongest_units_on_one_scale():
    weights = np.zeros((6, 3))
    weights[:, 2] = np.arange(6.0)
    weights[:, 0] = 1.0
    figure = plot_weights(weights, (2, 3), count=2)
    first, second = (axes.images[0] for axes in figure.axes[:2])
    np.testing.assert_array_equal(first.get_array(), np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(second.get_array(), np.ones((2, 3)))
    assert first.get_clim() == second.get_clim()
    assert first.get_clim()[0] == -first.get_clim()[1]


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"expected weights of shape \(6, units\).*\(5, 3\)"):
        plot_weights(np.zeros((5, 3)), (2, 3))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_figures_can_be_written(tmp_path, count):
    plot_weights(np.ones((4, count)), (2, 2)).savefig(tmp_path / "weights.png")
    assert (tmp_path / "weights.png").read_bytes().startswith(b"\x89PNG")
