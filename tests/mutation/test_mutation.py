"""The mutation test itself: operators, which mutants count, what failures are seen, the score."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from cosmic_ray.mutating import mutate_code

from tests.mutation import results
from tests.mutation.mutants import ROOT, Mutant, files, mutants
from tests.mutation.operators import DeleteStatement, ReplaceFunction
from tests.mutation.results import Results
from tests.mutation.running import Outcome

SOURCE = '''
"""A docstring."""
from __future__ import annotations

import numpy as np


@fused
def f(x, b: float | None = None):
    """y = max(x, 0)."""
    if b is not None:
        raise ValueError("b")
    return np.maximum(x, 0) * 3
'''


@pytest.mark.parametrize("operator", [DeleteStatement, ReplaceFunction])
def test_operators_do_as_in_their_examples(operator):
    for example in operator.examples():
        changed = mutate_code(example.pre_mutation_code, operator(), example.occurrence)
        assert changed == example.post_mutation_code


def test_mutants_are_the_small_changes_that_could_matter(tmp_path):
    (tmp_path / "kernel.py").write_text(SOURCE)
    found = list(mutants("kernel.py", tmp_path))
    assert {mutant.definition for mutant in found} == {"f"}
    changes = [re.sub(r"  +(?=-?[0-9])", " ", m.change.replace("    ", "")) for m in found]
    old = "-return np.maximum(x, 0) * 3\n+"
    assert sorted(changes) == sorted([
        "-@fused",
        "-if b is not None:\n+if b is None:",  # once, though it can be written as `not b is not`
        '-raise ValueError("b")\n+pass',
        "-return np.maximum(x, 0) * 3\n+pass",
        *(f"{old}return np.maximum(x, 0) {sign} 3" for sign in "+-/"),
        *(f"{old}return np.maximum(x, {n}) * 3" for n in (1, -1)),
        *(f"{old}return np.maximum(x, 0) * {n}" for n in (2, 4)),
        f"{old}return np.minimum(x, 0) * 3",
    ])  # fmt: skip


def test_the_arithmetic_is_mutated():
    found = files()
    assert "minidl/kernels/updates.py" in found
    assert "minidl/regularizers/norms.py" in found
    assert all((ROOT / path).exists() for path in found)


FILES = {
    "test_right.py": "def test_right():\n    assert True\n",
    "test_wrong.py": "def test_it():\n    assert 1 == 2, 'of batchnorm'\ndef test_more(): 1 / 0\n",
    "test_broken.py": "import nothing_of_this_name\n",
    "test_ending.py": "import os\ndef test_it():\n    os._exit(3)\n",
    "test_endless.py": "def test_it():\n    while True: pass\n",
    "test_executors.py": "import pytest\n@pytest.mark.parametrize('executor', ['compiled'])\n"
    "def test_it(executor):\n    assert False\n@pytest.mark.parametrize('executor', ['blocks'])\n"
    "def test_other(executor):\n    pass\n",
}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "test", "words"),
    [
        ("test_right.py", "", ""),
        ("test_wrong.py", "test_wrong.py::test_it", "of batchnorm"),
        ("test_broken.py", "test_broken.py", "nothing_of_this_name"),
        ("test_ending.py", "(no test)", "status"),
        ("test_endless.py", "(no test)", "nothing came of it in 3 s"),
        ("test_executors.py", "", ""),
    ],
)
def test_the_first_failure_is_told(name, test, words, tmp_path):
    (tmp_path / name).write_text(FILES[name])
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.mutation.worker import first_failure\n"
        f"found = first_failure(({name!r},), 3 if 'endless' in {name!r} else 1e6)\n"
        "print(*found, sep='\\n')"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    first, _, message = done.stdout.partition("\n")
    assert first == test
    assert words in message


def test_the_tests_of_a_file_and_of_its_folder():
    program = (
        "from pathlib import Path; from tests.mutation.worker import nearest\n"
        "for p in ('kernels/batchnorm.py', 'regularizers/norms.py', 'parameters.py', 'x.py'):\n"
        "    print(*nearest('minidl/' + p, Path.cwd()))"
    )
    command = [sys.executable, "-c", program]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert out.splitlines() == [
        "tests/kernels/test_batchnorm.py tests/kernels/test_batchnorm_edges.py tests/kernels",
        "tests/test_regularizers.py",
        "tests/test_parameters.py",
        "",
    ]


def outcome(change: str, test: str, message: str = "", path: str = "minidl/a.py") -> Outcome:
    return Outcome(Mutant(path, "dense_backward.inner", change, ""), test, message)


def test_a_failure_is_named_by_the_test_or_by_its_message():
    assert outcome("-1", "test_dense.py::test_backward[x]").named
    assert outcome("-1", "test_a.py::test_it[Dense_Backward]").named
    assert outcome("-1", "test_a.py::test_it", "in dense_backward of A").named
    assert not outcome("-1", "test_dense.py::test_forward", "1 != 2").named


def test_results_are_kept_and_survivors_keep_their_reasons(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "PATH", Path(tmp_path, "results.json"))
    found = Results.load()
    outcomes = [outcome("-1\n+2", "dense"), outcome("-1\n+3", ""), outcome("-1\n+4", "")]
    found.put("minidl/a.py", outcomes, part=False)
    assert found.score() == pytest.approx(1 / 3)
    assert len(found.unexplained()) == 2
    assert found.unexplained()[0] == "minidl/a.py, dense_backward.inner\n-1\n+3"
    found.files["minidl/a.py"].survivors[0].reason = "the same"
    found.save()

    again = Results.load()
    assert again == found
    assert again.survived(outcomes[1].mutant).reason == "the same"
    assert again.survived(outcomes[0].mutant) is None
    # One of the two is killed by a new test.
    part = [outcome("-1\n+3", ""), outcome("-1\n+4", "test_dense_backward")]
    again.put("minidl/a.py", part, part=True)
    assert again.score() == pytest.approx(2 / 3)
    assert again.unexplained() == []
    again.put("minidl/b.py", [outcome("-1", "test_dense_backward", path="minidl/b.py")], part=False)
    assert again.score() == pytest.approx(3 / 4)
    assert again.table().splitlines()[2:] == [
        "| minidl/a.py | 3 | 2 | 1 | 1 |",
        "| minidl/b.py | 1 | 1 | 0 | 0 |",
        "| all: 75.00% | 4 | 3 | 1 | 1 |",
    ]


def test_the_page_says_what_the_last_run_found():
    kept = Results.load()
    page = (ROOT / "docs/understand/correctness.md").read_text(encoding="utf-8")
    assert kept.table() in page
    share = f"{100 * kept.score():.1f} % of {kept.counts[0]:,} small mistakes are noticed"
    assert share in page, share
