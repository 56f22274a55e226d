"""Files from the network, kept in the user's cache."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from minidl import checks


def get_file(
    fname: str | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file that is downloaded unless it is there; pooch does the work.

    A file from the network may be anybody's: say its ``file_hash``.

    Args:
        fname: name in the cache; by default the last part of the address.
        origin: the address, https://, http:// or file://.
        untar: extract a tar archive.
        md5_hash: an MD5, which ``file_hash`` can be, too.
        file_hash: the SHA-256 or MD5 that the file must have; None for any file.
        cache_subdir: folder in the cache, default "datasets".
        hash_algorithm: "sha256", "md5", or "auto": by the length of the hash.
        extract: extract the archive, into a folder whose path is returned.
        archive_format: "tar", "zip", or "auto" for what the file is.
        cache_dir: in place of the user's cache (``~/.cache/minidl`` on Linux).
        force_download: download even if the file is there.

    Raises:
        ValueError: no address, a name with folders, a hash that the file does not have, or a file
            that is no archive.
        OSError: the download failed.
    """
    if not origin:
        raise ValueError("get_file: expected origin='https://...', received none")
    name = os.fspath(fname) if fname else unquote(urlsplit(origin).path).rpartition("/")[2]
    if not name or os.path.basename(name) != name or name in (".", ".."):
        raise ValueError(
            f"fname: expected a name without folders, received {name!r}; cache_dir and "
            "cache_subdir say the folder"
        )
    import pooch

    folder = Path(cache_dir).expanduser() if cache_dir else Path(pooch.os_cache("minidl"))
    folder = folder / cache_subdir
    known = _hash(file_hash or md5_hash, hash_algorithm if file_hash else "md5")
    if force_download:
        (folder / name).unlink(missing_ok=True)
    local = urlsplit(origin).scheme == "file"
    downloader = _copy if local else pooch.HTTPDownloader(progressbar=True)
    file = pooch.retrieve(origin, known, fname=name, path=folder, downloader=downloader)
    if not (extract or untar):
        return str(file)
    wanted = "tar" if untar else archive_format
    stem = name.partition(".")[0] or name
    target = folder / (f"{stem}_extracted" if stem != name or not fname else name + "_extracted")
    _extract(Path(file), target, wanted)
    return str(target)


def _hash(digest: str | None, algorithm: str) -> str | None:
    if digest is None:
        return None
    if algorithm == "auto":
        algorithm = "sha256" if len(digest) == 64 else "md5"
    if algorithm not in ("sha256", "md5"):
        raise checks.unknown("hash_algorithm", algorithm, ("auto", "sha256", "md5"))
    return f"{algorithm}:{digest}"


def _copy(url: str, output_file: str, _: Any) -> None:
    """The downloader of addresses that begin with file://."""
    shutil.copyfile(url2pathname(urlsplit(url).path), output_file)


def _extract(file: Path, folder: Path, form: str | None) -> None:
    """Extract an archive; nothing is written outside of the folder."""
    if form not in ("auto", "tar", "zip"):
        raise checks.unknown("archive_format", form, ("auto", "tar", "zip"))
    if form in ("auto", "tar") and tarfile.is_tarfile(file):
        if not hasattr(tarfile, "data_filter"):
            raise RuntimeError("tar archives need a Python with tarfile.data_filter, 3.10.12 or on")
        with tarfile.open(file) as archive:
            archive.extractall(folder, filter="data")
    elif form in ("auto", "zip") and zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as packed:
            packed.extractall(folder)
    else:
        raise ValueError(f"{file}: expected an archive, {form}, received another file")
