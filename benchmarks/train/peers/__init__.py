"""The peers: minidl, the other engines, and the floor of bare matrix products.

Each peer has a file here with a function ``train(job, rows, gate)``. The function builds the
network, calls ``gate.ready``, and trains an epoch between each ``gate.wait()`` and
``gate.done(loss, accuracy)``. An epoch is the same work for all peers: a new order of the rows, and
batches gathered in this order, with a smaller last batch if the rows are no multiple; forward, loss
and accuracy, backward, penalties, update; in float32, and from Glorot-uniform kernels.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.train.jobs import Job
from benchmarks.train.peers.floor import mkl_library
from minidl import checks

MINIDL, FLOOR, FLOOR_MKL = "minidl", "floor", "floor-mkl"


#: Places of computing, processors or the first GPU; and the variable that names the place.
CPU, GPU, PLACE = "cpu", "cuda", "BENCHMARK_DEVICE"
#: The variable that says whether products of float32 may round to ten bits of mantissa, on a GPU.
TF32 = "BENCHMARK_TF32"
#: Variables that keep the engines at a place. By default, JAX computes on a GPU if there is one,
#: and takes all of the GPU's memory.
KEEPING = {
    CPU: {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"},
    GPU: {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "JAX_PLATFORMS": "cuda"},
}


def device() -> str:
    """The device on which this process shall compute."""
    return os.environ.get(PLACE, CPU)


def tf32() -> bool:
    """True if products of float32 may round to ten bits of mantissa."""
    return os.environ.get(TF32) == "yes"


@dataclass(frozen=True)
class Peer:
    """An engine that trains.

    Attributes:
        name: name on the command line.
        label: name in tables and pictures.
        module: module with the function ``train``.
        packages: needed packages, under pip's names.
        environment: variables of the process, on any device.
        places: devices of the races.
    """

    name: str
    label: str
    module: str
    packages: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    places: tuple[str, ...] = (CPU,)

    def variables(self, place: str = CPU, tf32: bool = False) -> dict[str, str]:
        """The variables of the process for computing at a place; ``tf32`` allows TF32 on a GPU."""
        found = {**self.environment, **KEEPING[place], PLACE: place}
        if place == GPU:  # on a GPU, JAX takes TF32 by default
            precision = "tensorfloat32" if tf32 else "highest"
            found |= {TF32: "yes" if tf32 else "no", "JAX_DEFAULT_MATMUL_PRECISION": precision}
        return found

    def missing(self, place: str = CPU) -> str | None:
        """The reason why the peer cannot run at a place: missing packages, and the command."""
        absent = [p for p in self.packages if not _installed(p)]
        if absent:
            return f"{' and '.join(absent)} not installed: pip install {' '.join(absent)}"
        if self.name == "jax" and place == GPU and not any(map(_installed, _JAX_ON_GPU)):
            return "JAX for a GPU not installed: pip install 'jax[cuda13]'"
        return None

    def cannot(self, job: Job) -> str | None:
        """The reason why the peer cannot express this job."""
        return _sklearn_cannot(job) if self.name == "sklearn" else None


#: Names of modules, for packages with another name.
IMPORTED = {"scikit-learn": "sklearn", "tensorflow-cpu": "tensorflow"}
#: Packages for JAX on a GPU; one is enough. The extra ``bench`` has none, because JAX would load
#: the package even for computing on a processor, and take 400 MB more.
_JAX_ON_GPU = ("jax_cuda13_plugin", "jax_cuda12_plugin")

_HERE = "benchmarks.train.peers"
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}

PEERS = {
    peer.name: peer
    for peer in (
        Peer(MINIDL, "minidl", f"{_HERE}.on_minidl", places=(CPU, GPU)),
        Peer("jax", "JAX", f"{_HERE}.on_jax", ("jax",), places=(CPU, GPU)),
        Peer("keras-jax", "Keras on JAX", f"{_HERE}.on_keras", ("keras", "jax"),
             {**_QUIET, "KERAS_BACKEND": "jax"}),
        Peer("torch", "PyTorch", f"{_HERE}.on_torch", ("torch",), places=(CPU, GPU)),
        Peer("torch-compiled", "PyTorch, compiled", f"{_HERE}.on_torch_compiled", ("torch",),
             places=(CPU, GPU)),
        Peer("torch-graph", "PyTorch, CUDA graph", f"{_HERE}.on_torch_graph", ("torch",),
             places=(GPU,)),
        Peer("sklearn", "scikit-learn", f"{_HERE}.on_sklearn", ("scikit-learn",)),
        Peer("keras-tf", "Keras on TensorFlow", f"{_HERE}.on_keras", ("keras", "tensorflow-cpu"),
             {**_QUIET, "KERAS_BACKEND": "tensorflow"}),
        Peer(FLOOR, "floor", f"{_HERE}.floor"),
        Peer(FLOOR_MKL, "floor, MKL", f"{_HERE}.floor", ("mkl",), {"FLOOR_BLAS": "mkl"}),
    )
}  # fmt: skip


def find(names: Sequence[str]) -> list[Peer]:
    """The peers of the given names, each once, minidl and the floors first.

    Raises:
        ValueError: an unknown name; the message has the nearest right one, and all.
    """
    for name in names:
        if name not in PEERS:
            raise checks.unknown("peer", name, PEERS)
    return [PEERS[name] for name in dict.fromkeys((MINIDL, FLOOR, FLOOR_MKL, *names))]


def raced(place: str) -> list[str]:
    """The names of all peers with a race at some place."""
    return [peer.name for peer in PEERS.values() if place in peer.places]


def _installed(package: str) -> bool:
    if package == "mkl":  # a library without a module
        return mkl_library() is not None
    return importlib.util.find_spec(IMPORTED.get(package, package)) is not None


def _sklearn_cannot(job: Job) -> str | None:
    layers = job.hidden
    penalties = {layer.l2 for layer in layers} | {job.output_l2}
    reasons = {
        "RMSprop": job.optimizer.name == "rmsprop",
        "dropout": any(layer.dropout for layer in layers),
        "batch normalization": any(layer.normalized for layer in layers),
        "an L1 penalty": any(layer.l1 for layer in layers),
        "an L2 penalty on some layers alone": len(penalties) > 1,
        "different activations": len({layer.activation for layer in layers}) > 1,
        "elu": any(layer.activation == "elu" for layer in layers),
    }
    found = [name for name, present in reasons.items() if present]
    return f"MLPClassifier has no {' and no '.join(found)}" if found else None
