"""Time and memory from the start of a program to a trained epoch.

    python -m benchmarks.start

The benchmark starts a program many times. The program imports an engine, reads Fashion-MNIST from a
file, trains 784-256-128-10 for one epoch (ReLU, Adam, batch 100) and prints the accuracy. The time
ends with this line; the memory is the peak of the whole process. minidl first runs with an empty
cache of machine code, as on the first start on a machine; then with the cache that this start has
filled; then in NumPy's blocks; and also from float32 images. The other engines read float32 images.
With and without a cache, minidl's accuracy is the same, because all bits are the same. The files
are in the system's cache, because the benchmark has just written the files. Printed are medians
over rounds, in turn. Results go to ``benchmarks/results/start.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.machine import describe, environment
from benchmarks.train.peers import PEERS
from minidl import checks
from minidl.datasets import DataFileError, DataNotFoundError, fashion_mnist

RESULTS = Path(__file__).parent / "results"

MINIDL = """
import sys, numpy as np, minidl
from minidl.layers import Dense, Rescaling
minidl.utils.set_random_seed(0)
x, y = np.load(sys.argv[1]), np.load(sys.argv[2])
layers = [minidl.Input((784,)), *([Rescaling(1 / 255)] if x.dtype == np.uint8 else [])]
layers += [Dense(256, "relu"), Dense(128, "relu"), Dense(10, "softmax")]
model = minidl.Sequential(layers)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, batch_size=100, epochs=1, verbose=0)
accuracy = history.history["accuracy"][-1]
"""
KERAS = """
import sys, numpy as np, keras
from keras.layers import Dense
x, y = np.load(sys.argv[1]), np.load(sys.argv[2])
model = keras.Sequential(
    [keras.Input((784,)), Dense(256, "relu"), Dense(128, "relu"), Dense(10, "softmax")]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, batch_size=100, epochs=1, verbose=0)
accuracy = history.history["accuracy"][-1]
"""
TORCH = """
import sys, numpy as np, torch
from torch import nn
torch.set_flush_denormal(True)
x, y = (torch.from_numpy(np.load(name)) for name in sys.argv[1:])
y = y.long()
model = nn.Sequential(
    nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
)
optimizer = torch.optim.Adam(model.parameters(), fused=True)
hits = torch.zeros((), dtype=torch.int64)
for rows in torch.randperm(len(x)).split(100):
    targets = y.index_select(0, rows)
    outputs = model(x.index_select(0, rows))
    loss = nn.functional.cross_entropy(outputs, targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        hits += (outputs.argmax(1) == targets).sum()
accuracy = hits.item() / len(x)
"""
#: Reports that the epoch is trained. On Linux, ru_maxrss of a child that replaced its parent
#: includes the parent's peak of memory; VmHWM is the peak of the process alone.
END = """
import os, resource
print(accuracy, flush=True)
if os.path.exists("/proc/self/status"):
    lines = open("/proc/self/status").read().splitlines()
    peak = 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
else:
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
print(peak)
"""


@dataclass(frozen=True)
class Variant:
    """A program that is started.

    Attributes:
        program: text of the program, without the end.
        peer: peer with the packages that the program needs.
        images: "uint8" or "float32".
        cold: whether minidl's cache is empty.
        executor: executor of minidl's formulas; "" for minidl's default.
    """

    program: str
    peer: str
    images: str = "float32"
    cold: bool = False
    executor: str = ""


VARIANTS = {
    "minidl, uint8, first start": Variant(MINIDL, "minidl", "uint8", cold=True),
    "minidl, uint8": Variant(MINIDL, "minidl", "uint8"),
    "minidl, uint8, blocks": Variant(MINIDL, "minidl", "uint8", executor="blocks"),
    "minidl, float32": Variant(MINIDL, "minidl"),
    "PyTorch": Variant(TORCH, "torch"),
    "Keras on JAX": Variant(KERAS, "keras-jax"),
    "Keras on TensorFlow": Variant(KERAS, "keras-tf"),
}


@dataclass
class Taken:
    """Times and memory of a variant's starts."""

    seconds: list[float] = field(default_factory=list)
    mebibytes: list[float] = field(default_factory=list)
    accuracy: float = 0.0


def main() -> int:
    """Run the benchmark; the exit status."""
    parser = argparse.ArgumentParser(description="Time the way to the first trained epoch.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)  # to try; writes nothing
    options = parser.parse_args()
    try:
        checks.integer("--rounds", options.rounds, 1)
    except ValueError as error:
        parser.error(str(error))
    found = {name: Taken() for name, v in VARIANTS.items() if not PEERS[v.peer].missing()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            write_images(folder, options.rows)
        except (DataNotFoundError, DataFileError) as error:
            print(error, file=sys.stderr)
            return 1
        for number in range(options.rounds):
            for variant, taken in found.items():
                start(VARIANTS[variant], folder, folder / f"cache-{number}", taken)
    print(f"{'':<28}{'s':>8}{'MiB':>8}{'accuracy':>10}")
    for variant in VARIANTS:
        if variant not in found:
            print(f"{variant:<28} left out: {PEERS[VARIANTS[variant].peer].missing()}")
            continue
        taken = found[variant]
        seconds, memory = statistics.median(taken.seconds), statistics.median(taken.mebibytes)
        print(f"{variant:<28}{seconds:>8.2f}{memory:>8.0f}{taken.accuracy:>10.4f}")
    if options.rows is None:
        path = RESULTS / "start.json"
        RESULTS.mkdir(exist_ok=True)
        record = {
            "machine": describe("llvmlite", "torch", "jax", "keras", "tensorflow-cpu", here=False),
            "rounds": options.rounds,
            "starts": {variant: vars(taken) for variant, taken in found.items()},
        }
        path.write_text(json.dumps(record, indent=2) + "\n")
        print(f"written to {path}")
    return 0


def write_images(folder: Path, rows: int | None) -> None:
    """The training images of Fashion-MNIST as uint8 and, divided by 255, as float32."""
    (images, labels), _ = fashion_mnist.load_data()
    x = images.reshape(len(images), -1)[:rows]
    np.save(folder / "uint8.npy", x)
    np.save(folder / "float32.npy", x.astype(np.float32) / np.float32(255))
    np.save(folder / "labels.npy", labels[:rows].astype(np.int32))


def start(variant: Variant, folder: Path, cache: Path, taken: Taken) -> None:
    """Start the program once; minidl keeps compiled code in ``cache``.

    Raises:
        RuntimeError: the program failed; the message is the end of the output.
    """
    variables = {**environment(), **PEERS[variant.peer].variables()}
    if variant.peer == "minidl":
        # Variables for the place of the user's cache, on Linux and elsewhere.
        variables |= {"XDG_CACHE_HOME": str(cache), "HOME": str(cache)}
        variables.pop("MINIDL_EXECUTOR", None)
        variables |= {"MINIDL_EXECUTOR": variant.executor} if variant.executor else {}
    images = [str(folder / f"{name}.npy") for name in (variant.images, "labels")]
    command = [sys.executable, "-c", variant.program + END, *images]
    if variant.cold and cache.exists():
        raise ValueError(f"expected no cache, received {cache}")
    begin = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command, env=variables, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout is not None
        accuracy = process.stdout.readline()
        seconds = time.perf_counter() - begin
        peak = process.stdout.readline()
        if process.wait():
            errors.seek(0)
            raise RuntimeError("".join(errors.readlines()[-5:]))
    taken.seconds.append(seconds)
    taken.mebibytes.append(int(peak) / 2**20)
    taken.accuracy = float(accuracy)


if __name__ == "__main__":
    sys.exit(main())
