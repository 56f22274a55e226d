"""The example, short, as somebody would run it."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minidl

# These take long.
pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "fmnist_dropout.py"


def run(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def table(output):
    """The rows of the printed table without the last column, seconds an epoch."""
    lines = output.splitlines()
    start = next(k for k, line in enumerate(lines) if "s/epoch" in line)
    return {
        line[:16].strip(): [float(v) for v in line[16:].split()[:-1]]
        for line in lines[start + 1 : start + 3]
    }


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    finished = run("--dataset", "digits", "--epochs", 30, "--batch-size", 64, cwd=folder)
    assert finished.returncode == 0, finished.stderr
    return finished, folder / "outputs" / "fmnist_dropout"


def test_it_writes_what_it_says(digits):
    finished, out = digits
    names = {path.name for path in out.iterdir()}
    assert names == {
        "curves.png",
        "history.csv",
        "without-dropout.npz",
        "without-dropout-predictions.png",
        "without-dropout-weights.png",
        "dropout-0.5.npz",
        "dropout-0.5-predictions.png",
        "dropout-0.5-weights.png",
    }
    assert all(name in finished.stdout for name in names)
    for path in out.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_it_shows_a_bar_while_it_runs(digits):
    finished, _ = digits
    assert "without dropout" in finished.stderr
    assert "30/30" in finished.stderr


def test_the_table_is_what_the_saved_models_give(digits):
    finished, out = digits
    _, (x, y) = minidl.datasets.digits.load_data()
    for name, numbers in table(finished.stdout).items():
        loss, accuracy = minidl.load_model(out / f"{name.replace(' ', '-')}.npz").evaluate(
            x, y, verbose=0
        )
        # Printed with four digits.
        np.testing.assert_allclose(numbers[4:6], [loss, accuracy], atol=5.1e-5)
        np.testing.assert_allclose(numbers[6], numbers[4] - numbers[0], atol=1.1e-4)
        # Guessing gives 0.1, a linear model about 0.9.
        assert accuracy > 0.85


def test_the_history_has_a_line_for_each_run_and_epoch(digits):
    _, out = digits
    with (out / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["run"], row["epoch"]) for row in rows] == [
        (run, str(epoch)) for run in ("without dropout", "dropout 0.5") for epoch in range(1, 31)
    ]
    assert set(rows[0]) == {"run", "epoch", "loss", "accuracy", "val_loss", "val_accuracy"}
    assert float(rows[29]["loss"]) < float(rows[0]["loss"])


@pytest.mark.thorough
def test_both_runs_start_from_the_same_weights(tmp_path):
    run("--dataset", "digits", "--epochs", 1, "--rate", 0, "--no-plots", "--out", "o", cwd=tmp_path)
    plain, dropped = (
        minidl.load_model(tmp_path / "o" / f"{name}.npz")
        for name in ("without-dropout", "dropout-0")
    )
    np.testing.assert_array_equal(plain.theta, dropped.theta)


@pytest.mark.thorough
def test_one_seed_gives_the_same_numbers_and_another_does_not(tmp_path):
    arguments = ("--dataset", "digits", "--epochs", 2, "--no-plots", "--out", "out")
    first, second, other = (
        run(*arguments, "--seed", seed, cwd=tmp_path).stdout for seed in (1, 1, 2)
    )
    assert table(first) == table(second)
    assert table(first) != table(other)


def test_ctrl_c_keeps_what_was_finished(tmp_path):
    with subprocess.Popen(
        [sys.executable, SCRIPT, "--dataset", "digits", "--epochs", "100000", "--out", "o"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        shown = ""
        # The bar counts the first finished epochs.
        while not re.search(r" [1-9]\d*/100000 ", shown):
            shown += process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert process.returncode == 130
    assert "Interrupted; what follows is from the epochs that were finished." in output
    with (tmp_path / "o" / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["run"] for row in rows} == {"without dropout"}
    assert 1 <= len(rows) < 100_000
    assert (tmp_path / "o" / "without-dropout.npz").exists()
    assert (tmp_path / "o" / "curves.png").exists()


# No data set anywhere, and a network that refuses every connection.
NOWHERE = {"MINIDL_DATA": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent/cache"}
NO_NETWORK = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}


@pytest.fixture
def without_data(tmp_path):
    """Environment and a starter script in which Fashion-MNIST cannot be had."""
    starter = tmp_path / "sitecustomize.py"
    starter.write_text(
        "from pathlib import Path\n"
        "import minidl.datasets._files as files\n"
        "files.DEBIAN_FOLDER = Path('/nonexistent')\n"
    )
    return {**NO_NETWORK, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", **NOWHERE}


def test_without_the_data_it_says_so_and_goes_on_with_digits(tmp_path, without_data):
    without_data["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    finished = run("--epochs", 1, "--no-plots", "--out", "o", cwd=tmp_path, **without_data)
    assert finished.returncode == 0, finished.stderr
    assert "Fashion-MNIST" in finished.stdout
    assert "apt-get install dataset-fashion-mnist" in finished.stdout
    assert "MINIDL_DATA" in finished.stdout
    assert "Going on with scikit-learn's handwritten digits" in finished.stdout
    assert re.search(r"^digits: 1,", finished.stdout, flags=re.M)


def test_without_the_data_asked_for_it_stops_with_the_message(tmp_path, without_data):
    without_data["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    finished = run("--dataset", "fashion_mnist", "--out", "o", cwd=tmp_path, **without_data)
    assert finished.returncode == 1
    assert "apt-get install dataset-fashion-mnist" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (tmp_path / "o").exists()


def test_bad_options_are_said_in_a_line(tmp_path):
    for option, value, message in (
        ("--rate", "1.5", r"--rate: expected a number in \[0, 1\), received 1.5"),
        ("--batch-size", "0", "--batch-size: expected an integer of at least 1, received 0"),
        ("--epochs", "0", "--epochs: expected an integer of at least 1, received 0"),
        ("--out", "/dev/null/out", "Not a directory: '/dev/null/out'"),
        ("--data-dir", "/nonexistent", "/nonexistent"),
    ):
        dataset = "fashion_mnist" if option == "--data-dir" else "digits"
        finished = run("--dataset", dataset, option, value, "--no-plots", cwd=tmp_path)
        assert finished.returncode in (1, 2), option
        assert re.search(message, finished.stderr), finished.stderr
        assert "Traceback" not in finished.stderr
