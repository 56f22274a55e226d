"""Replacing a file whole: a reader finds the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, which lets nobody remove a file that is open
    fcntl = None  # type: ignore[assignment]

# Of one length, so that every name that a file system takes can be saved to.
_NAME = ".minidl-{}.tmp"
_NAMES = re.compile(r"\.minidl-[0-9a-f]{16}\.tmp")

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
# Without these flags, where a system lacks them, the other checks still hold.
_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def may_replace(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Refuse a place where a file is, unless ``overwrite`` is true.

    Raises:
        FileExistsError: there is a file.
    """
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path} is there already; expected overwrite=True, or another name")


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A new binary file that takes the place of ``path`` when the block ends without an error.

    Until then, and after an error, the place keeps the old content. The block writes a temporary
    file of a unique name in the same folder. At the end the content is synced to the disk, the file
    takes the place by one rename, and the folder is synced. A symbolic link is followed: its target
    is replaced. The new file has the permissions of the old file and, if the system allows, the
    owner and group.

    Temporary files that ended processes have left in the folder are removed first.

    Args:
        path: the place.

    Yields:
        The file, open for writing and reading. The block may not close it.

    Raises:
        IsADirectoryError: the place is a folder.
        FileNotFoundError: the folder of the place is not there, or the path is empty.
        OSError: the place is a device, a FIFO or a socket, or the file cannot be written.
    """
    target, old = _place(path)
    folder = os.path.dirname(target)
    clear_leftovers(folder)
    temporary, file = "", None
    try:
        while file is None:
            temporary = os.path.join(folder, _NAME.format(secrets.token_hex(8)))
            file = _create(temporary, 0o666 if old is None else 0o600)
        with file:
            yield file
            file.flush()
            if old is not None:
                _liken(file.fileno(), old)
            os.fsync(file.fileno())
            if fcntl is not None:
                os.replace(temporary, target)
        if fcntl is None:  # Windows renames closed files only
            os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def clear_leftovers(folder: str | os.PathLike[str]) -> None:
    """Remove the temporary files of :func:`replacing` that no process writes any more.

    Each writer holds a lock on its temporary file (flock(2)). The lock ends with the process,
    also with a killed process. Process numbers, which two containers may share, play no part.
    On a file system without locks the files stay.
    """
    if fcntl is None:
        return
    try:
        with os.scandir(folder) as entries:
            found = [entry.path for entry in entries if _NAMES.fullmatch(entry.name)]
    except OSError:
        # A folder that cannot be listed can still be written to.
        return
    for path in found:
        _remove_unless_held(path)


def _remove_unless_held(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | _CAREFULLY)
    except OSError:  # gone, another user's, or a link
        return
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A writer may have renamed the file since: then the path leads nowhere.
        if os.path.samestat(status, os.lstat(path)):
            os.unlink(path)
    except OSError:
        # Held, or gone, or without locks: not ours to remove.
        return
    finally:
        os.close(descriptor)


def _place(path: str | os.PathLike[str]) -> tuple[str, os.stat_result | None]:
    """The real path, and the status of the file there."""
    given = os.fsdecode(path)
    if not given:  # which os.path.realpath takes for the working folder
        raise FileNotFoundError(errno.ENOENT, "expected the name of a file, received none", given)
    try:
        status = os.stat(given)
    except FileNotFoundError:
        return os.path.realpath(given), None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(
            errno.EISDIR, "expected the name of a file, received a folder", given
        )
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise OSError(errno.EINVAL, f"expected the name of a file, received {kind}", given)
    return os.path.realpath(given), status


def _create(path: str, mode: int) -> BinaryIO | None:
    """A new, locked file; None if another process removed the file before the lock."""

    def opened(path: str, flags: int) -> int:
        return os.open(path, flags | _CAREFULLY, mode)

    try:
        file = open(path, "x+b", opener=opened)  # noqa: SIM115 - the caller closes it
    except FileNotFoundError:
        folder = os.path.dirname(path)
        raise FileNotFoundError(errno.ENOENT, "expected a folder that exists", folder) from None
    if fcntl is None:
        return file
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(file, fcntl.LOCK_EX)
    # Another process that clears leftovers may have found the file first.
    if os.fstat(file.fileno()).st_nlink:
        return file
    file.close()
    return None


def _liken(descriptor: int, old: os.stat_result) -> None:
    """Give a file the permissions, the group and the owner of another, as far as is allowed."""
    if not hasattr(os, "fchown"):
        return
    new = os.fstat(descriptor)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    # Last, because a change of owner takes permissions away.
    if stat.S_IMODE(old.st_mode) != stat.S_IMODE(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: str) -> None:
    """Bring a rename in the folder to the disk, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems know no such thing; an error of the disk is another matter.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
