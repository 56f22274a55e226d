"""Compiled loops: each operation's meaning, and the arrays that it takes."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from minidl.accelerator.cpu import player
from minidl.accelerator.cpu.commands import WORTH
from minidl.accelerator.cpu.team.team import team as team_of_this_process
from minidl.accelerator.trace import blocks, loops
from minidl.accelerator.trace.loop_source import KNOWN
from minidl.accelerator.trace.program import trace
from minidl.backend import fused, use
from minidl.kernels import activations, adaptive

ROOT = Path(__file__).parents[3]


# Operations --------------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -3.25, 1e30, -1e-30, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(KNOWN))
def test_an_operation_means_what_it_means_in_numpy(name, dtype):
    ufunc = getattr(np, name)
    first, second = (a.ravel().astype(dtype) for a in np.meshgrid(SPECIAL, SPECIAL))
    arrays = [first, second][: ufunc.nin]
    formula = (lambda x: 1 * ufunc(x)) if ufunc.nin == 1 else (lambda x, y: 1 * ufunc(x, y))
    program = trace(formula, [True] * ufunc.nin)
    out = np.full(first.shape, 99, dtype)
    loops.compile(program, [()])(arrays, [out])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = 1 * ufunc(*arrays)
    np.testing.assert_array_equal(out, expected)


def test_exponentials_stay_in_numpys_blocks(monkeypatch):
    monkeypatch.setattr(player, "Eager", lambda *_: pytest.fail("a loop was compiled"))
    x = np.linspace(-2, 2, 7)
    out = np.empty_like(x)
    with use("numpy", executor="compiled"):
        # A formula of its own: the kernel itself may have been compiled by another test.
        fused(activations.sigmoid_forward.formula)(x, out=out)
    np.testing.assert_allclose(out, 1 / (1 + np.exp(-x)), rtol=1e-15)


# Arrays ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (1,), (5,), (1, 1), (4, 1), (1, 7), (3, 5), (2, 3, 4)])
def test_rows_are_repeated_as_numpy_does(shape):
    random = np.random.default_rng(0)
    x, row = random.standard_normal(shape), random.standard_normal(shape[-1:])

    @fused
    def formula(x, row, factor):
        return factor * x + row, x - row

    outs = np.empty(shape), np.empty(shape)
    with use("numpy", executor="compiled"):
        formula(x, row, 2.5, out=outs)
    np.testing.assert_array_equal(outs[0], 2.5 * x + row)
    np.testing.assert_array_equal(outs[1], x - row)


@pytest.mark.parametrize("kind", ["bool", "uint8", "uint16", "int64", "float16", "float64"])
def test_arguments_of_other_types_are_what_they_are_in_blocks(kind):
    """float16 is one that no loop knows: blocks take its place."""
    values = np.array([0, 1, 2, 77, 250]).astype(kind)
    formula = trace(lambda x, y: x * 0.5 + y, [True, True])
    y = np.linspace(-1, 1, 5, dtype="float32")
    results = []
    for executor in (blocks, loops):
        out = np.empty(5, "float32")
        executor.compile(formula, [()])([values, y], [out])
        results.append(out)
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(("size", "lists"), [(WORTH - 1, 0), (WORTH, 1)])
def test_long_loops_are_run_by_the_team(size, lists, monkeypatch):
    team = team_of_this_process()
    seen = []
    run = team.run
    monkeypatch.setattr(team, "run", lambda *listed: (seen.append(listed), run(*listed)))
    x, out = np.arange(size, dtype="float32"), np.empty(size, "float32")
    loops.compile(trace(lambda x: x * 2, [True]), [()])([x], [out])
    np.testing.assert_array_equal(out, 2 * x)
    assert len(seen) == lists


def test_an_argument_that_the_formula_does_not_read_may_be_overwritten():
    formula = trace(lambda x, y: y + 1, [True, True])
    x, y = np.zeros(3), np.arange(3.0)
    loops.compile(formula, [(0,)])([x, y], [x])
    np.testing.assert_array_equal(x, [1, 2, 3])


def test_a_formula_may_have_any_name():
    """Also one that the source of its loop uses itself, or none."""

    def row(x):
        return x + 1

    for formula in (row, lambda x: x + 1):
        out = np.empty(2)
        loops.compile(trace(formula, [True]), [()])([np.array([1.0, 2.0])], [out])
        np.testing.assert_array_equal(out, [2, 3])


def test_what_is_called_in_passing_is_compiled_when_it_is_called_again(monkeypatch):
    made = []
    eager = player.Eager
    monkeypatch.setattr(player, "Eager", lambda *given: made.append(given) or eager(*given))
    run = loops.compile(trace(lambda x: x * 2 + 1, [True]), [()])
    x, out = np.arange(3.0), np.empty(3)
    with loops.passing():
        run([x], [out])
        np.testing.assert_array_equal(out, [1, 3, 5])
        assert not made
    for _ in range(2):
        run([out], [x])
        np.testing.assert_array_equal(x, [3, 7, 11])
        assert len(made) == 1


FIT = """
import numpy as np
import minidl
from minidl.accelerator.cpu import player
from minidl.layers import Dense

made = []
eager = player.Eager
player.Eager = lambda program, *given: made.append(program.name) or eager(program, *given)
model = minidl.Sequential([minidl.Input(shape=(6,)), Dense(5, activation="relu"), Dense(1)])
model.compile("adam", "mse")
x, y = np.ones((40, 6), "float32"), np.ones((40, 1), "float32")
with minidl.backend.use("numpy", executor="compiled"):
    model.fit(x, y, batch_size=10, epochs=8, verbose=0)
assert model.recording.startswith("compiled")
assert not made, made
"""


def test_the_called_steps_before_a_recorded_one_compile_no_formula():
    subprocess.run([sys.executable, "-c", FIT], cwd=ROOT, check=True)


# Choice ------------------------------------------------------------------------------------


def test_looking_for_llvm_does_not_load_it():
    code = (
        "import sys; from minidl.accelerator.trace import loops; assert loops.available(); "
        "assert not {'llvmlite', 'elftools'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_without_llvm_the_module_says_so(monkeypatch):
    assert loops.available()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not loops.available()


def test_numbers_compiled_here_and_in_blocks_are_the_same_function_of_the_inputs():
    program = trace(adaptive.nadam.formula, [True] * 4 + [False] * 6)
    random = np.random.default_rng(0)
    arrays = [random.uniform(0.5, 2, 1000).astype("float32") for _ in range(4)]
    numbers = [0.1, 0.2, 1.5, 0.9, 0.999, 1e-7]
    results = []
    for executor in (blocks, loops):
        outs = [np.empty(1000, "float32") for _ in range(3)]
        executor.compile(program, [()] * 3)([*arrays, *numbers], outs)
        results.append(outs)
    np.testing.assert_array_equal(results[0], results[1])
