"""The table of a network's layers, in Keras's layout."""

from __future__ import annotations

from typing import Any


def summary(network: Any) -> str:
    """Layer names and types, output shapes, parameter counts and their sums."""
    rows = [("Layer (type)", "Output Shape", "Param #")]
    for layer in network.layers:
        count = sum(getattr(layer, key).size for key in (*layer.tensors, *layer.statistics))
        shape = ", ".join(str(size) for size in ("None", *layer.output_shape))
        rows.append((f"{layer.name} ({type(layer).__name__})", f"({shape})", f"{count:,}"))
    widths = [max(len(row[k]) for row in rows) + 2 for k in range(3)]
    line, double = "_" * sum(widths), "=" * sum(widths)

    def text(row: tuple[str, str, str]) -> str:
        return f"{row[0]:<{widths[0]}}{row[1]:<{widths[1]}}{row[2]:>{widths[2]}}"

    item = network.dtype.itemsize
    trainable, fixed = network.parameters.theta.size, network.statistics.theta.size
    sums = [
        (" Total params", trainable + fixed),
        (" Trainable params", trainable),
        (" Non-trainable params", fixed),
    ]
    return "\n".join(
        [
            f'Model: "{network.name}"',
            line,
            text(rows[0]),
            double,
            *[text(row) for row in rows[1:]],
            double,
            *[f"{label}: {count:,} ({_bytes(count * item)})" for label, count in sums],
        ]
    )


def _bytes(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} GB"
