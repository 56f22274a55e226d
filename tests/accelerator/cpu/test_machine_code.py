"""The cache of machine code: what is kept, when it is made anew, and how it is called."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest

from minidl.accelerator.cpu.machine import circumstances, compiler, machine_code
from minidl.accelerator.cpu.machine.storage import CHECK, Storage
from minidl.backend.addresses import address

ROOT = Path(__file__).parents[3]

FILL = """
from minidl.accelerator.cpu.machine.values import int64
from minidl.accelerator.cpu.machine.lowlevel import at


def command(block, part, parts):
    words = at(block, int64)
    for k in range(words[0]):
        words[1 + k] = {value} * k + part + 10 * parts
"""


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """The folder of an empty cache of a process that has no code yet."""
    made = Storage(tmp_path / "commands")
    monkeypatch.setattr(machine_code, "storage", lambda: made)
    monkeypatch.setattr(machine_code, "_made", {})
    return made.folder


def filled(value):
    """What the command gives in a process that has no code yet."""
    machine_code._made.clear()
    block = np.array([5, *[0] * 6])
    machine_code.COMMAND(machine_code.generated("fill", FILL.format(value=value)))(
        address(block), 2, 3
    )
    return block[1:].tolist()


def files(folder, suffix=".code"):
    return sorted(path.name for path in folder.iterdir() if path.suffix == suffix)


def test_a_command_does_what_its_source_says(cache):
    assert filled(100) == [32, 132, 232, 332, 432, 0]
    assert filled(-1) == [32, 31, 30, 29, 28, 0]


def test_what_was_compiled_is_not_compiled_again(cache, monkeypatch):
    first = filled(7)
    kept = files(cache)
    assert len(kept) == 1
    monkeypatch.setattr(compiler, "compiled", lambda *_: pytest.fail("compiled again"))
    assert filled(7) == first
    assert files(cache) == kept


def test_another_source_is_another_file(cache):
    assert filled(1) != filled(2)
    assert len(files(cache)) == 2
    assert sorted((cache / name).read_text() for name in files(cache, ".py")) == sorted(
        FILL.format(value=value) for value in (1, 2)
    )


PARTS = ["minidl", "llvmlite", "python", "numpy", "system", "processor"]


@pytest.mark.parametrize("part", PARTS)
def test_another_compiler_or_processor_or_language_is_another_file(cache, monkeypatch, part):
    """What a source takes from elsewhere is a part of what it is compiled to."""
    first = filled(3)
    now = circumstances.circumstances()
    assert list(now) == PARTS
    assert all(now.values())
    now = {**now, part: now[part] + "another"}
    monkeypatch.setattr(machine_code, "circumstances", lambda: now)
    assert filled(3) == first
    assert len(files(cache)) == 2


CPUINFO = """processor : 0
vendor_id : GenuineIntel
cpu family : 6
model : 207
model name : Intel
stepping : 2
cpu MHz : {clock}
flags : fpu sse avx2 {flag}

processor : 1
vendor_id : GenuineIntel
cpu family : 6
model : 207
model name : Intel
stepping : 2
cpu MHz : 3100
flags : fpu sse avx2 {other}
"""


def test_processors_of_one_kind_are_one_and_others_are_others(monkeypatch):
    """Whatever their clocks are; a feature of any of them makes another."""

    def described(**given):
        text = CPUINFO.format(**{"clock": 3000, "flag": "", "other": ""} | given)
        monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
        return circumstances.processor()

    first = described()
    assert first.count("avx2") == 1
    assert described(clock=4000) == first
    assert described(flag="avx512f") != first
    assert described(other="avx512f") != first
    assert described(flag="avx512f", other="avx512f").count("avx2") == 1


def test_where_the_system_has_no_list_llvm_is_asked(monkeypatch):
    def fail(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", fail)
    assert circumstances.processor().startswith(llvm.get_host_cpu_name() + "\n")
    assert "sse2" in circumstances.processor() or platform.machine() != "x86_64"


def test_other_types_are_other_files(cache):
    for name in ("float32", "float64", "uint8"):
        machine_code.command("terms", "sums", source=name, target="float64", working="float64")
    assert len(files(cache)) == 3


def test_an_interrupted_write_leaves_nothing_that_is_taken_for_code(cache, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        filled(4)
    assert files(cache) == files(cache, ".py") == files(cache, ".tmp") == []
    monkeypatch.undo()


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b"", lambda b: b[:-9] + b"?" + b[-8:]]
)
def test_a_damaged_file_is_made_anew(cache, damage):
    first = filled(5)
    (name,) = files(cache)
    whole = (cache / name).read_bytes()
    (cache / name).write_bytes(damage(whole))
    assert filled(5) == first
    assert (cache / name).read_bytes() == whole


@pytest.mark.parametrize("linked", [True, False])
def test_llvm_links_what_this_package_cannot(cache, monkeypatch, linked):
    if not linked:
        monkeypatch.setattr(compiler, "link", lambda *_: None)
    first = filled(9)
    (name,) = files(cache)
    header = json.loads((cache / name).read_bytes()[CHECK:].split(b"\n")[0])
    assert header["linked"] is linked
    assert filled(9) == first == [32, 41, 50, 59, 68, 0]


CHILD = """
import sys
import numpy as np
import minidl
from minidl.backend import use
use("numpy", executor="compiled")
x = np.random.default_rng(0).random((64, 40), "float32")
y = np.arange(64) % 3
minidl.utils.set_random_seed(3)
model = minidl.Sequential([minidl.layers.Dense(50, activation="relu"), minidl.layers.Dropout(0.3),
    minidl.layers.BatchNormalization(), minidl.layers.Dense(3, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, batch_size=8, epochs=3, verbose=0)
print(history.history["loss"][-1], sorted({"llvmlite", "elftools"} & set(sys.modules)))
"""


def child(cache, **environment):
    """What a process that trains a network prints: its loss, and what it has imported for that."""
    result = subprocess.run(
        [sys.executable, "-c", CHILD],
        cwd=ROOT,
        env={**os.environ, "XDG_CACHE_HOME": str(cache), "HOME": str(cache), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    loss, imported = result.stdout.strip().split(" ", 1)
    return loss, imported


def stamps(folder):
    return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.suffix in (".code", ".py")}


def test_a_second_process_loads_no_compiler(tmp_path):
    loss, imported = child(tmp_path)
    assert imported == "['elftools', 'llvmlite']"
    before = stamps(tmp_path)
    assert len(before) > 20
    assert child(tmp_path) == (loss, "[]")
    assert stamps(tmp_path) == before
