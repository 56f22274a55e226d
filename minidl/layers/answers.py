"""Answers to arguments that a layer of Keras takes, and no layer here."""

from __future__ import annotations

from minidl import checks
from minidl.names.configuration import arguments_of

#: Argument -> the replacement, or the reason to leave the argument out.
ANSWERS = {
    "dtype": "a network has one type of numbers: write Sequential(layers, dtype=...)",
    "autocast": "a network has one type of numbers: leave it out",
    "batch_input_shape": "write input_shape=..., without the axis of the batch",
    "batch_shape": "write input_shape=..., without the axis of the batch",
    "batch_size": "buffers take batches of any size: leave it out",
    "data_format": "features keep their order: leave it out",
    "weights": "build the network, and call set_weights",
    "sparse": "rows are taken as a CSR matrix unasked: leave it out",
    "ragged": "rows have one length: pad them",
    "tensor": "an input has a shape and no values: write shape=...",
    "input_tensor": "an input has a shape and no values: write shape=...",
    "optional": "a network has one input: leave it out",
    "lora_rank": "weights are trained as one matrix: leave it out",
    "lora_alpha": "weights are trained as one matrix: leave it out",
    "quantization_config": "numbers are float32 or float64: leave it out",
    "synchronized": "statistics are those of one batch: leave it out",
    "renorm": "statistics are those of one batch: leave it out",
}


def unknown_argument(kind: type, name: str) -> TypeError:
    """The error for an argument that no layer of this class takes, with advice."""
    if name in ANSWERS:
        return TypeError(f"{kind.__name__}: no argument {name!r} here; {ANSWERS[name]}")
    known = sorted(arguments_of(kind))
    return TypeError(
        f"{kind.__name__}: unknown argument {name!r}{checks.hint(name, known)} "
        f"(known: {', '.join(known)})"
    )
