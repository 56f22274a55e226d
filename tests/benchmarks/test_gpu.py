"""The race on a GPU, as far as it goes without one: who is in it, its bounds, and its refusal."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import gpu
from benchmarks.train import jobs, peers
from benchmarks.train.data import Rows
from minidl.backend import BackendUnavailableError, cuda, installation
from minidl.datasets._files import Source, load_file
from tests.doubles.cupy_double import installed


def test_who_races_where():
    assert peers.raced(peers.GPU) == ["minidl", "jax", "torch", "torch-compiled", "torch-graph"]
    assert "torch-graph" not in peers.raced(peers.CPU)
    assert {"floor", "keras-tf", "sklearn"} < set(peers.raced(peers.CPU))


@pytest.mark.parametrize(("place", "hidden"), [(peers.CPU, ""), (peers.GPU, None)])
def test_a_peer_computes_where_it_is_told(place, hidden, monkeypatch):
    for name in ("CUDA_VISIBLE_DEVICES", peers.PLACE):
        monkeypatch.delenv(name, raising=False)
    for name, value in peers.PEERS["keras-jax"].variables(place).items():
        monkeypatch.setenv(name, value)
    assert peers.device() == place
    assert os.environ["KERAS_BACKEND"] == "jax"
    assert os.environ["JAX_PLATFORMS"] == place
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == hidden


@pytest.mark.parametrize(("allowed", "jax"), [(False, "highest"), (True, "tensorfloat32")])
def test_all_peers_multiply_as_exactly_as_the_others(allowed, jax, monkeypatch):
    for name in peers.raced(peers.GPU):
        variables = peers.PEERS[name].variables(peers.GPU, allowed)
        assert variables["JAX_DEFAULT_MATMUL_PRECISION"] == jax
        monkeypatch.setenv(peers.TF32, variables[peers.TF32])
        assert peers.tf32() == allowed
    assert peers.TF32 not in peers.PEERS["jax"].variables(peers.CPU)
    monkeypatch.delenv(peers.TF32)
    assert not peers.tf32()


def test_jax_without_its_part_for_a_gpu_is_left_out_there(monkeypatch):
    here = {"jax"}
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: name in here or None)
    jax = peers.PEERS["jax"]
    assert jax.missing() is None
    assert jax.missing(peers.GPU).endswith("pip install 'jax[cuda13]'")
    for plugin in ("jax_cuda12_plugin", "jax_cuda13_plugin"):
        here = {"jax", plugin}
        assert jax.missing(peers.GPU) is None
    here = {"jax_cuda13_plugin"}
    assert jax.missing(peers.GPU).endswith("pip install jax")


def test_the_bounds_of_a_step_are_counted_by_hand():
    # Three products each of 784 x 256 (without one), 256 x 128 and 128 x 10, for 100 rows.
    flop = 2 * 100 * (2 * 784 * 256 + 3 * 256 * 128 + 3 * 128 * 10)
    rows = 2 * 100 * 784
    parameters = 4 * 235_146 * 8  # theta, m, v and the gradient, each read and written
    assert gpu.bounds(jobs.JOBS["001"]) == {"FLOP": flop, "bytes": rows + parameters}


def test_without_a_gpu_it_says_why(monkeypatch, capsys):
    def lacking():
        raise BackendUnavailableError("the driver lists none")

    monkeypatch.setattr(cuda, "load", lacking)
    monkeypatch.setattr("sys.argv", ["gpu"])
    assert gpu.main() == 1
    assert "no GPU to measure on: the driver lists none" in capsys.readouterr().err


def test_the_device_is_described():
    with installed():
        found = gpu.describe_device()
    assert found["device"] == "CuPy double"
    assert found["compute capability"] == "9.0"
    json.dumps(found)


def lacking_pooch(monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)


def test_files_are_found_without_pooch(tmp_path, monkeypatch):
    lacking_pooch(monkeypatch)
    (tmp_path / "pictures").write_text("here")
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    source = Source("Pictures", "none", ("pictures",), ())
    assert load_file(source, "pictures", Path.read_text) == "here"


def test_without_data_the_rows_are_random_and_it_says_so(tmp_path, monkeypatch, capsys):
    lacking_pooch(monkeypatch)
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    assert gpu.rows_for(jobs.JOBS["001"], tmp_path) == "random"
    assert "001 trains on random rows: " in capsys.readouterr().err
    rows = Rows(jobs.JOBS["001"], tmp_path)
    assert (rows.pixels.shape, rows.pixels.dtype) == ((60_000, 784), np.uint8)
    # A class has a picture: the nearest mean of a class is nearly always the right one.
    x, y = rows.dense[:3000], rows.labels[:3000]
    means = np.array([x[y == k].mean(axis=0) for k in range(10)])
    assert (np.argmax(x @ means.T - (means**2).sum(axis=1) / 2, axis=1) == y).mean() > 0.99
    assert gpu.rows_for(jobs.JOBS["003"], tmp_path) is None
    assert "003 is left out: no data" in capsys.readouterr().err


def test_cupy_is_recorded_under_the_name_of_its_package(tmp_path, monkeypatch):
    monkeypatch.setattr(installation, "cupy_packages", lambda: {"cupy-cuda13x": "14.2.0"})
    monkeypatch.setattr(gpu, "describe", lambda *packages, here: dict.fromkeys(packages, "14.2.0"))
    monkeypatch.setattr(gpu, "rows_for", lambda *_: "Fashion-MNIST")

    def compete(job, rounds, folder, tf32, races):
        races["TF32" if tf32 else "float32"] = {}
        return 0

    monkeypatch.setattr(gpu, "compete", compete)
    monkeypatch.setattr("sys.argv", ["gpu", "--jobs", "001", "--out", str(tmp_path)])
    with installed():
        assert gpu.main() == 0
    written = json.loads((tmp_path / "gpu.json").read_text())
    assert written["machine"]["cupy-cuda13x"] == "14.2.0"
    assert written["jobs"]["001"]["rows"] == "Fashion-MNIST"
    assert list(written["jobs"]["001"]["races"]) == ["float32", "TF32"]


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--jobs", "001x"], "001x"), (["--rounds", "0"], "--rounds")]
)
def test_unknown_names_and_numbers_are_refused(arguments, words, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["gpu", *arguments])
    with pytest.raises(SystemExit) as error:
        gpu.main()
    assert error.value.code == 2
    assert f"error: {words}" in capsys.readouterr().err.replace("unknown job '", "")
