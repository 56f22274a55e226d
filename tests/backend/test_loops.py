"""The Numba executor: each operation's meaning, the generated source, and its cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from minidl.backend import blocks, fused, loops, use
from minidl.backend.formula import trace
from minidl.kernels import activations, updates

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(loops, "_directory", lambda: tmp_path)


# Operations --------------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -3.25, 1e30, -1e-30, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", loops._SCALAR)
def test_an_operation_means_what_it_means_in_numpy(name, dtype):
    ufunc = getattr(np, name)
    first, second = (a.ravel().astype(dtype) for a in np.meshgrid(SPECIAL, SPECIAL))
    arrays = [first, second][: ufunc.nin]
    formula = (lambda x: 1 * ufunc(x)) if ufunc.nin == 1 else (lambda x, y: 1 * ufunc(x, y))
    program = trace(formula, [True] * ufunc.nin)
    object.__setattr__(program, "name", name)  # "<lambda>" is no name for a function
    out = np.full(first.shape, 99, dtype)
    loops.compile(program, [()])(arrays, [out])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = 1 * ufunc(*arrays)
    np.testing.assert_array_equal(out, expected)


def test_exponentials_stay_in_numpys_blocks(monkeypatch):
    monkeypatch.setattr(loops, "_load", lambda *_: pytest.fail("a loop was compiled"))
    x = np.linspace(-2, 2, 7)
    out = np.empty_like(x)
    with use("numpy", executor="numba"):
        # A formula of its own: the kernel itself may have been compiled by another test.
        fused(activations.sigmoid_forward.formula)(x, out=out)
    np.testing.assert_allclose(out, 1 / (1 + np.exp(-x)), rtol=1e-15)


# Source ------------------------------------------------------------------------------------


def source(formula, arrays, numbers, aliases, rows=()):
    program = trace(formula, [True] * arrays + [False] * numbers)
    return loops.loop_source(program, aliases, rows, np.dtype("float32"))


def parameters(source):
    header = next(line for line in source.splitlines() if line.startswith("def "))
    return header[header.index("(") + 1 : header.index(")")].split(", ")


def test_an_array_that_is_overwritten_is_one_argument():
    fresh = source(updates.momentum.formula, 3, 2, [(), ()])
    assert parameters(fresh)[:5] == ["x0", "x1", "x2", "out0", "out1"]
    in_place = source(updates.momentum.formula, 3, 2, [(0,), (2,)])
    assert parameters(in_place)[:3] == ["x0", "x1", "x2"]
    assert "out" not in in_place


def test_the_loop_runs_over_rows_only_where_a_row_is_repeated():
    def formula(x, row):
        return x + row

    assert "for j" not in source(formula, 2, 0, [()])
    assert "x1[j]" in source(formula, 2, 0, [()], rows=(1,))
    assert "x0[i, j]" in source(formula, 2, 0, [()], rows=(1,))


def test_the_source_compiles_with_numpys_division():
    assert 'error_model="numpy"' in source(updates.sgd.formula, 2, 1, [(0,)])


# Cache -------------------------------------------------------------------------------------

CHILD = """
import json, sys
import numpy as np
from minidl.backend import use
from minidl.kernels import updates
use("numpy", executor="numba")
theta, grad = np.ones(1000), np.full(1000, 0.5)
updates.sgd(theta, grad, 0.5, out=theta)
assert (theta == 0.75).all()
loop, = (m.sgd for name, m in sys.modules.items() if name.startswith("minidl_loop_"))
stats = loop.stats
print(json.dumps([sum(stats.cache_hits.values()), sum(stats.cache_misses.values())]))
print(loop.__code__.co_filename)
"""


def child(cache, **environment):
    """(cache hits, cache misses, file of the generated loop) of a process that runs sgd."""
    result = subprocess.run(
        [sys.executable, "-c", CHILD],
        cwd=ROOT,
        env={**os.environ, "XDG_CACHE_HOME": str(cache), "HOME": str(cache), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    counts, file = result.stdout.splitlines()
    return *json.loads(counts), Path(file)


def stamps(folder):
    return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.suffix in (".nbc", ".py")}


def test_a_second_process_does_not_compile(tmp_path):
    hits, misses, file = child(tmp_path)
    assert (hits, misses) == (0, 1)
    assert tmp_path in file.parents
    before = stamps(tmp_path)
    assert {p.suffix for p in before} == {".nbc", ".py"}
    hits, misses, again = child(tmp_path)
    assert (hits, misses) == (1, 0)
    assert again == file
    assert stamps(tmp_path) == before


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder can be made below a file")
    hits, misses, file = child(blocked, TMPDIR=str(tmp_path))
    assert (hits, misses) == (0, 1)
    assert file.parent.name.startswith("minidl-loops-")
    assert blocked.read_text() == "no folder can be made below a file"


def test_the_name_of_a_file_follows_from_its_content(tmp_path):
    one = source(updates.sgd.formula, 2, 1, [(0,)])
    other = source(updates.sgd.formula, 2, 1, [()])
    for text in (one, other, one):
        assert callable(loops._load("sgd", text))
    files = list(tmp_path.glob("sgd_*.py"))
    assert sorted(f.read_text() for f in files) == sorted([one, other])
    assert not list(tmp_path.glob("*.tmp"))


def test_an_interrupted_write_leaves_no_loop(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    text = source(updates.sgd.formula, 2, 1, [(0,)])
    with pytest.raises(KeyboardInterrupt):
        loops._load("sgd", text)
    assert not list(tmp_path.glob("sgd_*.py"))


# Choice ------------------------------------------------------------------------------------


def test_looking_for_numba_does_not_import_it():
    code = "import sys; from minidl.backend import loops; assert loops.available(); " + (
        "assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_without_numba_the_module_says_so(monkeypatch):
    assert loops.available()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not loops.available()


def test_numbers_compiled_here_and_in_blocks_are_the_same_function_of_the_inputs():
    program = trace(updates.nadam.formula, [True] * 4 + [False] * 6)
    random = np.random.default_rng(0)
    arrays = [random.uniform(0.5, 2, 1000).astype("float32") for _ in range(4)]
    numbers = [0.1, 0.2, 1.5, 0.9, 0.999, 1e-7]
    results = []
    for executor in (blocks, loops):
        outs = [np.empty(1000, "float32") for _ in range(3)]
        executor.compile(program, [()] * 3)([*arrays, *numbers], outs)
        results.append(outs)
    np.testing.assert_array_equal(results[0], results[1])
