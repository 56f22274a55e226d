"""By default each value of each parameter runs; ``--thorough`` runs their combinations, too."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import needed, times
from tests.selection import covering

ROOT = Path(__file__).parents[1]

TESTS = """
import pytest
from hypothesis import given, strategies


@pytest.fixture(params=["blocks", "compiled"])
def executor(request):
    return request.param


@pytest.mark.parametrize("x", [1, 2, 3])
@pytest.mark.parametrize(("y", "z"), [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_many(x, y, z, executor):
    pass


@pytest.mark.thorough
def test_slow():
    pass


@given(strategies.booleans())
def test_search(x):
    pass
"""


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_all_values_occur_in_few_cases(sizes: list[int]) -> None:
    """In as many cases as the longest list has values where all combinations are there."""
    cases = [set(enumerate(case)) for case in itertools.product(*map(range, sizes))]
    chosen = covering(cases)
    assert set().union(*(cases[k] for k in chosen)) == set().union(*cases)
    assert len(chosen) <= max(sizes) + 1


def ran(folder: Path, *options: str, more: str = "") -> str:
    """What pytest prints with this repository's options; ``more`` is of conftest.py."""
    hooks = "pytest_addoption, pytest_cmdline_main, pytest_configure"
    (folder / "conftest.py").write_text(f"from tests.conftest import {hooks}\n{more}")
    (folder / "test_it.py").write_text(TESTS)
    (folder / "pytest.ini").write_text(
        f"[pytest]\npythonpath = {ROOT}\nmarkers =\n thorough: x\n gpu: x\n"
    )
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.thorough
def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    """Of 24 combinations four are needed: what one list holds is one parameter."""
    printed = ran(tmp_path, "-n", "1")  # a worker counts, and the process that started it prints
    assert "test_slow" not in printed
    assert "5 passed" in printed
    assert "21 tests were left out; pytest --thorough runs them, too" in printed


def test_what_was_left_out_runs_alone(tmp_path: Path) -> None:
    """Searches ran already."""
    printed = ran(tmp_path, "-n", "0", "--thorough", "-m", "thorough")
    assert "21 passed, 5 deselected" in printed
    assert "left out" not in printed


@pytest.mark.thorough
def test_those_on_a_gpu_need_no_package_that_only_others_need(tmp_path: Path) -> None:
    """Nor pytest-xdist."""
    (tmp_path / "test_other.py").write_text("import no_such_package\n")
    (tmp_path / "test_gpu.py").write_text(
        "import pytest\n\n\n@pytest.mark.gpu\ndef test_one():\n    pass\n"
    )
    there_is_one = "from tests import conftest\n\nconftest._no_device = lambda: None\n"
    printed = ran(tmp_path, "-p", "no:xdist", "-m", "gpu", more=there_is_one)
    assert "1 passed" in printed
    said = "1 files of tests were left out: they need no_such_package, which is not installed"
    assert said in printed


#: What minidl itself needs, and what tests on a GPU are allowed to.
WITH_A_GPU = {
    "numpy", "scipy", "sklearn", "matplotlib", "tqdm", "filelock", "threadpoolctl",
    "cupy", "cuda", "pytest", "hypothesis",
}  # fmt: skip


def test_the_tests_of_the_gpu_s_files_can_be_loaded_where_little_is_installed() -> None:
    files = [*(ROOT / "tests/accelerator/gpu").glob("test_*.py"), ROOT / "tests/conftest.py"]
    files += [ROOT / "tests" / name for name in ("test_training_executors.py", "test_network.py")]
    files += (ROOT / "tests/backend").glob("test_*.py")
    for file in files:
        others = needed.packages(file) - sys.stdlib_module_names
        assert others <= WITH_A_GPU, (file, others)


def test_seconds_of_each_file(tmp_path: Path) -> None:
    """Of one run, and of two."""
    (tmp_path / "1.xml").write_text(
        '<testsuites><testsuite><testcase classname="tests.a.test_b" time="1.5"/>'
        '<testcase classname="tests.a.test_b.TestIt" time="2"/>'
        '<testcase classname="tests.test_c" time="0.25"/></testsuite></testsuites>'
    )
    (tmp_path / "2.xml").write_text(
        '<testsuite><testcase classname="tests.test_c" time="9"/></testsuite>'
    )
    assert times.table([str(tmp_path / "1.xml"), str(tmp_path / "2.xml")]).splitlines() == [
        "      0.2 s      9.0 s  tests/test_c.py",
        "      3.5 s      0.0 s  tests/a/test_b.py",
        "      3.8 s      9.0 s  all",
    ]
