"""The experiments on Keras: what is measured, and that it is the same experiment."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests import oracle  # the first to import TensorFlow: it says how

from benchmarks import replay_keras  # isort: skip
from examples.replays import catalogue
from examples.replays.results import rows
from examples.replays.running import replay
from examples.replays.session import Session
from tests.replays.test_command import options

assert oracle


MORE = [
    pytest.param(title, marks=pytest.mark.thorough)
    for title in ("001 l2", "002 relu", "004 l1", "004 mnist")
]


@pytest.mark.parametrize(
    "title",
    ["000 batchnorm", "003 early-stopping", *MORE],
)
def test_both_engines_measure_the_same_quantities(title, tiny):
    document, name = title.split()
    (experiment,) = catalogue.find(document, [name])
    given = options(epochs=2)
    ours, _ = replay(experiment, False, given, "c")
    theirs, _ = replay(experiment, False, given, "c", replay_keras.KerasSession)
    assert theirs.key == ours.key
    assert theirs.epochs == ours.epochs == 2
    for mine, other in zip(rows(ours), rows(theirs), strict=True):
        if mine.quantity.name == "validation loss without penalty":
            assert other.measured is None  # Keras does not tell
        else:
            assert np.isfinite(other.measured)
        if mine.quantity.name == "parameters":
            assert mine.measured == other.measured == mine.quantity.published
    text = replay_keras.beside(ours, theirs)
    assert len(text.splitlines()) == 2 + len(experiment.quantities)


def test_keras_runs_tutorial_001s_loop_step_by_step_as_minidl_does(tiny):
    from examples.replays import data, t001

    (x_train, y_train), (x_test, y_test) = data.fashion_mnist()
    train = x_train.astype(np.float64), np.eye(10)[y_train]
    test = x_test.astype(np.float64), np.eye(10)[y_test]
    sessions = Session("", epochs=2), replay_keras.KerasSession("", epochs=2)
    import minidl

    minidl.set_floatx("float64")
    models = [t001.network(session.keras, (16,), l2=0.01, normalized=True) for session in sessions]
    models[0].build()
    models[1].set_weights(models[0].get_weights())
    found = [
        session.published_loop(
            model, session.keras.optimizers.Adam(0.01), train, test, 30, 100
        ).history
        for session, model in zip(sessions, models, strict=True)
    ]
    # float64 on both sides, two dozen steps of Adam.
    np.testing.assert_allclose(found[0]["loss"], found[1]["loss"], rtol=1e-6)
    # Sums of float32 there.
    np.testing.assert_allclose(found[0]["accuracy"], found[1]["accuracy"], rtol=1e-6)
    np.testing.assert_allclose(found[0]["val_accuracy"], found[1]["val_accuracy"], rtol=1e-6)


@pytest.mark.thorough
def test_it_prints_both_and_puts_keras_into_the_table(tiny, tmp_path, monkeypatch, capsys):
    arguments = ["replay_keras", "000", "norms", "plain-5", "--epochs", "5", "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", arguments)
    assert replay_keras.main() == 0
    out = capsys.readouterr().out
    assert "000 plain-5, as published: 128 (Fashion-MNIST, 5 epochs, " in out
    assert "norms" not in out  # no epochs: nothing of Keras's
    from examples.replays import results, running
    from examples.replays.results import Store

    (record,) = results.load(tmp_path / running.KERAS)
    assert record.backend == "tensorflow"
    assert keras.backend.backend() == "tensorflow"
    ours, _ = replay(catalogue.find("000", ["plain-5"])[0], False, options(), "c")
    Store(tmp_path).add(ours)
    assert replay_keras.main() == 0
    page = (tmp_path / "README.md").read_text()
    assert "| within | Keras |" in page
    row = next(line for line in page.splitlines() if "| train loss |" in line)
    # Keras shuffles in another order each time: what counts is the run that came last.
    (record,) = results.load(tmp_path / running.KERAS)
    measured = record.quantities[0]["measured"][0]
    assert row.endswith(f" {measured:.4f} |")
