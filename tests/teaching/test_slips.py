"""Single slips: the formulas in which they are looked for are right, and they are named."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from minidl.backend import use
from minidl.teaching.catalogue import KERNELS
from minidl.teaching.catalogue.formulas import FORMULAS
from minidl.teaching.compare import TOLERANCE, distance, telling
from minidl.teaching.kernel import Mistake
from minidl.teaching.slips import slips
from minidl.testing import diagnose


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_right(name):
    kernel = KERNELS[name]
    random = np.random.default_rng(5)
    with use("numpy", executor="python"):
        for sizes in telling(kernel.letters, random):
            right = kernel.draw(random, sizes)
            for text in FORMULAS[name]:
                (target,) = Mistake("", text, "").targets
                assert any(target in kernel.needed_for(output) for output in kernel.outputs)
                found = right.under([Mistake("", text, "")], None)[target]
                off = distance(found, right[target])
                # At a kink students write < or <=.
                assert np.all(off[~np.broadcast_to(right["kink"], off.shape)] < 1e-12), text


@pytest.mark.parametrize("name", FORMULAS)
def test_a_slip_changes_a_formula(name):
    kernel = KERNELS[name]
    for output in kernel.outputs:
        for slip in slips(kernel, output):
            ast.parse(slip.text)
            assert slip.targets[0] in kernel.needed_for(output)
            assert slip.text not in FORMULAS[name]


@pytest.mark.parametrize(
    ("kernel", "name", "backward"),
    [
        ("leaky_relu", "factor x <= 0 missing",
         lambda dy, y, negative_slope: dy * ((y > 0) + negative_slope)),
        ("gelu_tanh", "exponent 3 in place of 2 of t", lambda dy, x: gelu_tanh(dy, x, 3)),
        ("softsign", "exponent 3 in place of 2 of 1 - abs(y)",
         lambda dy, x: dy / (1 + abs(x)) ** 3 * 1.0),
        ("log_softmax", "factor exp(y) twice",
         lambda dy, y: dy - np.exp(2 * y) * dy.sum(axis=1, keepdims=True)),
        ("tanh", "wrong sign of the term y ** 2 and exponent 3 in place of 2 of y",
         lambda dy, y: dy * (1 + y**3)),
        ("softmax_crossentropy", "log(p) in place of p", lambda p, t: (np.log(p) - t) / len(p)),
    ],
)  # fmt: skip
def test_a_slip_is_named(kernel, name, backward):
    found = diagnose(backward, kernel)
    (output,) = KERNELS[kernel].outputs
    assert found.outputs[output] == (name,)
    assert "The right formula is " in str(found)


def gelu_tanh(dy, x, power):
    t = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    inner = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2)
    return dy * (1 + t + x * (1 - t**power) * inner) / 2


def test_no_slip_is_taken_for_what_is_right():
    assert TOLERANCE == 1e-5
    found = diagnose(lambda dy, y: dy * y * (1 - y) * (1 + 3e-5), "sigmoid")
    assert found.outputs["dx"] == ("imprecise",)
