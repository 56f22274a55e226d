"""Who else could write to a folder: each way in which code of others could come to be run."""

from __future__ import annotations

import os

import pytest

from minidl.accelerator.cpu.machine.trust import distrust, foreign


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of the user within his home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    made = tmp_path / "home" / "cache" / "commands"
    made.mkdir(parents=True)
    for place in (made, made.parent, made.parent.parent):
        place.chmod(0o755)
    return made


def as_another_user(monkeypatch):
    other = os.geteuid() + 4242
    monkeypatch.setattr(os, "geteuid", lambda: other)


def test_a_folder_that_only_its_user_can_write_is_trusted(folder):
    assert distrust(folder) is None


def test_a_folder_that_is_missing_is_as_good_as_what_it_lies_in(folder):
    assert distrust(folder / "a" / "b") is None
    folder.chmod(0o777)
    assert distrust(folder / "a" / "b") == (f"others can write to {folder}", f"chmod go-w {folder}")


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o757, 0o720, 0o1777])
@pytest.mark.parametrize("above", range(3))
def test_nobody_else_may_write_to_it_or_to_one_above_it(folder, mode, above):
    """Except where, as in /tmp, they could not rename what lies there."""
    place = [folder, *folder.parents][above]
    place.chmod(mode)
    if mode == 0o1777 and above:
        assert distrust(folder) is None
        return
    assert distrust(folder) == (f"others can write to {place}", f"chmod go-w {place}")


def test_what_lies_above_the_home_is_not_asked_for(folder, tmp_path):
    tmp_path.chmod(0o777)
    assert distrust(folder) is None


def test_without_a_home_all_is_asked_for(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    assert distrust(folder) is None
    tmp_path.chmod(0o777)
    assert distrust(folder) == (f"others can write to {tmp_path}", f"chmod go-w {tmp_path}")


def test_a_folder_of_another_user_is_not_trusted(folder, tmp_path, monkeypatch):
    """Nor by root, whose rights reach everywhere: with sudo that keeps HOME, say."""
    as_another_user(monkeypatch)
    reason, mend = distrust(folder)
    assert reason.startswith(f"{folder} belongs to ")
    assert mend == "set XDG_CACHE_HOME to a folder of your own"


def test_a_missing_folder_in_the_home_of_another_is_not_trusted(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    home = tmp_path / "home"
    if os.getuid() == 0:  # what belongs to root is trusted, but for the folder itself
        os.chown(home, 4343, -1)
    reason, _ = distrust(folder.parent / "missing" / "commands")
    assert " belongs to " in reason


def test_a_link_is_as_good_as_where_it_leads(folder, tmp_path):
    link = tmp_path / "home" / "link"
    link.symlink_to(folder)
    assert distrust(link) is None
    folder.parent.chmod(0o777)
    assert distrust(link) == (
        f"others can write to {folder.parent}",
        f"chmod go-w {folder.parent}",
    )


def test_a_link_that_another_could_exchange_is_not_trusted(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "link").symlink_to(folder)
    assert distrust(shared / "link") is None
    shared.chmod(0o777)
    assert distrust(shared / "link") == (f"others can write to {shared}", f"chmod go-w {shared}")


def test_a_folder_that_cannot_be_looked_at_is_not_trusted(folder, monkeypatch):
    """Another user could open it a moment later. A file on the way is nobody's folder."""
    (folder / "file").write_bytes(b"")
    assert distrust(folder / "file" / "commands") is None

    def refuse(place):
        raise PermissionError

    monkeypatch.setattr(os, "lstat", refuse)
    with pytest.raises(PermissionError):
        distrust(folder)


def test_a_file_of_another_user_is_foreign(folder, monkeypatch):
    file = folder / "file"
    file.write_bytes(b"")
    file.chmod(0o644)
    assert not foreign(file.stat())
    for mode in (0o664, 0o646):
        file.chmod(mode)
        assert foreign(file.stat())
    file.chmod(0o644)
    as_another_user(monkeypatch)
    assert foreign(file.stat())


def test_where_a_system_has_no_owners_nothing_is_asked(folder, monkeypatch):
    folder.chmod(0o777)
    monkeypatch.delattr(os, "geteuid")
    assert distrust(folder) is None
    assert not foreign(folder.stat())
