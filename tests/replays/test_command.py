"""The command: the list, what it refuses, and what is left when something goes wrong."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from examples.replays import report, results, running
from examples.replays.experiment import Experiment, Outcome, Quantity, accuracy, exact
from minidl import datasets
from tests.replays.conftest import pictures
from tests.replays.published import NUMBERS

# These take long.
pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "replay.py"

# Without training: no data set, no epochs.
QUIET = ("000", "norms")


def options(**changed):
    """What the command line gives."""
    given = {"seeds": 1, "epochs": None, "quick": False, "backend": "numpy"}
    return Namespace(**{**given, **changed})


def made_up(values, epochs=10, **more):
    """An experiment that measures ``values[seed]`` for a published accuracy of 0.9."""

    def run(session):
        return Outcome({"accuracy": values[session.seed], "free": 1.0})

    quantities = (accuracy("accuracy", 0.9), Quantity("free"))
    return Experiment("001", "made-up", "what", "data", quantities, run, epochs, **more)


def numbers(output, title):
    """Published and measured of each quantity in the table of one experiment."""
    lines = output.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith(f"{title}, "))
    found = {}
    for line in lines[start + 1 :]:
        if not line.startswith("  ") or line.startswith(("  Not", "  Note", "  Corr")):
            break
        found[line[:32].strip()] = line[32:].split()
    return found


class TestList:
    def test_there_is_a_line_for_each_experiment(self, command):
        status, out, _ = command()
        assert status == 0
        lines = out.splitlines()
        assert lines[0].split() == ["experiment", "what", "published"]
        assert [" ".join(line.split()[:2]) for line in lines[1:]] == list(NUMBERS)
        line = next(line for line in lines if line.startswith("003 early-stopping"))
        assert "EarlyStopping(patience 20) (IMDB)" in line
        assert line.endswith("best validation loss 0.3262, best epoch 3, epochs 23")
        assert next(line for line in lines if line.startswith("002 sgd")).endswith("no number")

    def test_the_script_runs_from_any_folder(self, tmp_path):
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        finished = subprocess.run(
            [sys.executable, SCRIPT, *QUIET, "--out", "o"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert numbers(finished.stdout, "000 norms")["p = 5"][:2] == ["10.00008", "10.00008"]
        assert {path.name for path in (tmp_path / "o").iterdir()} == {
            "results.json", "results.csv", "README.md",
        }  # fmt: skip


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["7"], "unknown tutorial '7' (known: 000, 001, 002, 003, 004, all)"),
            (["001", "drop"], "unknown experiment 001 'drop' (known: plain, deep, dropout, l2, "),
            (["003", "plain", "relu"], "unknown experiment 003 'relu' (known: plain, l2, "),
            (["all", "plain"], "all: expected no names of experiments after it"),
            (["001", "--seeds", "0"], "--seeds: expected an integer of at least 1, received 0"),
            (["001", "--epochs", "0"], "--epochs: expected an integer of at least 1, received 0"),
            (["001", "--epochs", "1", "--quick"], "--quick: expected no --epochs beside it"),
            (["001", "--corrected", "maybe"], "invalid choice: 'maybe'"),
            (["001", "--backend", "torch"], "invalid choice: 'torch'"),
        ],
    )
    def test_bad_arguments_are_said_in_a_line(self, command, tmp_path, arguments, message):
        status, out, err = command(*arguments)
        assert status == 2
        assert message in err
        assert out == ""
        assert list(tmp_path.iterdir()) == []

    def test_a_backend_that_is_not_there(self, command, monkeypatch):
        monkeypatch.setitem(sys.modules, "cupy", None)
        status, _, err = command(*QUIET, "--backend", "cupy")
        assert status == 1
        assert "cupy" in err.lower()

    @pytest.mark.parametrize("out", ["/dev/null/folder", "file"])
    def test_an_unwritable_folder_is_said_before_any_training(
        self, command, tmp_path, monkeypatch, out
    ):
        (tmp_path / "file").write_text("in the way")
        monkeypatch.setattr(running, "replay", None)
        status, printed, err = command("all", "--out", out)
        assert status == 1
        assert out in err
        assert printed == ""

    @pytest.mark.parametrize("text", ["{", "[1]", '[{"document": "000"}]', "{}x"])
    def test_a_file_of_something_else_is_not_overwritten(
        self, command, tmp_path, monkeypatch, text
    ):
        (tmp_path / "results.json").write_text(text)
        monkeypatch.setattr(running, "replay", None)
        status, _, err = command("all", "--out", ".")
        assert status == 1
        assert "results.json: expected the records of an earlier run, received" in err
        assert (tmp_path / "results.json").read_text() == text


class TestTables:
    def test_published_stands_beside_measured(self, command, tiny):
        status, out, _ = command("000", "wine-ridge", "--out", "o")
        assert status == 0
        found = numbers(out, "000 wine-ridge")
        assert found["MAE"] == ["0.25115", "0.25115", found["MAE"][2], "±", "5e-05", "yes"]
        assert abs(float(found["MAE"][2])) < 5e-5
        assert found["nonzero coefficients"] == ["13", "13", "+0", "exact", "yes"]
        assert "4 of 4 published numbers within their band." in out

    def test_a_shortened_run_is_not_compared(self, command, tiny):
        for arguments, epochs in ((["--epochs", 3], 3), (["--quick"], 6)):
            status, out, _ = command("001", "plain", *arguments)
            assert status == 0
            assert f"Fashion-MNIST, {epochs} epochs," in out
            assert "Not compared: a run of another number of epochs than the tutorial's." in out
            found = numbers(out, "001 plain")
            assert found["test accuracy"][0] == "0.8951"
            assert found["test accuracy"][2:] == ["±", "0.01"]
            assert "No published number was compared." in out

    def test_the_tutorials_own_number_of_epochs_is_compared(self, command, tiny):
        _, out, _ = command("000", "plain-5", "--epochs", 5)
        assert numbers(out, "000 plain-5")["train accuracy"][-1] in ("yes", "no")

    def test_corrected_stands_alone_or_beside_as_published(self, command, tiny):
        chosen = ("003", "plain", "dropout", "--epochs", 1)
        for arguments, expected in (
            ([], ["plain, as published", "dropout, as published"]),
            (["--corrected"], ["plain, as published", "dropout, corrected"]),
            (
                ["--corrected", "both"],
                ["plain, as published", "dropout, as published", "dropout, corrected"],
            ),
        ):
            _, out, _ = command(*chosen, *arguments)
            # Once each when it is finished, once all at the end.
            assert re.findall(r"^003 (.*?):", out, flags=re.M) == expected * 2
            assert ("recorded from the start" in out) == ("corrected" in expected[-1])

    def test_corrected_is_not_compared(self, command):
        _, out, _ = command("000", "iris-lasso", "--corrected")
        assert numbers(out, "000 iris-lasso")["slope"] == ["0.00", "0.66", "+0.66", "exact"]
        assert "No published number was compared." in out

    def test_mean_and_spread_over_seeds(self):
        values = [0.88, 0.90, 0.95]
        found, _ = running.replay(made_up(values), False, options(seeds=3), "c")
        row, free = results.rows(found)
        assert row.measured == pytest.approx(0.91)
        # The standard deviation of three: squares of .03, .01 and .04 over two.
        assert row.spread == pytest.approx(((0.0009 + 0.0001 + 0.0016) / 2) ** 0.5)
        assert row.difference == pytest.approx(0.01)
        assert row.within is True
        assert free.within is free.difference is None
        assert found.seeds == [0, 1, 2]
        text = report.table([found])
        assert "3 seeds" in text
        assert f"{statistics.stdev(values):.4f}" in text

    def test_the_mean_is_compared_and_not_each_seed(self):
        found, _ = running.replay(made_up([0.85, 0.95]), False, options(seeds=2), "c")
        assert results.rows(found)[0].within is True
        found, _ = running.replay(made_up([0.93, 0.93]), False, options(seeds=2), "c")
        assert results.rows(found)[0].within is False
        assert report.tally([found]).endswith("outside: 001 made-up accuracy")

    def test_one_seed_has_no_spread_and_what_has_no_chance_runs_once(self):
        found, _ = running.replay(made_up([0.9]), False, options(), "c")
        assert results.rows(found)[0].spread is None
        assert "spread" not in report.table([found])
        found, _ = running.replay(made_up([0.9], epochs=0), False, options(seeds=5), "c")
        assert found.seeds == [0]

    def test_bands_as_text(self):
        assert report.band(accuracy("a", 0.9)) == "± 0.01"
        assert report.band(exact("e", 235146, 0)) == "exact"
        assert report.band(exact("e", 0.25, 5, to=4)) == "± 5e-05"
        assert report.band(Quantity("n", 6, 5, 9, 0)) == "5 … 9"
        assert report.band(Quantity("n", 3, 2, 3, 0)) == "2 … 3"
        assert report.band(Quantity("free")) == ""

    def test_the_page_has_rows_legend_command_and_pictures(self, command, tiny, tmp_path):
        command("003", "--epochs", 2, "--corrected", "both", "--out", "o")
        command(*QUIET, "--out", "o")
        page = (tmp_path / "o" / "README.md").read_text()
        assert "python examples/replay.py 003 --epochs 2 --corrected both --out o\n" in page
        assert "python examples/replay.py 000 norms --out o\n" in page
        assert report.LEGEND in page
        assert report.KERAS_LEGEND not in page
        assert page.index("## 000: linear models") < page.index("## 003: penalties")
        assert "| **norms**, as published: p-norms of a vector and a matrix (none, 0 s) |" in page
        assert "- dropout, corrected: Corrected, not compared: recorded from the start" in page
        shown = re.findall(r"^!\[(.*?)\]\(\1\)$", page, flags=re.M)
        assert shown == sorted(path.name for path in (tmp_path / "o").glob("*.png"))
        tables = [line for line in page.splitlines() if line.startswith("|")]
        assert {line.count("|") for line in tables} == {8}

    def test_pictures_wait_for_all_that_they_show(self, command, tiny, tmp_path):
        def files():
            return {path.name for path in (tmp_path / "o").glob("*.png")}

        command("003", "plain", "--epochs", 1, "--out", "o")
        assert files() == set()
        command("003", "--corrected", "both", "--epochs", 1, "--out", "o")
        assert files() == {
            "003-plain-and-l2-shortened.png",
            "003-plain-and-dropout-shortened.png",
            "003-sheet-shortened.png",
            "003-plain-and-dropout-corrected-shortened.png",
            "003-sheet-corrected-shortened.png",
        }
        command("000", "iris-lasso", "--corrected", "both", "--out", "p")
        assert {path.name for path in (tmp_path / "p").glob("*.png")} == {
            "000-iris-lasso.png",
            "000-iris-lasso-corrected.png",
        }
        for path in tmp_path.glob("?/*.png"):
            assert path.read_bytes().startswith(b"\x89PNG")
            assert path.stat().st_size < 100_000

    def test_json_and_csv_hold_what_is_printed(self, command, tmp_path):
        command("000", "wine-lasso", "--out", "o")
        (entry,) = json.loads((tmp_path / "o" / "results.json").read_text())
        assert (entry["document"], entry["name"], entry["corrected"]) == (
            "000",
            "wine-lasso",
            False,
        )
        assert [q["name"] for q in entry["quantities"]] == [
            "MAE", "MSE", "RMSE", "nonzero coefficients",
        ]  # fmt: skip
        with (tmp_path / "o" / "results.csv").open(newline="") as file:
            lines = list(csv.DictReader(file))
        assert [line["quantity"] for line in lines] == [q["name"] for q in entry["quantities"]]
        assert float(lines[0]["measured"]) == entry["quantities"][0]["measured"][0]
        assert lines[3]["within"] == "True"

    def test_keras_stands_beside_what_is_outside(self, tmp_path):
        ours, _ = running.replay(made_up([0.93]), False, options(), "c")
        for theirs, expected in ((0.93, "no, Keras neither"), (0.9, "no")):
            other, _ = running.replay(made_up([theirs]), False, options(), "c")
            page = report.page([ours], [other], tmp_path)
            line = next(line for line in page.splitlines() if "| accuracy |" in line)
            assert line.endswith(f"| ± 0.01 | {expected} | {theirs:.4f} |")
            assert report.KERAS_LEGEND in page


class TestMissingData:
    @pytest.fixture
    def attempts(self, monkeypatch):
        """Names of the data sets that were asked for; none can be had."""
        asked = []

        def missing(name):
            def load(*_):
                asked.append(name)
                raise datasets.DataNotFoundError(f"{name} was not found. Ways to get {name}: …")

            return load

        monkeypatch.setattr(datasets.imdb, "load_csr", missing("IMDB"))
        monkeypatch.setattr(datasets.fashion_mnist, "load_data", missing("Fashion-MNIST"))
        monkeypatch.setattr(datasets.mnist, "load_data", missing("MNIST"))
        return asked

    def test_it_says_how_to_get_it_and_goes_on(self, command, attempts):
        status, out, err = command("all", "--epochs", 1)
        assert status == 1
        # Two numbers of words.
        assert attempts == ["Fashion-MNIST", "IMDB", "IMDB", "MNIST"]
        assert err.count("Ways to get IMDB") == err.count("Ways to get Fashion-MNIST") == 1
        assert "003 dropout is left out: no data." in err
        assert "001 plain is left out: no data." in err
        # What needs no data set is run.
        finished = re.findall(r"^(\d+ \S+), as published", out, flags=re.M)
        alone = [*list(NUMBERS)[:8], "002 activations"]
        assert finished == alone * 2
        assert "published numbers within their band" in out

    def test_it_names_the_experiments_that_do_not_need_it(self, command, attempts):
        _, _, err = command("003", "plain", "--epochs", 1)
        said = err[err.index("Experiments that do not need it:") :]
        assert "  001: plain, deep, dropout, l2, batchnorm, decay\n" in said
        assert "  004: mnist, mnist-batchnorm, develop\n" in said
        assert "  003:" not in said
        _, _, err = command("001", "plain", "--epochs", 1)
        said = err[err.index("Experiments that do not need it:") :]
        assert "  003: plain, l2, early-stopping, dropout\n" in said
        assert "  002: activations\n" in said
        assert "  001:" not in said

    def test_a_damaged_file_is_said_too(self, command, monkeypatch):
        def damaged(*_):
            raise datasets.DataFileError(Path("imdb.npz"), "expected this, received that")

        monkeypatch.setattr(datasets.imdb, "load_csr", damaged)
        status, _, err = command("003", "plain")
        assert status == 1
        assert "imdb.npz: expected this, received that" in err

    def test_fashion_mnist_takes_mnists_place_and_is_not_compared(
        self, command, attempts, monkeypatch
    ):
        images = [((255 * x).astype("uint8"), y) for x, y in pictures(40)]
        monkeypatch.setattr(datasets.fashion_mnist, "load_data", lambda: images)
        status, out, _ = command("004", "mnist", "mnist-batchnorm", "--epochs", 20)
        assert status == 0
        assert attempts == ["MNIST"]
        assert "(Fashion-MNIST, 20 epochs" in out
        assert "Not compared: on Fashion-MNIST, because the tutorial's data is not there." in out
        assert numbers(out, "004 mnist")["test cross-entropy"][2:] == ["±", "0.01"]
        assert "No published number was compared." in out


class TestWriting:
    def full(self, monkeypatch, times):
        """The next so many files cannot be written."""
        left = [times]
        write = results.write

        def failing(path, content):
            if left[0]:
                left[0] -= 1
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            write(path, content)

        monkeypatch.setattr(results, "write", failing)

    def test_a_full_disk_loses_no_finished_result(self, command, tmp_path, monkeypatch):
        self.full(monkeypatch, 1000)
        status, out, err = command("000", "norms", "wine-lasso", "wine-ridge", "--out", "o")
        assert status == 1
        for name in ("norms", "wine-lasso", "wine-ridge"):
            assert out.count(f"000 {name}, as published") == 2
            assert f"000 {name} is not written: [Errno 28] No space left on device" in err
        assert "12 of 12 published numbers within their band." in out
        assert "Results are in" not in out
        assert list((tmp_path / "o").iterdir()) == []

    def test_what_could_not_be_written_is_with_the_next(self, command, tmp_path, monkeypatch):
        self.full(monkeypatch, 1)
        status, _, err = command("000", "norms", "wine-lasso", "--out", "o")
        assert status == 1
        assert "wine-lasso is not written" not in err
        written = json.loads((tmp_path / "o" / "results.json").read_text())
        assert [entry["name"] for entry in written] == ["wine-lasso", "norms"]
        assert "**norms**" in (tmp_path / "o" / "README.md").read_text()

    def test_a_real_limit_on_files(self, tmp_path):
        finished = subprocess.run(
            [sys.executable, SCRIPT, *QUIET, "--out", "o"],
            cwd=tmp_path,
            env={**os.environ, "MINIDL_EXECUTOR": "blocks", "PYTHONDONTWRITEBYTECODE": "1"},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 1
        assert "000 norms is not written: [Errno 27] File too large" in finished.stderr
        assert "Traceback" not in finished.stderr
        assert "4 of 4 published numbers within their band." in finished.stdout
        assert list((tmp_path / "o").iterdir()) == []

    def test_a_file_is_written_whole_or_not_at_all(self, tmp_path, monkeypatch):
        results.write(tmp_path / "f", b"before")

        def broken(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "replace", broken)
        with pytest.raises(OSError, match="No space left"):
            results.write(tmp_path / "f", b"after")
        assert [path.name for path in tmp_path.iterdir()] == ["f"]
        assert (tmp_path / "f").read_bytes() == b"before"

    def test_results_are_there_after_each_experiment(self, command, tmp_path, monkeypatch):
        after = []
        replay = running.replay

        def watched(experiment, *arguments):
            path = tmp_path / "o" / "results.json"
            after.append(len(json.loads(path.read_text())) if path.exists() else 0)
            return replay(experiment, *arguments)

        monkeypatch.setattr(running, "replay", watched)
        command("000", "norms", "wine-lasso", "wine-ridge", "--out", "o")
        assert after == [0, 1, 2]

    def test_another_command_keeps_what_is_there(self, command, tiny, tmp_path):
        def kept():
            entries = json.loads((tmp_path / "o" / "results.json").read_text())
            return [(e["name"], e["corrected"], e["shortened"], e["epochs"]) for e in entries]

        command("002", "activations", "--out", "o")
        command("000", "plain-5", "--out", "o")
        command("000", "plain-5", "--quick", "--out", "o")
        command("002", "activations", "--corrected", "--out", "o")
        # In the catalogue's order; a shortened run does not take the place of a whole one.
        expected = [
            ("plain-5", False, False, 5),
            ("plain-5", False, True, 1),
            ("activations", False, False, 0),
            ("activations", True, False, 0),
        ]
        assert kept() == expected
        command("000", "plain-5", "--epochs", 2, "--out", "o")
        expected[1] = ("plain-5", False, True, 2)
        assert kept() == expected


STARTER = """
import sys
sys.path.insert(0, {root!r})
import numpy as np
from minidl import datasets
random = np.random.default_rng(0)
part = random.integers(0, 256, (400, 28, 28), dtype=np.uint8), np.arange(400) % 10
datasets.fashion_mnist.load_data = lambda: (part, part)
"""


def test_ctrl_c_prints_what_is_finished(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(STARTER.format(root=str(ROOT)))
    arguments = ["002", "activations", "relu", "--epochs", "1000000", "--out", "o"]
    with subprocess.Popen(
        [sys.executable, SCRIPT, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        shown = ""
        while not re.search(r" [1-9]\d*/1000000 ", shown):
            shown += process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert process.returncode == 130
    rest = output[output.index("Interrupted; what follows was finished.") :]
    assert "1 of 1 published numbers within their band." in rest
    assert "002 activations, as published" in output
    assert "002 relu" not in output
    entries = json.loads((tmp_path / "o" / "results.json").read_text())
    assert [entry["name"] for entry in entries] == ["activations"]


def test_interrupted_before_anything_is_finished(command, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "replay", interrupted)
    status, out, _ = command("001")
    assert status == 130
    assert "No experiment was finished: nothing to show." in out
