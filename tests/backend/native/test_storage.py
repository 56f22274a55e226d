"""Machine code in files: who can read and write them, and which of them are taken for code."""

from __future__ import annotations

import atexit
import fcntl
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from minidl.backend.native import storage as module
from minidl.backend.native.storage import Storage, contents

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Not there yet, in the home of the user."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return home / "cache" / "commands"


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


def test_a_folder_to_which_others_can_write_is_neither_read_nor_written(folder, tmp_path):
    Storage(folder).write("old", b"code", "source")
    folder.chmod(0o777)
    storage = Storage(folder)
    assert storage.read("old") is None
    assert storage.note == ""
    with storage.lock("unit"):
        storage.write("unit", b"code", "source")
    assert names(folder) == ["old.code", "old.py"]
    assert storage.place.parent == tmp_path
    assert stat.S_IMODE(storage.place.stat().st_mode) == 0o700
    assert storage.read("unit") == b"code"
    assert storage.note == (
        f"no machine code is kept in {folder}, so that each process compiles anew: others can "
        f"write to {folder}. To mend it: chmod go-w {folder}"
    )


def test_it_is_asked_for_at_each_use(folder):
    storage = Storage(folder)
    storage.write("unit", b"code", "source")
    folder.parent.chmod(0o770)
    assert storage.read("unit") is None
    folder.parent.chmod(0o700)
    assert storage.read("unit") == b"code"
    folder.parent.chmod(0o770)
    storage.write("unit", b"new", "source")
    assert storage.place != folder
    storage.place.chmod(0o777)
    assert storage.read("unit") is None


TEMPORARY = """
import os, sys
from pathlib import Path
from minidl.backend.native.storage import Storage
storage = Storage(Path(sys.argv[1]))
storage.write("unit", b"code", "source")
child = os.fork()
if child == 0:
    assert storage.read("unit") == b"code"
    sys.exit()  # with what is registered to be done then
assert os.waitpid(child, 0)[1] == 0
assert storage.read("unit") == b"code"
print(storage.place)
"""


def test_a_temporary_folder_is_removed_by_the_process_that_made_it(folder, tmp_path):
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    result = subprocess.run(
        [sys.executable, "-c", TEMPORARY, str(folder)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(result.stdout.strip()).parent == tmp_path
    assert names(tmp_path) == ["home"]
    assert names(folder) == []


def test_without_any_folder_to_write_to_nothing_is_kept(folder, tmp_path):
    """A file in the way stops root as well."""
    folder.parent.write_bytes(b"")
    storage = Storage(folder)
    with storage.lock("unit"):
        storage.write("unit", b"code", "source")
    assert storage.read("unit") is None
    assert "Not a directory" in storage.note or "File exists" in storage.note
    assert "To mend it: set XDG_CACHE_HOME to a folder" in storage.note
    assert names(tmp_path / "home") == ["cache"]


def test_without_a_temporary_folder_nothing_is_kept(folder, monkeypatch):
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "missing"))
    storage = Storage(folder)
    storage.write("unit", b"code", "source")
    assert storage.read("unit") is None
    assert "No such file or directory" in storage.note
    assert names(folder) == []


def test_a_temporary_folder_where_others_can_write_is_not_used(folder, tmp_path, monkeypatch):
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    registered = []
    monkeypatch.setattr(atexit, "register", lambda *call: registered.append(call))
    storage = Storage(folder)
    storage.write("unit", b"code", "source")
    assert storage.read("unit") is None
    assert storage.note
    for remove, *arguments in registered:
        remove(*arguments)
    assert names(shared) == []


def test_a_user_without_a_home_has_no_folder(monkeypatch):
    import pwd

    def fail(_):
        raise KeyError

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", fail)
    assert module.user_folder() is None
    storage = Storage(None)
    with storage.lock("unit"):
        storage.write("unit", b"code", "source")
    assert storage.read("unit") is None
    assert "nor the system's list of users names a home" in storage.note


FULL = """
import resource, sys
from pathlib import Path
from minidl.backend.native.storage import Storage
storage = Storage(Path(sys.argv[1]))
storage.write("before", b"code", "source")
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
with storage.lock("unit"):
    storage.write("unit", b"code", "source")
assert storage.read("before") == b"code" and storage.read("unit") is None
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(storage.note)
"""


def test_where_no_byte_can_be_written_no_half_file_is_left(folder):
    result = subprocess.run(
        [sys.executable, "-c", FULL, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "File too large" in result.stdout
    assert names(folder) == ["before.code", "before.py", "unit.lock"]


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
from minidl.backend.native.storage import Storage
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
