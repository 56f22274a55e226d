"""Files of machine code that only the user who runs could have written.

``<name>.code`` holds a checksum and the code. ``<name>.py`` holds the source, to be read.
``<name>.lock`` is locked while a process compiles. The name tells all dependencies of the code, and
the checksum covers the name: of two files whose names were exchanged neither is run.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from minidl.accelerator.cpu.machine.trust import distrust, foreign

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

CHECK = hashlib.sha256().digest_size  # bytes: half a file, after a crash, is not to be run

# Seconds after which code is compiled although another process seems to do the same: that process
# may have been stopped.
_PATIENCE = 30


class Storage:
    """Machine code by name: in a folder of the user, in a temporary folder, or nowhere.

    A folder that other users could write to is neither read nor written: a temporary folder, gone
    when the process ends, stands in. Without a place to write, nothing is kept.

    Args:
        folder: of the user, made when something is written; None where there is none.

    Attributes:
        note: the reason why code is not kept, and the remedy: a sentence; empty for kept code.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.note = ""
        self._temporary: Path | None = None

    @property
    def place(self) -> Path | None:
        """The folder in use."""
        return self._temporary or self.folder

    def read(self, name: str) -> bytes | None:
        """Return the code kept under a name; None for missing code, and for untrusted code."""
        place = self.place
        try:
            if place is None or distrust(place) is not None:
                return None
        except OSError:
            return None
        return contents(place / f"{name}.code")

    def write(self, name: str, code: bytes, source: str) -> None:
        """Keep code under a name, with the source; on failure, :attr:`note` says why."""
        try:
            place = self._made()
            _replace(place / f"{name}.py", source.encode())
            _replace(place / f"{name}.code", checksum(name, code) + code)
        except OSError as error:
            self._say(
                f"no machine code is kept in {self.place or 'a folder of the user'}, so that each "
                f"process compiles anew: {error.strerror or error}",
                "set XDG_CACHE_HOME to a folder that can be written",
            )

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Wait while another process compiles the code of a name."""
        number = None
        # Without a lock code is compiled more than once, and nothing worse.
        with contextlib.suppress(OSError):
            number = _opened(self._made() / f"{name}.lock", os.O_RDWR | os.O_CREAT)
        try:
            if number is not None:
                _wait_for(number)
            yield
        finally:
            if number is not None:
                os.close(number)  # as the system does for a process that dies

    def _made(self) -> Path:
        """Make the folder in use, if missing, and check that the folder is to be trusted.

        Raises:
            OSError: the folder cannot be made.
        """
        place = self.place
        if place is None:
            raise OSError("neither HOME nor the system's list of users names a home")
        against = distrust(place)
        if against is None:
            _make(place)
            against = distrust(place)  # somebody else may have made it
        if against is None:
            return place
        return self._stand_in(place, *against)

    def _stand_in(self, place: Path, reason: str, mend: str) -> Path:
        """A temporary folder in the place of one that is not to be trusted."""
        made = Path(tempfile.mkdtemp(prefix="minidl-commands-"))
        atexit.register(_remove, made, os.getpid())
        if distrust(made) is not None:
            raise OSError(f"{reason}, and so they can to {made}")
        self._temporary = made
        self._say(
            f"no machine code is kept in {place}, so that each process compiles anew: {reason}",
            mend,
        )
        return made

    def _say(self, why: str, mend: str) -> None:
        self.note = self.note or f"{why}. To mend it: {mend}"


def user_folder() -> Path | None:
    """In the user's cache; None for a user without a home."""
    import platformdirs

    try:
        found = Path(platformdirs.user_cache_dir("minidl", appauthor=False))
    except RuntimeError:  # no home
        return None
    return found / "commands" if found.is_absolute() else None


def checksum(name: str, code: bytes) -> bytes:
    """SHA-256 of a name and of the code kept under the name."""
    return hashlib.sha256(name.encode() + b"\0" + code).digest()


def contents(path: Path) -> bytes | None:
    """Return the code in a file; None if missing, damaged, owned by another user, or no file."""
    try:
        number = _opened(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode) or foreign(found):
            return None
        with os.fdopen(number, "rb", closefd=False) as file:
            kept = file.read()
    except OSError:
        return None
    finally:
        os.close(number)
    return kept[CHECK:] if kept[:CHECK] == checksum(path.stem, kept[CHECK:]) else None


def _opened(path: Path, flags: int) -> int:
    """Open a file itself: no link is followed, and no open waits for the other end of a pipe."""
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    return os.open(path, flags, 0o600)


def _wait_for(number: int) -> None:
    """Lock an open file, as soon as no other process does, or after some time give up.

    The package filelock would do so on Windows as well; but where another thread copies the process
    while this thread compiles, filelock's precautions and ``machine_code``'s wait for each other.
    """
    if fcntl is None:
        return
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:  # a file system without locks
            return


def _make(folder: Path) -> None:
    """Make a folder, and all missing folders above, for the user alone."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process was faster
            os.mkdir(place, 0o700)
            os.chmod(place, 0o700)  # whatever umask took away


def _replace(path: Path, kept: bytes) -> None:
    """Write all of a file or nothing, even beside other writers; only the user can read it."""
    number, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(kept)
        os.chmod(name, 0o600)  # whatever umask took away
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _remove(folder: Path, process: int) -> None:
    """Remove a temporary folder, in the process that made it."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
