"""Machine code of commands: taken from the user's cache, or compiled and kept there.

What is kept is linked (``linker.py``), and runs wherever it lies. A process that finds all its
commands in the cache loads neither Numba nor LLVM: a second of time, and 110 MB.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib.metadata
import json
import mmap
import os
import platform
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_CHECK = hashlib.sha256().digest_size  # bytes: half a file, after a crash, is not to be run


def command(name: str, source: str, /, **types: str) -> int:
    """Address of a command of ``compiled/<source>.py``.

    Args:
        name: of the function there.
        source: of the file.
        types: what names of the file stand for, by name: elements of NumPy.
    """
    return _load(name, source, tuple(sorted(types.items())))[0]


def function(name: str, source: str) -> Callable[..., Any]:
    """The same, to be called with int from Python, without its lock."""
    address, count, returns = _load(name, source, ())
    kind = ctypes.CFUNCTYPE(ctypes.c_int64 if returns else None, *[ctypes.c_int64] * count)
    return kind(address)


def generated(name: str, text: str) -> int:
    """Address of the function ``command`` of a generated source; the name is for the cache."""
    label = name if name.isidentifier() else "formula"
    return _place(_contents(label, "command", text, ()))[0]


#: A command to be called from Python: address of its block, part, parts.
COMMAND = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


@functools.cache
def _load(name: str, source: str, types: tuple[tuple[str, str], ...]) -> tuple[int, int, bool]:
    text = (_HERE / "compiled" / f"{source}.py").read_text()
    return _place(_contents(f"{source}_{name}", name, text, types))


def _contents(label: str, name: str, text: str, types: tuple[tuple[str, str], ...]) -> bytes:
    """What the cache holds, or after this does, for a function of a source."""
    key = hashlib.sha256(repr((name, text, types, _circumstances())).encode()).hexdigest()[:24]
    path = folder() / f"{label}_{key}.code"
    if path.exists():
        found = path.read_bytes()
        if found[:_CHECK] == hashlib.sha256(found[_CHECK:]).digest():
            return found[_CHECK:]
    from minidl.backend.native.compiler import compiled

    made = compiled(name, text, dict(types))
    _write(path.with_suffix(".py"), text.encode())  # for whoever wants to read it
    _write(path, hashlib.sha256(made).digest() + made)
    return made


def _write(path: Path, contents: bytes) -> None:
    """All of it or nothing, whoever else does the same."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        file.write(contents)
    os.replace(file.name, path)


@functools.cache
def folder() -> Path:
    """In the user's cache, or a temporary one where that cannot be written."""
    import platformdirs

    path = Path(platformdirs.user_cache_dir("minidl", appauthor=False)) / "commands"
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError:
        return Path(tempfile.mkdtemp(prefix="minidl-commands-"))


@functools.cache
def _circumstances() -> tuple[str, ...]:
    """Whatever else machine code depends on: compiler, what it is given besides, processor."""
    files = sorted([*_HERE.glob("*.py"), *_HERE.glob("compiled/*.py")])
    own = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return importlib.metadata.version("numba"), own, platform.machine(), _processor()


def _processor() -> str:
    """Of which kind it is, with what it can do."""
    try:
        with open("/proc/cpuinfo") as file:
            first = file.read().split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor()
    kinds = ("vendor_id", "model name", "flags", "Features", "CPU part")
    return "\n".join(line for line in first if line.startswith(kinds))


def _place(contents: bytes) -> tuple[int, int, bool]:
    """Where in memory the code of a file of the cache begins, which can be called from then on.

    And how many int64 it takes, and whether it returns one.
    """
    line, code = contents.split(b"\n", 1)
    header = json.loads(line)
    if header["linked"]:
        address = _executable(code, header["imports"]) + header["entry"]
    else:
        from minidl.backend.native.compiler import loaded

        address = loaded(code, header["entry"])
    return address, header["arguments"], header["returns"]


def address_of(function: Any) -> int:
    """Of a C function that ctypes has found."""
    return ctypes.cast(function, ctypes.c_void_p).value or 0


_placed: list[Any] = []


def _executable(code: bytes, imports: Mapping[str, int]) -> int:
    """Address of linked code, copied into memory that is executed and no longer written.

    Args:
        code: what runs wherever it lies.
        imports: where in it the addresses of the C library's functions belong, by name.
    """
    libraries = ctypes.CDLL(None, use_errno=True), ctypes.CDLL("libm.so.6")
    memory = mmap.mmap(-1, len(code), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory[:] = code
    for name, place in imports.items():
        found = next(getattr(library, name) for library in libraries if hasattr(library, name))
        target = address_of(found)
        memory[place : place + 8] = target.to_bytes(8, "little")
    view = ctypes.c_char.from_buffer(memory)
    _placed.append((memory, view))
    address = ctypes.addressof(view)
    size = ctypes.c_size_t(len(memory))
    if libraries[0].mprotect(ctypes.c_void_p(address), size, mmap.PROT_READ | mmap.PROT_EXEC):
        error = ctypes.get_errno()
        raise OSError(error, f"memory for machine code: {os.strerror(error)}")
    return address
