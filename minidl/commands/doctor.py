"""``minidl doctor``: a report on this machine, with a remedy for each missing part."""

from __future__ import annotations

import platform
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minidl import datasets
from minidl.accelerator.gpu import cublaslt
from minidl.accelerator.trace import loops
from minidl.backend import BackendUnavailableError, cuda, installation
from minidl.commands import cache
from minidl.printing import say

_WIDTH = 18  # of the longest name, California housing
_SLOWER = "formulas run in NumPy's blocks, and steps are not recorded"


class Finding(NamedTuple):
    """One line of the report.

    Attributes:
        what: the part.
        found: state of the part.
        mend: a command or another remedy; empty where nothing is wrong.
        serious: True if an installed part cannot work.
    """

    what: str
    found: str
    mend: str = ""
    serious: bool = False

    def __str__(self) -> str:
        indent = " " * (_WIDTH + 2)
        text = f"{self.what:<{_WIDTH}}  " + textwrap.indent(self.found, indent).lstrip()
        return f"{text}\n{indent}-> {self.mend}" if self.mend else text


def findings() -> Iterator[Finding]:
    """Findings from Python to the data."""
    here = Path(datasets.__file__).parents[1]
    yield Finding("minidl", f"{installation.version('minidl')}, {here}")
    yield Finding(
        "Python", f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    yield Finding("NumPy", f"{np.__version__}, {'; '.join(installation.blas())}")
    yield from _llvm()
    yield from _cupy()
    yield from _data()


def report() -> int:
    """Print the findings; return the exit status, 1 if an installed part cannot work."""
    found = list(findings())
    for finding in found:
        say(finding)
    return int(any(finding.serious for finding in found))


def _llvm() -> Iterator[Finding]:
    lacking = loops.lacking()
    if lacking:
        found = f"lacks {', '.join(lacking)}: {_SLOWER}"
        yield Finding("LLVM", found, "pip install 'minidl[fast]'")
        return
    obstacle, number = loops.obstacle(), installation.version("llvmlite")
    if obstacle is not None:
        found = f"{number} cannot be used, {obstacle.reason}: {_SLOWER}"
        yield Finding("LLVM", found, obstacle.mend, serious=True)
        return
    yield Finding("LLVM", f"{number}, a command was run")
    yield Finding("Machine code", *cache.state())


def _cupy() -> Iterator[Finding]:
    packages, driver = installation.cupy_packages(), installation.cuda_of_driver()
    named = ", ".join(f"{package} {number}" for package, number in packages.items())
    knows = "no NVIDIA driver" if driver is None else f"for CUDA up to {driver[0]}.{driver[1]}"
    yield Finding("Driver", knows)
    mend = installation.cuda_mismatch(list(packages), driver)
    if mend is not None:
        needed = "" if packages or driver is not None else " (only with an NVIDIA GPU)"
        yield Finding("CuPy", named or "not installed", mend + needed, serious=bool(packages))
        return
    try:
        cupy = cuda.load()
    except BackendUnavailableError as error:
        yield Finding("CuPy", named, str(error), serious=True)
        return
    yield Finding("CuPy", named)
    runtime = cupy.cuda.runtime
    yield Finding("CUDA", f"runtime {runtime.runtimeGetVersion()}, NVRTC {_nvrtc(cupy)}")
    yield _products()
    for number in range(runtime.getDeviceCount()):
        properties = runtime.getDeviceProperties(number)
        with cupy.cuda.Device(number):
            free, total = (size / 2**30 for size in runtime.memGetInfo())
        yield Finding(
            f"Device {number}",
            f"{properties['name'].decode()}, compute capability "
            f"{properties['major']}.{properties['minor']}, {free:.1f} of {total:.1f} GiB free",
        )


def _products() -> Finding:
    try:
        return Finding("cuBLASLt", f"{cublaslt.version()}: steps are replayed as CUDA graphs")
    except cublaslt.UnavailableError as error:
        return Finding(
            "cuBLASLt",
            f"{error}: steps are launched kernel by kernel",
            "pip install 'minidl[cuda13]' or 'minidl[cuda12]', as for CuPy",
        )


def _nvrtc(cupy: object) -> str:
    major, minor = cupy.cuda.nvrtc.getVersion()  # type: ignore[attr-defined]
    return f"{major}.{minor}"


def _data() -> Iterator[Finding]:
    for title, (place, mend) in datasets.places().items():
        found = "not on this machine" if place is None else str(place)
        yield Finding(title, found, "" if place is not None else mend)
