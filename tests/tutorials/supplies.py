"""What a tutorial finds around it while it runs: data, pictures, helpers that it never shows."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import sklearn.linear_model
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.model_selection import train_test_split

import minidl
from minidl import seeds
from minidl.callbacks import History
from minidl.datasets import DataNotFoundError, fashion_mnist, imdb, mnist
from minidl.layers import names
from minidl.plotting import plot_history

#: The most that the reviews of both splits may take as dense float64 rows. Whole, 10,000 words
#: take 4 GB, and their tutorial's process 4.6 GB and 9 s; so, 1.5 GB (as much as tutorial 000's)
#: and 5 s.
DENSE_BYTES = 800_000_000
HELPERS = ("visual", "plotter", "dataloader")


class Pictures:
    """Draws figures where nobody looks, and counts them."""

    def __init__(self) -> None:
        self.count = 0

    def draw(self, figure: Figure) -> None:
        """Draw a figure that belongs to no window."""
        FigureCanvasAgg(figure).draw()
        self.count += 1

    def show(self, *args: Any, **options: Any) -> None:
        """In place of ``plt.show``: draw and close what is open."""
        for number in plt.get_fignums():
            self.draw(plt.figure(number))
        plt.close("all")


class _Coefficients(np.ndarray):
    """An array of one number formats as that number, as every array did before NumPy 2.4."""

    def __float__(self) -> float:
        return float(self.item())


def _formats(kind: Any, note: Callable[[str], None]) -> type:
    """The estimator, with a lone coefficient that ``"%0.2f" % coef_`` takes."""

    def fit(self: Any, *args: Any, **options: Any) -> Any:
        kind.fit(self, *args, **options)
        if np.size(self.coef_) == 1:
            note("a lone coefficient of scikit-learn formats as a number, as before NumPy 2.4")
            self.coef_ = np.asarray(self.coef_).view(_Coefficients)
        return self

    return type(kind.__name__, (kind,), {"fit": fit, "__module__": kind.__module__})


def prelude(names: set[str]) -> dict[str, Any]:
    """Those of the names that tutorial 002 takes for granted: modules and Fashion-MNIST.

    Its 60,000 training images are divided by 255 and split 48,000 : 12,000, as its step counts
    (1,500 of 32 rows) say.
    """
    modules = {"np": np, "plt": plt, "keras": minidl}
    supplied: dict[str, Any] = {name: modules[name] for name in names & modules.keys()}
    split = ("train_data_scaled", "val_data_scaled", "train_target", "val_target")
    if names & set(split):
        (images, labels), _ = fashion_mnist.load_data()
        parts = train_test_split(images / 255.0, labels, test_size=0.2, random_state=42)
        supplied |= {name: part for name, part in zip(split, parts, strict=True) if name in names}
    return supplied


@contextlib.contextmanager
def supplied(pictures: Pictures, note: Callable[[str], None]) -> Iterator[None]:
    """The surroundings of one document; afterwards the process is as it was, but for the backend.

    Reviews come cut to what :data:`DENSE_BYTES` allows, MNIST as Fashion-MNIST where it cannot
    be had; ``visual``, ``plotter`` and ``dataloader`` can be imported; layers are numbered from
    0, and random numbers are the same each time.

    Args:
        pictures: gets the figures.
        note: is told of everything that is not what the document asks for.
    """
    plt.switch_backend("Agg")
    counts, seed = names._counts.copy(), (seeds._seed, seeds._models)
    disabled = logging.root.manager.disable
    random = np.random.get_state()  # noqa: NPY002  the documents use and set it
    with contextlib.ExitStack() as stack:
        for owner, name, value in (
            (imdb, "load_data", _affordable(imdb.load_data, note)),
            (mnist, "load_data", _or_fashion_mnist(mnist.load_data, note)),
            *(
                (sklearn.linear_model, name, _formats(getattr(sklearn.linear_model, name), note))
                for name in ("LinearRegression", "Lasso", "Ridge")
            ),
            (plt, "show", pictures.show),
        ):
            stack.enter_context(mock.patch.object(owner, name, value))
        for name, module in _helpers(pictures).items():
            # Of sys.modules these alone: whatever else is imported meanwhile stays imported.
            stack.enter_context(_importable(name, module))
        stack.enter_context(mock.patch.dict(os.environ))
        names._counts.clear()
        minidl.utils.set_random_seed(0)
        try:
            yield
        finally:
            plt.close("all")
            names._counts.clear()
            names._counts.update(counts)
            seeds._seed, seeds._models = seed
            logging.disable(disabled)
            np.random.set_state(random)  # noqa: NPY002


@contextlib.contextmanager
def _importable(name: str, module: Any) -> Iterator[None]:
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        yield
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before


def _helpers(pictures: Pictures) -> dict[str, ModuleType]:
    """The modules that tutorial 004 imports and does not show."""
    visual, plotter, dataloader = (ModuleType(name) for name in HELPERS)

    # The name is the document's.
    def Visulaize(histories: Sequence[tuple[str, History]]) -> None:  # noqa: N802
        pictures.draw(plot_history(dict(histories), values=("loss",)))

    visual.Visulaize = Visulaize  # type: ignore[attr-defined]
    dataloader.load_data = fashion_mnist.load_data  # type: ignore[attr-defined]
    return {module.__name__: module for module in (visual, plotter, dataloader)}


def _affordable(load: Callable[..., Any], note: Callable[[str], None]) -> Callable[..., Any]:
    def load_data(*args: Any, num_words: int, **options: Any) -> Any:
        splits = load(*args, num_words=num_words, **options)
        rows, most = len(splits[0][0]), DENSE_BYTES // (2 * 8 * num_words)
        if rows > most:
            note(f"IMDB with {num_words:,} words cut to the first {most:,} of {rows:,} reviews")
        return tuple((x[:most], y[:most]) for x, y in splits)

    return load_data


def _or_fashion_mnist(load: Callable[..., Any], note: Callable[[str], None]) -> Callable[..., Any]:
    def load_data(*args: Any, **options: Any) -> Any:
        try:
            return load(*args, **options)
        except DataNotFoundError:
            note("MNIST cannot be had here: runs on Fashion-MNIST")
            return fashion_mnist.load_data()

    return load_data
