"""Tracing: what a formula may do, what it becomes, and what it is told when it may not."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.accelerator.trace.program import Step, trace


def test_a_formula_becomes_steps_over_registers():
    def formula(x, y, rate):
        return x - rate * y

    program = trace(formula, [True, True, False])
    assert program.name == "formula"
    assert program.arrays == (0, 1)
    assert program.scalars == (2,)
    assert program.steps == (Step("multiply", (2, 1), 3), Step("subtract", (0, 3), 4))
    assert program.outputs == (4,)
    assert program.prologue == ()
    assert program.ufuncs() == {"multiply", "subtract"}


def test_numbers_meet_once_a_call_in_double_precision():
    def formula(x, beta):
        return (1 - beta) * x

    program = trace(formula, [True, False])
    assert [step.ufunc for step in program.prologue] == ["subtract"]
    assert [step.ufunc for step in program.steps] == ["multiply"]
    values = program.scalar_values([None, 0.999])
    assert values[program.prologue[0].target] == 1 - 0.999
    assert isinstance(values[program.prologue[0].target], float)


def test_an_expression_that_comes_again_is_computed_once():
    def formula(x, y):
        return (x - y) * (x - y) + 2 * x + 2 * x

    steps = trace(formula, [True, True]).steps
    assert [s.ufunc for s in steps] == ["subtract", "multiply", "multiply", "add", "add"]


def test_operators_and_functions_of_one_name_are_one_step():
    def formula(x, y):
        return abs(x) + np.abs(x), x / y + np.true_divide(x, y)

    program = trace(formula, [True, True])
    assert [s.ufunc for s in program.steps] == ["absolute", "add", "divide", "add"]
    assert len(program.outputs) == 2


def builtin_max(x, y):
    return max(x, y)


def branch(x, y):
    return x if x > 0 else y


def loop_until(x, y):
    while x < y:
        x = x * 2
    return x


def membership(x, y):
    return x + (0 if x in (1, y) else 1)


@pytest.mark.parametrize("formula", [builtin_max, branch, loop_until, membership])
def test_branching_on_values_is_refused(formula):
    with pytest.raises(TypeError, match=f"'{formula.__name__}' branches on an array value"):
        trace(formula, [True, True])


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("where", lambda x, y: np.where(x > 0, x, y)),
        ("concatenate", lambda x, y: np.concatenate((x, y))),
        ("dot", lambda x, y: np.dot(x, y)),
        ("clip", lambda x, y: np.clip(x, y, 1)),
        ("cumsum", lambda x, y: np.cumsum(x)),
    ],
)
def test_functions_that_are_not_elementwise_are_refused(name, formula):
    with pytest.raises(TypeError, match=f"np.{name} is not a ufunc"):
        trace(formula, [True, True])


@pytest.mark.parametrize("function", [np.sum, np.max, np.mean, np.any])
def test_reductions_are_refused(function):
    def formula(x, y):
        return x - function(y)

    with pytest.raises(TypeError, match=r"'formula'.*is not a ufunc"):
        trace(formula, [True, True])


def accumulate(x, y):
    return np.add.accumulate(x)


def reduce(x, y):
    return np.add.reduce(x)


def outer(x, y):
    return np.multiply.outer(x, y)


def with_out(x, y):
    return np.add(x, y, out=x)


def with_where(x, y):
    return np.add(x, y, where=x > 0)


def in_place(x, y):
    x += y
    return x


def two_results(x, y):
    return np.divmod(x, y)[0]


def matrix_product(x, y):
    return x @ y


def row_product(x, y):
    return np.vecdot(x, y)


@pytest.mark.parametrize(
    "formula",
    [
        accumulate,
        reduce,
        outer,
        with_out,
        with_where,
        in_place,
        two_results,
        matrix_product,
        row_product,
    ],
)
def test_ufuncs_are_called_plainly_and_elementwise_or_refused(formula):
    with pytest.raises(TypeError, match=f"'{formula.__name__}'.*elementwise"):
        trace(formula, [True, True])


@pytest.mark.parametrize(
    "formula",
    [
        lambda x, y: -(x > 0),
        lambda x, y: ~(x > 0),
        lambda x, y: (x > 0) - (y > 0),
        lambda x, y: (x > 0) / (y > 0),
    ],
)
def test_arithmetic_that_numpy_has_not_among_masks_is_refused(formula):
    with pytest.raises(TypeError, match=r"on comparisons alone; multiply one by a number first"):
        trace(formula, [True, True])


@pytest.mark.parametrize(
    ("other", "kind"),
    [(np.ones(3), "ndarray"), ("2", "str"), (None, "NoneType"), (np.float32(2), "float32")],
)
def test_only_arrays_of_the_call_and_python_numbers_are_operands(other, kind):
    def formula(x):
        return np.add(x, other)

    with pytest.raises(TypeError, match=f"expected arrays and numbers, received {kind}"):
        trace(formula, [True])


@pytest.mark.parametrize("result", [None, [1.0], "y"])
def test_the_result_is_an_array_or_a_tuple_of_arrays(result):
    with pytest.raises(TypeError, match="expected arrays and numbers, received"):
        trace(lambda x: result, [True])


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_wrong_number_of_arguments_is_refused(count):
    def formula(x, y):
        return x + y

    with pytest.raises(TypeError, match=f"'formula': expected 2 arguments, received {count}"):
        trace(formula, [True] * count)


def test_the_sign_of_a_zero_constant_counts():
    def formula(x):
        return np.copysign(x, 0.0) + np.copysign(x, -0.0)

    values = trace(formula, [True]).constants.values()
    assert sorted(np.signbit(list(values))) == [False, True]
