"""``utils.get_file``: what is downloaded, kept, compared and extracted."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from minidl.utils import get_file

SHA = hashlib.sha256(b"hello").hexdigest()
MD5 = hashlib.md5(b"hello").hexdigest()


@pytest.fixture
def address(tmp_path: Path) -> str:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a file.txt").write_bytes(b"hello")
    return (tmp_path / "there" / "a file.txt").as_uri()


def test_it_is_kept(tmp_path: Path, address: str) -> None:
    """Under its own name or another; once, unless the download is forced."""
    file = Path(get_file(origin=address, cache_dir=tmp_path, file_hash=SHA))
    assert file == tmp_path / "datasets" / "a file.txt"
    assert file.read_bytes() == b"hello"
    file.write_bytes(b"other")
    assert Path(get_file(origin=address, cache_dir=tmp_path)).read_bytes() == b"other"
    assert Path(get_file(origin=address, cache_dir=tmp_path, md5_hash=MD5)).read_bytes() == b"hello"
    file.write_bytes(b"other")
    get_file(origin=address, cache_dir=tmp_path, force_download=True)
    assert file.read_bytes() == b"hello"
    named = get_file("b", address, cache_dir=tmp_path, cache_subdir="sub")
    assert Path(named) == tmp_path / "sub" / "b"


@pytest.mark.parametrize("given", [{"file_hash": "0" * 64}, {"md5_hash": "0" * 32}])
def test_another_file_is_refused(tmp_path: Path, address: str, given: dict) -> None:
    with pytest.raises(ValueError, match="hash"):
        get_file(origin=address, cache_dir=tmp_path, **given)


def packed(path: Path, name: str) -> str:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, b"hello")
    else:
        with tarfile.open(path, "w:gz") as archive:
            member = tarfile.TarInfo(name)
            member.size = 5
            archive.addfile(member, io.BytesIO(b"hello"))
    return path.as_uri()


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_archives(tmp_path: Path, ending: str) -> None:
    uri = packed(tmp_path / f"data{ending}", "in/side.txt")
    folder = Path(get_file(origin=uri, cache_dir=tmp_path / "cache", extract=True))
    assert folder == tmp_path / "cache" / "datasets" / "data_extracted"
    assert (folder / "in" / "side.txt").read_bytes() == b"hello"


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_archives_write_nothing_elsewhere(tmp_path: Path, ending: str) -> None:
    uri = packed(tmp_path / f"data{ending}", "../../../outside.txt")
    try:
        get_file(origin=uri, cache_dir=tmp_path / "cache" / "deep", extract=True)
    except tarfile.TarError:
        assert ending == ".tar.gz"
    found = {path.relative_to(tmp_path) for path in tmp_path.rglob("outside.txt")}
    inside = Path("cache/deep/datasets/data_extracted")
    assert all(inside in path.parents for path in found)


def test_what_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(ValueError, match=r"expected origin='https://\.\.\.', received none"):
        get_file("a")
    for name in ("a/b", "..", "/etc/passwd"):
        with pytest.raises(ValueError, match="fname: expected a name without folders"):
            get_file(name, address, cache_dir=tmp_path)
    with pytest.raises(ValueError, match="expected an archive, auto, received another file"):
        get_file(origin=address, cache_dir=tmp_path, extract=True)
    with pytest.raises(ValueError, match="unknown archive_format 'rar'"):
        get_file(origin=address, cache_dir=tmp_path, extract=True, archive_format="rar")
    with pytest.raises(ValueError, match="unknown hash_algorithm 'crc'"):
        get_file(origin=address, cache_dir=tmp_path, file_hash="0", hash_algorithm="crc")
