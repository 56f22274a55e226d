"""The machine of a measurement."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path

from minidl.backend import installation

# Variables that choose the kernels or the threads of BLAS or of related libraries.
_CHOOSING = re.compile(r"(OPENBLAS|GOTO|BLIS|MKL|VECLIB|OMP|GOMP|KMP|NUMEXPR)_\w+$")


def environment() -> dict[str, str]:
    """The variables of this process, without variables that affect only one engine.

    A BLAS limited to some of the processor's instructions, or threads, would race against engines
    without such limits.
    """
    return {name: value for name, value in os.environ.items() if not _CHOOSING.match(name)}


def lift_limits() -> None:
    """Restart this program without such variables, if there are any.

    For a program that runs all engines in its own process.
    """
    # On import, scikit-learn sets some of OpenMP's variables (KMP_).
    if any(_CHOOSING.match(name) and not name.startswith("KMP_") for name in os.environ):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment())


def describe(*packages: str, here: bool = True) -> dict[str, object]:
    """Processor, cores, Python, and the versions of the named packages.

    Args:
        packages: packages besides minidl and NumPy.
        here: True if this process computes: then also the BLAS, and the variables that affect BLAS.
    """
    chosen = {name: value for name, value in os.environ.items() if _CHOOSING.match(name)}
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **({"blas": installation.blas(), "told by the environment": chosen} if here else {}),
        **{
            name: installation.version(name) or "not installed"
            for name in ("minidl", "numpy", *packages)
        },
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
    facts = {name.strip(): value.strip() for name, _, value in lines}
    # A virtual machine may give processors of all generations the same name.
    numbers = [f"{name} {facts[name]}" for name in ("cpu family", "model") if name in facts]
    return ", ".join([facts.get("model name", platform.processor()), *numbers])
