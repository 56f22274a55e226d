"""Files that ask for more than they have: refused, in memory and time of their own size."""

from __future__ import annotations

import functools
import io
import json
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from tests.saving.packing import (
    EXAMPLES,
    Members,
    config,
    npy,
    packed,
    summed,
    unpacked,
    with_config,
    with_text,
)

# These take long.
pytestmark = pytest.mark.thorough

MIB = 1 << 20


def members(number: int = 2) -> Members:
    return unpacked(EXAMPLES[number].read_bytes())


def changed(**entries: Any) -> bytes:
    return packed(with_config(members(), {**config(members()), **entries}))


def layer(kind: str, **arguments: Any) -> dict[str, Any]:
    return {"class": kind, "config": arguments}


def wide_layer() -> bytes:
    return changed(layers=[layer("Dense", units=100_000_000, name="wide")])


def wide_layers() -> bytes:
    """As many statistics as parameters, of which the file has none."""
    normalizations = [layer("BatchNormalization", name=f"n{k}") for k in range(1000)]
    return changed(layers=[layer("Dense", units=10**9, name="wide"), *normalizations])


def wide_input() -> bytes:
    return changed(input_shape=[10**9])


def many_layers() -> bytes:
    return changed(layers=[layer("Dense", units=1)] * 100_000)


def layers_up_to_the_bound() -> bytes:
    return changed(layers=[layer("Dense", units=1, name=f"l{k}") for k in range(4096)])


def many_metrics() -> bytes:
    return changed(metrics=[layer("Accuracy", name="a")] * 50_000)


def many_axes() -> bytes:
    return changed(input_shape=[10**18] * 100_000, layers=[layer("Flatten")])


def many_arguments() -> bytes:
    return changed(layers=[layer("Dense", **{f"a{k}": k for k in range(50_000)})])


def many_fields() -> bytes:
    return changed(dtype="f4," * 100_000)


def long_name_of_a_class() -> bytes:
    return changed(layers=[layer("Dense" * 200_000)])


def long_name_of_an_activation() -> bytes:
    return changed(layers=[layer("Activation", activation="relu" * 200_000)])


def long_number() -> bytes:
    return packed(with_text(members(), '{"format": ' + "9" * 1_000_000 + "}"))


def long_fraction() -> bytes:
    return packed(with_text(members(), '{"format": 0.' + "9" * 1_000_000 + "}"))


def many_lists() -> bytes:
    return packed(with_text(members(), "[" + "[]," * 300_000 + "[]]"))


def deep_lists() -> bytes:
    return packed(with_text(members(), "[" * 1_000_000))


def deep_lists_of_format_1() -> bytes:
    return packed(with_text(members(1), "[" * 1_000_000))


def long_lists_of_rates() -> bytes:
    rates = layer("PiecewiseConstantDecay", boundaries=list(range(100_000)), values=[0.1])
    return changed(optimizer=layer("SGD", learning_rate=rates))


def compressed() -> bytes:
    """64 MiB of zeros."""
    zeros = npy(np.zeros(16 * MIB, np.float32))
    return packed({**members(), "extra/zeros.npy": zeros}, compression=zipfile.ZIP_DEFLATED)


def compressed_of_format_1() -> bytes:
    """An array that nobody has asked for."""
    zeros = npy(np.zeros(16 * MIB, np.float32))
    return packed({**members(1), "zeros.npy": zeros}, compression=zipfile.ZIP_DEFLATED)


def _shaped(shape: str) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    theta = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + text.encode() + bytes(4 * 34)
    return packed({**members(), "theta.npy": theta})


def large_shape() -> bytes:
    return _shaped("(3000000000,)")


def huge_shape() -> bytes:
    return _shaped("(" + ", ".join(["999999999999"] * 6) + ")")


def large_size() -> bytes:
    """The directory says 4 GiB."""
    content = bytearray(packed(members()))
    entry = content.index(b"PK\x01\x02")
    struct.pack_into("<2L", content, entry + 20, 2**32 - 2, 2**32 - 2)
    return summed(bytes(content))


def long_text_of_format_1() -> bytes:
    return packed({**members(1), "config.npy": npy(np.array("[" * 5_000_000))})


def many_members() -> bytes:
    return packed({**members(), **{f"extra/{k}.npy": b"" for k in range(20_000)}})


def members_within_each_other() -> bytes:
    """Each of 300 holds all that come after it: 150 MiB in half a MiB, and all sums are right."""
    content = packed(members())
    end = content.rindex(b"PK\x05\x06")
    start = content.index(b"PK\x01\x02")
    count = content[start:end].count(b"PK\x01\x02")
    inner, found = bytes(MIB // 2), []
    for number in range(300):
        name = b"extra/%05d.npy" % number
        shape = f"({len(inner)},)"
        text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
        data = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + text.encode() + inner
        fields = 20, 0, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(name), 0
        inner = b"PK\x03\x04" + struct.pack("<5H3L2H", *fields) + name + data
        found.append((name, fields, len(inner)))
    directory = content[start:end]
    for name, fields, length in found:
        where = start + len(inner) - length
        directory += b"PK\x01\x02" + struct.pack("<6H3L5H2L", 20, *fields, 0, 0, 0, 0, where) + name
    record = bytearray(content[end:])
    count += len(found)
    struct.pack_into("<2H2L", record, 8, count, count, len(directory), start + len(inner))
    return summed(content[:start] + inner + directory + bytes(record))


HOSTILE: list[Callable[[], bytes]] = [
    wide_layer,
    wide_layers,
    wide_input,
    many_layers,
    layers_up_to_the_bound,
    many_metrics,
    many_axes,
    many_arguments,
    many_fields,
    long_name_of_a_class,
    long_name_of_an_activation,
    long_number,
    long_fraction,
    many_lists,
    deep_lists,
    deep_lists_of_format_1,
    long_lists_of_rates,
    compressed,
    compressed_of_format_1,
    large_shape,
    huge_shape,
    large_size,
    long_text_of_format_1,
    many_members,
    members_within_each_other,
]


@functools.cache
def made(make: Callable[[], bytes]) -> bytes:
    return make()


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_memory(make: Callable[[], bytes]) -> None:
    """A list of nothing takes three bytes in JSON, and some sixty as an object."""
    content = made(make)
    tracemalloc.start()
    try:
        with pytest.raises(minidl.FileFormatError) as caught:
            minidl.load_model(io.BytesIO(content))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * len(content) + 12 * MIB
    assert len(str(caught.value)) < 1000
    # The search for a name that is like a long one would take its time.
    assert "letters" in str(caught.value) or not make.__name__.startswith("long_name")


LOADER = """
import resource, sys
import minidl
from pathlib import Path
minidl.load_model(sys.argv[1])  # what is loaded once, is now
now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + (160 << 20),) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
for path in sorted(Path(sys.argv[2]).iterdir()):
    try:
        minidl.load_model(path)
    except minidl.FileFormatError as error:
        print(path.name, type(error).__name__)
"""


def test_a_process_with_little_memory_and_time(tmp_path: Path) -> None:
    """All of them in one process, which may take 160 MiB more and, together, a minute."""
    for make in HOSTILE:
        (tmp_path / make.__name__).write_bytes(made(make))
    done = subprocess.run(
        [sys.executable, "-c", LOADER, str(EXAMPLES[2]), str(tmp_path)],
        cwd=Path(minidl.__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    names = sorted(make.__name__ for make in HOSTILE)
    assert done.stdout.splitlines() == [f"{name} FileFormatError" for name in names]


def test_a_large_network_is_loaded_in_memory_of_its_own_size(tmp_path: Path) -> None:
    model = minidl.Sequential([minidl.layers.Dense(1000, input_shape=(1000,))])
    model.compile("adam", "mse")
    model.optimizer.build(model.theta, model.parameters)
    model.optimizer.iterations = 1
    path = tmp_path / "model.npz"
    tracemalloc.start()
    try:
        model.save(path)
        _, saving = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        minidl.load_model(path)
        _, loading = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    size = path.stat().st_size
    # A copy of the model, as training may go on while it is written.
    assert saving < size + 4.5 * MIB + size / 8
    # The file; theta, grad and state; and the initial weights, drawn in float64.
    assert loading - before < 4 * size


def test_members_within_each_other_are_sound_but_for_that() -> None:
    """zipfile reads them; without the bound on all sizes together they would load."""
    with zipfile.ZipFile(io.BytesIO(made(members_within_each_other))) as file:
        assert sum(len(file.read(name)) for name in file.namelist()) > 150 * MIB
    with pytest.raises(minidl.FileFormatError, match="expected members of at most"):
        minidl.load_model(io.BytesIO(made(members_within_each_other)))


def test_a_wrong_name_of_a_class_is_not_imported(tmp_path: Path) -> None:
    for name in ("os.system", "minidl.layers.Dense", "__import__", "builtins.eval", "Sequential"):
        content = changed(layers=[layer(name, command="touch " + str(tmp_path / "marker"))])
        with pytest.raises(minidl.FileFormatError, match="unknown class in the file"):
            minidl.load_model(io.BytesIO(content))
    assert list(tmp_path.iterdir()) == []
    assert json.loads(unpacked(changed(layers=[layer("os.system")]))["config.json"])["layers"]
