"""Formulas as compiled commands: the bits that the executor "blocks" gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.accelerator.cpu import player
from minidl.accelerator.cpu.commands import UnsupportedError
from minidl.accelerator.cpu.elementwise import elementwise
from minidl.accelerator.cpu.shares import COLUMNS, ROWS
from minidl.backend import fused, use
from tests.accelerator.cpu.kernels_of_minidl import FORMULAS, arguments_of, outputs_of
from tests.accelerator.cpu.running import each_schedule, random, same_bits
from tests.accelerator.trace.formulas import random_formulas

pytestmark = pytest.mark.usefixtures("parts")

# Of few columns, of few rows, of many; ends of shares within and beyond cache lines.
SHAPES = [(), (1,), (100,), (3, 2), (5, 70), (70, 5), (40, 33), (2, 3, 4), (5, 9, 33)]
FEWER = [(5, 70), (70, 5), (5, 9, 33)]


def expected(formula, arguments, outs):
    """What "blocks" leaves in the outputs; the arrays stay as they are."""
    copies = {id(a): a.copy() for a in (*arguments, *outs) if isinstance(a, np.ndarray)}
    given_ = [copies.get(id(a), a) for a in arguments]
    results = tuple(copies[id(o)] for o in outs)
    with use("numpy", executor="blocks"), np.errstate(all="ignore"):
        formula(*given_, out=results)
    return results


def check(formula, arguments, outs):
    """Commands give the same as "blocks" in all schedules, and leave the other arrays alone."""
    program = formula.program(arguments, outs)
    wanted = expected(formula, arguments, outs)
    commands = player.commands(program, arguments, outs)
    arrays = list({id(a): a for a in (*arguments, *outs) if isinstance(a, np.ndarray)}.values())
    written = {id(o) for o in outs}
    others = [(a, a.copy()) for a in arrays if id(a) not in written]
    for _ in each_schedule(commands, arrays):
        for out, want in zip(outs, wanted, strict=True):
            same_bits(out, want)
        for array, before in others:
            np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize(
    "shapes",
    [pytest.param([(), *FEWER], id="fewer"),
     pytest.param(SHAPES, id="all", marks=pytest.mark.thorough)],
)  # fmt: skip
@pytest.mark.parametrize("name", FORMULAS)
def test_every_formula_out_of_place(name, shapes):
    formula = FORMULAS[name]
    for shape in shapes:
        arguments = arguments_of(formula, shape, "float64")
        check(formula, arguments, [np.full(shape, np.nan) for _ in outputs_of(formula)])


@pytest.mark.parametrize("name", FORMULAS)
def test_every_formula_in_place(name):
    formula = FORMULAS[name]
    for shape in SHAPES:
        arguments = arguments_of(formula, shape, "float32")
        arrays = [a for a in arguments if isinstance(a, np.ndarray) and a.dtype == "float32"]
        outs = arrays[: len(outputs_of(formula))]
        # Some have more outputs than arguments.
        outs += [np.full(shape, np.nan, "float32") for _ in outputs_of(formula)[len(outs) :]]
        check(formula, arguments, outs)


# Formulas of layers; optimizers and penalties take one vector.
OF_ROWS = [
    name
    for name, formula in FORMULAS.items()
    if not name.startswith(("updates", "penalties", "clipping"))
    and len(formula.program(arguments_of(formula, (1,), "float32"), outputs_of(formula)).arrays) > 1
]


@pytest.mark.parametrize("name", OF_ROWS)
def test_every_formula_with_rows_for_all_rows(name):
    formula = FORMULAS[name]
    for shape in FEWER:
        whole = arguments_of(formula, shape, "float32")
        rows = arguments_of(formula, shape[-1:], "float32", seed=1)
        # Every second array from the last on, but never the first.
        places = [k for k, a in enumerate(whole) if isinstance(a, np.ndarray)]
        repeated = places[:0:-2]
        arguments = [rows[k] if k in repeated else a for k, a in enumerate(whole)]
        outs = [np.full(shape, np.nan, "float32") for _ in outputs_of(formula)]
        try:
            check(formula, arguments, outs)
        except UnsupportedError:  # it runs in blocks
            # NumPy's own loops take elements side by side, which one row for a stack has not.
            assert len(shape) == 3
            assert formula.program(arguments, outs).ufuncs() & {"tanh", "exp", "log", "power"}


@given(random_formulas(), st.sampled_from(["float32", "float64"]), st.data())
def test_any_formula(made, dtype, data):
    axes = st.integers(1, 80) | st.integers(1, 5)
    shape = data.draw(st.tuples(axes, axes) | st.tuples(st.integers(1, 4), axes, axes), "shape")
    arrays = [
        random(shape[-1:] if row else shape, dtype, seed) for seed, row in enumerate(made.rows)
    ]
    outs = [np.full(shape, np.nan, dtype) if k is None else arrays[k] for k in made.aliases]
    check(fused(made.function()), [*arrays, 0.3], outs)


@fused
def weighted(x, y, weight):
    return weight * x + y


@fused
def everything(x, y):
    return np.sign(x), abs(y), x * (x >= y), x / y, -x, np.sqrt(y), x - y


@fused
def extremes(x, y):
    return np.minimum(x, y), np.maximum(x, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_infinities_zeros_and_nan(dtype):
    special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.5, np.finfo(dtype).max]
    x, y = (a.astype(dtype).copy() for a in np.meshgrid(special, special))
    check(everything, [x, y], [np.full(x.shape, 7, dtype) for _ in range(7)])
    # Which of two zeros is the larger NumPy leaves to the processor.
    x, y = x + 0, y + 0
    check(extremes, [x, y], [np.full(x.shape, 7, dtype) for _ in range(2)])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "int32", "bool"])
def test_integers_are_numbers_of_the_type_of_the_outputs(kind, dtype):
    x = (100 * random((40, 50))).astype(kind)
    check(weighted, [x, random((40, 50), dtype, 1), 1 / 255], [np.empty((40, 50), dtype)])


def test_rows_that_lie_apart():
    x, y = random((50, 90)), random((50, 90), seed=1)
    out = np.zeros((50, 90))
    formula = weighted.program([x, y, 2.0], [out])
    for rows, columns in [(50, 40), (7, 64), (40, 3)]:
        part = out[:rows, 9 : 9 + columns]
        arrays = x[:rows, :columns], y[-rows:, -columns:]
        made = elementwise(formula, {0: arrays[0], 1: arrays[1], 2: 2.0}, [part])
        for _ in each_schedule([made], [out]):
            wanted = np.zeros_like(out)
            wanted[:rows, 9 : 9 + columns] = 2 * arrays[0] + arrays[1]
            same_bits(out, wanted)
        out[...] = 0


@pytest.mark.parametrize("shape", [(3, 5), (50, 60)])
@pytest.mark.parametrize("axis", [None, ROWS, COLUMNS])
def test_one_number_for_a_row_for_a_column_or_for_all(shape, axis):
    x = random(shape)
    for other in (random((shape[0], 1)), random((1, shape[1])), random(()), random((1, 1))):
        out = np.full(shape, np.nan)
        program = weighted.program([x, other, 0.5], [out])
        made = elementwise(program, {0: x, 1: other, 2: 0.5}, [out], axis=axis)
        for _ in each_schedule([made], [out]):
            same_bits(out, 0.5 * x + other)


def test_it_is_computed_in_the_type_asked_for():
    x, y = random(100, "float64"), random(100, "float64", 1)
    out = np.empty(100, "float32")
    program = weighted.program([x, y, 0.1], [out])
    for working in ("float32", "float64"):
        made = elementwise(program, {0: x, 1: y, 2: 0.1}, [out], np.dtype(working))
        kind = np.dtype(working).type
        for _ in each_schedule([made], [out]):
            wanted = kind(0.1) * x.astype(working) + y.astype(working)
            same_bits(out, wanted.astype("float32"))


def test_the_numbers_are_read_when_it_runs():
    x, y, out = random(40), random(40, seed=1), np.empty(40)
    numbers = np.array([2.0])
    program = weighted.program([x, y, 2.0], [out])
    made = elementwise(program, {0: x, 1: y, 2: 2.0}, [out], numbers=[numbers])
    for value in (2.0, -3.0):
        numbers[0] = value
        for _ in each_schedule([made], [out]):
            same_bits(out, value * x + y)


def test_what_has_no_loop_is_refused():
    x = random((4, 6))
    program = FORMULAS["activations.tanh_forward"].program([x], [x])
    with pytest.raises(UnsupportedError, match="tanh_forward"):
        elementwise(program, {0: x}, [x])


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (random((4, 12))[:, ::2], random((4, 6))),  # columns that lie apart
        (random((6, 4)).T, random((4, 6))),
        (random((4, 6)), random((6, 4)).T),
        (random((4, 6)), random((4, 5))),
        (random((4, 6)), random(4)),
        (random((4, 6)), random((1, 4, 6))),
        (random((2, 3, 8))[:, :, :4], random((2, 3, 4))),
        (random((2, 3, 4)), random((2, 3, 8))[:, :, :4]),
        (random((2, 3, 4)), random((2, 3, 1))),
    ],
)
def test_other_shapes_and_places_are_refused(x, y):
    out = x
    before = x.copy()
    program = weighted.program([x, y, 1.0], [out])
    with pytest.raises(UnsupportedError):
        elementwise(program, {0: x, 1: y, 2: 1.0}, [out])
    np.testing.assert_array_equal(x, before)
