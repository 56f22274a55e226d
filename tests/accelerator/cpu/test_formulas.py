"""Formulas cut at NumPy's own functions, parameter vectors tensor by tensor, and other numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.accelerator.cpu import player
from minidl.accelerator.cpu.commands import listed
from minidl.accelerator.cpu.formulas import Bound
from minidl.accelerator.cpu.shares import ROWS
from minidl.accelerator.cpu.team.mail import WAITS
from minidl.backend import fused
from minidl.backend.tensors import declare
from minidl.kernels import penalties, updates
from tests.accelerator.cpu.kernels_of_minidl import FORMULAS, arguments_of, outputs_of
from tests.accelerator.cpu.running import each_schedule, random, same_bits
from tests.accelerator.cpu.test_elementwise import check, expected

pytestmark = pytest.mark.usefixtures("parts")


@fused
def tangled(x, y):
    positive = x > 0
    small = np.exp(-np.abs(x))
    return small * positive + y, np.log1p(small) * x, (1 - positive) * np.tanh(y), positive * x


ALIASES = set(itertools.permutations([0, 1, None, None]))


@pytest.mark.parametrize("aliases", sorted(ALIASES, key=str), ids=str)
def test_an_output_may_be_an_argument_that_a_later_piece_reads(aliases):
    for shape in [(3,), (40, 33)]:
        arguments = [random(shape), random(shape, seed=1)]
        outs = [np.full(shape, np.nan) if k is None else arguments[k] for k in aliases]
        check(tangled, arguments, outs)


@fused
def only_numpys(x):
    return np.exp(x)


@fused
def twice(x):
    y = np.exp(np.tanh(x))
    return y, y, np.tanh(x)


def test_formulas_of_numpys_functions_alone():
    x = random((40, 33))
    check(only_numpys, [x], [x])
    check(twice, [x], [np.empty_like(x), x, np.empty_like(x)])


@fused
def powers(x, number):
    return x ** (number + 1), np.exp(x) * (1 - number)


def test_numbers_are_computed_once_in_double_precision():
    x = abs(random((40, 33), "float32"))
    check(powers, [x, 0.1], [np.empty_like(x), np.empty_like(x)])


# Parameter vectors -------------------------------------------------------------------------

SHAPES = [(40, 70), (70,), (5, 90), (3, 5), (1,), (70, 1), (33,), (2, 3, 4), (50, 33)]


def declared(shapes, dtype="float64"):
    """Offsets and shapes, and the size of a vector of such tensors."""
    tensors, offset = [], 0
    for shape in shapes:
        tensors.append((offset, shape))
        offset += int(np.prod(shape))
    return tensors, offset


@pytest.mark.parametrize("name", FORMULAS)
def test_every_formula_tensor_by_tensor(name):
    formula = FORMULAS[name]
    tensors, size = declared(SHAPES)
    arguments = arguments_of(formula, (size,), "float64")
    outs = [np.full(size, np.nan) for _ in outputs_of(formula)]
    declare(outs[0], tensors)
    check(formula, arguments, outs)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_update_in_place_tensor_by_tensor(dtype):
    tensors, size = declared(SHAPES)
    arguments = arguments_of(updates.adam, (size,), dtype)
    theta, _, m, v = arguments[:4]
    declare(theta, tensors)
    outs = [theta, m, v]
    check(updates.adam, arguments, outs)
    made = player.commands(updates.adam.program(arguments, outs), arguments, outs)
    assert len(made) == len(tensors)
    # Matrices by rows, however few those are.
    axes = [command.block[2] for command in made]
    assert [axis == ROWS for axis in axes] == [len(shape) == 2 for shape in SHAPES]


@given(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=5), st.data())
def test_some_tensors_of_a_vector(shapes, data):
    tensors, size = declared(shapes)
    theta, grad = random(size), random(size, seed=1)
    declare(theta, tensors)
    ends = [offset for offset, _ in tensors] + [size]
    first, last = sorted(data.draw(st.lists(st.sampled_from(ends), min_size=2, max_size=2)))
    part = slice(first, last)
    if first < last:
        out = theta[part]
        check(updates.sgd, [out, grad[part], 0.3], [out])
    # From anywhere to anywhere: tensors may be cut.
    part = slice(*sorted(data.draw(st.tuples(st.integers(0, size), st.integers(0, size)))))
    whole, out, wanted = theta.copy(), theta[part], theta - 0.3 * grad
    made = player.commands(
        updates.sgd.program([out, grad[part], 0.3], [out]), [out, grad[part], 0.3], [out]
    )
    for _ in each_schedule(made, [theta]):
        same_bits(out, wanted[part])
        same_bits(theta[: part.start], whole[: part.start])
        same_bits(theta[part.stop :], whole[part.stop :])


def test_each_matrix_is_shared_out_by_rows_as_its_gradient_is(parts):
    """So no part waits between the product that makes a gradient and the update that takes it."""
    tensors, size = declared([(80, 80), (80,)])
    theta, grad = random(size), random(size, seed=1)
    declare(theta, tensors)
    declare(grad, tensors)
    x, dy = random((80, 80)), random((80, 80), seed=1)
    product = player.record_kernel(np.matmul, [x.T, dy], {"out": grad[:6400].reshape(80, 80)})
    update = player.commands(
        updates.sgd.program([theta, grad, 0.1], [theta]), [theta, grad, 0.1], [theta]
    )
    waits = listed([*product, *update])[:, WAITS].tolist()
    # A part that is alone has nobody to wait for.
    assert waits == [0] * (len(product) + 2) or parts == 1


# Other numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize("by_tensor", [False, True])
def test_bound_takes_new_numbers(by_tensor):
    tensors, size = declared(SHAPES)
    theta, grad, velocity = (random(size, "float32", k) for k in range(3))
    if by_tensor:
        declare(theta, tensors)
    outs = [theta, velocity]
    bound = Bound(
        updates.nesterov.program([theta, grad, velocity, 0.1, 0.9], outs),
        [theta, grad, velocity, 0.1, 0.9],
        outs,
    )
    for numbers in [(0.1, 0.9), (0.2, 0.5), (0.1, 0.0), (1, 0)]:
        arguments = [theta, grad, velocity, *numbers]
        wanted = expected(updates.nesterov, arguments, outs)
        bound.take(arguments)
        bound()
        for out, want in zip(outs, wanted, strict=True):
            same_bits(out, want)


def test_bound_computes_what_follows_from_numbers_anew():
    x, out = random(50), np.empty(50)
    bound = Bound(penalties.l2_backward.program([out, x, 0.1], [out]), [out, x, 0.1], [out])
    for l2 in (0.1, 0.7):
        out[...] = 1
        bound.take([out, x, l2])
        bound()
        same_bits(out, 1 + 2 * l2 * x)


def test_bound_keeps_its_arrays():
    out = np.zeros(1000)

    def bind(x):
        return Bound(penalties.l2_forward.program([x, 2.0], [out]), [x, 2.0], [out])

    bound = bind(np.ones(1000))
    rubbish = [np.zeros(1000) for _ in range(50)]
    bound.take([None, 3.0])
    bound()
    same_bits(out, np.full(1000, 3.0))
    assert not np.any(rubbish)


@fused
def raised(x, power):
    return x**power


def test_bound_refuses_what_is_no_single_loop():
    x = random(50)
    before = x.copy()
    with pytest.raises(player.UnsupportedError, match="tangled is no single loop"):
        Bound(tangled.program([x, x], [x] * 4), [x, x], [x] * 4)
    with pytest.raises(player.UnsupportedError, match="only_numpys"):
        Bound(only_numpys.program([x], [x]), [x], [x])
    # Its loop would read the first number for ever.
    with pytest.raises(player.UnsupportedError, match="raised"):
        Bound(raised.program([x, 2.0], [x]), [x, 2.0], [x])
    np.testing.assert_array_equal(x, before)
