"""Machine code in files: who can read and write them, and which of them are taken for code."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from minidl.accelerator.cpu.machine import storage as module
from minidl.accelerator.cpu.machine.storage import Storage, contents

ROOT = Path(__file__).parents[3]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_was_written_is_read(folder):
    storage = Storage(folder)
    assert storage.read("unit") is None
    assert not folder.exists()
    storage.write("unit", b"code", "source: dy Wᵀ")
    assert storage.read("unit") == Storage(folder).read("unit") == b"code"
    assert (folder / "unit.py").read_text(encoding="utf-8") == "source: dy Wᵀ"
    assert names(folder) == ["unit.code", "unit.py"]
    assert storage.note == ""


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_modes_are_the_same_whatever_the_umask(folder, umask):
    storage = Storage(folder)
    before = os.umask(umask)
    try:
        with storage.lock("unit"):
            storage.write("unit", b"code", "source")
    finally:
        os.umask(before)
    assert (
        stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    )
    for name in ("unit.code", "unit.py"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert not stat.S_IMODE((folder / "unit.lock").stat().st_mode) & 0o177
    assert storage.read("unit") == b"code"


def test_of_exchanged_files_neither_is_read(folder):
    storage = Storage(folder)
    for name in "ab":
        storage.write(name, b"code of " + name.encode(), "source")
    (folder / "a.code").rename(folder / "c.code")
    (folder / "b.code").rename(folder / "a.code")
    (folder / "c.code").rename(folder / "b.code")
    assert storage.read("a") is None
    assert storage.read("b") is None
    storage.write("a", b"new", "source")
    assert storage.read("a") == b"new"


@pytest.mark.parametrize("length", [0, 1, module.CHECK - 1, module.CHECK, module.CHECK + 3])
def test_half_a_file_is_not_read(folder, length):
    storage = Storage(folder)
    storage.write("unit", b"code", "source")
    os.truncate(folder / "unit.code", length)
    assert storage.read("unit") is None


def test_a_file_with_any_bit_changed_is_not_read(folder):
    storage = Storage(folder)
    storage.write("unit", b"code", "source")
    file = folder / "unit.code"
    whole = file.read_bytes()
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert storage.read("unit") is None
    file.write_bytes(whole)
    assert storage.read("unit") == b"code"


def as_link(file, kept):
    kept.replace(kept.with_suffix(".elsewhere"))
    file.symlink_to(kept.with_suffix(".elsewhere"))


def as_pipe(file, kept):
    kept.unlink()
    os.mkfifo(file)


def as_file_of_all(file, kept):
    kept.chmod(0o666)


@pytest.mark.parametrize("change", [as_link, as_pipe, as_file_of_all])
def test_what_is_no_file_of_the_user_alone_is_not_read_but_replaced(folder, change):
    """Nobody waits at a pipe's end, and where a link leads all stays as it is."""
    storage = Storage(folder)
    storage.write("unit", b"code", "source")
    file = folder / "unit.code"
    change(file, file)
    assert storage.read("unit") is None
    storage.write("unit", b"new", "source")
    assert storage.read("unit") == b"new"
    assert stat.S_ISREG(file.lstat().st_mode)
    if change is as_link:
        assert (folder / "unit.elsewhere").read_bytes().endswith(b"code")


def test_a_file_of_another_user_is_not_read(folder, monkeypatch):
    storage = Storage(folder)
    storage.write("unit", b"code", "source")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 4242)
    assert contents(folder / "unit.code") is None
    assert storage.read("unit") is None


def test_a_folder_in_the_place_of_a_file_is_left_alone(folder):
    storage = Storage(folder)
    (folder / "unit.code").mkdir(parents=True)
    folder.chmod(0o700)
    assert storage.read("unit") is None
    storage.write("unit", b"code", "source")
    assert "no machine code is kept in" in storage.note
    assert "Is a directory" in storage.note
    assert names(folder) == ["unit.code", "unit.py"]


def test_a_folder_that_was_removed_is_made_again(folder):
    storage = Storage(folder)
    storage.write("unit", b"code", "source")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.parent.rmdir()
    assert storage.read("unit") is None
    with storage.lock("unit"):
        storage.write("unit", b"code", "source")
    assert storage.read("unit") == b"code"
    assert storage.note == ""


HOLD = """
import os, sys
from pathlib import Path
from minidl.accelerator.cpu.machine.storage import Storage
with Storage(Path(sys.argv[1])).lock("unit"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_held_by_one_process_and_by_no_dead_one(folder, monkeypatch):
    storage = Storage(folder)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    with (folder / "unit.lock").open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    monkeypatch.setattr(module, "_PATIENCE", 0.01)  # who holds it may have been stopped
    with storage.lock("unit"):
        storage.write("unit", b"code", "source")
    holder.kill()
    holder.communicate()
    with (folder / "unit.lock").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert storage.read("unit") == b"code"
