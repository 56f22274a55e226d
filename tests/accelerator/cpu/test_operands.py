"""Kernels recorded as commands: what NumPy does when they are called plainly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from minidl.accelerator.cpu import elementwise, player
from minidl.accelerator.record.operands import UnsupportedError
from minidl.accelerator.record.tape import Tape
from minidl.backend import fused, kernel, use
from minidl.kernels import sums
from tests.accelerator.cpu.kernels_of_minidl import KERNELS
from tests.accelerator.cpu.running import each_schedule, random, same_bits

ON_EVERY_TEAM = pytest.mark.usefixtures("parts")


class Arguments:
    """Makes arguments: N rows, I inputs, O units or classes."""

    def __init__(self, sizes, dtype, seed=0):
        self.sizes = dict(zip("NIO", sizes, strict=True))
        self.dtype = dtype
        self.rng = np.random.default_rng(seed)

    def shape(self, axes):
        return tuple(self.sizes.get(axis, 1) for axis in axes)

    def real(self, axes):
        return np.asarray(2 * self.rng.standard_normal(self.shape(axes)), self.dtype)

    def positive(self, axes):
        return np.abs(self.real(axes)) + np.asarray(0.1, self.dtype)

    def small(self, axes):
        """Integers, of which products and their sums are not rounded."""
        return np.asarray(self.rng.integers(-3, 4, self.shape(axes)), self.dtype)

    def sparse(self, axes):
        """Rows of which half the elements are zeros."""
        return csr_matrix(self.real(axes) * self.rng.integers(0, 2, self.shape(axes), "int8"))

    def labels(self, axes, kind="int32"):
        return self.rng.integers(0, self.sizes["O"], self.shape(axes), kind)

    def zeros_and_ones(self, axes):
        return np.asarray(self.rng.integers(0, 2, self.shape(axes)), self.dtype)

    def one_of_a_row(self):
        """(N, O) with a 1 in each row."""
        return np.eye(self.sizes["O"], dtype=self.dtype)[self.labels("N")]

    def empty(self, axes, dtype=None):
        """What is overwritten."""
        return np.full(self.shape(axes), 7, dtype or self.dtype)


# For each kernel its calls; "" is 0-d, "1" an axis of one element.
CALLS = {
    "activations.softmax_forward": [
        lambda a: (a.real("NO"), a.empty("N1"), a.empty("NO")),
        lambda a: (x := a.real("NO"), a.empty("N1"), x),
    ],
    "activations.softmax_backward": [
        lambda a: (a.real("NO"), a.real("NO"), a.empty("N1"), a.empty("NO")),
    ],
    "rowwise.log_softmax_forward": [
        lambda a: (a.real("NO"), a.empty("N1"), a.empty("N1"), a.empty("NO")),
    ],
    "rowwise.log_softmax_backward": [
        lambda a: (a.real("NO"), a.real("NO"), a.empty("N1"), a.empty("NO")),
    ],
    "batchnorm.batch_statistics": [
        lambda a: (a.real("NO"), a.empty("O"), a.empty("O"), a.empty("NO")),
        lambda a: (a.real("NO") * 0 + 3, a.empty("O"), a.empty("O"), a.empty("NO")),
    ],
    "batchnorm.batchnorm_parameter_gradients": [
        lambda a: (a.real("NO"), a.real("NO"), a.empty("O"), a.empty("O"), a.empty("NO")),
    ],
    "clipping.clip_by_norm": [
        lambda a: (a.real("O"), 0.5, a.empty("O"), a.empty("")),
        lambda a: (a.real("IO"), 1e9, a.empty("IO"), a.empty("")),
    ],
    "dense.dense_forward": [
        lambda a: (a.small("NI"), a.small("IO"), a.small("O"), a.empty("NO")),
        lambda a: (a.small("NI"), a.small("IO"), None, a.empty("NO")),
    ],
    "dense.dense_backward": [
        lambda a: (
            a.small("NO"), a.small("NI"), a.small("IO"), a.empty("IO"), a.empty("O"), a.empty("NI"),
        ),
        lambda a: (a.small("NO"), a.small("NI"), a.small("IO"), a.empty("IO"), None, None),
    ],
    "sparse.sparse_dense_forward": [
        lambda a: (a.sparse("NI"), a.real("IO"), a.real("O"), a.empty("NO")),
        lambda a: (a.sparse("NI"), a.real("IO"), None, a.empty("NO")),
    ],
    "sparse.sparse_dense_backward": [
        lambda a: (a.real("NO"), a.sparse("NI"), a.empty("IO"), a.empty("O")),
        lambda a: (a.real("NO"), a.sparse("NI"), a.empty("IO"), None),
    ],
    "losses.one_hot": [
        lambda a: (a.labels("N1"), np.arange(a.sizes["O"], dtype="int32"), a.empty("NO")),
        lambda a: (a.labels("N1", "int64"), np.arange(a.sizes["O"]), a.empty("NO")),
    ],
    "losses.softmax_crossentropy_forward": [
        lambda a: (
            a.real("NO"), a.real("NO"), a.empty("NO"), a.empty("NO"), a.empty("N1"), a.empty("N1"),
        ),
    ],
    "sums.clear": [lambda a: (a.empty("NO"),), lambda a: (a.empty(""),)],
    "sums.convert": [
        lambda a: (a.labels("N1"), a.empty("N1")),
        lambda a: (a.real("NO") > 0, a.empty("NO")),
        lambda a: (a.real("NO"), a.empty("NO", "float64")),
        lambda a: (a.real(""), a.empty("")),
    ],
    "sums.scale": [lambda a: (a.real("NO"), 0.3, a.empty("NO"))],
    "sums.weigh": [lambda a: (a.real("NO"), a.real("N1"), a.empty("NO"))],
    "sums.add": [lambda a: (a.real(""), a.real(""))],
    "sums.add_sum": [
        lambda a: (a.real(""), a.real("N1"), a.empty("")),
        lambda a: (a.real(""), a.real("NO"), a.empty("")),
    ],
    "sums.sum_units": [lambda a: (a.real("NO"), a.empty("N1"))],
    "sums.mean_units": [lambda a: (a.real("NO"), a.empty("N1"))],
    "sums.mean_all": [lambda a: (a.real("N1"), a.empty(""))],
    "sums.largest": [lambda a: (a.real("NO"), a.empty("N", np.intp))],
    "sums.count_equal": [
        lambda a: (
            a.labels("N", np.intp), a.labels("N", np.intp), a.empty("N", bool), a.empty(""),
        ),
        lambda a: (a.labels("N"), a.labels("N"), a.empty("N", bool), a.empty("")),
    ],
    "sums.count_right_units": [
        lambda a: (a.real("NO"), a.zeros_and_ones("NO"), 0.5, a.empty("NO", bool), a.empty("")),
    ],
    "sums.sum_rows": [
        lambda a: (a.real("NO"), a.empty("O")),
        lambda a: (a.real("N1"), a.empty("1")),
    ],
    "sums.mean_rows": [lambda a: (a.real("NO"), a.empty("O"))],
    "constraints.scale_to_norm": [
        lambda a: (a.real("IO"), 0, 0.1, 0.9, 0.7, 1e-7, a.empty("IO")),
    ],
    "counts.add_columns": [lambda a: (a.real("O"), a.real("NO"), a.empty("O"))],
    "counts.count_equal_units": [
        lambda a: (a.small("NO"), a.small("NO"), a.empty("NO", bool), a.empty("")),
        lambda a: (a.small("NO"), a.small("N1"), a.empty("NO", bool), a.empty("")),
    ],
    "counts.holds": [lambda a: (a.small("NO"), a.small("N1"), a.empty("NO"), a.empty("N1"))],
    "counts.in_top": [
        lambda a: (
            a.real("NO"), a.zeros_and_ones("NO"), 2, a.empty("NO"), a.empty("N1"), a.empty("N1"),
        ),
    ],
    "counts.say_yes": [
        lambda a: (a.real("NO"), 0.3, a.empty("N1"), a.empty("NO"), a.empty("NO")),
        lambda a: (a.real("NO"), None, a.empty("N1"), a.empty("NO"), a.empty("NO")),
    ],
    "sums.sum_all": [
        lambda a: (a.real("NO"), a.empty("")),
        lambda a: (a.real("N1"), a.empty("")),
    ],
    "counts.sum_weighted": [lambda a: (a.real("NO"), a.real("N1"), a.empty("NO"), a.empty(""))],
    "layernorm.layernorm_backward": [
        lambda a: (
            a.real("NO"), a.real("NO"), a.positive("N1"), a.real("O"), a.empty("N1"),
            a.empty("N1"), a.empty("NO"), a.empty("NO"),
        ),
    ],
    "layernorm.layernorm_forward": [
        lambda a: (
            a.real("NO"), a.real("O"), a.real("O"), 1e-3, a.empty("N1"), a.empty("N1"),
            a.empty("NO"), a.empty("NO"),
        ),
    ],
    "probabilities.log_total_backward": [
        lambda a: (a.real("NO"), a.positive("NO"), a.empty("NO"), a.positive("N1")),
    ],
    "probabilities.log_total_forward": [
        lambda a: (a.positive("NO"), a.empty("NO"), a.empty("N1"), a.empty("N1"), a.real("N1")),
    ],
    "probabilities.shares_backward": [
        lambda a: (
            a.real("NO"), a.positive("NO"), a.positive("N1"), a.empty("NO"), a.empty("N1"),
        ),
    ],
    "probabilities.shares_forward": [lambda a: (a.positive("NO"), a.empty("N1"), a.empty("NO"))],
    "margins.categorical_hinge_backward": [
        lambda a: (
            a.one_of_a_row(), x := a.small("NO"), x.max(axis=1, keepdims=True), a.real("N1"),
            a.empty("NO"), a.empty("N1"), a.empty("NO"),
        ),
    ],
    # Of zeros of both signs the largest would be either.
    "margins.categorical_hinge_forward": [
        lambda a: (
            a.real("NO"), a.one_of_a_row(), a.empty("NO"), a.empty("N1"), a.empty("N1"),
            a.empty("N1"),
        ),
    ],
    "margins.cosine_similarity_backward": [
        lambda a: (
            a.real("NO"), a.real("NO"), a.real("N1"), a.positive("N1"), a.empty("N1"),
            a.empty("NO"),
        ),
    ],
    "margins.cosine_similarity_forward": [
        lambda a: (a.real("NO"), a.real("NO"), a.empty("NO"), a.empty("N1"), a.empty("N1")),
    ],
    "margins.signs": [
        lambda a: (a.zeros_and_ones("NO"), a.empty("NO"), a.empty("")),
        lambda a: (a.small("NO"), a.empty("NO"), a.empty("")),
    ],
    "margins.unit_rows": [
        lambda a: (a.real("NO"), a.empty("NO"), a.empty("N1"), a.empty("NO")),
    ],
    "normalization.denormalize": [
        lambda a: (a.real("NO"), a.real("O"), a.positive("O"), a.empty("NO")),
    ],
    "normalization.denormalize_back": [
        lambda a: (a.real("NO"), a.positive("O"), a.empty("NO")),
    ],
    "normalization.deviation_of": [lambda a: (a.positive("O"), 1e-7, a.empty("O"))],
    "normalization.normalize": [
        lambda a: (a.real("NO"), a.real("O"), a.positive("O"), a.empty("NO")),
    ],
    "normalization.normalize_back": [lambda a: (a.real("NO"), a.positive("O"), a.empty("NO"))],
    "activities.add_activity": [
        lambda a: (a.real(""), a.real("NO"), a.sizes["N"], a.empty("")),
    ],
    "prelu.prelu_parameter_gradient": [
        lambda a: (a.real("NO"), a.real("NO"), a.empty("O"), a.empty("NO")),
    ],
    "counts.one_by_sum": [lambda a: (a.positive("N1"), a.empty(""), a.empty(""))],
    "soft_targets.surplus_forward": [
        lambda a: (a.positive("NO"), a.real("N1"), a.empty("N1"), a.real("N1")),
    ],
    "soft_targets.surplus_backward": [
        lambda a: (a.positive("NO"), a.real("N1"), a.empty("NO"), a.real("NO")),
    ],
    "unitnorm.unitnorm_backward": [
        lambda a: (
            a.real("NO"), a.real("NO"), 1e-12, a.positive("N1"), a.empty("N1"), a.empty("NO"),
            a.empty("NO"),
        ),
    ],
    "unitnorm.unitnorm_forward": [
        lambda a: (a.real("NO"), 1e-12, a.empty("N1"), a.empty("NO")),
    ],
}  # fmt: skip
# Sorts and counts on the host, in the place of commands.
IN_PYTHON = {"counts.add_buckets", "counts.keep_top"}
EVERY_CALL = pytest.mark.parametrize(
    ("name", "make"),
    [
        pytest.param(name, make, id=f"{name}-{k}")
        for name, calls in CALLS.items()
        for k, make in enumerate(calls)
    ],
)


def test_every_kernel_is_here():
    assert set(CALLS) | IN_PYTHON == set(KERNELS)
    for name in IN_PYTHON:
        rows = [np.ones((3, 2))] * 4
        with pytest.raises(UnsupportedError):
            player.record_kernel(KERNELS[name], rows, {})


def check(function, make, sizes, dtype, same=same_bits):
    """Arrays after a plain call, and after the commands of a recorded one."""
    plain, arguments = make(Arguments(sizes, dtype)), make(Arguments(sizes, dtype))
    function(*plain)
    commands = player.record_kernel(function, arguments, {})
    arrays = [a for a in arguments if isinstance(a, np.ndarray)]
    wanted = [a for a in plain if isinstance(a, np.ndarray)]
    for array, before in zip(arguments, make(Arguments(sizes, dtype)), strict=True):
        if isinstance(array, np.ndarray):
            np.testing.assert_array_equal(array, before)  # recording does nothing yet
    for _ in each_schedule(commands, arrays):
        for array, want in zip(arrays, wanted, strict=True):
            same(array, want)


# Within and beyond 512 rows, of which sums are made in blocks; shared out by rows, by columns, and
# not at all; products large and small.
SIZES = [
    (1, 1, 1), (2, 3, 4), (40, 50, 33), (20, 60, 70), (60, 30, 1), (512, 9, 5), (513, 3, 40),
    (1100, 2, 3), (1024, 5, 10), (2100, 1, 1),
]  # fmt: skip


@EVERY_CALL
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@ON_EVERY_TEAM
def test_recorded_as_called(name, make, dtype):
    for sizes in SIZES:
        check(KERNELS[name], make, sizes, dtype)


@given(
    st.tuples(st.integers(1, 600) | st.integers(1, 4), st.integers(1, 70), st.integers(1, 70)),
    st.sampled_from([(name, make) for name, calls in CALLS.items() for make in calls]),
)
@ON_EVERY_TEAM
def test_any_sizes(sizes, call):
    name, make = call
    check(KERNELS[name], make, sizes, "float32")


@ON_EVERY_TEAM
def test_nan_comes_through_a_clipped_gradient():
    def make(a):
        grad = a.real("O")
        grad[0] = np.nan
        return grad, 0.5, a.empty("O"), a.empty("")

    check(KERNELS["clipping.clip_by_norm"], make, (1, 1, 40), "float32")


@ON_EVERY_TEAM
def test_named_arguments():
    x, out = random((40, 33)), np.empty(33)
    commands = player.record_kernel(sums.sum_rows, [], {"out": out, "x": x})
    for _ in each_schedule(commands, [out]):
        same_bits(out, np.sum(x, axis=0))


@fused
def weighted(x, y, weight):
    return weight * np.exp(x) + y


@kernel
def with_a_formula(x, out):
    weighted(x, x, 0.5, out=out)
    np.add(out, x, out=out)
    return sums.sum_rows(out[:2], out[2])


@ON_EVERY_TEAM
def test_a_kernel_that_calls_formulas_and_kernels():
    x, out = random((3, 40)), np.empty((3, 40))
    wanted = 0.5 * np.exp(x) + x + x
    wanted[2] = wanted[0] + wanted[1]
    with use("numpy", executor="compiled"):
        tape = Tape(0, player)
        with tape.record():
            with_a_formula(x, out)
        same_bits(out, wanted)
        out[...] = 0
        tape.play(1)
    same_bits(out, wanted)


@kernel
def with_numbers(x, out, number):
    weighted(x, x, number, out=out)
    return np.add(out, number, out=out)


@ON_EVERY_TEAM
@pytest.mark.parametrize("number", [np.float32(0.5), np.int16(3), np.float64(0.5)], ids=repr)
def test_a_number_of_numpy_s_is_kept(number, monkeypatch):
    """As a number, not as the memory of an object that is gone when the tape is played."""
    x, out = random((3, 40)), np.empty((3, 40))
    asked = []
    where = elementwise.address
    monkeypatch.setattr(
        elementwise, "address", lambda array: (asked.append(array), where(array))[1]
    )
    wanted = number * np.exp(x) + x + number
    with use("numpy", executor="compiled"):
        tape = Tape(0, player)
        with tape.record():
            with_numbers(x, out, type(number)(number))
        out[...] = 0
        tape.play(1)
    np.testing.assert_allclose(out, wanted, rtol=1e-15)  # the sum of three, rounded twice
    assert asked
    assert all(isinstance(array, np.ndarray) for array in asked)


# Views and assignments ---------------------------------------------------------------------


@ON_EVERY_TEAM
def test_views():
    def function(x, out):
        assert (len(x), x.shape, x.ndim, x.size, x.dtype) == (6, (6, 40), 2, 240, np.float64)
        np.add(x[:3], x[3:], out=out[1:4])
        np.multiply(x[0].reshape(40), x.reshape(240)[40:80], out=out[0])
        np.subtract(out.T[:, 1:2].T, 1, out=out[4:5])
        out[5] = x[2]
        out[6] = 2
        out[7:] = 0.5

    def make(a):
        return random((6, 40)), np.full((9, 40), 7.0)

    check(function, make, (1, 1, 1), "float64")


@ON_EVERY_TEAM
def test_one_operand_above_another_type():
    def function(x, bits, out, mask):
        np.copyto(out, bits, casting="unsafe")
        np.add(out, x, out=out)
        np.greater(out, 3.5, out=mask)
        np.multiply(out, 2, out=out)

    def make(a):
        return a.real("NO"), a.labels("NO", "uint8"), a.empty("NO"), a.empty("NO", bool)

    check(function, make, (40, 1, 33), "float32")


@ON_EVERY_TEAM
def test_numpys_own_functions_repeat_rows_columns_and_numbers():
    def function(x, row, column, out, other):
        np.copysign(x, row, out=out)
        np.power(np.absolute(out, out=out), column, out=other)
        np.power(out, 1.5, out=out)

    def make(a):
        return a.real("NO"), a.real("O"), a.real("N1"), a.empty("NO"), a.empty("NO")

    for sizes in [(40, 1, 33), (20, 1, 40), (3, 1, 4)]:
        check(function, make, sizes, "float64")


# Refusals ----------------------------------------------------------------------------------

REFUSED = {
    "a result of its own": lambda x, out: np.add(x, x),
    "an operator": lambda x, out: x + 1,
    "an operator, reflected": lambda x, out: random((5, 6)) * x,
    "a product by operator": lambda x, out: x @ x.T,
    "a product without out": lambda x, out: np.matmul(x, x.T),
    "a sum without out": lambda x, out: np.sum(x),
    "a sum from a start": lambda x, out: np.sum(x, axis=0, initial=3, out=out[0]),
    "a sum without names": lambda x, out: np.sum(x, 0, None, out[0]),
    "a sum of some": lambda x, out: np.sum(x, axis=0, where=x, out=out[0]),
    "a sum in another type": lambda x, out: np.sum(x, axis=0, dtype="float32", out=out[0]),
    "a sum over two axes": lambda x, out: np.sum(x.reshape(5, 3, 2), axis=(1, 2), out=out[:, 0]),
    "a reduction by function": lambda x, out: np.add.reduce(x, axis=0, out=out[0]),
    "a product of elements": lambda x, out: np.prod(x, axis=0, out=out[0]),
    "a sum into a plain array": lambda x, out: np.sum(x, axis=0, out=np.empty(6)),
    "a plain array as output": lambda x, out: np.add(x, x, out=np.empty((5, 6))),
    "some elements": lambda x, out: np.add(x, x, out=out, where=np.ones((5, 6), bool)),
    "another type": lambda x, out: np.add(x, x, out=out, dtype="float32"),
    "two results": lambda x, out: np.modf(x, out=(out, out)),
    "a function without loop": lambda x, out: np.spacing(x, out=out, casting="unsafe"),
    "integers": lambda x, out: np.bitwise_or(1, 2, out=out),
    "another function": lambda x, out: np.cumsum(x, axis=0, out=out),
    "arrays joined": lambda x, out: np.concatenate([x, x]),
    "places chosen by a list": lambda x, out: np.add(x[[0, 2]], 1, out=out[:2]),
    "a shape that takes a copy": lambda x, out: np.add(x.T.reshape(30), 1, out=out.reshape(30)),
    "a copy of some": lambda x, out: np.copyto(out, x, where=np.ones((5, 6), bool)),
    "a copy to integers": lambda x, out: np.copyto(np.empty((5, 6), int), x, casting="unsafe"),
    "rows into too few": lambda x, out: np.sum(x, axis=1, out=out[0, :3]),
    "an array assigned": lambda x, out: out.__setitem__(0, np.ones(6)),
}


@pytest.mark.parametrize("what", REFUSED)
@ON_EVERY_TEAM
def test_what_has_no_command_is_refused_before_anything_runs(what):
    def function(x, out):
        np.multiply(x, 2, out=x)  # this could be recorded
        REFUSED[what](x, out)

    x, out = random((5, 6)), random((5, 6), seed=1)
    before = x.copy(), out.copy()
    with pytest.raises(player.UnsupportedError):
        player.record_kernel(function, [x, out], {})
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(out, before[1])


@ON_EVERY_TEAM
def test_a_tape_leaves_what_is_refused_to_numpy():
    @kernel
    def cumulate(x, out):
        np.multiply(x, 2, out=x)
        np.cumsum(x, axis=0, out=out)

    x, out = np.ones((5, 6)), np.empty((5, 6))
    tape = Tape(0, player)
    with tape.record():
        cumulate(x, out)
    for step in (1, 2, 3):
        assert np.all(x == 2**step)
        same_bits(out, np.cumsum(x, axis=0))
        tape.play(step)
