"""The language of commands: what it computes is what Python computes, or C."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minidl.accelerator.cpu.machine import compiler, machine_code
from minidl.accelerator.cpu.machine.translation import translated
from minidl.backend.addresses import address

HEAD = """
import math
from minidl.accelerator.cpu.machine.lowlevel import at
from minidl.accelerator.cpu.machine.values import *

LIMIT, NONE = 7, float("nan")
"""


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    """No code is kept."""
    monkeypatch.setattr(machine_code, "_made", {})
    monkeypatch.setattr(machine_code, "storage", lambda: machine_code.Storage(None))


def command(body, before=""):
    """A command whose body is given; ``w`` and ``x`` are its int64 and its float64."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    text = (
        f"{HEAD}{before}\n\ndef command(block, part, parts):\n"
        f"    w, x = at(at(block, int64)[0], int64), at(at(block, int64)[1], float64)\n{lines}\n"
    )
    return machine_code.COMMAND(compiled_address(text))


def compiled_address(text):
    return machine_code._place(compiler.compiled("command", text, {})).address


def run(body, integers=(), numbers=(), before=""):
    """What the command leaves in twenty int64 and twenty float64."""
    w, x = np.zeros(20, np.int64), np.zeros(20)
    w[: len(integers)], x[: len(numbers)] = integers, numbers
    block = np.array([address(w), address(x)])
    command(body, before)(address(block), 2, 5)
    return w, x


PAIRS = [(7, 3), (-7, 3), (7, -3), (-7, -3), (0, 5), (-6, 3), (6, -3), (2**40, 255), (-(2**40), 7)]
INTEGERS = [
    "a + b", "a - b", "a * 3 - b", "a // b", "a % b", "a // 8", "a % 8", "-a // 3 * b", "a & b",
    "a | b", "a ^ b", "a << 3", "a >> 2", "min(a, b)", "max(a, b, 2)", "abs(-3) + a", "-a",
    "(a > b) * 5 + (b > a)", "a if a < b else b", "LIMIT - a // LIMIT",
    "(a < b <= 3) + (not a == b) + (a != b and b > 0) + 2 * (a < 0 or b < 0)",
]  # fmt: skip


def test_integers_are_what_they_are_in_python():
    body = [f"w[{k + 2}] = {text}" for k, text in enumerate(INTEGERS[:-3])]
    rest = [f"w[{k}] = {text}" for k, text in enumerate(INTEGERS[-3:])]
    for lines, first in ((body, 2), (rest, 0)):
        function = command("a, b = w[0], w[1]\n" + "\n".join(lines))
        texts = INTEGERS[:-3] if first else INTEGERS[-3:]
        for a, b in PAIRS:
            w, x = np.zeros(30, np.int64), np.zeros(1)
            w[:2] = a, b
            function(address(np.array([address(w), address(x)])), 0, 1)
            expected = [int(eval(text, {"a": a, "b": b, "LIMIT": 7})) for text in texts]
            assert w[first : first + len(texts)].tolist() == expected, (a, b)


def test_numbers_are_what_they_are_in_numpy():
    values = [1.5, -0.0, -2.25, math.inf, -math.inf, math.nan, 5e-324, 1e308]
    texts = ["-a", "abs(a)", "a * a + 0.1", "a / 3.0", "a - 1e308", "a if a == a else 2.0"]
    for a in values:
        body = "a = x[0]\n" + "\n".join(f"x[{k + 1}] = {text}" for k, text in enumerate(texts))
        body += "\nw[0], w[1], w[2], w[3] = a != a, a == a, a < 1.0, math.isfinite(a)"
        body += "\nx[10] = math.sqrt(abs(a))\nx[11] = float32(a)"
        w, x = run(body, numbers=[a])
        number = np.float64(a)
        with np.errstate(all="ignore"):
            expected = [float(eval(text, {"a": number})) for text in texts]
            rounded = float(np.float32(number))
        np.testing.assert_array_equal(x[1 : 1 + len(texts)], expected)
        assert np.signbit(x[1]) == np.signbit(-number)
        assert w[:4].tolist() == [a != a, a == a, a < 1, math.isfinite(a)]
        np.testing.assert_array_equal(x[10:12], [math.sqrt(abs(a)), rounded])


def test_unsigned_numbers_and_small_ones():
    body = """
word = uint64(w[0])
w[1] = word >> uint64(60)
w[2] = uint8(w[0])
w[3] = int8(w[0])
w[4] = uint16(w[0] >> 3) + 1
word *= uint64(3)
w[5] = word
x[0] = uint32(w[0])
x[1] = word
"""
    w, x = run(body, [-57])
    assert w[1:6].tolist() == [15, 199, -57, 2**16 - 8 + 1, -171]
    assert x[:2].tolist() == [2**32 - 57, float(2**64 - 171)]


def test_loops_and_branches():
    body = """
total = 0
for k in range(part, 20, parts):
    total += k
w[0] = total
while total > 10:
    total = total - 7
    if total % 2 == 0:
        w[1] += 1
    elif total > 13:
        w[2] += 1
    else:
        w[3] += total
for a, b in (1, 2), (3, 4):
    w[4] = w[4] * 100 + 10 * a + b
for k in range(5, 5):
    w[5] = 1
w[6] = k
if LIMIT > 5:
    w[7] = 1
else:
    nonsense
pair = part, (3.5, parts)
second, (x[0], w[8]) = pair
w[9] = second
"""
    w, x = run(body)
    total, counts = 2 + 7 + 12 + 17, [0, 0, 0]
    expected = [total]
    while total > 10:
        total -= 7
        counts[0 if total % 2 == 0 else 1 if total > 13 else 2] += (
            total if total % 2 and total <= 13 else 1
        )
    assert w[:10].tolist() == [*expected, *counts, 1234, 0, 17, 1, 5, 2]
    assert x[0] == 3.5


FUNCTIONS = """
def clamp(n, low, high):
    if n < low:
        return low
    n = min(n, high)
    return n


def both(n):
    return n + 1, n * 2.5


def ackermann(m, n) -> int64:
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def add(to, n):
    to[0] += n
"""


def test_functions():
    body = """
w[0], w[1], w[2] = clamp(w[0], 0, 9), clamp(w[1], 0, 9), clamp(w[2], 0, 9)
n, y = both(float64(part))
x[0], x[1] = n, y
w[3] = ackermann(2, 3)
add(at(at(block, int64)[0] + 32, int64), 11)
"""
    w, x = run(body, [-4, 4, 14], before=FUNCTIONS)
    assert w[:5].tolist() == [0, 4, 9, 9, 11]
    assert x[:2].tolist() == [3, 5]


def test_a_product_and_a_sum_are_rounded_one_by_one():
    a, b, c = 1 + 2.0**-30, 1 - 2.0**-30, -1.0
    _, x = run("for k in range(8):\n    x[k + 3] = x[0] * x[1] + x[2]", numbers=[a, b, c])
    assert x[3:11].tolist() == [a * b + c] * 8 == [0] * 8  # -2⁻⁶⁰ if it were rounded once


REFUSED = [
    ("raise ValueError", "the language has no 'raise ValueError'"),
    ("w[0] = len(w)", "the language has no 'len\\(w\\)'"),
    ("w[0] = w[1] / 2", "Div of int64"),
    ("n = 1\nn = 2.5", "a variable of int64 is given 2.5"),
    ("n = float32(1)\nn = x[0]", "a variable of float32 is given float64"),
    ("x[0] = float32(w[0]) + x[1]", "float32 beside float64"),
    ("x[0] = min(x[0], x[1])", "min or max of floating-point numbers"),
    ("for k in w:\n    pass", "expected a range"),
    ("w[0] = block[1]", "'block' has no elements"),
    ("w[0] = uint64(w[0]) // uint64(3)", "a division of uint64"),
    ("w[0] = clamp(1)", "clamp: expected 3 arguments, got 1"),
    ("w[0] = f'{part}'", "the language has no"),
    ("w[0] = nobody", "nobody"),
]


@pytest.mark.parametrize(("body", "reason"), REFUSED)
def test_what_the_language_has_not_is_refused_by_name(body, reason):
    with pytest.raises(TypeError, match=reason) as error:
        command("w[2] = 1\n" + body, before=FUNCTIONS)
    assert "command, line " in str(error.value) or "clamp" in str(error.value)


@pytest.mark.parametrize(("body", "computes"), [("w[0] = part", False), ("x[0] = 1", True)])
def test_only_who_computes_is_put_through_all_passes(body, computes):
    lines = [HEAD, "def command(block, part, parts):", "    w = at(block, int64)"]
    lines += ["    x = at(block, float32)", f"    {body}", ""]
    namespace = {"__name__": "module"}
    exec("\n".join(lines), namespace)
    assert translated(namespace["command"], "\n".join(lines), "entry").computes is computes
