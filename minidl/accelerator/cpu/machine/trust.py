"""Owners and modes of a folder, checked before code in the folder is run.

ssh asks the same of keys (sshd_config(5), StrictModes). The folder belongs to the user who runs,
and no other user can write to the folder. Each folder above, up to the user's home or to the root,
belongs to the user or to root, and no other user can rename the folder's entries.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def distrust(folder: Path) -> tuple[str, str] | None:
    """Reason why no code of a folder should be run, and the remedy; None for a trusted folder.

    A missing folder is as good as the folder above. On a system without owners in the
    sense of POSIX, such as Windows, there is nothing to ask.

    Raises:
        OSError: the user may not even look there.
    """
    if not hasattr(os, "geteuid"):
        return None
    home = os.path.expanduser("~")
    ends = {home, os.path.realpath(home)}
    # The path as written, for the links on the path; and the path to the targets of the links.
    for last in (folder, Path(os.path.realpath(folder))):
        for place in (last, *last.parents):
            against = _against(place, place == last)
            if against is not None:
                return against
            if str(place) in ends:
                break
    return None


def foreign(found: os.stat_result) -> bool:
    """Tell if a file belongs to another user, or other users can write to the file."""
    if not hasattr(os, "geteuid"):
        return False
    return found.st_uid != os.geteuid() or bool(found.st_mode & _OTHERS)


def _against(place: Path, last: bool) -> tuple[str, str] | None:
    """Do the work of :func:`distrust` for one folder or link of the path.

    Args:
        place: path of the folder or link.
        last: True for the folder of the code itself.
    """
    try:
        found = os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        return None
    link = stat.S_ISLNK(found.st_mode)
    owners = {os.geteuid()} if last and not link else {os.geteuid(), 0}
    if found.st_uid not in owners:
        return f"{place} belongs to {_name(found.st_uid)}", _ELSEWHERE
    # In a folder such as /tmp no user renames another user's files.
    sticky = found.st_mode & stat.S_ISVTX and not last
    if found.st_mode & _OTHERS and not link and not sticky:
        return f"others can write to {place}", f"chmod go-w {shlex.quote(str(place))}"
    return None


_ELSEWHERE = "set XDG_CACHE_HOME to a folder of your own"


def _name(user: int) -> str:
    import pwd  # there is none on Windows

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
