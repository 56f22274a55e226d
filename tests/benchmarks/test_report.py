"""The report's arithmetic, its picture, and the command line."""

from __future__ import annotations

import json

import pytest

from benchmarks.train import __main__ as command
from benchmarks.train import jobs, peers, picture, report
from benchmarks.train.race import Run
from minidl.datasets import DataNotFoundError

(JOB,) = jobs.find(["001"], 1000)  # ten steps


def run(seconds, accuracy=0.8, losses=(1.0, 0.5, 0.4, 0.3), **more):
    losses = list(losses)
    return Run(0.9, 2.5, list(seconds), losses, [accuracy] * len(losses), **more)


def made_up():
    return {
        "minidl": run([0.02, 0.01, 0.03]),
        "jax": run([0.04, 0.04, 0.06]),
        "torch": run([0.05, 0.07, 0.06], accuracy=0.81),
        "sklearn": run([0.2, 0.2], accuracy=None, losses=(1.0, 0.52, 0.5)),
        "floor": run([0.008, 0.01, 0.012], accuracy=None, losses=(0.0, 0.0, 0.0)),
        "keras-tf": Run(error="no memory left"),
    }


def test_medians_ratios_and_microseconds():
    rows = report.summarise(JOB, made_up())
    assert list(rows) == ["minidl", "jax", "torch", "sklearn", "floor"]
    ours, jax = rows["minidl"], rows["jax"]
    assert (ours["seconds"], jax["seconds"]) == (0.02, 0.04)
    assert ours["spread"] == pytest.approx(3)
    assert ours["microseconds"] == pytest.approx(2000)
    assert (ours["of minidl"], jax["of minidl"]) == (1, 2)
    assert (ours["of floor"], jax["of floor"]) == (pytest.approx(2), pytest.approx(4))
    assert (jax["first"], jax["startup"]) == (0.9, 2.5)
    # All have trained three epochs, the first included: there their losses are compared.
    assert (ours["epoch"], ours["loss"], rows["sklearn"]["loss"]) == (3, 0.4, 0.5)
    assert report.fastest_peer(rows) == "jax"
    assert report.lead(rows) == 2
    assert report.lead(rows, "torch") == pytest.approx(3)
    assert report.lead(rows, "keras-tf") is None
    assert not any(row["doubt"] for row in rows.values())


def test_leads_are_over_all_jobs():
    slower = {**made_up(), "jax": run([0.1]), "torch": run([0.05])}
    results = {"a": report.summarise(JOB, made_up()), "b": report.summarise(JOB, slower)}
    leads = report.leads(results)
    assert leads["the fastest peer"] == [2, pytest.approx(2.5)]
    assert leads["JAX"] == [2, pytest.approx(5)]
    assert "Keras on TensorFlow" not in leads
    text = report.overview(results)
    assert "times faster than JAX: median 3.50, smallest 2.00 (2 jobs)" in text
    assert "times faster than the fastest peer: median 2.25, smallest 2.00 (2 jobs)" in text


@pytest.mark.parametrize(
    ("name", "changed", "words"),
    [
        ("torch", {"accuracy": 0.84}, "accuracy 0.8400, median of all 0.8000"),
        ("jax", {"accuracy": float("nan")}, "accuracy nan"),
        ("sklearn", {"accuracy": None, "losses": (1, 0.9, 0.9, 0.9)}, "loss 0.9000, median of all"),
    ],
)
def test_who_does_less_work_is_found_out(name, changed, words):
    runs = made_up() | {"keras-jax": run([0.05])} | {name: run([0.001], **changed)}
    rows = report.summarise(JOB, runs)
    assert words in rows[name]["doubt"]
    assert [n for n, row in rows.items() if row["doubt"]] == [name]
    assert report.fastest_peer(rows) != name
    assert "NOT THE SAME WORK?" in report.table(JOB, rows, {})


def test_a_worker_that_spins_is_named():
    runs = made_up() | {"torch": run([0.05], idle_cpu=1.0, idle_wall=2.0)}
    text = report.table(JOB, report.summarise(JOB, runs), {})
    assert "PyTorch took 50% of a processor while it was idle" in text
    assert "JAX took" not in text
    runs["torch"] = run([0.05], idle_cpu=0.01, idle_wall=0.02)  # too short a time to say
    assert "took" not in report.table(JOB, report.summarise(JOB, runs), {})


def test_the_floor_is_that_of_the_blas_that_minidl_uses():
    runs = made_up() | {"floor-mkl": run([0.005])}
    assert report.floor_of(runs) == "floor"
    runs["minidl"].facts["libraries"] = ["openblas 0.3, 2 threads", "mkl 2025, 2 threads"]
    assert report.floor_of(runs) == "floor-mkl"
    assert report.summarise(JOB, runs)["minidl"]["of floor"] == pytest.approx(4)
    del runs["floor-mkl"]
    assert report.floor_of(runs) == "floor"


def test_the_table_says_who_is_left_out():
    text = report.table(JOB, report.summarise(JOB, made_up()), {"keras-tf": "no memory left"})
    assert "Keras on TensorFlow left out: no memory left" in text
    head, *lines = text.splitlines()
    assert head == "001: 784-256-128-10, Adam, batch 100, 1,000 rows"
    assert [line.split()[0] for line in lines[1:6]] == [
        *("floor", "minidl", "JAX", "PyTorch", "scikit-learn")
    ]


def test_the_picture_shows_every_job_and_peer(tmp_path):
    rows = report.summarise(JOB, made_up())
    figure = picture.figure_of({"001": rows, "a job": rows, "without": {"jax": rows["jax"]}})
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["001", "a job"]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["minidl", "JAX", "PyTorch", "scikit-learn", "bare matrix products"]
    assert len(axes.lines) == 1 + 2 * 4
    assert {text.get_text() for text in axes.texts} == {"20 ms"}


def test_what_is_not_installed_is_listed_with_its_command(monkeypatch):
    find = peers.importlib.util.find_spec
    gone = ("torch", "tensorflow")
    monkeypatch.setattr(
        peers.importlib.util, "find_spec", lambda name: None if name in gone else find(name)
    )
    assert peers.PEERS["torch"].missing() == "torch not installed: pip install torch"
    assert "pip install tensorflow-cpu" in peers.PEERS["keras-tf"].missing()
    assert peers.PEERS["minidl"].missing() is None
    assert peers.PEERS["sklearn"].missing() is None


@pytest.fixture
def arguments(monkeypatch):
    def give(*given):
        monkeypatch.setattr("sys.argv", ["benchmarks.train", *map(str, given)])

    return give


@pytest.fixture
def no_training(monkeypatch):
    """Races that take no time."""
    monkeypatch.setattr(command, "prepare", lambda job, folder: None)
    monkeypatch.setattr(
        command.race,
        "together",
        lambda starts, rounds, machine: {k: v for k, v in made_up().items() if k in starts},
    )
    missing = "torch not installed: pip install torch"
    monkeypatch.setattr(
        peers.Peer, "missing", lambda self: missing if self.name == "torch" else None
    )


def test_a_run_goes_on_without_what_is_not_installed(arguments, no_training, tmp_path, capsys):
    arguments("--jobs", "001", "--peers", "jax", "torch", "sklearn", "--out", tmp_path)
    assert command.main() == 0
    out = capsys.readouterr().out
    assert "PyTorch left out: torch not installed: pip install torch" in out
    record = json.loads((tmp_path / "train.json").read_text())
    found = record["jobs"]["001"]
    assert found["left out"] == {"torch": "torch not installed: pip install torch"}
    assert set(found["peers"]) == {"minidl", "jax", "sklearn", "floor"}
    assert found["peers"]["jax"]["every"] == [0.04, 0.04, 0.06]
    assert record["times faster"]["JAX"] == [2]
    assert {"processor", "torch"} <= set(record["machine"])
    assert (tmp_path / "train.png").stat().st_size > 0


def test_one_that_fails_is_listed_and_the_status_says_so(arguments, no_training, tmp_path, capsys):
    arguments("--jobs", "001", "--peers", "keras-tf", "--out", tmp_path)
    assert command.main() == 1
    assert "Keras on TensorFlow left out: no memory left" in capsys.readouterr().out


def test_a_part_of_all_is_not_written_unasked(arguments, no_training, monkeypatch, tmp_path):
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    arguments("--jobs", "001", "--peers", "jax")
    assert command.main() == 0
    assert not list(tmp_path.iterdir())


def test_jobs_without_data_are_left_out(arguments, no_training, monkeypatch, capsys):
    def prepare(job, folder):
        if job.data == jobs.REVIEWS:
            raise DataNotFoundError("get it there")

    monkeypatch.setattr(command, "prepare", prepare)
    arguments("--jobs", "004-overfit", "001", "--peers", "jax")
    assert command.main() == 1
    out, err = capsys.readouterr()
    assert "004-overfit is left out: no data.\nget it there" in err
    assert "001: 784" in out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            ("--jobs", "002-sdg"),
            ["unknown job '002-sdg'", "did you mean '002-sgd'?", "004-develop"],
        ),
        (("--peers", "pytorch"), ["unknown peer 'pytorch'", "torch-compiled", "keras-tf"]),
        (("--rounds", 0), ["--rounds: expected an integer of at least 1, received 0"]),
    ],
)
def test_what_is_unknown_ends_with_status_2_and_the_known_names(arguments, capsys, given, words):
    arguments(*given)
    with pytest.raises(SystemExit) as stopped:
        command.main()
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words)


def test_late_epochs_are_put_beside_early_ones(
    arguments, no_training, monkeypatch, tmp_path, capsys
):
    """Pair by pair: the machine that takes twice as long for both says nothing."""
    early = [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 2.0, 2.0, 2.0]
    late = [1.1, 2.2, 1.1, 2.2, 1.1, 2.2, 1.0, 1.0, 9.0]

    def together(starts, rounds, machine):
        assert (list(starts), rounds) == (["early", "late"], 9)
        return {"early": Run(seconds=early), "late": Run(seconds=late)}

    monkeypatch.setattr(command.race, "together", together)
    arguments("--jobs", "001", "--late", "--out", tmp_path)
    assert command.main() == 0
    said = capsys.readouterr().out.splitlines()[-1].split()
    assert said == ["001", "2.000", "1.100", "1.10"]
    record = json.loads((tmp_path / "train-late.json").read_text())
    assert record["jobs"]["001"] == {
        "early": early,
        "late": late,
        "ratio": pytest.approx(1.1),
    }
