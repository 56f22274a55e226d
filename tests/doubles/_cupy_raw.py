"""``cupy.RawKernel`` of the double: the CUDA C++ source itself, compiled for the CPU by g++.

Blocks run in any order; a block's threads run one after the other, each up to where it waits for
all of them. CuPy hands arguments on unchecked; the double refuses those that are not what the
source says. CuPy compiles with ``-ftz=true`` (cupy/cuda/compiler.py), whatever the caller asks for:
float32 numbers below the smallest normal one are 0, as arguments and as results. Here the
processor's flags do that, for float64 too where a kernel has numbers of both types. Where the
processor can, a product and a sum are one operation, as nvcc makes them.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import math
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ._cupy_array import ndarray
from ._cupy_capture import touched
from ._cupy_state import MODULE, STATE, require_device
from ._cupy_streams import check_device, check_launch, submit

_HEADER = Path(__file__).with_name("cuda_on_host.h")
_COMPILER = ("g++", "-std=c++17", "-O1", "-fno-strict-aliasing")
_OPTIONS = ("-shared", "-fPIC", "-w", "-U_FORTIFY_SOURCE", "-x", "c++")
_DTYPES = {
    "bool": "bool", "signed char": "int8", "short": "int16", "int": "int32", "long long": "int64",
    "unsigned char": "uint8", "unsigned short": "uint16", "unsigned int": "uint32",
    "unsigned long long": "uint64", "float": "float32", "double": "float64",
}  # fmt: skip
#: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
_MOST_BLOCKS, _MOST_IN_BLOCK, _MOST_THREADS = (2**31 - 1, 65535, 65535), (1024, 1024, 64), 1024

_RUN = """
static void** a;

static void run_thread() {{ {name}({values}); }}

// Runs the blocks from the first-th on, each so many after the last.
extern "C" bool run_on_host(
    const unsigned* size, void** arguments, bool backwards, unsigned long long first,
    unsigned long long step)
{{
    a = arguments;
    gridDim = {{size[0], size[1], size[2]}};
    blockDim = {{size[3], size[4], size[5]}};
    const unsigned long long plane = (unsigned long long)size[0] * size[1], all = plane * size[2];
    const Flags flags({flush});
    for (unsigned long long k = 0, at = first; k < all; ++k, at = (at + step) % all) {{
        blockIdx = {{unsigned(at % size[0]), unsigned(at % plane / size[0]), unsigned(at / plane)}};
        if (!run_block(backwards)) return false;
    }}
    return true;
}}
"""


class CompileException(Exception):  # noqa: N818 - the name is CuPy's
    """As ``cupy.cuda.compiler.CompileException``."""


class Parameter(NamedTuple):
    """Of a kernel, as its source declares it.

    Attributes:
        declared: its type, in C++.
        dtype: of the number, or of the elements that it points to.
        pointer: whether it points to an array.
        alone: whether the source promises that it is only read, by whatever name.
    """

    declared: str
    dtype: np.dtype[Any]
    pointer: bool
    alone: bool


def _declaration(code: str, name: str) -> re.Match[str]:
    """The kernel of this name, with its most threads, if they are said, and its parameters."""
    found = re.search(
        r'extern\s+"C"\s+__global__\s+void\s+(__launch_bounds__\((?P<threads>\d+)\)\s+)?'
        rf"{name}\s*\((?P<parameters>[^)]*)\)",
        code,
    )
    if found is None:
        raise ValueError(f'expected an extern "C" __global__ void {name} in the source')
    return found


def parameters(code: str, name: str) -> list[Parameter]:
    """Of the kernel of this name."""
    code = re.sub(r"//[^\n]*", "", code)
    found = _declaration(code, name)
    aliases = {alias: text for text, alias in re.findall(r"typedef\s+([a-z ]+?)\s+(\w+)\s*;", code)}
    made = []
    for text in found["parameters"].split(","):
        alone = "__restrict__" in text and "const" in text
        declared = re.sub(r"\w+\s*$", "", text.replace("__restrict__", "")).strip()
        kind = declared.replace("const", "").replace("*", "").strip()
        kind = aliases.get(kind, kind)
        if kind not in _DTYPES:
            raise ValueError(f"{name}: no NumPy type is known for the parameter {text.strip()!r}")
        made.append(Parameter(declared, np.dtype(_DTYPES[kind]), "*" in declared, alone))
    return made


@functools.cache
def _folder() -> Any:
    return tempfile.TemporaryDirectory(prefix="cuda-on-host-")


@functools.cache
def _contracts() -> bool:
    """Whether this machine's processor multiplies and adds in one operation."""
    cpuinfo = Path("/proc/cpuinfo")
    return platform.machine() == "x86_64" and (
        cpuinfo.exists() and re.search(r"\bfma\b", cpuinfo.read_text()) is not None
    )


def compiled(code: str, name: str) -> Any:
    """The kernel as a function; see below."""
    return _compiled(code, name, STATE.contracted and _contracts())


@functools.cache
def _compiled(code: str, name: str, contracted: bool) -> Any:
    """The kernel as a function of the sizes of grid and block, and of its arguments' addresses."""
    if shutil.which(_COMPILER[0]) is None:
        raise RuntimeError(
            f"CUDA sources are compiled for the CPU by {_COMPILER[0]}, which is not installed; on "
            "Debian: apt-get install g++"
        )
    values = [f"*({p.declared}*)a[{k}]" for k, p in enumerate(parameters(code, name))]
    flush = str(re.search(r"\bfloat\b", code) is not None).lower()
    text = code + _RUN.format(name=name, values=", ".join(values), flush=flush)
    target = Path(_folder().name, f"{hashlib.sha256(text.encode()).hexdigest()}.{contracted}.so")
    options = ["-DWAITS"] if "__sync" in code else []
    options += (
        ["-mfma", "-ffp-contract=fast", "-fexpensive-optimizations"]
        if contracted
        else ["-ffp-contract=off"]
    )
    command = [*_COMPILER, *options, *_OPTIONS, "-include", str(_HEADER), "-o", str(target), "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CompileException(f"{done.stderr}\n{code}")
    run = ctypes.CDLL(str(target)).run_on_host
    run.restype = ctypes.c_bool
    return run


class RawKernel:
    """A kernel of a source, which is compiled when it is first called."""

    def __init__(
        self, code: str, name: str, options: tuple[str, ...] = (), backend: str = "nvrtc"
    ) -> None:
        if not isinstance(options, tuple) or not all(isinstance(each, str) for each in options):
            raise TypeError("expected options as a tuple of texts")
        self.code, self.name, self.options, self.backend = code, name, options, backend

    def compile(self, log_stream: Any = None) -> None:
        """Compile it now."""
        require_device()
        compiled(self.code, self.name)

    def __call__(self, grid: Any, block: Any, args: Any, *, shared_mem: int = 0) -> None:
        if STATE.captured is None:
            require_device()
        if shared_mem:
            raise NotImplementedError("the double has no shared memory of a size known only now")
        sizes = [
            _three(self.name, "grid", grid, _MOST_BLOCKS),
            _three(self.name, "block", block, _MOST_IN_BLOCK),
        ]
        most = int(_declaration(self.code, self.name)["threads"] or _MOST_THREADS)
        if math.prod(sizes[1]) > most:
            raise ValueError(f"{self.name}: more than {most} threads in a block: {block}")
        run = compiled(self.code, self.name)
        wanted = parameters(self.code, self.name)
        if len(wanted) != len(args):
            raise TypeError(f"{self.name}: expected {len(wanted)} arguments, received {len(args)}")
        for number, (each, value) in enumerate(zip(wanted, args, strict=True)):
            _check(f"{self.name}, argument {number}, {each.declared}", each, value)
        self._check_overlaps(wanted, args)
        # The address of each argument: of a number, or of an array's address.
        held = [np.array(a._memory.ctypes.data if isinstance(a, ndarray) else a) for a in args]
        places = (ctypes.c_void_p * len(held))(*[a.ctypes.data for a in held])
        counts = (ctypes.c_uint * 6)(*sizes[0], *sizes[1])
        allocations = [a._allocation for a in args if isinstance(a, ndarray)]
        for each in allocations:
            check_device(each)

        def launch() -> None:
            check_launch(self.name, allocations)
            STATE.launches += 1
            if not run(counts, places, STATE.backwards, *_order(math.prod(sizes[0]))):
                raise RuntimeError(f"{self.name}: some threads of a block wait, and others do not")

        launch.held = held  # the addresses are of these
        pairs = zip(wanted, args, strict=True)
        memory = [touched(a._memory, "const" not in p.declared) for p, a in pairs if p.pointer]
        submit(launch, touched=memory)

    def _check_overlaps(self, wanted: list[Parameter], args: Any) -> None:
        """What is promised not to be written elsewhere is not."""
        arrays = [(p, a._memory) for p, a in zip(wanted, args, strict=True) if p.pointer]
        written = [array for each, array in arrays if "const" not in each.declared]
        alone = [array for each, array in arrays if each.alone]
        if any(np.may_share_memory(one, other) for one in alone for other in written):
            raise ValueError(f"{self.name}: a const __restrict__ array is written by another name")


def _order(count: int) -> tuple[ctypes.c_ulonglong, ctypes.c_ulonglong]:
    """The first of so many blocks, and the step to the next, with which each has its turn."""
    first, step = 0, 1
    if STATE.shuffled and count > 1:
        first, step = STATE.random.randrange(count), STATE.random.randrange(1, count)
        while math.gcd(step, count) > 1:
            step = STATE.random.randrange(1, count)
    return ctypes.c_ulonglong(first), ctypes.c_ulonglong(step)


def _three(name: str, what: str, sizes: Any, most: tuple[int, ...]) -> list[int]:
    if not isinstance(sizes, tuple) or not 1 <= len(sizes) <= 3 or min(sizes) < 1:
        raise ValueError(f"{name}: expected a {what} of 1 to 3 sizes from 1, received {sizes}")
    if any(size > limit for size, limit in zip(sizes, most, strict=False)):
        raise ValueError(f"{name}: a {what} has at most {most}, received {sizes}")
    return [*map(int, sizes), *[1] * (3 - len(sizes))]


def _check(what: str, wanted: Parameter, value: Any) -> None:
    kind = ndarray if wanted.pointer else np.generic
    if not isinstance(value, kind) or value.dtype != wanted.dtype:
        received = value.dtype if hasattr(value, "dtype") else value
        raise TypeError(f"{what}: expected {wanted.dtype}, received {type(value)}, {received}")


MODULE.RawKernel = RawKernel
