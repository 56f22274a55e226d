"""``minidl cache``: the user's stored machine code, listed, verified and removed."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from minidl.accelerator.cpu.machine.storage import contents, user_folder
from minidl.accelerator.cpu.machine.trust import distrust


class State(NamedTuple):
    """Place of machine code, or the reason why none is kept, with the remedy."""

    found: str
    mend: str = ""


def state() -> State:
    """State of the user's folder."""
    folder = user_folder()
    if folder is None:
        return State("not kept: the user has no home", "set XDG_CACHE_HOME to a folder")
    try:
        against = distrust(folder)
    except OSError as error:
        return State(f"not kept in {folder}: {error}", _WRITABLE)
    if against is not None:
        reason, mend = against
        return State(f"not kept in {folder}: {reason}", mend)
    # Missing folders are made in the first existing folder.
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return State(f"not kept: {there} cannot be written", _WRITABLE)
    return State(f"in {folder}")


_WRITABLE = "set XDG_CACHE_HOME to a folder that can be written"
# Files of this package, of this and of older versions; and temporary files of interrupted writes.
_OWN = re.compile(r"\w+_[0-9a-f]{24,64}\.(code|py|lock)|tmp\w+\.tmp")


def show() -> int:
    """Print the folder and each unit there; return the exit status."""
    found, mend = state()
    print(f"machine code {found}" + (f"\n-> {mend}" if mend else ""))
    size = 0
    units = _files(".code")
    for file in units:
        code = contents(file)
        made = {} if code is None else json.loads(code.partition(b"\n")[0])["made"]
        about = "not to be run, see: minidl cache verify"
        if made:
            about = f"llvmlite {made['llvmlite']}, NumPy {made['numpy']}, {made['processor']}"
        stamp = os.lstat(file)
        size += stamp.st_size
        day = datetime.fromtimestamp(stamp.st_mtime).strftime("%Y-%m-%d %H:%M")
        print(f"{day}  {stamp.st_size:>9,}  {_label(file)}  ({about})")
    print(f"{len(units)} units, {size / 2**20:.1f} MiB")
    return 0


def verify() -> int:
    """Check each unit as before a run; return the exit status, 1 if a unit would not run."""
    found, mend = state()
    if mend:
        print(f"machine code {found}\n-> {mend}")
    units = _files(".code")
    wrong = [file for file in units if contents(file) is None]
    for file in wrong:
        print(f"{file}: damaged, renamed, or not the user's own: compiled anew when it is needed")
    print(f"{len(units) - len(wrong)} of {len(units)} units are as they were written")
    return int(bool(wrong or mend))


def clear() -> int:
    """Remove the stored code; return the exit status, 1 if a file stays.

    In a folder that other users can write to, nothing is touched: a link there may be the choice of
    another user.
    """
    found, mend = state()
    if mend:
        print(f"nothing removed; machine code {found}\n-> {mend}")
        return 1
    left = removed = 0
    for file in _files():
        try:
            file.unlink()  # a link itself, not its target
            removed += 1
        except OSError as error:
            print(f"{file}: {error.strerror}")
            left += 1
    print(f"{removed} files removed from {user_folder()}")
    return int(left > 0)


def _files(suffix: str = "") -> list[Path]:
    """Files of this package in the user's folder."""
    folder = user_folder()
    if folder is None or not folder.is_dir():
        return []
    own = [file for file in folder.iterdir() if _OWN.fullmatch(file.name)]
    return sorted(file for file in own if file.suffix == suffix or not suffix)


def _label(file: Path) -> str:
    """The part of a name that names the compiled function."""
    return file.stem.rpartition("_")[0] or file.stem
