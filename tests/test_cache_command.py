"""``minidl cache``: what it lists, finds wrong and removes."""

from __future__ import annotations

import json
import os

import pytest

from minidl import __main__ as command
from minidl import __version__
from minidl.accelerator.cpu.machine.storage import Storage
from minidl.commands import cache

MADE = {"llvmlite": "0.50", "numpy": "2.4", "processor": "zen5"}
NAMES = [f"{label}_{digit * 64}" for label, digit in (("adam", "a"), ("series_take", "b"))]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The user's, with two units."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    storage = Storage(tmp_path / "minidl" / "commands")
    for name in NAMES:
        with storage.lock(name):
            storage.write(name, json.dumps({"made": MADE}).encode() + b"\ncode", "source")
    return storage.folder


def run(capsys, what):
    status = command.main(["cache", what])
    return status, capsys.readouterr().out


def test_the_list_names_folder_units_and_what_made_them(folder, capsys):
    status, said = run(capsys, "list")
    first, *units, last = said.splitlines()
    assert status == 0
    assert first == f"machine code in {folder}"
    assert last == "2 units, 0.0 MiB"
    for line, label in zip(units, ("adam", "series_take"), strict=True):
        assert line.endswith(f"  {label}  (llvmlite 0.50, NumPy 2.4, zen5)")


def test_of_an_empty_cache_all_is_well(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    assert run(capsys, "list")[0] == run(capsys, "verify")[0] == run(capsys, "clear")[0] == 0
    assert not (tmp_path / "none").exists()


def test_verify_names_what_is_not_to_be_run(folder, capsys):
    assert run(capsys, "verify") == (0, "2 of 2 units are as they were written\n")
    first, second = (folder / f"{name}.code" for name in NAMES)
    first.rename(folder / "elsewhere")
    second.rename(first)
    (folder / "elsewhere").rename(second)
    status, said = run(capsys, "verify")
    assert status == 1
    assert [line.partition(":")[0] for line in said.splitlines()[:2]] == [str(first), str(second)]
    assert said.endswith("0 of 2 units are as they were written\n")
    assert "(not to be run, see: minidl cache verify)" in run(capsys, "list")[1]


def test_clear_removes_what_is_ours_and_nothing_else(folder, capsys):
    (folder / "mine.py").write_bytes(b"")
    (folder / f"old_{'c' * 24}.code").write_bytes(b"")
    (folder / "tmpabcd.tmp").write_bytes(b"")
    kept = folder / f"link_{'d' * 64}.code"
    kept.symlink_to(folder / "mine.py")
    status, said = run(capsys, "clear")
    assert (status, said) == (0, f"9 files removed from {folder}\n")
    assert [path.name for path in folder.iterdir()] == ["mine.py"]


def test_clear_names_what_stays(folder, capsys):
    entry = folder / f"folder_{'e' * 64}.code"
    entry.mkdir()
    status, said = run(capsys, "clear")
    assert status == 1
    assert said.startswith(f"{entry}: ")
    assert list(folder.iterdir()) == [entry]


def test_where_others_can_write_nothing_is_touched(folder, capsys):
    """A link there may lead to files of the user who clears, and that is root's, say."""
    folder.chmod(0o777)
    before = sorted(folder.iterdir())
    for what, status in (("list", 0), ("verify", 1), ("clear", 1)):
        found, said = run(capsys, what)
        assert found == status
        assert f"others can write to {folder}\n-> chmod go-w {folder}\n" in said
    assert sorted(folder.iterdir()) == before


def test_a_folder_that_cannot_be_written_is_named(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert cache.state() == cache.State(
        f"not kept: {folder} cannot be written",
        "set XDG_CACHE_HOME to a folder that can be written",
    )

    def refuse(place):
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr(os, "lstat", refuse)
    assert cache.state().found.startswith(f"not kept in {folder}: [Errno 13] Permission denied")
    monkeypatch.setattr(cache, "user_folder", lambda: None)
    assert cache.state() == cache.State(
        "not kept: the user has no home", "set XDG_CACHE_HOME to a folder"
    )


def test_a_word_that_is_no_command_is_refused(capsys):
    with pytest.raises(SystemExit) as error:
        command.main(["cache", "burn"])
    assert error.value.code == 2
    assert "choose from" in capsys.readouterr().err


def test_the_version(capsys):
    with pytest.raises(SystemExit) as error:
        command.main(["--version"])
    assert error.value.code == 0
    assert capsys.readouterr().out == f"minidl {__version__}\n"
