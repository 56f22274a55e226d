"""The explicit loop: as somebody would run it, and against ``fit``."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minidl
from examples import explicit_loop

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "explicit_loop.py"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def run(monkeypatch, capsys, *arguments):
    """Status and output of the example on the digits."""
    monkeypatch.setattr(sys, "argv", ["loop", "--dataset", "digits", *map(str, arguments)])
    status = explicit_loop.main()
    return status, capsys.readouterr().out


def epochs(output):
    """Loss, training accuracy and test accuracy of each printed epoch."""
    lines = re.findall(
        r"^epoch (\d+): loss (\S+), train accuracy (\S+), test accuracy (\S+)$", output, flags=re.M
    )
    assert [int(line[0]) for line in lines] == list(range(1, len(lines) + 1))
    return [tuple(map(float, line[1:])) for line in lines]


def test_it_prints_a_summary_and_the_averages_of_each_epoch(tmp_path):
    finished = subprocess.run(
        [sys.executable, SCRIPT, "--dataset", "digits", "--epochs", "4"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Total params: 50,826" in finished.stdout  # 64-256-128-10
    found = epochs(finished.stdout)
    assert len(found) == 4
    assert found[-1][0] < found[0][0]
    # Guessing gives 0.1.
    assert min(found[-1][1:]) > 0.8


@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_it_takes_the_steps_of_fit(l2):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (70, 4, 4))
    train = explicit_loop.prepare(images, random.integers(0, 10, 70))
    # Batches of equal size: fit weighs epochs by rows, the loop by batches.
    minidl.set_floatx("float64")
    minidl.utils.set_random_seed(3)
    by_hand = explicit_loop.build((4, 4), l2)
    loss = minidl.losses.CategoricalCrossentropy().joined_to(by_hand)
    optimizer = minidl.optimizers.Adam()
    averages = []
    order = InOrder()
    for _ in range(3):
        averages.append(explicit_loop.run_epoch(by_hand, loss, optimizer, train, train, 14, order))
    minidl.utils.set_random_seed(3)
    fitted = explicit_loop.build((4, 4), l2)
    fitted.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    history = fitted.fit(*train, batch_size=14, epochs=3, shuffle=False, verbose=0).history
    np.testing.assert_array_equal(by_hand.theta, fitted.theta)
    # Sums in another order.
    np.testing.assert_allclose([a["loss"] for a in averages], history["loss"], rtol=1e-12)
    np.testing.assert_allclose(
        [a["train accuracy"] for a in averages], history["accuracy"], rtol=1e-12
    )
    right = fitted.predict(train[0]).argmax(axis=1) == train[1].argmax(axis=1)
    assert averages[-1]["test accuracy"] == pytest.approx(right.mean(), rel=1e-12)


class InOrder:
    """Stands for a generator whose permutations change nothing."""

    def permutation(self, rows):
        return np.arange(rows)


def test_an_epoch_passes_over_every_row_once_in_a_new_order():
    model = minidl.Sequential()
    x, y = np.arange(10), np.arange(10) * 10
    random = np.random.default_rng(0)
    passes = []
    for _ in range(2):
        parts = list(explicit_loop.batches(model, x, y, 4, random))
        assert [len(rows) for rows, _ in parts] == [4, 4, 2]
        for rows, labels in parts:
            np.testing.assert_array_equal(labels, rows * 10)
        passes.append([int(row) for rows, _ in parts for row in rows])
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(10))
    assert passes[0] != passes[1]
    assert passes[0] != list(range(10))
    in_order = [int(row) for rows, _ in explicit_loop.batches(model, x, y, 4) for row in rows]
    assert in_order == list(range(10))


def test_decay_halves_the_rate_after_ten_epochs(monkeypatch, capsys):
    arguments = ("--epochs", 11, "--batch-size", 400)
    _, plain = run(monkeypatch, capsys, *arguments)
    _, decayed = run(monkeypatch, capsys, *arguments, "--decay")
    assert epochs(plain)[:10] == epochs(decayed)[:10]
    assert epochs(plain)[10] != epochs(decayed)[10]
    rates = []
    monkeypatch.setattr(
        minidl.optimizers.Adam,
        "step",
        lambda self, theta, grad, rate, t: rates.append(rate),
    )
    run(monkeypatch, capsys, *arguments, "--decay")
    # 1,437 images: four steps an epoch.
    assert rates == [0.001] * 40 + [0.0005] * 4


def test_one_seed_gives_the_same_numbers_and_another_does_not(monkeypatch, capsys):
    first, second, other = (
        epochs(run(monkeypatch, capsys, "--epochs", 1, "--seed", seed)[1]) for seed in (1, 1, 2)
    )
    assert first == second != other


def test_ctrl_c_ends_it_in_a_line(tmp_path):
    with subprocess.Popen(
        [sys.executable, SCRIPT, "--dataset", "digits", "--epochs", "100000"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if line.startswith("epoch 1:"):
                break
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
    assert process.returncode == 130
    assert output.endswith("\nInterrupted.\n")
    assert errors == ""


def test_without_the_data_it_says_how_to_get_it(monkeypatch, capsys):
    def missing():
        raise minidl.datasets.DataNotFoundError("how to get it")

    monkeypatch.setattr(minidl.datasets.fashion_mnist, "load_data", missing)
    monkeypatch.setattr(sys, "argv", ["loop"])
    assert explicit_loop.main() == 1
    assert capsys.readouterr().err == "how to get it\n"


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--epochs", "0", "--epochs: expected an integer of at least 1, received 0"),
        ("--batch-size", "0", "--batch-size: expected an integer of at least 1, received 0"),
        ("--learning-rate", "-1", "--learning-rate: expected a number in [0, inf), received -1.0"),
        ("--l2", "nan", "--l2: expected a number in [0, inf), received nan"),
        ("--seed", "-1", "seed: expected an integer of at least 0, received -1"),
        ("--dataset", "mnist", "invalid choice: 'mnist'"),
    ],
)
def test_bad_options_are_said_in_a_line(monkeypatch, capsys, option, value, message):
    monkeypatch.setattr(sys, "argv", ["loop", option, value])
    with pytest.raises(SystemExit) as stopped:
        explicit_loop.main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
