"""Code in memory: executed and never writable at once, and there until the process has ended."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from minidl.accelerator.cpu.machine import placing
from minidl.accelerator.record.operands import CompilationUnavailableError

ROOT = Path(__file__).parents[3]
RETURNS_7 = b"\xb8\x07\x00\x00\x00\xc3"  # mov eax, 7; ret


def rights(address):
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        span, modes, *_ = line.split()
        low, high = (int(end, 16) for end in span.split("-"))
        if low <= address < high:
            return modes
    return None


def test_it_is_executed_and_not_writable(monkeypatch):
    asked = []
    library = placing._library()

    class Library:
        def __getattr__(self, name):
            function = getattr(library, name)
            return lambda *arguments: asked.append((name, arguments)) or function(*arguments)

    monkeypatch.setattr(placing, "_library", Library)
    start = placing.executable(RETURNS_7, {})
    assert ctypes.CFUNCTYPE(ctypes.c_int)(start)() == 7
    assert rights(start) == "r-xp"
    assert [name for name, _ in asked] == ["mmap", "mprotect"]
    write, execute = 2, 4
    for rights_asked in (asked[0][1][2], asked[1][1][2]):
        assert not rights_asked & write or not rights_asked & execute


@pytest.mark.parametrize("call", ["mmap", "mprotect"])
def test_a_system_that_gives_no_such_memory_is_named(monkeypatch, call):
    library, given = placing._library(), []

    class Library:
        def mmap(self, *arguments):
            given.append(library.mmap(*arguments) if call != "mmap" else ctypes.c_void_p(-1).value)
            return given[-1]

        def mprotect(self, *_):
            ctypes.set_errno(13)
            return -1

        def munmap(self, address, size):
            given.remove(address)
            return library.munmap(address, size)

    ctypes.set_errno(12)
    monkeypatch.setattr(placing, "_library", Library)
    with pytest.raises(CompilationUnavailableError) as error:
        placing.executable(RETURNS_7, {})
    why = {"mmap": "Cannot allocate memory", "mprotect": "Permission denied"}[call]
    assert error.value.reason == f"the system gives no memory for machine code: {why}"
    assert "MemoryDenyWriteExecute=no" in error.value.mend
    assert call == "mmap" or given == []


def test_a_function_that_the_c_library_lacks_is_named():
    with pytest.raises(CompilationUnavailableError, match="the C library has no such_a_function"):
        placing.executable(RETURNS_7 + bytes(8), {"such_a_function": 6})


LATE = """
import os, sys
import numpy as np
from minidl.accelerator.cpu.machine import machine_code
from minidl.backend.addresses import address

block = np.array([address(np.zeros(1, np.int64)), 0])

class Last:
    def __init__(self):
        self.run = machine_code.COMMAND(machine_code.command("take", "series"))
        self.where, self.kept = address(block), block

    def __del__(self, write=os.write):
        self.run(self.where, 0, 1)
        write(1, b"run at the very end")

sys.kept_to_the_end = Last()  # of all modules this one goes last
"""


def test_it_can_still_be_run_when_the_interpreter_has_taken_everything_down():
    result = subprocess.run(
        [sys.executable, "-c", LATE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, "run at the very end"), result.stderr
