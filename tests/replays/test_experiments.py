"""Each experiment: published numbers and bands as the tutorials have them, and a short run."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import minidl
from examples.replays import catalogue, data
from examples.replays.catalogue import EXPERIMENTS
from examples.replays.experiment import Quantity, accuracy, epoch, exact, loss
from examples.replays.session import Session
from tests.replays.published import CURVES, NUMBERS

# These take long.
pytestmark = pytest.mark.thorough

TITLES = {experiment.title: experiment for experiment in EXPERIMENTS}
MENDED = [title for title, experiment in TITLES.items() if experiment.correction]
# Between two of the last ten epochs, as tutorial 004 prints no curves: see the legend.
SIMILAR = {
    "basic": "003 plain",
    "overfit": "003 plain",
    "plain-128": "003 plain",
    "plain-64": "003 plain",
    "l1": "003 early-stopping",
    "l2": "003 early-stopping",
    "dropout": "003 dropout",
    "mnist": "002 adam",
    "mnist-batchnorm": "002 adam",
}
CHANCE = [title for title in TITLES if TITLES[title].epochs]


def run(title, corrected=False, epochs=1, seed=0):
    return TITLES[title].run(Session(title, seed=seed, corrected=corrected, epochs=epochs))


def half_width(quantity):
    assert quantity.high - quantity.published == pytest.approx(quantity.published - quantity.low)
    return (quantity.high - quantity.low) / 2


def swing(curve):
    """The largest change among the last ten epochs; shorter curves are only half here."""
    return max(abs(a - b) for a, b in itertools.pairwise(curve[-10:]))


def beside_the_best(curve):
    """The smaller change from the best epoch to a neighbour."""
    at = curve.index(min(curve))
    return min(abs(curve[at] - curve[k]) for k in (at - 1, at + 1) if 0 <= k < len(curve))


def test_every_published_number_is_there_and_no_other():
    published = {
        title: {q.name: q.published for q in experiment.quantities if q.published is not None}
        for title, experiment in TITLES.items()
    }
    assert list(published) == list(NUMBERS)
    for title, numbers in NUMBERS.items():
        digits = {q.name: q.digits for q in TITLES[title].quantities}
        rounded = {name: round(value, digits[name]) for name, value in numbers.items()}
        assert published[title] == rounded, title


def test_every_tutorial_has_its_rows():
    assert {document: len(catalogue.find(document, ())) for document in catalogue.TUTORIALS} == {
        "000": 14, "001": 6, "002": 9, "003": 4, "004": 10,
    }  # fmt: skip
    assert len(TITLES) == len(EXPERIMENTS) == 43


@pytest.mark.parametrize("title", CHANCE)
def test_bands_are_the_noise_that_the_tutorials_print(title):
    curves = CURVES.get(title, {})
    document, name = title.split()
    for quantity in TITLES[title].quantities:
        if quantity.published is None or quantity.name == "parameters":
            continue
        if "accuracy" in quantity.name:
            expected = 0.01
        elif quantity.name == "best validation loss":
            expected = max(0.01, beside_the_best(curves["validation loss"]))
        elif quantity.name in ("best epoch", "epochs"):
            curve = curves["validation loss"]
            near = min(curve) + max(0.01, beside_the_best(curve)) + 1e-9
            epochs = [k + 1 for k, value in enumerate(curve) if value <= near]
            patience = 20 if quantity.name == "epochs" else 0
            span = (min(epochs) + patience, max(epochs) + patience)
            assert (quantity.low, quantity.high) == span
            continue
        elif document == "004":
            curve = CURVES[SIMILAR[name]]["validation loss"]
            expected = max(0.01, swing(curve) / curve[-1] * quantity.published)
        else:
            expected = max(0.01, swing(curves[quantity.name]))
        # The numbers are rounded to four digits.
        assert half_width(quantity) == pytest.approx(expected, abs=5.1e-5), quantity.name


def test_bands_are_closed_and_a_little_more_is_outside():
    assert half_width(accuracy("a", 0.9)) == pytest.approx(0.01)
    assert half_width(loss("l", 0.9, 0.002)) == pytest.approx(0.01)
    assert half_width(loss("l", 0.9, 0.02)) == pytest.approx(0.02)
    assert half_width(exact("e", 1.25, 2)) == pytest.approx(0.005)
    assert half_width(exact("e", 1.25, 5, to=4)) == pytest.approx(0.00005)
    assert (epoch("n", 6, 5, 9).low, epoch("n", 6, 5, 9).high) == (5, 9)
    # 0.011 + 0.01 is less than 0.021, and 0.017 - 0.01 more than 0.007.
    assert accuracy("a", 0.011).within(0.021)
    assert accuracy("a", 0.017).within(0.007)
    assert not accuracy("a", 0.29).within(0.3001)
    assert not accuracy("a", 0.29).within(0.2799)
    assert not accuracy("a", 0.29).within(math.nan)


@pytest.mark.parametrize("title", TITLES)
def test_it_measures_what_it_promises(title, tiny):
    experiment = TITLES[title]
    outcome = run(title)
    assert list(outcome.measured) == [quantity.name for quantity in experiment.quantities]
    assert all(math.isfinite(value) for value in outcome.measured.values())
    assert len(experiment.quantities) == len({q.name for q in experiment.quantities})
    if experiment.epochs:
        assert len(outcome.history.epoch) == 1
    for quantity in experiment.quantities:
        if quantity.name == "parameters" or (not experiment.epochs and quantity.published):
            # Nothing about these depends on the images or on chance.
            assert quantity.within(outcome.measured[quantity.name]), quantity.name


@pytest.mark.parametrize("title", MENDED)
def test_corrected_is_another_run(title, tiny):
    as_published, corrected = run(title), run(title, corrected=True)
    assert as_published.measured.keys() == corrected.measured.keys()
    assert as_published.measured != corrected.measured


@pytest.mark.parametrize("title", [title for title in CHANCE if title not in MENDED])
def test_without_a_slip_corrected_changes_nothing(title, tiny):
    assert run(title).measured == run(title, corrected=True).measured


@pytest.mark.parametrize("title", ["000 long", "001 dropout", "002 adam", "003 l2", "004 basic"])
def test_one_seed_gives_the_same_numbers_and_another_does_not(title, tiny):
    first, second, other = (run(title, seed=seed).measured for seed in (1, 1, 2))
    assert first == second != other


class StoppedError(Exception):
    """Instead of training."""


@pytest.fixture
def fits(monkeypatch):
    """Arguments of the calls of ``Session.fit``, which does not train."""
    calls = []

    def noted(self, model, x, y, epochs, **options):
        calls.append({"x": x, "y": y, "epochs": epochs, **options})
        raise StoppedError

    monkeypatch.setattr(Session, "fit", noted)
    return calls


def test_tutorial_000_divides_the_pixels_twice_and_corrected_once(tiny, fits):
    for title in ("000 long", "000 long-dropout"):
        for corrected in (False, True):
            with pytest.raises(StoppedError):
                run(title, corrected)
        published, corrected = (float(call["x"].max()) for call in fits[-2:])
        assert published == pytest.approx(corrected / 255, rel=1e-6)
        assert 0.9 < corrected <= 1


def test_tutorial_001s_penalty_reaches_the_loss_only_if_corrected(tiny):
    # The same network without penalty, from the same weights on the same batches.
    assert run("001 l2").measured == run("001 deep").measured
    assert run("001 l2", True).measured["train loss"] > (
        run("001 deep", True).measured["train loss"] + 0.1
    )


def test_tutorial_001s_loop_moves_the_statistics_twice_a_step(tiny, monkeypatch):
    passes = {}
    forward = minidl.layers.BatchNormalization.forward

    def counted(self, x, training=False, step=0):
        kind = (corrected, training)
        passes[kind] = passes.get(kind, 0) + 1
        return forward(self, x, training, step)

    monkeypatch.setattr(minidl.layers.BatchNormalization, "forward", counted)
    for corrected in (False, True):
        run("001 batchnorm", corrected)
    # 12 batches of 100, and five such layers.
    assert passes[False, True] == 2 * 12 * 5
    assert passes[True, True] == 12 * 5


def test_tutorial_001s_loop_reports_loss_and_accuracy_after_the_update(tiny):
    (x_train, y_train), (x_test, y_test) = data.fashion_mnist()
    train = x_train[:100], minidl.utils.to_categorical(y_train[:100], 10)
    test = x_test, minidl.utils.to_categorical(y_test, 10)
    session = Session("one step", epochs=1)
    model = minidl.Sequential(
        [
            minidl.Input((28, 28)),
            minidl.layers.Flatten(),
            minidl.layers.Dense(10, activation="softmax"),
        ]
    )
    history = session.published_loop(model, minidl.optimizers.Adam(0.01), train, test, 30, 100)
    model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    # One batch: the network as it is now is the one after its update.
    found, share = model.evaluate(*train, verbose=0)
    # float32, in another order of the rows
    assert history.history["loss"] == [pytest.approx(found, rel=1e-5)]
    assert history.history["accuracy"] == [pytest.approx(share)]
    assert history.history["val_accuracy"] == [
        pytest.approx(model.evaluate(*test, verbose=0)[1], abs=0.1)
    ]


def test_tutorial_001_halves_the_rate_every_ten_epochs(tiny, monkeypatch):
    rates = []
    step = minidl.optimizers.Adam.step

    def noted(self, theta, grad, rate, t):
        rates.append(rate)
        step(self, theta, grad, rate, t)

    monkeypatch.setattr(minidl.optimizers.Adam, "step", noted)
    run("001 decay", epochs=11)
    assert rates == [0.001] * 120 + [0.0005] * 12


def test_tutorial_002_trains_on_the_first_four_fifths(tiny, fits):
    with pytest.raises(StoppedError):
        run("002 adam")
    (x, y), _ = data.fashion_mnist()
    np.testing.assert_array_equal(fits[0]["x"], x[:960])
    np.testing.assert_array_equal(fits[0]["y"], y[:960])
    np.testing.assert_array_equal(fits[0]["validation_data"][0], x[960:])
    np.testing.assert_array_equal(fits[0]["validation_data"][1], y[960:])


def test_tutorial_003s_dropout_goes_on_from_a_trained_network(tiny):
    published, corrected = run("003 dropout", epochs=3), run("003 dropout", True, epochs=3)
    six = run("003 dropout", True, epochs=6)
    assert published.history.history["loss"] == six.history.history["loss"][3:]
    assert corrected.history.history["loss"] == six.history.history["loss"][:3]


def test_tutorial_003_stops_when_nothing_improves(monkeypatch):
    random = np.random.default_rng(0)
    x, y = random.random((60, 8), dtype=np.float32), random.integers(0, 2, 60).astype(np.float32)
    monkeypatch.setattr(data, "imdb", lambda words: ((x, y), (x, 1 - y)))
    outcome = TITLES["003 early-stopping"].run(Session("stops"))
    assert outcome.measured["epochs"] == outcome.measured["best epoch"] + 20 < 200


def test_tutorial_004_repeats_its_code_and_corrected_its_text(tiny, fits):
    for title in ("004 overfit", "004 develop"):
        for corrected in (False, True):
            with pytest.raises(StoppedError):
                run(title, corrected)
    found = [(call["epochs"], call["batch_size"]) for call in fits]
    assert found == [(150, 1000), (300, 500), (40, 1000), (20, 500)]


def test_a_session_runs_the_tutorials_epochs_those_asked_for_or_a_fifth():
    assert Session("").epochs(200) == 200
    assert Session("", epochs=7).epochs(200) == 7
    assert [Session("", quick=True).epochs(n) for n in (200, 20, 5, 2, 1)] == [40, 4, 1, 1, 1]


@pytest.mark.parametrize("document", catalogue.TUTORIALS)
def test_pictures_show_experiments_that_there_are(document, tiny):
    names = {experiment.name for experiment in catalogue.find(document, ())}
    for picture in catalogue.pictures(document):
        assert set(picture.experiments) <= names
        outcomes = {name: run(f"{document} {name}", epochs=2) for name in picture.experiments}
        assert picture.draw(outcomes).axes


def test_names_are_found_and_unknown_ones_refused():
    assert [e.title for e in catalogue.find("001", ["l2", "plain"])] == ["001 l2", "001 plain"]
    assert catalogue.find("all", []) == EXPERIMENTS
    for arguments, message in (
        (("005", []), r"unknown tutorial '005' \(known: 000, 001, 002, 003, 004, all\)"),
        (("003", ["relu"]), r"unknown experiment 003 'relu' \(known: plain, l2, early-stopping, "),
        (("all", ["plain"]), "all: expected no names of experiments after it"),
    ):
        with pytest.raises(ValueError, match=message):
            catalogue.find(*arguments)


def test_activation_formulas_fail_where_the_note_says(tiny):
    published, corrected = run("002 activations"), run("002 activations", corrected=True)
    # At slope 2 Leaky ReLU of -1 is -2; the tutorial's maximum gives -1.
    assert published.measured["leaky_relu of -1 with slope 2"] == -1
    assert corrected.measured["leaky_relu of -1 with slope 2"] == -2
    assert published.measured["overflows in elu of 1000"] == 1
    assert corrected.measured["overflows in elu of 1000"] == 0


def test_quantities_without_a_number_have_no_band():
    assert Quantity("free").low is Quantity("free").high is None
