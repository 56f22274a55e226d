"""Who compiles when: once for all processes and threads, and whole whatever interrupts."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from minidl.accelerator.cpu.machine import compiler, machine_code, wait
from minidl.accelerator.cpu.machine.machine_code import Placed, Refusal, Unit
from minidl.accelerator.cpu.machine.storage import Storage
from minidl.accelerator.record.operands import CompilationUnavailableError

ROOT = Path(__file__).parents[3]

TEXT = """
from minidl.accelerator.cpu.machine.values import int64
from minidl.accelerator.cpu.machine.lowlevel import at


def command(block, part, parts):
    at(block, int64)[0] = {value}
"""


def unit(value):
    return Unit(f"unit{value}", "command", TEXT.format(value=value))


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """The folder of an empty cache of a process that has no code yet."""
    made = Storage(tmp_path / "commands")
    monkeypatch.setattr(machine_code, "storage", lambda: made)
    monkeypatch.setattr(machine_code, "_made", {})
    monkeypatch.setattr(machine_code, "_said", set())
    return made.folder


@pytest.fixture
def slow(monkeypatch):
    """A compiler that has begun when the first event is set, and ends when the second is."""
    begun, go_on, calls = threading.Event(), threading.Event(), []
    compiled = compiler.compiled

    def wait(*arguments):
        calls.append(arguments[0])
        begun.set()
        assert go_on.wait(30)
        return compiled(*arguments)

    monkeypatch.setattr(compiler, "compiled", wait)
    return begun, go_on, calls


# Processes ---------------------------------------------------------------------------------

TOGETHER = """
import json, os, sys, threading
from pathlib import Path
from types import SimpleNamespace
from minidl.accelerator.cpu.machine import machine_code
from minidl.accelerator.cpu.machine.machine_code import Unit
made = []

def placed(k, barrier):
    barrier.wait()
    for value in (k % 3, (k + 1) % 3, (k + 2) % 3):
        machine_code.placed(Unit(f"unit{value}", "command", TEXT.format(value=value)))

import minidl.accelerator.cpu.machine.storage as storage
write = storage.Storage.write
storage.Storage.write = lambda self, name, *rest: (made.append(name), write(self, name, *rest))
print("ready", flush=True)
sys.stdin.readline()
barrier, errors = threading.Barrier(4), []
threading.excepthook = lambda given: errors.append(repr(given.exc_value))
threads = [threading.Thread(target=placed, args=(k, barrier)) for k in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps([made, errors]))
"""


def test_four_processes_of_four_threads_compile_each_unit_once(tmp_path):
    """On an empty cache, all at once, and LLVM is loaded by none of them before."""
    code = f"TEXT = {TEXT!r}\n{TOGETHER}"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    results = [json.loads(process.communicate(timeout=300)[0]) for process in processes]
    assert [errors for _, errors in results] == [[]] * 4
    compiled = sorted(name for made, _ in results for name in made)
    assert [name.partition("_")[0] for name in compiled] == ["unit0", "unit1", "unit2"]
    kept = sorted(path.stem for path in (tmp_path / "minidl" / "commands").glob("*.code"))
    assert kept == compiled


def test_threads_compile_once_where_nothing_is_kept(monkeypatch, slow):
    nowhere = Storage(None)
    monkeypatch.setattr(machine_code, "storage", lambda: nowhere)
    begun, go_on, calls = slow
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(machine_code.placed(unit(1))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    assert begun.wait(30)
    while sum(each.name == "minidl-compiler" for each in threading.enumerate()) < 4:
        assert any(thread.is_alive() for thread in threads)
    go_on.set()
    for thread in threads:
        thread.join()
    assert calls == ["command"]
    assert len(set(found)) == 1


# Interruptions -----------------------------------------------------------------------------


class InterruptionError(Exception):
    """Raised by a signal handler."""


def on_alarm(handler):
    """Have a function called at the first signal; the handler before, and an event of the call."""
    came = threading.Event()

    def handle(*_):
        if not came.is_set():
            came.set()
            handler()

    return signal.signal(signal.SIGUSR1, handle), came


def send(came):
    """Send signals to the thread that runs handlers until one is handled.

    A signal just before a thread begins to wait for a lock does not end the waiting.
    """
    while not came.wait(0.05):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)


def when(event, action):
    thread = threading.Thread(target=lambda: event.wait(30) and action())
    thread.start()
    return thread


def test_whoever_interrupts_the_waiting_does_not_interrupt_the_compiler(slow):
    begun, go_on, calls = slow

    def interrupt():
        raise InterruptionError

    before, came = on_alarm(interrupt)
    try:
        sender = when(begun, lambda: send(came))
        with pytest.raises(InterruptionError):
            machine_code.placed(unit(1))
        sender.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    go_on.set()
    assert isinstance(machine_code.placed(unit(1)), Placed)
    assert calls == ["command"]


def test_a_signal_handler_may_ask_for_code_while_some_is_compiled(slow):
    begun, go_on, calls = slow
    asked = []

    def ask():
        go_on.set()
        asked.append(machine_code.placed(unit(2)))

    before, came = on_alarm(ask)
    try:
        sender = when(begun, lambda: send(came))
        first = machine_code.placed(unit(1))
        sender.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(calls) == 2
    assert asked == [machine_code.placed(unit(2))] != [first]


def test_a_process_is_copied_while_nobody_compiles(slow):
    """The child finds LLVM whole, and no lock that nobody will open."""
    begun, go_on, _ = slow
    thread = threading.Thread(target=machine_code.placed, args=(unit(1),))
    thread.start()
    assert begun.wait(30)
    opener = threading.Timer(0.2, go_on.set)
    opener.start()
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # ends it, should it hang
        whole = unit(1) in machine_code._made and isinstance(machine_code.placed(unit(2)), Placed)
        os._exit(0 if whole else 1)
    _, status = os.waitpid(child, 0)
    thread.join()
    opener.join()
    assert status == 0
    assert isinstance(machine_code.placed(unit(3)), Placed)


def test_where_no_thread_can_be_started_the_caller_compiles(monkeypatch):
    """As while the interpreter ends."""

    def refuse(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert isinstance(machine_code.placed(unit(1)), Placed)


# A wait --------------------------------------------------------------------------------------


class Shown(io.StringIO):
    """A terminal, or a file."""

    def __init__(self, terminal):
        super().__init__()
        self.isatty = lambda: terminal


@pytest.mark.parametrize(("terminal", "seconds"), [(True, 1.5), (True, 0.5), (False, 1.5)])
def test_a_long_wait_is_told_once_and_to_a_person(monkeypatch, cache, terminal, seconds):
    screen = Shown(terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(wait, "_spent", seconds)
    for value in (1, 2, 3):
        machine_code.placed(unit(value))
    told = terminal and seconds > wait.UNNOTICED
    text = f"minidl: machine code for this network is being made, once: it is kept in {cache}\n"
    assert screen.getvalue() == text * told


def test_time_that_the_compiler_takes_adds_up(monkeypatch):
    monkeypatch.setattr(wait, "_spent", 0.0)
    clock = itertools.count(0, 0.25)
    monkeypatch.setattr(wait, "time", SimpleNamespace(perf_counter=clock.__next__))
    for value in (1, 2):
        machine_code.placed(unit(value))
    assert wait._spent == 0.5


# Failures ----------------------------------------------------------------------------------


def test_what_cannot_be_compiled_is_tried_and_told_once(monkeypatch):
    calls = []

    def fail(*arguments):
        calls.append(arguments)
        raise TypeError("a type that\n nobody knows.")

    monkeypatch.setattr(compiler, "compiled", fail)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(3):
            with pytest.raises(CompilationUnavailableError, match="mine cannot be compiled"):
                machine_code.generated("mine", TEXT.format(value=1))
    assert len(calls) == 1
    assert [str(each.message) for each in told] == [
        "minidl: what has no machine code runs in NumPy, which takes longer: mine cannot be "
        "compiled: TypeError: a type that nobody knows. To mend it: pip install --upgrade llvmlite."
    ]
    assert told[0].filename == __file__


def test_a_compiler_that_cannot_be_imported_is_tried_once(monkeypatch):
    refusal = Refusal("LLVM is installed and cannot be loaded: …", "pip install --upgrade llvmlite")
    monkeypatch.setattr(machine_code, "_compiler", lambda: refusal)
    for value in (1, 2):
        with pytest.raises(CompilationUnavailableError) as error:
            machine_code.placed(unit(value))
        assert (error.value.reason, error.value.mend) == refusal


def test_code_that_is_not_kept_runs_all_the_same(monkeypatch, cache):
    cache.parent.mkdir(exist_ok=True)
    cache.write_bytes(b"")  # a file in the place of the folder
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for value in (1, 2, 1):
            machine_code.generated("mine", TEXT.format(value=value))
    (message,) = [str(each.message) for each in told]
    assert message.startswith(f"minidl: no machine code is kept in {cache}, so that each process")
    assert message.endswith("To mend it: set XDG_CACHE_HOME to a folder that can be written.")
    assert cache.read_bytes() == b""
