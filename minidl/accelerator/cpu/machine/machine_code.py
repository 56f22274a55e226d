"""Machine code of commands: taken from the user's cache, or compiled and cached.

The cached code is linked (``linker.py``), and runs at any address. A process that finds all its
commands in the cache does not load LLVM.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

from minidl.accelerator.cpu.machine import wait
from minidl.accelerator.cpu.machine.circumstances import circumstances
from minidl.accelerator.cpu.machine.placing import ALLOW, executable
from minidl.accelerator.cpu.machine.placing import address_of as address_of
from minidl.accelerator.cpu.machine.storage import Storage, user_folder
from minidl.accelerator.record.operands import CompilationUnavailableError
from minidl.backend import turns
from minidl.backend.sparse import outside

_COMMANDS = Path(__file__).parents[1]

#: A command to be called from Python: address of its block, part, parts.
COMMAND = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


class Unit(NamedTuple):
    """Function of a source, for the types of names in the source: the unit of compilation."""

    label: str
    function: str
    text: str
    types: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """Name of the unit's code in the cache: different as soon as anything differs."""
        words = self.function, self.text, self.types, sorted(circumstances().items())
        return f"{self.label}_{hashlib.sha256(repr(words).encode()).hexdigest()}"


class Placed(NamedTuple):
    """Address of a unit's code, the number of int64 arguments, and whether the code returns one."""

    address: int
    arguments: int
    returns: bool


class Refusal(NamedTuple):
    """Reason for the lack of a unit's code, and the remedy."""

    reason: str
    mend: str


def command(name: str, source: str, /, **types: str) -> int:
    """Address of a command of ``<source>/code.py``.

    Args:
        name: of the function in the file.
        source: of the file.
        types: the types that names of the file stand for, by name: elements of NumPy.

    Raises:
        CompilationUnavailableError: no machine code can be had, or none can be run.
    """
    return _told(unit(name, source, tuple(sorted(types.items())))).address


def function(name: str, source: str, kind: Any = ctypes.CFUNCTYPE) -> Callable[..., Any]:
    """A function of ``<source>/code.py``, to be called with int from Python.

    Args:
        name, source: as of :func:`command`.
        kind: PYFUNCTYPE keeps the GIL meanwhile, CFUNCTYPE does not.

    Raises:
        CompilationUnavailableError: as :func:`command`.
    """
    address, count, returns = _told(unit(name, source, ()))
    made = kind(ctypes.c_int64 if returns else None, *[ctypes.c_int64] * count)
    return made(address)  # type: ignore[no-any-return]


def generated(name: str, text: str) -> int:
    """Address of the function ``command`` of a generated source; the name is for the cache."""
    label = name if name.isidentifier() and name.isascii() else "formula"
    return _told(Unit(label[:80], "command", text)).address


@functools.cache
def storage() -> Storage:
    """Files in which this process keeps its code."""
    return Storage(user_folder())


@functools.cache
def unit(name: str, source: str, types: tuple[tuple[str, str], ...] = ()) -> Unit:
    """A function of ``<source>/code.py``, in the form for :func:`command`."""
    text = (_COMMANDS / source / "code.py").read_text(encoding="utf-8")
    return Unit(f"{source}_{name}", name, text, types)


def _told(unit: Unit) -> Placed:
    """The code of a unit; once, the user hears that some is missing, or that none is kept."""
    try:
        found = placed(unit)
    except CompilationUnavailableError as error:
        _say("missing", f"what has no machine code runs in NumPy, which takes longer: {error}")
        raise
    if storage().note:
        _say("not kept", storage().note)
    return found


_said: set[str] = set()


def _say(which: str, what: str) -> None:
    if which not in _said:
        _said.add(which)
        warnings.warn(f"minidl: {what}.", stacklevel=outside())


_made: dict[Unit, Placed | Refusal] = {}
# One thread at a time loads LLVM or compiles with LLVM. A process is copied only in between.
_compiling = threading.RLock()
turns.at_fork(_compiling.acquire, _compiling.release, _compiling.release)


def placed(unit: Unit) -> Placed:
    """The code of a unit, taken from the cache or compiled at the first call.

    Raises:
        CompilationUnavailableError: no machine code can be had, or none can be run; now and at each
            later call for this unit.
    """
    made = _made.get(unit)
    if made is None:
        made = _made.setdefault(unit, _kept(unit) or _apart(_compiled, unit))
    if isinstance(made, Refusal):
        raise CompilationUnavailableError(*made)
    return made


def _kept(unit: Unit) -> Placed | Refusal | None:
    """The cached code of a unit; None for a unit not cached, or one for LLVM to link."""
    contents = storage().read(unit.name)
    return _place(contents) if contents is not None and _header(contents)["linked"] else None


def _apart(make: Callable[[Unit], Placed | Refusal], unit: Unit) -> Placed | Refusal:
    """Have a separate thread, with no other work, make the code.

    Ctrl-C, or a signal handler that raises, then ends the waiting, and neither an import nor a
    compiler that is half done. A handler that also needs code waits for the compiler, as another
    thread would, and does not call the compiler in the midst of its work.
    """
    future: Future[Placed | Refusal] = Future()

    def work() -> None:
        try:
            future.set_result(make(unit))
        except BaseException as error:
            future.set_exception(error)

    try:
        threading.Thread(target=work, name="minidl-compiler", daemon=False).start()
    except RuntimeError:  # the interpreter ends, or there are no more threads
        return make(unit)
    return future.result()


def _compiled(unit: Unit) -> Placed | Refusal:
    """The code of a unit, compiled unless another thread or process has done so in the meantime."""
    with _compiling:
        if unit in _made:
            return _made[unit]
        compiler = _compiler()
        if isinstance(compiler, Refusal):
            return compiler
        with storage().lock(unit.name):
            contents = storage().read(unit.name)
            if contents is None:
                try:
                    with wait.noticed(storage()):
                        contents = compiler.compiled(unit.function, unit.text, dict(unit.types))
                except Exception as error:
                    return _failure(f"{unit.label} cannot be compiled", error)
                storage().write(unit.name, contents, unit.text)
        _made[unit] = _place(contents)
        return _made[unit]


@functools.cache
def _compiler() -> Any:
    """Import the module that compiles; a refusal if that fails."""
    try:
        from minidl.accelerator.cpu.machine import compiler
    except Exception as error:
        return _failure("LLVM is installed and cannot be loaded", error)
    return compiler


def _failure(what: str, error: Exception) -> Refusal:
    if isinstance(error, CompilationUnavailableError):
        return Refusal(error.reason, error.mend)
    said = " ".join(str(error).split())[:300].rstrip(".")
    mend = "pip install --upgrade llvmlite"
    if isinstance(error, PermissionError):  # of LLVM or of ctypes
        mend = ALLOW
    return Refusal(f"{what}: {type(error).__name__}: {said}", mend)


def _header(contents: bytes) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(contents.partition(b"\n")[0])
    return header


def _place(contents: bytes) -> Placed | Refusal:
    """Address of cached code, or the reason why the code cannot be run."""
    header, code = _header(contents), contents.partition(b"\n")[2]
    try:
        if header["linked"]:
            address = executable(code, header["imports"]) + header["entry"]
        else:
            compiler = _compiler()
            if isinstance(compiler, Refusal):
                return compiler
            address = compiler.loaded(code, header["entry"])
    except Exception as error:
        return _failure("machine code cannot be loaded", error)
    return Placed(address, header["arguments"], header["returns"])
