"""A network's picture: a box for each layer, nothing outside, nothing on top of another."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import pytest
from matplotlib.patches import FancyBboxPatch

import minidl
from minidl.layers import BatchNormalization, Dense, Flatten, Input
from minidl.plotting import plot_network
from minidl.utils import plot_model


def model() -> minidl.Sequential:
    return minidl.Sequential(
        [
            Input((4, 3)),
            Flatten(name="flat"),
            Dense(1000, "relu", name="a_layer_with_a_rather_long_name"),
            BatchNormalization(name="norm"),
            Dense(2, name="top"),
        ]
    )


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def test_classes_alone() -> None:
    assert texts(plot_network(model())) == [
        "Input", "Flatten", "Dense", "BatchNormalization", "Dense",
    ]  # fmt: skip


def test_all_that_can_be_shown() -> None:
    figure = plot_network(
        model(),
        show_shapes=True,
        show_dtype=True,
        show_layer_names=True,
        show_layer_activations=True,
        show_trainable=True,
    )
    assert texts(figure) == [
        "Input", "(None, 4, 3)",
        "flat (Flatten)", "(None, 4, 3) → (None, 12)", "float32", "trainable: 0",
        "a_layer_with_a_rather_long_name (Dense)", "activation: relu",
        "(None, 12) → (None, 1000)", "float32", "trainable: 13,000",
        "norm (BatchNormalization)", "(None, 1000) → (None, 1000)", "float32",
        "trainable: 2,000, not: 2,000",
        "top (Dense)", "activation: linear", "(None, 1000) → (None, 2)", "float32",
        "trainable: 2,002",
    ]  # fmt: skip


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_texts_lie_in_their_boxes_and_boxes_apart(rankdir: str) -> None:
    figure = plot_network(model(), True, True, True, rankdir, True, True)
    figure.canvas.draw()
    axes = figure.axes[0]
    boxes = [
        patch.get_window_extent() for patch in axes.patches if isinstance(patch, FancyBboxPatch)
    ]
    assert len(boxes) == 5
    for number, one in enumerate(boxes):
        assert figure.bbox.x0 <= one.x0 < one.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= one.y0 < one.y1 <= figure.bbox.y1
        assert not any(one.overlaps(other) for other in boxes[number + 1 :])
    for text in axes.texts:
        if text.get_text():
            extent = text.get_window_extent()
            assert any(
                box.x0 <= extent.x0 and extent.x1 <= box.x1
                and box.y0 <= extent.y0 and extent.y1 <= box.y1
                for box in boxes
            ), text  # fmt: skip


def test_a_file(tmp_path: Path) -> None:
    """With so many dots an inch; without a path nothing is written."""
    figure = plot_model(model(), tmp_path / "model.png", show_shapes=True, dpi=50)
    height, width = matplotlib.image.imread(tmp_path / "model.png").shape[:2]
    assert (width, height) == tuple(int(50 * inches) for inches in figure.get_size_inches())
    plot_model(model(), None)
    assert [path.name for path in tmp_path.iterdir()] == ["model.png"]


def test_another_direction() -> None:
    with pytest.raises(ValueError, match="rankdir: expected 'TB' or 'LR', received 'BT'"):
        plot_network(model(), rankdir="BT")
