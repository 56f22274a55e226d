"""``minidl doctor``: each thing that may be missing or not fit, and what it says of it."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minidl import __main__ as command
from minidl import datasets
from minidl.accelerator.record.operands import CompilationUnavailableError
from minidl.accelerator.trace import loops
from minidl.backend import cuda, installation
from minidl.commands import doctor
from tests.doubles.cupy_double import installed

ROOT = Path(__file__).parents[1]


@pytest.fixture
def machine(monkeypatch):
    """Sets what is installed: versions by package, and the CUDA that the driver knows."""

    def install(packages, driver, cupy=None):
        # NumPy, LLVM and the rest are those of this environment.
        known = installation.version
        monkeypatch.setattr(
            installation,
            "version",
            lambda name: packages.get(name) if name in installation.CUPY else known(name),
        )
        monkeypatch.setattr(installation, "cuda_of_driver", lambda: driver)
        monkeypatch.setattr(cuda, "load", lambda: cupy)

    return install


def found(what):
    (finding,) = [each for each in doctor.findings() if each.what == what]
    return finding


@pytest.mark.parametrize(
    ("packages", "driver", "mend"),
    [
        ([], None, "pip install 'minidl[cuda13]'"),
        ([], (13, 0), "pip install 'minidl[cuda13]'"),
        ([], (12, 8), "pip install 'minidl[cuda12]'"),
        (["cupy-cuda13x"], (13, 0), None),
        (["cupy-cuda12x"], (13, 1), None),  # a newer driver runs older CUDA
        (["cupy"], (12, 4), None),  # built from source, for whatever was there
        (["cupy-cuda13x"], None, None),
        (
            ["cupy-cuda13x"],
            (12, 9),
            "pip uninstall -y cupy-cuda13x && pip install 'minidl[cuda12]'",
        ),
        (
            ["cupy-cuda12x", "cupy-cuda13x"],
            (13, 0),
            "pip uninstall -y cupy-cuda12x cupy-cuda13x && pip install 'minidl[cuda13]'",
        ),
        (
            ["cupy-cuda12x", "cupy"],
            None,
            "pip uninstall -y cupy-cuda12x cupy && pip install 'minidl[cuda13]'",
        ),
    ],
)
def test_the_command_that_mends_cupy(packages, driver, mend):
    assert installation.cuda_mismatch(packages, driver) == mend


def test_without_a_gpu_cupy_is_not_missed(machine):
    machine({}, None)
    assert found("Driver").found == "no NVIDIA driver"
    finding = found("CuPy")
    assert finding.mend == "pip install 'minidl[cuda13]' (only with an NVIDIA GPU)"
    assert not finding.serious


def test_with_a_gpu_it_is(machine):
    machine({}, (12, 6))
    assert found("Driver").found == "for CUDA up to 12.6"
    assert found("CuPy").mend == "pip install 'minidl[cuda12]'"


def test_two_packages_at_once_are_serious(machine, capsys):
    machine({"cupy-cuda12x": "14.1.0", "cupy-cuda13x": "14.1.1"}, (13, 0))
    finding = found("CuPy")
    assert finding.found == "cupy-cuda12x 14.1.0, cupy-cuda13x 14.1.1"
    assert finding.serious
    assert doctor.report() == 1
    assert f"-> {finding.mend}\n" in capsys.readouterr().out


def test_a_driver_without_a_device_is_named(machine, monkeypatch):
    machine({"cupy-cuda13x": "14.1.0"}, (13, 0))

    def fail():
        raise cuda.BackendUnavailableError("the driver lists none")

    monkeypatch.setattr(cuda, "load", fail)
    finding = found("CuPy")
    assert finding.mend == "the driver lists none"
    assert finding.serious


def test_a_device_and_its_memory(machine):
    with installed():
        machine({"cupy-cuda13x": "14.1.0"}, (13, 0), importlib.import_module("cupy"))
        check_device()


def check_device():
    assert found("CuPy") == doctor.Finding("CuPy", "cupy-cuda13x 14.1.0")
    assert re.fullmatch(r"runtime \d+, NVRTC \d+\.\d+", found("CUDA").found)
    assert re.fullmatch(
        r"CuPy double, compute capability 9\.0, \d+\.\d of \d+\.\d GiB free",
        found("Device 0").found,
    )


def test_what_is_missing_and_where_machine_code_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(loops, "obstacle", lambda: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert found("LLVM").found == f"{installation.version('llvmlite')}, a command was run"
    assert found("Machine code") == doctor.Finding(
        "Machine code", f"in {tmp_path / 'minidl' / 'commands'}"
    )
    tmp_path.chmod(0o777)
    finding = found("Machine code")
    assert finding.found.endswith(f"commands: others can write to {tmp_path}")
    assert finding.mend == f"chmod go-w {tmp_path}"
    tmp_path.chmod(0o700)


def test_what_llvm_cannot_do(monkeypatch):
    obstacle = CompilationUnavailableError("there is a reason", "do something")
    monkeypatch.setattr(loops, "obstacle", lambda: obstacle)
    finding = found("LLVM")
    assert "cannot be used, there is a reason: formulas run in NumPy's blocks" in finding.found
    assert finding.mend == "do something"
    assert finding.serious
    assert doctor.report() == 1


def test_what_llvm_lacks(monkeypatch):
    monkeypatch.setattr(loops, "lacking", lambda: ["llvmlite", "pyelftools"])
    finding = found("LLVM")
    assert finding.found.startswith("lacks llvmlite, pyelftools: formulas run in NumPy's blocks")
    assert finding.mend == "pip install 'minidl[fast]'"


TITLES = [
    "Fashion-MNIST",
    "MNIST",
    "CIFAR-10",
    "IMDB",
    "Reuters",
    "Boston housing",
    "California housing",
]


def test_data_sets_are_looked_for_and_not_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    monkeypatch.setattr("minidl.datasets._files.DEBIAN_FOLDER", tmp_path / "none")
    places = datasets.places()
    assert list(places) == TITLES
    assert [place for place, _ in places.values()] == [None] * len(TITLES)
    assert places["Fashion-MNIST"][1] == "apt-get install dataset-fashion-mnist"
    (tmp_path / "imdb").mkdir()
    (tmp_path / "imdb" / "imdb.npz").write_bytes(b"")
    assert datasets.places()["IMDB"][0] is None  # the words are not there
    (tmp_path / "imdb" / "imdb_word_index.json").write_bytes(b"")
    assert datasets.places()["IMDB"][0] == tmp_path / "imdb"
    finding = found("IMDB")
    assert finding.found == str(tmp_path / "imdb")
    assert finding.mend == ""


def test_compressed_images_count(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / f"{name}-ubyte.gz").write_bytes(b"")
    assert datasets.places()["MNIST"][0] == tmp_path


@pytest.mark.parametrize("call", [["-m", "minidl", "doctor"], ["-m", "minidl"]])
def test_from_the_shell(call):
    result = subprocess.run([sys.executable, *call], cwd=ROOT, capture_output=True, text=True)
    if call[-1] != "doctor":
        assert result.returncode == 2
        assert "required: command" in result.stderr
        assert "{doctor,cache,exercises}" in result.stderr
        return
    assert result.returncode == 0, result.stdout + result.stderr
    lines = [line.split()[0] for line in result.stdout.splitlines() if not line.startswith(" ")]
    wanted = ["minidl", "Python", "NumPy", "LLVM", "Machine", "Driver", "CuPy"]
    assert lines[: len(wanted)] == wanted
    assert lines[-len(TITLES) :] == [title.split()[0] for title in TITLES]
    assert "Traceback" not in result.stderr


def test_the_commands_name_is_installed():
    text = (ROOT / "pyproject.toml").read_text()
    assert '[project.scripts]\nminidl = "minidl.__main__:main"\n' in text
    assert callable(command.main)
