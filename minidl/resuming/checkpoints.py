"""A folder of checkpoints for one training at a time; the last checkpoints are kept."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from minidl.saving import FileFormatError, Saved, read_file
from minidl.saving.atomic import clear_leftovers

if TYPE_CHECKING:
    from filelock import BaseFileLock

_NAMES = re.compile(r"checkpoint-(\d{10,})\.npz")
_LOCK = ".lock"


class Checkpoints:
    """The checkpoints in a folder, by step.

    Args:
        folder: made if missing.
        keep: number of checkpoints kept, the last.

    Raises:
        RuntimeError: another training uses the folder, in this or in another process.
        OSError: the folder cannot be made or written to.
    """

    def __init__(self, folder: str | os.PathLike[str], keep: int) -> None:
        self.folder = Path(folder)
        self.keep = keep
        self.folder.mkdir(parents=True, exist_ok=True)
        effective = os.access in os.supports_effective_ids
        if not os.access(self.folder, os.W_OK | os.X_OK, effective_ids=effective):
            reason = "expected a folder that can be written to"
            raise PermissionError(errno.EACCES, f"{os.strerror(errno.EACCES)}: {reason}", folder)
        self._lock = _lock(self.folder)
        clear_leftovers(self.folder)

    def close(self) -> None:
        """Release the folder."""
        self._lock.release()

    def path(self, step: int) -> Path:
        """Path of a step's checkpoint."""
        return self.folder / f"checkpoint-{step:010d}.npz"

    def latest(self) -> tuple[Path, Saved] | None:
        """The last readable checkpoint with its content; None in a folder without checkpoints.

        Raises:
            FileFormatError: all checkpoints are damaged.
        """
        damaged: FileFormatError | None = None
        for path in reversed(self._all()):
            try:
                return path, read_file(path)
            except FileFormatError as error:
                warnings.warn(
                    f"a damaged checkpoint is passed over, and the one before is used: {error}",
                    stacklevel=5,
                )
                damaged = error
        if damaged is not None:
            raise damaged
        return None

    def prune(self) -> None:
        """Remove all but the last checkpoints."""
        for path in self._all()[: -self.keep]:
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove all checkpoints, and the folder if nothing else is there."""
        for path in self._all():
            path.unlink(missing_ok=True)
        # Other files, or another training that is about to begin, may need the folder.
        with contextlib.suppress(OSError):
            (self.folder / _LOCK).unlink()
            self.folder.rmdir()

    def _all(self) -> list[Path]:
        names = [name for name in os.listdir(self.folder) if _NAMES.fullmatch(name)]
        return [self.folder / name for name in sorted(names, key=_step)]


def _step(name: str) -> int:
    return int(name.removeprefix("checkpoint-").removesuffix(".npz"))


def _lock(folder: Path) -> BaseFileLock:
    """A lock on the folder, which ends with the process."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RuntimeError(
            f"{folder}: expected a folder that no training uses, received one that another "
            "training has locked, in this or in another process"
        ) from None
    return lock
