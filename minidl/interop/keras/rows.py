"""The layers that a Keras file describes, in a row: Sequential, and Functional without branches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from minidl.interop.keras.decoding import NAME, decode
from minidl.layers import Input, Layer
from minidl.layers.names import words_of
from minidl.layers.shapes import shape_of
from minidl.saving.archive import MalformedError
from minidl.saving.codec import DEPTH
from minidl.saving.text import LAYERS

_MODELS = ("Sequential", "Functional", "Model")


@dataclass
class Row:
    """A model that a file describes.

    Attributes:
        name: name of the model.
        functional: True for the functional form.
        first: the Input, or None.
        entries: layers and nested models.
    """

    name: str
    functional: bool
    first: Input | None = None
    entries: list[Layer | Row] = field(default_factory=list)

    def model(self, kind: Callable[..., Any], dtype: str) -> Any:
        """A new model of ``kind``."""
        inner = [
            each.model(kind, dtype) if isinstance(each, Row) else each for each in self.entries
        ]
        made = kind([*([self.first] if self.first else []), *inner], name=self.name, dtype=dtype)
        made.shows_input = self.functional
        return made


class Reader:
    """Reader of a model's configuration.

    Attributes:
        row: the model.
        places: (place of the tensors in the file, layer), in order.
        types: names of the layers' types of numbers.

    Raises:
        MalformedError: minidl lacks layers, all named in one message, or the layers are no row.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.places: list[tuple[str, Layer]] = []
        self.types: set[str] = set()
        self._problems: list[str] = []
        self.row = self._model(config, "", 0)
        if self._problems:
            count = len(self._problems)
            parts = "1 layer" if count == 1 else f"{count} layers"
            raise MalformedError(f"{parts} that minidl cannot take: {'; '.join(self._problems)}")
        if not 1 <= len(self.places) <= LAYERS:
            raise MalformedError(f"expected 1 to {LAYERS} layers, received {len(self.places)}")

    @property
    def dtype(self) -> str:
        """Name of the type of numbers, which all layers share.

        Raises:
            MalformedError: several types, or a type that minidl lacks.
        """
        found = sorted(self.types) or ["float32"]
        if len(found) > 1 or found[0] not in ("float32", "float64"):
            raise MalformedError(
                f"expected layers that compute in float32, or all in float64, received {found[:9]}"
            )
        return found[0]

    def build(self) -> None:
        """Build each layer, so that its tensors are declared; nothing is allocated.

        Raises:
            MalformedError: the shape of a row is unknown, or does not suit a layer.
        """
        if self.row.first is None:
            raise MalformedError("expected a model of known input shape, received one not built")
        shape = self.row.first.declared_shape
        for _, layer in self.places:
            try:
                layer.build(shape)
            except ValueError as error:
                raise MalformedError(str(error)) from error
            shape = layer.output_shape

    def _model(self, item: Mapping[str, Any], before: str, depth: int) -> Row:
        config = item.get("config")
        name = config.get("name") if isinstance(config, dict) else None
        if depth > DEPTH or not is_model(item) or not isinstance(name, str):
            raise MalformedError("expected a Sequential or a Model of layers, received another")
        assert isinstance(config, dict)
        layers = config.get("layers")
        if not isinstance(layers, list) or not all(isinstance(each, dict) for each in layers):
            raise MalformedError(f"{name[:NAME]}: expected a list of layers, received none")
        functional = "inbound_nodes" in (layers[0] if layers else {})
        row = Row(name, functional)
        counts: dict[str, int] = {}
        for each in layers:
            words = words_of(str(each.get("class_name"))[:NAME])
            counts[words] = count = counts.get(words, -1) + 1
            self._add(row, each, f"{before}layers/{words}" + (f"_{count}" if count else ""), depth)
        if functional and not self._problems:
            _check_chain(config, layers)
        if row.first is None and isinstance(config.get("build_input_shape"), list):
            row.first = Input(shape_of(config["build_input_shape"][1:]))
        return row

    def _add(self, row: Row, item: Mapping[str, Any], place: str, depth: int) -> None:
        """Read a layer or a nested model; note the reason if minidl has no such layer."""
        config = item.get("config")
        config = config if isinstance(config, dict) else {}
        try:
            if is_model(item):
                row.entries.append(self._model(item, f"{place}/", depth + 1))
            elif item.get("class_name") == "InputLayer":
                if row.first is not None or row.entries:
                    raise ValueError("a network here has one input, before all layers")
                row.first = _input(config)
            else:
                layer = decode(item)
                if not isinstance(layer, Layer):
                    raise TypeError("expected a layer, received something else")
                self.types.add(_type(config.get("dtype")))
                self.places.append((place, layer))
                row.entries.append(layer)
        except MalformedError:
            raise
        except (ValueError, TypeError) as error:
            kind = str(item.get("class_name"))[:99]
            self._problems.append(f"{str(config.get('name'))[:99]!r} ({kind}): {error}")


def is_model(item: Mapping[str, Any]) -> bool:
    """True if the item is a model of a class of Keras."""
    own = item.get("registered_name") in (None, "Functional", "Sequential", "Model")
    return item.get("class_name") in _MODELS and str(item.get("module"))[:5] == "keras" and own


def _input(config: Mapping[str, Any]) -> Input:
    return Input(
        batch_shape=config.get("batch_shape"),
        dtype=config["dtype"] if isinstance(config.get("dtype"), str) else None,
        name=config.get("name"),
    )


def _type(policy: Any) -> str:
    """Name of a type of numbers, from a name or a DTypePolicy."""
    if isinstance(policy, dict) and isinstance(policy.get("config"), dict):
        policy = policy["config"].get("name")
    return "float32" if policy is None else str(policy)[:99]


def _check_chain(config: Mapping[str, Any], layers: list[dict[str, Any]]) -> None:
    """Raise unless each layer is called once, on the output of the one before.

    Raises:
        MalformedError: branches, merges, layers called twice, several inputs or outputs.
    """
    names = [each.get("name") for each in layers]
    for before, item in zip([None, *names], layers, strict=False):
        expected = [] if before is None else [before]
        if _sources(item) != expected:
            raise MalformedError(
                f"expected layers in a row, each called once on the one before, received "
                f"{str(item.get('name'))[:99]!r}, called on {_sources(item)[:9]} after {before!r}"
            )
    ends = [_names(config.get(key)) for key in ("input_layers", "output_layers")]
    if ends != [names[:1], names[-1:]]:
        raise MalformedError(f"expected one input and one output, received {str(ends)[:200]}")


def _sources(item: Mapping[str, Any]) -> list[Any]:
    """Names of the layers that feed a layer."""
    found = []
    for node in item.get("inbound_nodes") or []:
        others = {*node["kwargs"]} - {"training", "mask"}
        for tensor in [*node["args"], *sorted(others)]:
            history = tensor["config"]["keras_history"] if isinstance(tensor, dict) else [tensor]
            found.append(history[0])
    return found


def _names(ends: Any) -> list[Any]:
    """Names in ["input", 0, 0], or in a list of such lists."""
    several = isinstance(ends, list) and ends and isinstance(ends[0], list)
    return [each[0] for each in (ends if several else [ends or [None]])]
