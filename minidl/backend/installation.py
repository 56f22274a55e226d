"""The installed parts of LLVM, CuPy and CUDA, found without starting any part."""

from __future__ import annotations

import ctypes
import importlib.metadata
from collections.abc import Sequence

from threadpoolctl import threadpool_info

#: The oldest CUDA for which there are extras.
OLDEST = 12
#: Packages that provide CuPy, and the major version of CUDA that each is for; built here, any.
CUPY = {"cupy-cuda11x": 11, "cupy-cuda12x": 12, "cupy-cuda13x": 13, "cupy": 0}


def version(package: str) -> str | None:
    """Version of an installed package; None for a missing package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def blas() -> list[str]:
    """The BLAS that are loaded, with their kernels and threads."""
    return [
        f"{found['internal_api']} {found['version']}, {found.get('architecture', '')} kernels, "
        f"{found['num_threads']} threads"
        for found in threadpool_info()
        if found["user_api"] == "blas"
    ]


def cupy_packages() -> dict[str, str]:
    """Versions of the installed packages that provide CuPy; one at most works."""
    found = {package: version(package) for package in CUPY}
    return {package: number for package, number in found.items() if number is not None}


def cuda_of_driver() -> tuple[int, int] | None:
    """The newest CUDA, major and minor, that the NVIDIA driver knows; None without a driver.

    CUDA Driver API, cuDriverGetVersion.
    """
    for name in ("libcuda.so.1", "nvcuda.dll"):
        try:
            driver = ctypes.CDLL(name)
        except OSError:
            continue
        number = ctypes.c_int()
        if driver.cuDriverGetVersion(ctypes.byref(number)) == 0 and number.value > 0:
            return number.value // 1000, number.value % 1000 // 10
    return None


def cuda_mismatch(packages: Sequence[str], driver: tuple[int, int] | None) -> str | None:
    """The remedy for the packages that provide CuPy, or for the driver; None where both fit.

    Args:
        packages: the installed packages.
        driver: the answer of :func:`cuda_of_driver`.
    """
    if driver is not None and driver[0] < OLDEST:
        return (
            f"update the NVIDIA driver, which knows CUDA up to {driver[0]}.{driver[1]}: minidl "
            f"needs one for CUDA {OLDEST} or newer (Debian: apt-get install nvidia-driver)"
        )
    right = "cuda12" if driver is not None and driver[0] == 12 else "cuda13"
    install = f"pip install 'minidl[{right}]'"
    if not packages:
        return install
    too_new = driver is not None and any(CUPY[package] > driver[0] for package in packages)
    if len(packages) == 1 and not too_new:
        return None
    return f"pip uninstall -y {' '.join(packages)} && {install}"
