"""CUDA sources, compiled for the processors of devices; that needs none of them."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from cuda.pathfinder import find_nvidia_binary_utility

_KERNEL = re.compile(r'extern "C" __global__ void (?:__launch_bounds__\(\d+\) )?\w+')
#: A100; H100 and H200.
PROCESSORS = (pytest.param("sm_80", marks=pytest.mark.thorough), "sm_90")


def compile_all(sources: Iterable[str], processor: str) -> str:
    """Compile sources as one; what the compiler says, which is nothing where it is content."""
    # Each in a namespace of its own, which kernels do not know: these have numbers.
    named = [_KERNEL.sub(rf"\g<0>_{k}", source) for k, source in enumerate(sources)]
    text = "".join(f"namespace n{k} {{\n{source}\n}}\n" for k, source in enumerate(named))
    nvcc = find_nvidia_binary_utility("nvcc")
    if nvcc is None:
        raise RuntimeError("CUDA sources are compiled by nvcc: pip install 'minidl[test]'")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "all.cu")
        file.write_text(text, encoding="utf-8")
        command = [nvcc, "-std=c++17", f"-arch={processor}", "-cubin", "-Werror", "all-warnings"]
        done = subprocess.run(
            [*command, "-o", str(Path(folder, "all.cubin")), str(file)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    return done.stdout + done.stderr + ("" if done.returncode == 0 else f"exit {done.returncode}")
