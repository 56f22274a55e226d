"""Linked code: what is taken, what is left to LLVM, and that it runs wherever it lies."""

from __future__ import annotations

import ctypes
import json

import numpy as np
import pytest

from minidl.accelerator.cpu.machine import compiler, linker, machine_code
from minidl.accelerator.cpu.machine.linker import link
from minidl.accelerator.cpu.machine.placing import executable
from minidl.backend.addresses import address

HEAD = """
import math
from minidl.accelerator.cpu.machine.values import float64, int64
from minidl.accelerator.cpu.machine.lowlevel import at
"""


def contents(text, name="command"):
    line, code = compiler.compiled(name, HEAD + text, {}).split(b"\n", 1)
    return json.loads(line), code


def placed(text):
    header, code = contents(text)
    return [
        machine_code.COMMAND(executable(code, header["imports"]) + header["entry"])
        for _ in range(3)
    ]


#: 1. constants that lie in a section of their own
CONSTANTS = """
def command(block, part, parts):
    x = at(block, float64)
    for k in range(40):
        x[k] = math.sqrt(x[k] * 1.25 + 0.3) * (3.7 if x[k] > 2.6 else 1e300)
"""
#: 2. a table of places to go to, and functions that call themselves
CALLS = """
def fibonacci(n) -> int64:
    if n < 2:
        return n
    return fibonacci(n - 1) + fibonacci(n - 2)


def command(block, part, parts):
    words = at(block, int64)
    for k in range(40):
        words[k] = fibonacci(k % 12)
"""
#: 3. loops that LLVM replaces by functions of the C library
LIBRARY = """
def command(block, part, parts):
    x = at(block, float64)
    y = at(block + 160, float64)
    for k in range(part):
        y[k] = 0
    for k in range(parts):
        y[k + part] = x[k]
"""


def test_constants_are_found_wherever_it_lies():
    for run in placed(CONSTANTS):
        x = np.linspace(0, 5, 40)
        expected = np.sqrt(x * 1.25 + 0.3) * np.where(x > 2.6, 3.7, 1e300)
        run(address(x), 0, 1)
        np.testing.assert_allclose(x, expected, rtol=1e-15)  # a product and a sum may be one


#: 4. vectors of constants, which are loaded from where such vectors may lie
VECTORS = """
def command(block, part, parts):
    x = at(block, float64)
    for k in range(8, 8 + part):
        x[k] = {squares}
    x[0], x[1], x[2], x[3] = 0.1, 0.7, 0.3, 0.9
    x[4], x[5], x[6], x[7] = 0.2, 0.8, 0.4, 0.6
"""


@pytest.mark.parametrize("count", range(1, 8))
def test_sections_begin_where_they_may(count):
    """The code before them has another length each time."""
    text = VECTORS.format(squares=" + ".join(["k * k"] * count))
    _, code = contents(text)
    constants = np.array([0.1, 0.7, 0.3, 0.9])
    assert code.index(constants.tobytes()) % constants.nbytes == 0
    for run in placed(text):
        x = np.zeros(20)
        run(address(x), 5, 1)
        squares = [float(count * k * k) for k in range(8, 13)]
        assert x.tolist() == [*constants, 0.2, 0.8, 0.4, 0.6, *squares, *[0] * 7]


def test_calls_within_it_are_followed():
    for run in placed(CALLS):
        words = np.zeros(40, np.int64)
        run(address(words), 0, 1)
        assert words[:12].tolist() == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89]
        assert words[12:24].tolist() == words[:12].tolist()


def test_functions_of_the_c_library_are_called():
    header, _ = contents(LIBRARY)
    assert "memset" in header["imports"]
    for run in placed(LIBRARY):
        x = np.arange(40.0)
        run(address(x), 7, 5)
        assert x.tolist() == [*range(20), *[0] * 7, *range(5), *range(32, 40)]


@pytest.mark.parametrize("name", linker._IMPORTS)
def test_functions_that_code_may_ask_for_are_found(name):
    """Each is called where its address was written: by a jump that is all there is of the code."""
    code = linker._JUMP + bytes(8)
    start = executable(code, {name: len(linker._JUMP)})
    target, source = np.full(4, 7, np.uint8), np.arange(4, dtype=np.uint8)
    last = 5 if name == "memset" else address(source)
    ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(start)(address(target), last, 3)
    assert target.tolist() == ([5, 5, 5, 7] if name == "memset" else [0, 1, 2, 7])


@pytest.mark.parametrize("code", [b"", b"MZ\x90\x00" + bytes(100), b"\xcf\xfa\xed\xfe" + bytes(99)])
def test_other_formats_are_left_to_llvm(code):
    assert link(code, "minidl_command") is None


def test_other_kinds_of_references_are_left_to_llvm(monkeypatch):
    assert contents(CONSTANTS)[0]["linked"]
    monkeypatch.setattr(linker, "_RELATIVE", ())
    assert not contents(CONSTANTS)[0]["linked"]


def test_references_to_other_functions_are_left_to_llvm(monkeypatch):
    monkeypatch.setattr(linker, "_IMPORTS", ())
    assert not contents(LIBRARY)[0]["linked"]
