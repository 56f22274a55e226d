"""Nodes that one kernel does come to what NumPy does one after the other, whatever they share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.accelerator.gpu import grouping, groups
from minidl.accelerator.gpu.grouping import ALONE, BY_COLUMNS, BY_ROWS, FLAT, MATRICES, grouped
from minidl.accelerator.gpu.launches import Launches
from minidl.accelerator.gpu.nodes import Product
from minidl.accelerator.gpu.numbers import Numbers
from minidl.accelerator.gpu.playing import Player
from minidl.accelerator.record.operands import UnsupportedError
from minidl.backend import to_device
from tests.conftest import on_devices

pytestmark = [
    on_devices,
    pytest.mark.usefixtures("executor"),
]


ROWS, COLUMNS = 6, 5
SHAPES = {
    "a": (ROWS, COLUMNS), "b": (ROWS, COLUMNS), "c": (COLUMNS,), "d": (COLUMNS,), "r": (ROWS, 1),
    "s": (ROWS, 1), "n": (), "m": (), "k": (ROWS,), "w": (COLUMNS, COLUMNS),
}  # fmt: skip
# What a step may do: each writes its first array.
CALLS = {
    "product": lambda v, a, b: np.multiply(v[a], v[b], out=v[a]),
    "difference": lambda v, a, b: np.subtract(v[b], v[a], out=v[a]),
    "largest": lambda v, a, b: np.maximum(v[a], v[b], out=v[a]),
    "sum of rows": lambda v, a, b: np.sum(v[b], axis=0, out=v[a]),
    "sum of columns": lambda v, a, b: np.sum(v[b], axis=1, keepdims=True, out=v[a]),
    "largest of columns": lambda v, a, b: np.max(v[b], axis=1, keepdims=True, out=v[a]),
    "sum of all": lambda v, a, b: np.sum(v[b], out=v[a]),
    "places of the largest": lambda v, a, b: np.argmax(v[b], axis=1, out=v[a]),
    "matrix product": lambda v, a, b: np.matmul(v[b], v["w"], out=v[a]),
}


def _possible():
    """Calls of arrays whose shapes fit."""
    values = start()
    for name, call in CALLS.items():
        for a in SHAPES:
            for b in SHAPES:
                try:
                    call({**values, a: values[a].copy()}, a, b)
                except (ValueError, TypeError, np.exceptions.AxisError):
                    continue
                if b in "nm" and "of " in name and name != "sum of all":
                    continue  # NumPy knows an axis of what has none
                if a == "k" and name != "places of the largest":
                    continue  # NumPy computes in integers then; formulas never do
                if name != "matrix product" or (a in "ab" and b in "ab" and a != b):
                    yield name, a, b


def start():
    random = np.random.default_rng(1)
    made = {name: np.asarray(random.uniform(-1, 1, shape)) for name, shape in SHAPES.items()}
    return {**made, "k": np.zeros(ROWS, np.int64)}


POSSIBLE = list(_possible())


def test_there_are_calls_of_each_kind():
    assert {name for name, _, _ in POSSIBLE} == set(CALLS)


@given(
    calls=st.lists(st.sampled_from(POSSIBLE), min_size=1, max_size=10),
    small=st.sampled_from([0, 7, 4096]),
    backwards=st.booleans(),
)
def test_any_calls_in_a_row_are_those_of_numpy(calls, small, backwards):
    expected = start()
    for name, a, b in calls:
        CALLS[name](expected, a, b)
    arrays = {name: to_device(value) for name, value in start().items()}

    def kernel(**values):
        for name, a, b in calls:
            CALLS[name](values, a, b)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "SMALL", small)
        patch.setattr("tests.doubles._cupy_state.STATE.backwards", backwards)
        Launches(Player().record_kernel(kernel, [], arrays), Numbers([]))()
    # Sums in another order, of up to 30 numbers within ±1; and what is made of their differences.
    for name, value in expected.items():
        np.testing.assert_allclose(arrays[name].get(), value, rtol=1e-9, atol=1e-12)


def found(kernel, **arrays):
    """The layouts that are used, and how many nodes have each."""
    arrays = {name: to_device(np.asarray(value, "f8")) for name, value in arrays.items()}
    made = grouped(Player().record_kernel(kernel, [], arrays))
    return [(group.layouts[0] if group.layouts else "product", len(group.nodes)) for group in made]


X = np.ones((100, 70))


def test_loops_over_the_same_elements_are_one_kernel():
    def kernel(x, y, row):
        np.add(x, row, out=x)
        np.maximum(x, 0, out=y)

    assert found(kernel, x=X, y=X, row=X[0]) == [(FLAT, 2)]


def test_a_sum_of_rows_takes_along_what_makes_them():
    def kernel(x, y, row):
        np.multiply(x, y, out=x)
        np.sum(x, axis=0, out=row)
        np.divide(row, 3, out=row)
        np.subtract(x, row, out=y)

    assert found(kernel, x=X, y=X, row=X[0]) == [(BY_COLUMNS, 4)]


def test_what_all_rows_need_is_another_kernel():
    def kernel(x, y, column, row):
        np.sum(x, axis=1, keepdims=True, out=column)
        np.subtract(x, column, out=y)
        np.sum(y, axis=0, out=row)

    assert found(kernel, x=X, y=X, column=X[:, :1], row=X[0]) == [(BY_ROWS, 2), (BY_COLUMNS, 1)]


def test_a_matrix_that_is_a_row_elsewhere_is_not_read_too_early():
    def kernel(x, row):
        np.add(row, 1, out=row)
        np.add(x, row, out=x)

    # Blocks of one kernel would have to wait for each other.
    for row in (X[0], X[:, :1], X[:1, :1]):
        assert found(kernel, x=X, row=row) == [(FLAT, 1), (FLAT, 1)]


@pytest.mark.parametrize(
    ("call", "shape", "kernels"),
    [
        (lambda q, out: np.multiply(q, 2, out=out), X.shape, [(FLAT, 1), (FLAT, 1)]),
        (
            lambda q, out: np.sum(q, axis=1, keepdims=True, out=out),
            (100, 1),
            [(FLAT, 1), (BY_ROWS, 1)],
        ),
        # Rows further down are in the same columns.
        (lambda q, out: np.sum(q, axis=0, out=out), (70,), [(BY_COLUMNS, 2)]),
    ],
)
def test_an_array_that_lies_some_rows_further_belongs_to_other_blocks(call, shape, kernels):
    host = np.random.default_rng(3).normal(size=(101, 70))
    both, out = to_device(host), to_device(np.zeros(shape))

    def kernel(p, q, out):
        np.add(p, 1, out=p)
        call(q, out)

    nodes = Player().record_kernel(kernel, [both[:100], both[1:], out], {})
    assert [(group.layouts[0], len(group.nodes)) for group in grouped(nodes)] == kernels
    Launches(nodes, Numbers([]))()
    expected = np.zeros(shape)
    kernel(host[:100], host[1:], expected)
    np.testing.assert_allclose(out.get(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("first", ["written", "read"])
def test_a_vector_of_each_row_is_not_taken_for_one_of_each_column(first):
    """Where there are as many rows as columns, of which a block has all."""
    host = np.random.default_rng(4).normal(size=(70, 70))
    vector = np.random.default_rng(5).normal(size=70)

    def kernel(x, v):
        if first == "read":
            np.subtract(x, v, out=x)
        np.max(x, axis=1, out=v)
        if first == "written":
            np.subtract(x, v, out=x)

    arrays = [to_device(host), to_device(vector)]
    nodes = Player().record_kernel(kernel, arrays, {})
    assert len(grouped(nodes)) == 2
    Launches(nodes, Numbers([]))()
    kernel(host, vector)
    np.testing.assert_allclose(arrays[0].get(), host, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(arrays[1].get(), vector, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("many", "kernels"), [(2, 1), (MATRICES + 1, 2)])
def test_sums_of_many_matrices_are_not_read_as_parts_of_one_of_them(many, kernels):
    """A block has columns of a few matrices, but of many matrices those of one."""
    host = np.random.default_rng(6).normal(size=(many, 200, 40))
    sums = np.zeros((many, many, 40))
    arrays = [to_device(host), to_device(sums), to_device(np.zeros((many, 40)))]

    def kernel(x, sums, out):
        np.sum(x, axis=1, out=sums.reshape(many**2, 40)[:many])
        np.sum(sums, axis=1, out=out)

    nodes = Player().record_kernel(kernel, arrays, {})
    assert len(grouped(nodes)) == kernels
    Launches(nodes, Numbers([]))()
    expected = np.zeros((many, 40))
    expected[0] = host.sum(axis=1).sum(axis=0)
    # Sums of up to 1,800 numbers in another order.
    np.testing.assert_allclose(arrays[2].get(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 3, 200])
@pytest.mark.parametrize("many", [1, 2, 3, 7, MATRICES])
def test_the_rows_of_a_few_matrices_are_added_by_one_block(many, rows):
    host = np.random.default_rng(7).integers(-9, 9, (many * rows, 1100)).astype("f8")
    shapes = [(many, 1100), (1100,), (many * rows, 1100)]
    arrays = [to_device(host), *(to_device(np.zeros(shape)) for shape in shapes)]

    def kernel(x, parts, row, y):
        np.add(x, 1, out=x)
        np.sum(x.reshape(many, rows, 1100), axis=1, out=parts)
        np.sum(parts, axis=0, out=row)
        np.subtract(x, row, out=y)

    nodes = Player().record_kernel(kernel, arrays, {})
    (group,) = grouped(nodes)
    assert group.layouts[0] == BY_COLUMNS
    Launches(nodes, Numbers([]))()
    # The numbers are whole: sums are exact.
    sums = (host + 1).reshape(many, rows, -1).sum(axis=1)
    np.testing.assert_array_equal(arrays[1].get(), sums)
    np.testing.assert_array_equal(arrays[3].get(), host + 1 - sums.sum(axis=0))


def test_matrices_of_one_row_have_a_thread_each():
    host = np.arange(MATRICES * 1100.0).reshape(MATRICES, 1, 1100)
    arrays = [to_device(host), to_device(np.zeros((MATRICES, 1100)))]
    nodes = Player().record_kernel(lambda x, out: np.sum(x, axis=1, out=out), arrays, {})
    Launches(nodes, Numbers([]))()
    np.testing.assert_array_equal(arrays[1].get(), host[:, 0])


def test_there_may_be_more_matrices_than_a_grid_is_high():
    """As of the 128 rows that are added at a time of 9 million."""
    arrays = [to_device(np.ones((70_000, 2, 1))), to_device(np.zeros((70_000, 1)))]

    def kernel(x, out):
        np.sum(x, axis=1, out=out)

    nodes = Player().record_kernel(kernel, arrays, {})
    (group,) = grouped(nodes)
    assert groups.cuda_kernel(group).grid == (70_000,)
    Launches(nodes, Numbers([]))  # the size is checked where it is captured


def test_what_is_small_is_done_by_one_block():
    def kernel(x, column, total):
        np.max(x, axis=1, keepdims=True, out=column)
        np.subtract(x, column, out=x)
        np.sum(x, out=total)
        np.divide(x, total, out=x)

    assert found(kernel, x=X[:, :10], column=X[:, :1], total=X[0, 0]) == [(ALONE, 4)]


def test_a_later_node_joins_an_earlier_kernel_past_a_product():
    def kernel(x, w, dw, row):
        np.multiply(x, 2, out=x)
        np.matmul(x.T, x, out=dw)
        np.sum(x, axis=0, out=row)

    made = found(kernel, x=X, w=X, dw=np.ones((70, 70)), row=X[0])
    assert made == [(BY_COLUMNS, 2), ("product", 1)]


def test_a_later_node_does_not_pass_what_it_needs():
    def kernel(x, w, dw):
        np.multiply(x, 2, out=x)
        np.matmul(x.T, x, out=dw)
        np.multiply(x, 3, out=x)
        np.add(dw, 1, out=dw)

    made = found(kernel, x=X, w=X, dw=np.ones((70, 70)))
    assert made == [(FLAT, 1), ("product", 1), (FLAT, 1), (FLAT, 1)]


def test_a_long_sum_is_made_of_parts():
    x = np.random.default_rng(2).uniform(-1, 1, 200_003)
    long, total = to_device(x), to_device(np.array(0.0))

    def kernel(x, out):
        np.sum(x, out=out)

    nodes = Player().record_kernel(kernel, [long, total], {})
    assert [group.layouts[0] for group in grouped(nodes)] == [BY_ROWS, ALONE]
    Launches(nodes, Numbers([]))()
    np.testing.assert_allclose(total.get(), x.sum(), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    "x",
    [
        [[1.0, 3.0, 3.0], [-2.0, -1.0, -1.5], [-0.0, 0.0, 0.0]],
        [[np.nan, 3.0, np.nan], [-np.inf, -np.inf, -np.inf], [np.inf, np.nan, 1.0]],
    ],
)
def test_the_largest_and_its_place_are_those_of_numpy(x, alone, monkeypatch):
    monkeypatch.setattr(grouping, "SMALL", 4096 if alone else 0)
    host = np.array(x)
    arrays = [to_device(v) for v in (host, np.zeros(3, np.int64), np.zeros((3, 1)))]

    def kernel(x, place, largest):
        np.argmax(x, axis=1, out=place)
        np.max(x, axis=1, keepdims=True, out=largest)

    Launches(Player().record_kernel(kernel, arrays, {}), Numbers([]))()
    np.testing.assert_array_equal(arrays[1].get(), host.argmax(axis=1))
    np.testing.assert_array_equal(arrays[2].get(), host.max(axis=1, keepdims=True))


def test_networks_that_differ_in_sizes_share_their_kernels():
    def kernel(x, row):
        np.sum(x, axis=0, out=row)

    texts = set()
    for rows, columns in ((100, 70), (130, 90)):
        arrays = [to_device(np.ones((rows, columns))), to_device(np.ones(columns))]
        (group,) = grouped(Player().record_kernel(kernel, arrays, {}))
        texts.add(groups.cuda_kernel(group).source)
    assert len(texts) == 1


UNSUPPORTED = {
    "a running sum": lambda x, out: np.cumsum(x, out=out),
    "two axes": lambda x, out: np.sum(x, axis=(0, 1), out=out),
    "scattered rows": lambda x, out: np.add(x[:, :3], 1, out=x[:, :3]),
    "a function without a form": lambda x, out: np.spacing(x, out=x),
    "an argument that is overwritten in part": lambda x, out: np.add(x[:5], x[1:6], out=x[:5]),
    "a type of result": lambda x, out: np.sum(x, axis=0, dtype="f4", out=out),
}


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_what_has_no_node_stays_a_call(what):
    arrays = [to_device(X), to_device(X[0])]
    with pytest.raises(UnsupportedError):
        Player().record_kernel(UNSUPPORTED[what], arrays, {})


def test_products_are_nodes_of_their_own():
    def kernel(x, w, out):
        np.matmul(x, w, out=out)

    arrays = [to_device(X), to_device(np.ones((70, 3))), to_device(np.ones((100, 3)))]
    (node,) = Player().record_kernel(kernel, arrays, {})
    assert isinstance(node, Product)
