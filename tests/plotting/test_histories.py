"""The curves are those of the histories, and a reader can tell them apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.figure import Figure

import minidl
from minidl.callbacks import History
from minidl.plotting import plot_comparison, plot_history, plot_sheet, plot_values
from minidl.plotting.style import COLOURS, MARKERS
from tests.plotting.made import ACCURACIES, LOSSES, a_history

NAN, INF = math.nan, math.inf


def legend(figure: Figure) -> list[str]:
    """The words of the only legend, without line breaks."""
    (found,) = figure.legends
    return [text.get_text().replace("\n", " ") for text in found.get_texts()]


def handles(figure: Figure) -> dict[str, object]:
    return dict(zip(legend(figure), figure.legends[0].legend_handles, strict=True))


# plot_history ------------------------------------------------------------------------------


def test_training_is_dashed_and_validation_solid():
    figure = plot_history(a_history(**LOSSES), values=["loss"])
    (axes,) = figure.axes
    dashed, solid = axes.lines
    assert (dashed.get_linestyle(), solid.get_linestyle()) == ("--", "-")
    np.testing.assert_array_equal(dashed.get_xydata(), [[1, 3.0], [2, 2.0], [3, 1.0]])
    np.testing.assert_array_equal(solid.get_ydata(), LOSSES["val_loss"])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss")
    assert legend(figure) == ["training", "validation"]
    assert [h.get_linestyle() for h in handles(figure).values()] == ["--", "-"]


def test_several_histories_have_a_colour_and_a_marker_each():
    runs = {"one": a_history(**LOSSES), "two": a_history(2, loss=[2.0, 1.0])}
    figure = plot_history(runs, values=["loss"])
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines] == ["one", "one", "two"]
    assert [line.get_color() for line in axes.lines] == [COLOURS[0], COLOURS[0], COLOURS[1]]
    assert [line.get_marker() for line in axes.lines] == ["o", "o", "s"]
    assert legend(figure) == ["one", "two", "training", "validation"]
    drawn = handles(figure)
    assert (drawn["two"].get_color(), drawn["two"].get_marker()) == (COLOURS[1], "s")
    # Fill tells the parts apart where there is no line to see: after one epoch.
    assert axes.lines[0].get_markerfacecolor() == "white"
    assert axes.lines[1].get_markerfacecolor() == COLOURS[0]
    assert drawn["training"].get_markerfacecolor() == "white"


def test_losses_after_the_epoch_are_a_third_curve():
    history = a_history(**LOSSES, train_loss=[2.5, 1.5, 0.5])
    figure = plot_history(history)
    dotted = figure.axes[0].lines[1]
    assert dotted.get_linestyle() == ":"
    np.testing.assert_array_equal(dotted.get_ydata(), [2.5, 1.5, 0.5])
    assert legend(figure) == ["training", "training, after the epoch", "validation"]


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (LOSSES, ["loss"]),
        ({**LOSSES, **ACCURACIES}, ["loss", "accuracy"]),
        ({**LOSSES, "acc": [0.5, 0.6, 0.7]}, ["loss", "accuracy"]),
        ({**LOSSES, "sparse_categorical_accuracy": [0.5, 0.6, 0.7]}, ["loss", "accuracy"]),
        ({**LOSSES, "binary_crossentropy": [0.5, 0.6, 0.7]}, ["loss"]),
    ],
)
def test_the_default_is_the_loss_and_an_accuracy_if_there_is_one(values, labels):
    figure = plot_history(a_history(**values))
    assert [axes.get_ylabel() for axes in figure.axes] == labels


def test_accuracies_of_different_names_share_an_axes():
    runs = {
        "one": a_history(**LOSSES, **ACCURACIES),
        "two": a_history(**LOSSES, acc=[0.1, 0.2, 0.3], val_acc=[0.2, 0.3, 0.4]),
    }
    axes = plot_history(runs).axes[1]
    assert [list(line.get_ydata()) for line in axes.lines] == [
        *ACCURACIES.values(),
        [0.1, 0.2, 0.3],
        [0.2, 0.3, 0.4],
    ]


def test_the_name_that_is_asked_for_comes_first():
    history = a_history(acc=[0.1, 0.2, 0.3], accuracy=[0.5, 0.6, 0.7])
    for name, series in history.history.items():
        (line,) = plot_history(history, values=[name]).axes[0].lines
        np.testing.assert_array_equal(line.get_ydata(), series)


def test_a_continued_training_keeps_the_numbers_of_its_epochs():
    (axes,) = plot_history(a_history(first=10, loss=[3.0, 2.0, 1.0])).axes
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [11, 12, 13])


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 20, 30, 99, 200, 1000])
def test_ticks_are_epochs(epochs):
    figure = plot_history(a_history(epochs, loss=np.linspace(1, 0.5, epochs)))
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert ticks
    assert all(tick == round(tick) for tick in ticks)
    assert 0 < low < 1
    assert high > epochs


def test_a_single_epoch_is_visible():
    (axes,) = plot_history(a_history(1, loss=[1.0], val_loss=[2.0])).axes
    training, validation = axes.lines
    assert training.get_marker() == validation.get_marker() == "o"
    assert training.get_markerfacecolor() != validation.get_markerfacecolor()


def test_a_curve_of_its_own_has_no_markers():
    (axes,) = plot_history(a_history(**LOSSES)).axes
    assert {line.get_marker() for line in axes.lines} <= {"", "None"}


def test_what_is_not_finite_is_a_gap_and_is_counted():
    values = [4.0, NAN, 3.0, INF, -INF, 1.0, 2.0]
    (axes,) = plot_history(a_history(7, loss=values, val_loss=[1.0] * 7)).axes
    line = axes.lines[0]
    np.testing.assert_array_equal(line.get_ydata(), [4.0, NAN, 3.0, NAN, NAN, 1.0, 2.0])
    # Of the points, those without a neighbour would not be seen.
    assert line.get_markevery() == [0, 2]
    assert line.get_marker() == "o"
    assert axes.get_xlabel() == "epoch\ntraining: 3 of 7 epochs not finite"
    assert all(map(math.isfinite, axes.get_ylim()))


def test_nothing_finite_at_all():
    runs = {"bad": a_history(2, loss=[NAN, INF]), "good": a_history(2, loss=[1.0, 2.0])}
    (axes,) = plot_history(runs).axes
    assert axes.get_xlabel() == "epoch\nbad, training: 2 of 2 epochs not finite"
    assert legend(plot_comparison(runs, "loss")) == ["bad", "good: lowest 1.000, epoch 1"]


@pytest.mark.parametrize(
    ("series", "scale"),
    [
        ([1.0, 0.5, 0.3, 0.2, 0.1], "linear"),
        ([9.0, 0.5, 0.4, 0.3, 0.3], "linear"),
        ([0.9, 0.5, 0.4, 0.3, 1e-9], "linear"),
        ([9e5, 3.0, 0.4, 0.3, 0.3], "log"),
        ([9e5, 3.0, 0.4, 0.3, 0.0], "linear"),
        ([9e5, 3.0, 0.4, NAN, 0.3], "log"),
    ],
)
def test_scales_that_are_far_apart(series, scale):
    (axes,) = plot_history(a_history(5, loss=series)).axes
    assert axes.get_yscale() == scale


def test_pairs_do_as_well_as_a_mapping():
    runs = {"one": a_history(**LOSSES), 0.5: a_history(2, loss=[2.0, 1.0])}
    for given in (runs, list(runs.items()), [list(pair) for pair in runs.items()]):
        assert legend(plot_history(given))[:2] == ["one", "0.5"]


def test_names_are_no_mathematics():
    figure = plot_sheet({"for $5 or $6": a_history(2, loss=[1.0, NAN]), "b": SHORT, "c": SHORT})
    texts = [*figure.legends[0].get_texts(), figure.axes[0].title, figure.axes[0].xaxis.label]
    assert sum("$5 or $6" in text.get_text() for text in texts) == 3
    assert not any(text.get_parse_math() for text in texts)


def test_eight_histories_are_told_apart_without_colours():
    lines = plot_comparison({f"{k}": a_history(**LOSSES) for k in range(8)}).axes[0].lines[:8]
    assert len({line.get_marker() for line in lines}) == 8


def test_more_histories_than_colours_stay_different():
    count = len(COLOURS) * len(MARKERS)
    runs = {f"{k}": a_history(**LOSSES) for k in range(count)}
    lines = plot_comparison(runs).axes[0].lines[:count]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == count


def test_markers_of_different_curves_stand_at_different_epochs():
    runs = {f"{k}": a_history(60, loss=np.ones(60)) for k in range(8)}
    lines = plot_history(runs).axes[0].lines
    places = [epoch for line in lines for epoch in line.get_markevery()]
    assert len(set(places)) == len(places)
    assert all(4 <= len(line.get_markevery()) <= 7 for line in lines)


# plot_values -------------------------------------------------------------------------------


def test_all_values_of_one_history():
    history = a_history(**LOSSES, **ACCURACIES, val_extra_name=[7.0, 8.0, 9.0])
    figure = plot_values(history)
    (axes,) = figure.axes
    drawn = [list(line.get_ydata()) for line in axes.lines]
    assert drawn == [*LOSSES.values(), *ACCURACIES.values(), [7.0, 8.0, 9.0]]
    assert [line.get_linestyle() for line in axes.lines] == ["--", "-", "--", "-", "-"]
    assert len({line.get_color() for line in axes.lines}) == 3
    assert legend(figure) == ["loss", "accuracy", "extra name", "training", "validation"]


def test_values_of_a_fit():
    """What a real training leaves is drawn, every value."""
    x = np.random.default_rng(0).normal(size=(20, 3))
    model = minidl.Sequential([minidl.layers.Dense(2, "softmax", kernel_regularizer="l2")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["acc"])
    history = model.fit(x, (x[:, 0] > 0).astype(int), epochs=4, validation_split=0.5, verbose=0)
    lines = plot_values(history).axes[0].lines
    assert sorted(list(line.get_ydata()) for line in lines) == sorted(history.history.values())


# plot_comparison ---------------------------------------------------------------------------


def test_comparison_draws_one_value_and_its_best_epoch():
    runs = {"one": a_history(**LOSSES), "two": a_history(2, val_loss=[1.0, 2.0])}
    figure = plot_comparison(runs)
    (axes,) = figure.axes
    one, two, best_of_one, best_of_two = axes.lines
    np.testing.assert_array_equal(one.get_ydata(), LOSSES["val_loss"])
    np.testing.assert_array_equal(two.get_xydata(), [[1, 1.0], [2, 2.0]])
    np.testing.assert_array_equal(best_of_one.get_xydata(), [[2, 2.0]])
    np.testing.assert_array_equal(best_of_two.get_xydata(), [[1, 1.0]])
    assert best_of_two.get_color() == two.get_color()
    assert best_of_two.get_marker() == two.get_marker()
    assert axes.get_ylabel() == "validation loss"
    assert legend(figure) == ["one: lowest 2.000, epoch 2", "two: lowest 1.000, epoch 1"]


def test_the_best_accuracy_is_the_highest():
    runs = [("one", a_history(**ACCURACIES)), ("two", a_history(val_acc=[0.1, 0.2, 0.3]))]
    figure = plot_comparison(runs, "val_accuracy")
    assert legend(figure) == ["one: highest 0.6500, epoch 2", "two: highest 0.3000, epoch 3"]
    assert figure.axes[0].get_ylabel() == "validation accuracy"


def test_the_best_is_among_what_is_finite():
    figure = plot_comparison(a_history(4, val_loss=[-INF, 3.0, 2.0, NAN]))
    assert legend(figure) == ["lowest 2.000, epoch 3"]
    label = figure.axes[0].get_xlabel()
    assert label == "epoch\nvalidation: 2 of 4 epochs not finite"


@pytest.mark.parametrize("part", ["", "val_", "train_"])
def test_the_loss_of_a_network_without_penalties_is_the_data_loss(part):
    plain = a_history(**{f"{part}loss": [3.0, 2.0, 1.0]})
    names = [f"{part}{name}" for name in ("loss", "data_loss", "penalty")]
    penalised = a_history(**dict(zip(names, np.eye(3) + 1, strict=True)))
    axes = plot_comparison({"plain": plain, "L2": penalised}, f"{part}data_loss").axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [3.0, 2.0, 1.0])
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), [1.0, 2.0, 1.0])
    assert "loss without penalty" in axes.get_ylabel()


def test_names_of_values_for_readers():
    history = a_history(
        loss=[1.0, 2.0, 3.0], val_acc=[1.0, 2.0, 3.0], train_binary_crossentropy=[1.0, 2.0, 3.0]
    )
    labels = [plot_comparison(history, name).axes[0].get_ylabel() for name in history.history]
    assert labels == [
        "training loss",
        "validation accuracy",
        "training binary crossentropy, after the epoch",
    ]


# plot_sheet --------------------------------------------------------------------------------

SHORT = a_history(2, loss=[9.0, 0.5], val_loss=[1.0, 2.0])


def test_sheet_has_an_axes_for_each_model_and_one_for_all():
    runs = {"one": a_history(**LOSSES), "two": SHORT, "three": a_history(**LOSSES)}
    figure = plot_sheet(runs)
    panels = figure.axes
    assert [axes.get_title() for axes in panels] == [*runs, "validation, compared"]
    assert all(axes.get_visible() for axes in panels)
    for axes, run in zip(panels, runs.values(), strict=False):
        assert [list(line.get_ydata()) for line in axes.lines] == list(run.history.values())
        assert [line.get_linestyle() for line in axes.lines] == ["--", "-"]
    assert [list(line.get_ydata()) for line in panels[3].lines] == [
        run.history["val_loss"] for run in runs.values()
    ]
    colours = [axes.lines[0].get_color() for axes in panels[:3]]
    assert [line.get_color() for line in panels[3].lines] == colours
    assert len(set(colours)) == 3
    assert legend(figure) == [*runs, "training", "validation"]


def test_sheet_has_the_same_limits_everywhere():
    figure = plot_sheet({"one": a_history(**LOSSES), "two": SHORT})
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    low, high = figure.axes[0].get_ylim()
    assert low <= 0.5
    assert high >= 9
    runs = {"one": a_history(**LOSSES), "two": a_history(loss=[1e9, 1e9, 1e9])}
    assert [axes.get_yscale() for axes in plot_sheet(runs).axes] == ["log", "log"]


def test_sheet_without_a_place_left():
    figure = plot_sheet({f"{k}": SHORT for k in range(4)})
    assert [axes.get_title() for axes in figure.axes] == ["0", "1", "2", "3"]
    assert legend(figure) == ["training", "validation"]
    # After one epoch the fill is all that tells the two apart.
    runs = {f"{k}": a_history(1, loss=[1.0], val_loss=[2.0]) for k in range(2)}
    for models in (runs, runs["0"]):
        training, validation = handles(plot_sheet(models)).values()
        assert training.get_marker() == validation.get_marker() == "o"
        assert training.get_markerfacecolor() != validation.get_markerfacecolor()


@pytest.mark.parametrize(
    ("models", "columns", "shape", "visible"),
    [(1, 2, (1, 1), 1), (2, 2, (1, 2), 2), (3, 1, (3, 1), 3), (4, 3, (2, 3), 5), (2, 9, (1, 2), 2)],
)
def test_sheet_of_other_shapes(models, columns, shape, visible):
    figure = plot_sheet({f"{k}": SHORT for k in range(models)}, columns=columns)
    grid = figure.axes[0].get_subplotspec().get_gridspec()
    assert (grid.nrows, grid.ncols) == shape
    assert sum(axes.get_visible() for axes in figure.axes) == visible
    ticks = [a.yaxis.get_major_ticks()[0] for a in figure.axes if a.get_visible()]
    assert all(tick.label1.get_visible() for tick in ticks)


def test_sheet_without_validation_compares_nothing():
    figure = plot_sheet({f"{k}": a_history(loss=[1.0, 2.0, 3.0]) for k in range(3)})
    assert [axes.get_visible() for axes in figure.axes] == [True, True, True, False]
    assert legend(figure) == ["training"]


def test_sheet_of_another_value():
    figure = plot_sheet([("one", a_history(**LOSSES, **ACCURACIES))], "accuracy")
    (axes,) = figure.axes
    assert [list(line.get_ydata()) for line in axes.lines] == list(ACCURACIES.values())
    assert axes.get_ylabel() == "accuracy"


# Errors ------------------------------------------------------------------------------------

PICTURES = [plot_history, plot_comparison, plot_sheet]


@pytest.mark.parametrize("plot", PICTURES)
@pytest.mark.parametrize("empty", [{}, [], ()])
def test_no_history(plot, empty):
    with pytest.raises(ValueError, match="expected at least one History, received none"):
        plot(empty)


@pytest.mark.parametrize("plot", [*PICTURES, plot_values])
def test_no_epoch(plot):
    with pytest.raises(ValueError, match="History: expected at least one epoch, received none"):
        plot(History())


@pytest.mark.parametrize("plot", PICTURES)
def test_no_epoch_of_one_of_them(plot):
    with pytest.raises(ValueError, match="two: expected at least one epoch"):
        plot({"one": a_history(**LOSSES), "two": History()})


@pytest.mark.parametrize("plot", [*PICTURES, plot_values])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "received NoneType"),
        (3, "received int"),
        ("history", "received str"),
        (minidl.Sequential([minidl.layers.Dense(1)]), "received Sequential"),
    ],
)
def test_not_a_history(plot, given, message):
    with pytest.raises(TypeError, match=f"expected a History.*{message}"):
        plot(given)


@pytest.mark.parametrize("plot", PICTURES)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (LOSSES, "loss: expected a History, as fit returns it, received list"),
        ([a_history(**LOSSES)], "pairs, received a sequence with History"),
        ([("a", a_history(**LOSSES), 3)], "pairs, received a sequence with tuple"),
        ([("a", minidl.Sequential())], "a: expected a History, .* received Sequential"),
    ],
)
def test_not_histories(plot, given, message):
    with pytest.raises(TypeError, match=message):
        plot(given)


@pytest.mark.parametrize("plot", PICTURES)
def test_two_of_one_name(plot):
    run = a_history(**LOSSES)
    with pytest.raises(ValueError, match="expected a name for each History, received 'a' twice"):
        plot([("a", run), ("b", run), ("a", run)])


@pytest.mark.parametrize("plot", [*PICTURES, plot_values])
def test_lengths_that_differ(plot):
    history = a_history(**LOSSES)
    history.history["val_loss"].append(1.0)
    with pytest.raises(ValueError, match="'val_loss' for each of 3 epochs, received 4"):
        plot(history)


@pytest.mark.parametrize(
    ("plot", "value", "message"),
    [
        (plot_history, ["los"], r"unknown value 'los'; did you mean 'loss'\? \(known: loss\)"),
        (plot_history, ["loss", "accuracy"], r"unknown value 'accuracy'.*known: loss"),
        (plot_history, ["val_loss"], r"unknown value 'val_loss'; did you mean 'loss'\?"),
        (plot_history, "loss", "values: expected a list of at least one name, received 'loss'"),
        (plot_history, [], r"values: expected a list of at least one name, received \[\]"),
        (plot_sheet, "val_loss", r"unknown value 'val_loss'; did you mean 'loss'\?"),
        (plot_sheet, "accuracy", r"unknown value 'accuracy'.*known: loss"),
        (plot_comparison, "val_los", r"unknown value 'val_los'.*known: loss, val_loss"),
        (plot_comparison, "val_accuracy", r"unknown value 'val_accuracy'.*known: loss, val_loss"),
    ],
)
def test_unknown_values(plot, value, message):
    with pytest.raises(ValueError, match=message):
        plot(a_history(**LOSSES), value)


@pytest.mark.parametrize("plot", [plot_comparison, plot_sheet])
def test_a_value_that_one_of_them_lacks(plot):
    runs = {"one": a_history(**LOSSES), "two": a_history(**ACCURACIES)}
    with pytest.raises(ValueError, match=r"two: unknown value '.*loss'.*known: .*accuracy"):
        plot(runs)


@pytest.mark.parametrize("columns", [0, -1])
def test_sheet_without_columns(columns):
    with pytest.raises(ValueError, match="columns: expected an integer of at least 1"):
        plot_sheet(a_history(**LOSSES), columns=columns)
