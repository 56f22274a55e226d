"""Models made anew from their configuration: the same layers, other weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from minidl.layers import Input, Layer
from minidl.names.in_files import noting, reading
from minidl.network.sharing import duplicate
from minidl.network.stack import Stack
from minidl.saving.codec import decode_row, encode_row
from minidl.saving.models import of_row

_ENTRIES = {"name", "dtype", "input_shape", "shows_input", "layers"}


def configuration(model: Any) -> dict[str, Any]:
    """Name, type, shape of a row (or None) and layers of a model, ready for JSON."""
    shape = model.input_row
    with noting():
        return {
            "name": model.name,
            "dtype": model.dtype.name,
            "input_shape": None if shape is None else list(shape),
            "shows_input": model.shows_input,
            "layers": encode_row(model.entries),
        }


def from_configuration(
    kind: Callable[..., Any],
    config: Mapping[str, Any],
    custom_objects: Mapping[str, Any] | None,
) -> Any:
    """A model of ``kind`` with the layers of a :func:`configuration`.

    Raises:
        ValueError, TypeError: the configuration does not describe a model.
    """
    if not isinstance(config, Mapping) or set(config) != _ENTRIES:
        received = sorted(config) if isinstance(config, Mapping) else type(config).__name__
        raise ValueError(f"expected a configuration with {sorted(_ENTRIES)}, received {received}")
    with reading(custom_objects):
        row = decode_row(config["layers"])
    shape = config["input_shape"]
    first = [] if shape is None else [Input(tuple(shape))]
    made = of_row(kind, [*first, *row], config["name"], config["dtype"])
    made.shows_input = bool(config["shows_input"])
    return made


def text(model: Any, **options: Any) -> str:
    """The :func:`configuration` as JSON."""
    return json.dumps({"class": "Sequential", "config": configuration(model)}, **options)


def from_text(
    kind: Callable[..., Any], json_string: str, custom_objects: Mapping[str, Any] | None
) -> Any:
    """A model of ``kind`` from a :func:`text`.

    Raises:
        ValueError, TypeError: the text does not describe a model.
    """
    found = json.loads(json_string)
    if not isinstance(found, dict) or found.keys() != {"class", "config"}:
        raise ValueError("expected the text that to_json() gave")
    return from_configuration(kind, found["config"], custom_objects)


def clone(
    kind: Callable[..., Any], model: Any, clone_function: Callable[[Layer], Layer] = duplicate
) -> Any:
    """A model of new layers with the same arguments, and with new initial weights.

    Args:
        kind: of the new model.
        model: the model.
        clone_function: makes a new layer from a layer.
    """
    entries: list[Any] = [] if model.input_row is None else [Input(model.input_row)]
    for entry in model.entries:
        inner = isinstance(entry, Stack)
        entries.append(clone(kind, entry, clone_function) if inner else clone_function(entry))
    made = kind(entries, name=model.name, dtype=model.dtype)
    made.shows_input = model.shows_input
    return made
