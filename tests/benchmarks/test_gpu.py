"""The race on a GPU, as far as it goes without one: who is in it, its bounds, and its refusal."""

from __future__ import annotations

import json
import os

import pytest

from benchmarks import gpu
from benchmarks.train import jobs, peers
from minidl.backend import BackendUnavailableError, cuda
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


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--jobs", "001x"], "001x"), (["--rounds", "0"], "--rounds")]
)
def test_unknown_names_and_numbers_are_refused(arguments, words, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["gpu", *arguments])
    with pytest.raises(SystemExit) as error:
        gpu.main()
    assert error.value.code == 2
    assert f"error: {words}" in capsys.readouterr().err.replace("unknown job '", "")
