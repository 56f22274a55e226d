"""Which runs and which matrix products give the same bits, in other processes and on more threads.

    python -m tests.same_answer

multiplies matrices of some thousand shapes with 1 and with 2 threads of the BLAS, each in a process
of its own, and prints how many products come out with the same bits (two minutes).
"""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
from collections import Counter

import numpy as np

import minidl

# The variables by which OpenBLAS, MKL, Accelerate and OpenMP are told.
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OMP_NUM_THREADS")
# Products of up to so many multiplications OpenBLAS leaves to one thread.
SMALL = 2**18

SIZES = {
    "N": (1, 7, 16, 32, 100, 128, 500, 512, 1000, 2048),
    "I": (1, 4, 13, 16, 64, 100, 128, 256, 784, 1024, 10_000),
    "O": (1, 2, 3, 10, 16, 64, 100, 128, 256, 512, 1024),
}
LARGEST = 10**8


def trained(wide: bool = False) -> str:
    """What 20 epochs on the digits come to, as one number: History, weights, state, outputs.

    Shuffled, in float32, with dropout, batch normalization, an L2 penalty and Adam.

    Args:
        wide: products of more than :data:`SMALL` multiplications, rather than of at most so many.
    """
    minidl.utils.set_random_seed(7)
    units, batch = (256, 128) if wide else (40, 100)
    (x, y), held_out = minidl.datasets.digits.load_data()
    model = minidl.Sequential(
        [
            minidl.Input((8, 8)),
            minidl.layers.Flatten(),
            minidl.layers.Rescaling(1 / 255),
            minidl.layers.Dense(units, "relu", kernel_regularizer="l2"),
            minidl.layers.BatchNormalization(),
            minidl.layers.Dropout(0.3),
            minidl.layers.Dense(32, "elu"),
            minidl.layers.Dense(10, "softmax"),
        ],
        dtype="float32",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch, epochs=20, verbose=0)
    assert model.optimizer is not None
    state = [model.backend.to_host(vector) for vector in model.optimizer.state.values()]
    outputs = [model.predict(held_out[0][:batch])]
    values = [np.array(series) for series in history.history.values()]
    return hashed([*values, *model.get_weights(), *state, *outputs])


def products() -> dict[str, str]:
    """A hash of each product of a Dense layer by type, name and N, I, O."""
    random, found = np.random.default_rng(0), {}
    for dtype, N, I, O in itertools.product(("float32", "float64"), *SIZES.values()):  # noqa: E741
        if N * I * O > LARGEST:
            continue
        x, W, dy = (random.normal(size=s).astype(dtype) for s in ((N, I), (I, O), (N, O)))
        for name, product in (("x W", x @ W), ("xᵀ dy", x.T @ dy), ("dy Wᵀ", dy @ W.T)):
            found[f"{dtype}, {name}, {N}, {I}, {O}"] = hashed([product])
    return found


def hashed(arrays: list[np.ndarray]) -> str:
    """One number for all bits."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def elsewhere(what: str, threads: int) -> str:
    """What ``python -m tests.same_answer <what>`` prints where the BLAS has so many threads."""
    environment = {**os.environ, **dict.fromkeys(THREADS, str(threads))}
    command = [sys.executable, "-m", "tests.same_answer", what]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout


def main(arguments: list[str]) -> None:
    """The command."""
    if arguments == ["products"]:
        print("\n".join(f"{name}: {bits}" for name, bits in products().items()))
    elif arguments:
        print(trained(wide=arguments == ["wide"]))
    else:
        one, two = (elsewhere("products", threads).splitlines() for threads in (1, 2))
        all_, same = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
        for line, other in zip(one, two, strict=True):
            dtype, name, *sizes = line.partition(":")[0].split(", ")
            size = "at most" if np.prod([int(s) for s in sizes]) <= SMALL else "more than"
            all_[dtype, name, size] += 1
            same[dtype, name, size] += line == other
        for group, count in sorted(all_.items()):
            dtype, name, size = group
            print(f"{dtype}, {name}, {size} {SMALL:,}: {same[group]} of {count} the same")


if __name__ == "__main__":
    main(sys.argv[1:])
