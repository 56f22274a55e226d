"""Machine code where the user's folder is not to be trusted, or nothing can be written."""

from __future__ import annotations

import atexit
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from minidl.accelerator.cpu.machine import storage as module
from minidl.accelerator.cpu.machine.storage import Storage

ROOT = Path(__file__).parents[3]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


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
from minidl.accelerator.cpu.machine.storage import Storage
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
from minidl.accelerator.cpu.machine.storage import Storage
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
