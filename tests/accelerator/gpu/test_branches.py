"""What a step does beside its longest path: dW beside dx, random bits beside the forward pass."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from minidl.accelerator.gpu.branches import BEGINNING, MAIN, turns
from minidl.accelerator.gpu.grouping import grouped
from minidl.accelerator.gpu.launches import Launches
from minidl.accelerator.gpu.nodes import Bits
from minidl.accelerator.gpu.numbers import Numbers
from minidl.accelerator.gpu.playing import Player
from minidl.backend import to_device
from minidl.backend.random import DROPOUT, RandomBits
from tests.conftest import on_devices

pytestmark = [on_devices, pytest.mark.usefixtures("executor")]


def backward(dy, y, x, W, V, dW, dV, theta):
    """Of two layers, and the update."""
    np.matmul(y.T, dy, out=dW)
    np.matmul(dy, W.T, out=y)
    np.multiply(y, 2, out=y)
    np.matmul(x.T, y, out=dV)
    np.subtract(dW, dV, out=theta)


def values():
    random = np.random.default_rng(0)
    return [np.asarray(random.integers(-3, 4, (5, 5)), "f8") for _ in range(8)]


def nodes_of(kernel, arrays):
    return Player().record_kernel(kernel, arrays, {})


def test_dw_lies_beside_dx():
    row = grouped(nodes_of(backward, list(map(to_device, values()))))
    places = [(turn.stream, turn.after) for turn in turns(row)]
    # dW, dx over y, which dW needs, the activation, dV, the update.
    assert places == [(MAIN, ())] * 5


def test_dw_lies_beside_dx_where_dx_has_memory_of_its_own():
    def kernel(dy, y, x, W, V, dW, dV, theta):
        np.matmul(y.T, dy, out=dW)
        np.matmul(dy, W.T, out=V)
        np.multiply(V, 2, out=V)
        np.matmul(x.T, V, out=dV)
        np.subtract(dW, dV, out=theta)

    host = values()
    arrays = list(map(to_device, host))
    nodes = nodes_of(kernel, arrays)
    places = [(turn.stream, turn.after) for turn in turns(grouped(nodes))]
    assert places == [(1, (BEGINNING,)), *[(MAIN, ())] * 3, (MAIN, (0,))]
    run = Launches(nodes, Numbers([]))
    for _ in range(5):  # each time in another order, where the device is a double
        run()
        kernel(*host)
        for array, expected in zip(arrays, host, strict=True):
            np.testing.assert_array_equal(array.get(), expected)


def test_what_nothing_waits_for_is_a_part_of_the_graph():
    host = values()[0]
    a, *outs = map(to_device, (host, *np.zeros((3, 5, 5))))

    def kernel(a, one, two, three):
        np.matmul(a, a, out=one)
        np.matmul(a, a, out=two)
        np.matmul(a, a, out=three)

    nodes = nodes_of(kernel, [a, *outs])
    assert [turn.stream for turn in turns(grouped(nodes))] == [2, 1, MAIN]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # that launches are made one by one
        Launches(nodes, Numbers([]))()
    for out in outs:
        np.testing.assert_array_equal(out.get(), host @ host)


def test_a_stream_waits_once_for_what_it_needs():
    """And for the last of several alone."""

    def kernel(a, b, c, d, e, f, g, h):
        np.matmul(a, a, out=b)
        np.matmul(a, a, out=c)
        for out in (d, e):  # the longest path
            np.matmul(b, a, out=out)
            np.matmul(out, a, out=b)
        np.add(b, c, out=f)
        np.matmul(f, c, out=g)

    places = turns(grouped(nodes_of(kernel, list(map(to_device, values())))))
    assert [(k, turn.after) for k, turn in enumerate(places) if turn.after] == [
        (1, (BEGINNING,)), (6, (1,)),
    ]  # fmt: skip


def test_three_paths_are_done_beside_each_other_and_meet():
    host = values()
    a, *outs = map(to_device, host)

    def kernel(a, b, c, d, e, f, g, h):
        np.matmul(a, a, out=b)
        np.matmul(a, a, out=c)
        np.matmul(a, a, out=d)
        np.matmul(c, a, out=e)
        np.matmul(d, a, out=f)
        np.matmul(f, a, out=g)
        np.subtract(b, e, out=h)
        np.subtract(h, g, out=h)

    nodes = nodes_of(kernel, [a, *outs])
    places = turns(grouped(nodes))
    assert [turn.stream for turn in places] == [2, 1, MAIN, 1, MAIN, MAIN, MAIN]
    assert [turn.after for turn in places[:2]] == [(BEGINNING,)] * 2
    assert set(places[-1].after) == {0, 3}
    run = Launches(nodes, Numbers([]))
    for _ in range(5):
        run()
        kernel(*host)
        np.testing.assert_array_equal(outs[-1].get(), host[-1])


def test_bits_are_drawn_beside_what_does_not_need_them():
    x, w, y = (to_device(value) for value in values()[:3])
    bits = [to_device(np.zeros((5, 5), np.uint16)) for _ in range(2)]
    step = np.array([4], np.int64)
    draws = [Bits(RandomBits(7, DROPOUT, k).key, b, step, 0) for k, b in enumerate(bits)]
    nodes = []
    for draw, b in zip(draws, bits, strict=True):
        nodes += nodes_of(lambda x, w, y: np.matmul(x, w, out=y), [x, w, y])
        nodes += [draw, *nodes_of(lambda y, b, x: np.multiply(y, b, out=x), [y, b, x])]
    row = grouped(nodes)
    assert [group.nodes[0] for group in row[:2]] == draws  # in their order
    assert [turn.stream for turn in turns(row)] == [2, 1, MAIN, MAIN, MAIN, MAIN]
    assert [turn.after for turn in turns(row)] == [(BEGINNING,), (BEGINNING,), (), (0,), (), (1,)]
    numbers = Numbers([step])
    numbers.renew()
    expected = x.get()
    Launches(nodes, numbers)()
    for k in range(2):
        drawn = np.zeros((5, 5), np.uint16)
        RandomBits(7, DROPOUT, k).fill(drawn, 4)
        expected = expected @ w.get() * drawn
    np.testing.assert_array_equal(x.get(), expected)
