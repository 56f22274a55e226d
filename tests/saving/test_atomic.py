"""A file is replaced whole, or not at all, and nothing is left beside it."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from minidl.saving import atomic as module
from minidl.saving.atomic import clear_leftovers, replacing


def write(path: Path | str, content: bytes) -> None:
    with replacing(path) as file:
        file.write(content)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_place_has_the_old_content_until_the_new_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        file.seek(0)
        assert file.read() == b"new"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt(), SystemExit(1)])
def test_an_error_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def write_half() -> None:
        with replacing(path) as file:
            file.write(b"ne")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_an_error_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="no space left"):
        write(tmp_path / "a", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_in_the_middle(tmp_path: Path) -> None:
    """As a limit of the process on the size of files says it."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write(path, bytes(1_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_file_and_folder_reach_the_disk_around_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []
    sync, replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        done.append((kind, os.fstat(descriptor).st_size if kind == "file" else None))
        sync(descriptor)

    def renamed(source: str, target: str) -> None:
        done.append(("rename", None))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", renamed)
    write(tmp_path / "a", b"12345")
    assert done == [("file", 5), ("rename", None), ("folder", None)]


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere/target"
    target.write_bytes(b"old")
    (tmp_path / "first").symlink_to(tmp_path / "second")
    (tmp_path / "second").symlink_to(Path("elsewhere/target"))
    write(tmp_path / "first", b"new")
    assert (tmp_path / "first").is_symlink()
    assert (tmp_path / "second").is_symlink()
    assert not target.is_symlink()
    assert target.read_bytes() == b"new"
    target.unlink()
    write(tmp_path / "first", b"newer")  # a link to what is not there makes it
    assert target.read_bytes() == b"newer"
    assert len(list(tmp_path.rglob("*"))) == 4
    (tmp_path / "ring").symlink_to("ring")
    with pytest.raises(OSError, match="ring"):
        write(tmp_path / "ring", b"")


@pytest.mark.parametrize("permissions", [0o600, 0o640, 0o664, 0o400])
def test_permissions_are_kept(tmp_path: Path, permissions: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(permissions)
    with replacing(path) as file:
        (temporary,) = (p for p in tmp_path.iterdir() if p != path)
        assert mode(temporary) == 0o600  # nobody else can read it meanwhile
        file.write(b"new")
    assert mode(path) == permissions
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write(tmp_path / "a", b"")
        (tmp_path / "plain").write_bytes(b"")
    finally:
        os.umask(before)
    assert mode(tmp_path / "a") == mode(tmp_path / "plain") == 0o666 & ~mask


def test_owner_and_group_are_kept(tmp_path: Path) -> None:
    """Root may give files away; others may give them to any of their groups."""
    root = os.geteuid() == 0
    owner, group = (12345, 23456) if root else (os.geteuid(), os.getgroups()[-1])
    path = tmp_path / "a"
    path.write_bytes(b"old")
    os.chown(path, owner, group)
    path.chmod(0o640)
    write(path, b"new")
    status = path.stat()
    assert (status.st_uid, status.st_gid, mode(path)) == (owner, group, 0o640)


def test_other_things_than_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    for path, kind in ((tmp_path / "fifo", "FIFO"), (tmp_path / "link", "FIFO"),
                       (Path("/dev/null"), "device")):  # fmt: skip
        with pytest.raises(OSError, match=f"received a {kind}") as caught:
            write(path, b"")
        assert str(path) in str(caught.value)
        assert "expected the name of a file" in str(caught.value)
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)
    for folder in (tmp_path, str(tmp_path) + "/"):
        with pytest.raises(IsADirectoryError, match="folder"):
            write(folder, b"")
    with pytest.raises(FileNotFoundError, match=r"folder that exists.*absent"):
        write(tmp_path / "absent/a", b"")
    with pytest.raises(FileNotFoundError, match="expected the name of a file, received none"):
        write("", b"")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fifo", "link"]


def test_every_name_that_the_system_takes(tmp_path: Path) -> None:
    for name in ("n" * 255, "ü" * 127, " ", "-rf", "new\nline", "a\udcff"):
        write(tmp_path / name, name.encode("utf-8", "surrogateescape"))
        assert (tmp_path / name).read_bytes() == name.encode("utf-8", "surrogateescape")
    with pytest.raises(OSError, match="too long"):
        write(tmp_path / ("n" * 256), b"")
    assert len(list(tmp_path.iterdir())) == 6


def test_threads_on_one_place(tmp_path: Path) -> None:
    """Each reader meets one whole file."""
    path = tmp_path / "a"
    write(path, b"0" * 100_000)
    ended, seen, errors = threading.Event(), set(), []

    def writing(digit: bytes) -> None:
        try:
            for _ in range(30):
                write(path, digit * 100_000)
        except Exception as error:
            errors.append(error)

    def reading() -> None:
        while not ended.is_set():
            content = path.read_bytes()
            seen.add((len(content), frozenset(content)))

    reader = threading.Thread(target=reading)
    writers = [threading.Thread(target=writing, args=(b"%d" % k,)) for k in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    ended.set()
    reader.join()
    assert not errors
    assert seen
    assert all(size == 100_000 and len(digits) == 1 for size, digits in seen)
    assert list(tmp_path.iterdir()) == [path]


WRITER = """
import sys
from minidl.saving.atomic import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("written", flush=True)
    sys.stdin.read()
"""


def started(path: Path) -> subprocess.Popen[str]:
    """A process in the middle of writing."""
    root = Path(module.__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, path],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    return process


def test_what_a_killed_process_left_is_cleared_and_what_lives_is_not(tmp_path: Path) -> None:
    """The next save clears it, to whatever name in that folder."""
    killed, living = started(tmp_path / "killed"), started(tmp_path / "living")
    try:
        assert len(list(tmp_path.iterdir())) == 2
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert len(list(tmp_path.iterdir())) == 2
        with replacing(tmp_path / "own"):
            assert len(list(tmp_path.iterdir())) == 2  # the living one's and this
            clear_leftovers(tmp_path)  # neither is a leftover
            assert len(list(tmp_path.iterdir())) == 2
        living.communicate("")
    finally:
        for process in (killed, living):
            process.kill()
            process.communicate()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["living", "own"]
    assert (tmp_path / "living").read_bytes() == b"half"


def test_only_what_it_has_made_itself_is_cleared(tmp_path: Path) -> None:
    names = [".minidl-0123.tmp", "a.tmp", ".minidl-0123456789abcdef.tmp.npz", "minidl-x.tmp"]
    for name in names:
        (tmp_path / name).write_bytes(b"the user's")
    (tmp_path / ".minidl-0123456789abcdef.tmp").symlink_to("a.tmp")
    os.mkfifo(tmp_path / ".minidl-1123456789abcdef.tmp")
    (tmp_path / ".minidl-2123456789abcdef.tmp").mkdir()
    before = sorted(tmp_path.iterdir())
    clear_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    (tmp_path / ".minidl-3123456789abcdef.tmp").write_bytes(b"left")
    clear_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    clear_leftovers(tmp_path / "absent")


def test_leftovers_of_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root, too, removes its own only: another's may be written where no lock is seen."""
    left = tmp_path / ".minidl-3123456789abcdef.tmp"
    left.write_bytes(b"left")
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    clear_leftovers(tmp_path)
    assert left.exists()
    monkeypatch.undo()
    clear_leftovers(tmp_path)
    assert not left.exists()


def test_a_temporary_that_was_removed_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, taken = module.fcntl.flock, []

    def late(file: object, operation: int) -> None:
        if not taken:
            taken.append(True)
            (temporary,) = tmp_path.iterdir()
            temporary.unlink()
        lock(file, operation)

    monkeypatch.setattr(module.fcntl, "flock", late)
    write(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert taken


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(module.fcntl, "flock", none)
    (tmp_path / ".minidl-3123456789abcdef.tmp").write_bytes(b"perhaps written now")
    write(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def fsync(number: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor := number).st_mode):
            raise OSError(errno.EINVAL, "invalid argument")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
