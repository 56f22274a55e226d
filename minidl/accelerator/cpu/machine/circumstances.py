"""Circumstances, besides the source, on which machine code depends: part of its name in the cache.

LLVM compiles for the processor on which LLVM runs. LLVM asks for family, model and features, by the
instruction CPUID or, on ARM, in the system's list. On Linux the kernel's answers to the same
questions are read from /proc/cpuinfo, for all processors that differ: so a process with cached
code need not load LLVM. On other systems LLVM is asked, which has to link the code there anyway.
"""

from __future__ import annotations

import functools
import hashlib
import platform
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

_COMMANDS = Path(__file__).parents[1]

# Lines of /proc/cpuinfo that are equal for processors of one kind.
_KINDS = (
    "vendor_id", "cpu family", "model", "stepping", "flags",
    "CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision", "Features",
)  # fmt: skip


@functools.cache
def circumstances() -> dict[str, str]:
    """Versions of packages, system and processor, by name."""
    files = sorted(_COMMANDS.rglob("*.py"))
    own = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return {
        "minidl": own,
        "llvmlite": _version("llvmlite"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
        "system": sysconfig.get_platform(),
        "processor": processor(),
    }


def processor() -> str:
    """Kinds of the processors, with the features of each."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _as_llvm_says()
    found = set()
    for part in text.split("\n\n"):
        pairs = (line.partition(":") for line in part.splitlines())
        kinds = [f"{key.strip()}: {value.strip()}" for key, _, value in pairs if _known(key)]
        found.add("\n".join(kinds))
    return "\n\n".join(sorted(found - {""})) or _as_llvm_says()


def _known(key: str) -> bool:
    return key.strip() in _KINDS


def _as_llvm_says() -> str:
    try:
        import llvmlite.binding as llvm
    except ImportError:
        return platform.processor()  # nothing that was compiled can be loaded either
    return f"{llvm.get_host_cpu_name()}\n{llvm.get_host_cpu_features().flatten()}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
