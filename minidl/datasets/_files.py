"""Search and download of data files, and the two errors of data sets."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

DEBIAN_FOLDER = Path("/usr/share/datasets")

# Seconds to connect, and seconds between two pieces of a reply.
_TIMEOUT = (3.05, 10.0)


class DataNotFoundError(FileNotFoundError):
    """A data set is nowhere on this machine and could not be downloaded.

    The message lists the searched places, the reason of each failed download, and the remedy.
    """


class DataFileError(ValueError):
    """A data file has wrong content.

    Attributes:
        file: the file.
        problem: the expected and the received content.
    """

    def __init__(self, file: Path, problem: str) -> None:
        super().__init__(file, problem)
        self.file = file
        self.problem = problem

    def __str__(self) -> str:
        return (
            f"{self.file}: {self.problem}. Put an intact copy in its place, or delete it: "
            "then the other places are tried and, last, a download"
        )


@dataclass(frozen=True)
class Source:
    """The origin of one data set's files.

    Attributes:
        title: the data set's name, for messages.
        folder: name of the folder in `MINIDL_DATA`, in the cache and in Debian's data folder.
        files: names of the files, for messages.
        mirrors: base URLs, each ending in a slash, tried in this order.
        debian_package: the Debian package with the files, if there is one.
    """

    title: str
    folder: str
    files: tuple[str, ...]
    mirrors: tuple[str, ...]
    debian_package: str | None = None


def cache_folder(source: Source) -> Path:
    """The folder in the user's cache that downloads of `source` go to."""
    import pooch

    return Path(pooch.os_cache("minidl")) / source.folder


def load_file(
    source: Source,
    name: str,
    read: Callable[[Path], T],
    path: str | os.PathLike[str] | None = None,
    *,
    suffixes: tuple[str, ...] = ("",),
    download_sum: str | None = None,
) -> T:
    """`read(file)` for the first `file` found, or for one downloaded now.

    Args:
        source: the data set.
        name: the file's name without suffix.
        read: turns the file into data, and raises `DataFileError` where the content is wrong.
        path: a folder, or the file itself. If given, the only place looked at; but the file's own
            name alone, where no such file is, counts as none: Keras's programs say it.
        suffixes: the forms the file may have; in one folder the first wins; the last is downloaded.
        download_sum: `"algorithm:hexadecimal digest"` that a download must have, for files whose
            content `read` cannot check as strictly.

    Raises:
        DataNotFoundError: the file is nowhere, and no mirror has it.
        DataFileError: the file that was found first is damaged.
    """
    if path is not None and (given := Path(path).expanduser()).is_file():
        return read(given)
    if path is not None and os.fspath(path) in {f"{name}{suffix}" for suffix in suffixes}:
        path = None
    folders = _folders(source, path)
    for folder in folders:
        for suffix in suffixes:
            if (file := folder / f"{name}{suffix}").is_file():
                return read(file)
    wanted = " or ".join(f"{name}{suffix}" for suffix in suffixes)
    searched = [f"{folder}{'' if folder.is_dir() else ' (no such folder)'}" for folder in folders]
    if path is not None:
        raise DataNotFoundError(_message(source, wanted, searched, None))

    remote = f"{name}{suffixes[-1]}"
    failures = []
    for mirror in source.mirrors:
        try:
            return _download(mirror + remote, cache_folder(source) / remote, read, download_sum)
        except DataFileError as error:
            failures.append(f"{mirror}{remote}: {error.problem}")
        except OSError as error:  # requests' errors are OSErrors too
            failures.append(f"{mirror}{remote}: {_reason(error)}")
    raise DataNotFoundError(_message(source, wanted, searched, failures))


def place(source: Source) -> tuple[Path | None, str]:
    """The folder with all files of a data set, if there is one, and else the remedy."""
    for folder in _folders(source, None):
        # A name may stand for a compressed file, too.
        if all(any(folder.glob(f"{name}*")) for name in source.files):
            return folder, ""
    if source.debian_package is not None:
        return None, f"apt-get install {source.debian_package}"
    return None, "it is downloaded when it is first loaded; or set MINIDL_DATA to its folder"


def _folders(source: Source, path: str | os.PathLike[str] | None) -> list[Path]:
    """The folders to look in, in order."""
    if path is not None:
        given = Path(path).expanduser()
        return [given / source.folder, given]
    folders = []
    if named := os.environ.get("MINIDL_DATA"):
        folders += [Path(named).expanduser() / source.folder, Path(named).expanduser()]
    folders.append(cache_folder(source))
    if source.debian_package is not None:
        folders.append(DEBIAN_FOLDER / source.folder)
    return folders


def _download(url: str, target: Path, read: Callable[[Path], T], download_sum: str | None) -> T:
    """Download `url`, read and check the content, and only then move the file to `target`."""
    import pooch

    target.parent.mkdir(parents=True, exist_ok=True)
    # A compressed transfer would be unpacked on the way and leave a .gz file that is none.
    fetch = pooch.HTTPDownloader(
        progressbar=True,
        chunk_size=1 << 16,
        timeout=_TIMEOUT,
        headers={"Accept-Encoding": "identity"},
    )
    print(f"downloading {url}", file=sys.stderr)
    # In the target's folder, so that the final move is one atomic rename.
    with tempfile.TemporaryDirectory(prefix=".part-", dir=target.parent) as scratch:
        file = Path(scratch) / target.name
        fetch(url, str(file), None)
        if download_sum is not None:
            check_sum(file, download_sum)
        data = read(file)
        os.replace(file, target)
    return data


def check_sum(file: Path, expected: str) -> None:
    """Raise `DataFileError` unless `file` has the sum `expected`, `"algorithm:digest"`."""
    import pooch

    algorithm, digest = expected.split(":")
    received = pooch.file_hash(str(file), alg=algorithm)
    if received != digest:
        name = {"sha256": "SHA-256", "md5": "MD5"}[algorithm]
        raise DataFileError(file, f"expected {name} {digest}, received {received}")


def _reason(error: OSError) -> str:
    """Why a download failed, on one line."""
    import requests

    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.HTTPError):
        return f"the server answered {error}".split(" for url")[0]
    cause: object = error
    # requests wraps urllib3's error, which wraps the error with the reason.
    while isinstance(cause, BaseException) and cause.args and isinstance(cause.args[0], Exception):
        cause = getattr(cause.args[0], "reason", None) or cause.args[0]
    return " ".join(f"{type(error).__name__}: {cause}".split())[:300]


def _message(source: Source, wanted: str, searched: list[str], failures: list[str] | None) -> str:
    """The text of a `DataNotFoundError`; `failures` is None where no download was tried."""
    lines = [f"{source.title} was not found: no {wanted} in"]
    lines += [f"  - {place}" for place in searched]
    if failures is None:
        lines.append("and no other place was searched, because a path was given.")
    else:
        if not os.environ.get("MINIDL_DATA"):
            lines.append("  - MINIDL_DATA, which is not set")
        lines.append("and the download failed:")
        lines += [f"  - {failure}" for failure in failures]
    ways = [
        f"put {', '.join(source.files)} into a folder, and set MINIDL_DATA=<folder> or call with "
        "path=<folder>",
        "connect to the network and run again without a path: it is downloaded then",
    ]
    if source.debian_package is not None:
        ways.insert(0, f"on Debian: apt-get install {source.debian_package}")
    lines.append(f"Ways to get {source.title}:")
    lines += [f"  {number}. {way}" for number, way in enumerate(ways, start=1)]
    return "\n".join(lines)
