"""Layers and inner networks, one after the other, before any weights exist."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from minidl import checks
from minidl.backend import floating
from minidl.backend.own import overridden
from minidl.layers import Input
from minidl.layers.base import Layer, Shape
from minidl.layers.shapes import row_shape
from minidl.names.lookup import described, is_namesake
from minidl.names.user_classes import constructed, refuse_narrow, refuse_unheard


def _dtype(network: Any, name: str, value: Any) -> Any:
    """The type of numbers, for a network that is not built yet."""
    if network.built:
        raise AttributeError(
            f"dtype of {network!r} cannot be set any more; expected a new network, because this "
            "one is built"
        )
    return floating(value)


class Chain:
    """Layers one after the other; layers can be added and taken away.

    Args:
        name: of the chain.

    Attributes:
        input_row: shape of one row of data, if known.
        output_row: shape of one row of outputs, once built.
        source: the Input, if one was given.
        kin: the networks that share layers with this network, and this network.
        built: True if the layers have their tensors.
    """

    #: True for the functional form: ``layers`` begins with the Input, as in Keras.
    shows_input = False
    dtype: Any = checks.Attribute(_dtype)
    output_row: Shape
    build: Any

    def __init__(self, name: str) -> None:
        self.name = name
        self.input_row: Shape | None = None
        self.source: Input | None = None
        self.built = False
        self.kin: weakref.WeakSet[Any] = weakref.WeakSet([self])
        self._entries: list[Any] = []
        self._leaves: Sequence[Layer] = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {', '.join(map(repr, self.layers))}>"

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the data, (None, ...): of a batch of any size.

        Raises:
            AttributeError: the shape of a row is not known yet.
        """
        return None, *self._known(self.input_row)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of the outputs, (None, ...): of a batch of any size.

        Raises:
            AttributeError: the shape of a row is not known yet.
        """
        self._known(self.input_row)
        self.build()
        return None, *self.output_row

    def _known(self, shape: Shape | None) -> Shape:
        if shape is None:
            raise AttributeError(
                f"the shape of a row of {self.name} is not known yet: expected an Input(shape=...) "
                "as the first layer, build(input_shape) or data"
            )
        return shape

    def _agreed(self, input_shape: Any) -> Shape | None:
        """The shape of one row that ``build`` is given, without a batch axis; None for none.

        Raises:
            ValueError: the row is known to be of another shape.
        """
        if input_shape is None:
            return None
        shape = row_shape(input_shape)
        if self.input_row not in (None, shape):
            raise ValueError(
                f"expected rows of shape {self.input_row}, received {shape}; with a batch axis it "
                "is (None, …)"
            )
        return shape

    def _row_shape(self, input_shape: Shape | None) -> Shape:
        """The shape of one row: the known one, or else the given one.

        Raises:
            ValueError: there are no layers, or neither shape.
        """
        if not self.layers:
            raise ValueError("expected at least one layer, received none")
        shape = self.input_row or input_shape
        if shape is None:
            raise ValueError(
                "the shape of a row is not known yet: expected an Input(shape=...) as the first "
                "layer, build(input_shape) or data"
            )
        return shape

    def _fill(self, layers: Iterable[Any]) -> None:
        """Add all layers; if one cannot be added, leave the layers as they were."""
        try:
            for layer in layers:
                self.add(layer)
        except Exception:
            # The network never existed: its layers are free again.
            for layer in self._entries:
                if isinstance(layer, Layer) and layer.owner is self:
                    layer.owner = None
            raise

    @property
    def layers(self) -> Sequence[Any]:
        """The layers and inner networks; with the Input where ``shows_input`` is True.

        Raises:
            AttributeError: on assignment; :meth:`add` and :meth:`pop` change a network.
        """
        return (self.source, *self._entries) if self.shows_input else tuple(self._entries)

    @layers.setter
    def layers(self, value: Any) -> None:
        raise AttributeError(
            "the layers of a network cannot be set; expected add(layer) and pop(), or a new network"
        )

    @property
    def entries(self) -> Sequence[Any]:
        """The layers and inner networks, always without the Input."""
        return tuple(self._entries)

    @property
    def leaves(self) -> Sequence[Layer]:
        """The layers through which rows pass, also the layers of inner networks."""
        return self._leaves if self.built else tuple(layer for _, layer in self.walk())

    def walk(self) -> Iterator[tuple[str, Layer]]:
        """The layers of :attr:`leaves`, each with a path in front, as "encoder/dense"."""
        for entry in self._entries:
            if isinstance(entry, Chain):
                yield from ((f"{entry.name}/{path}", layer) for path, layer in entry.walk())
            else:
                yield entry.name, entry

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def add(self, layer: Any) -> None:
        """Add a layer, or a network, at the end. The present layers keep their weights.

        The layer may be in another network: see :mod:`minidl.network.sharing`.

        Raises:
            TypeError: not a layer, or one whose ``forward`` takes too few arguments.
            ValueError: the layer is in this network already, another layer has the same name, or
                Input is not the first; or a network overrides ``forward`` or ``backward`` in vain.
            RuntimeError: the network is built and shares layers with another network.
        """
        if not isinstance(layer, Layer | Chain):
            received = described(layer, Layer) if is_namesake(layer, Layer) else repr(layer)
            raise TypeError(f"expected a layer, received {received}")
        constructed(layer)
        if isinstance(layer, Layer):
            refuse_unheard(layer, Layer)
            refuse_narrow(layer)
        self._open(f"add {layer.name!r}")
        inner = layer.leaves if isinstance(layer, Chain) else [layer]
        passes = overridden(type(layer), "forward", "backward")
        if isinstance(layer, Chain) and passes:
            raise ValueError(
                f"{layer.name!r} has a {passes[0]} of its own, which the network around it would "
                "not call; expected a network of minidl's methods, or a layer"
            )
        if layer is self or not {*inner}.isdisjoint(self.leaves):
            raise ValueError(
                f"layer {layer.name!r} is in this network already; expected a new layer, because "
                "a layer keeps the parameters and buffers of one place"
            )
        if any(other.name == layer.name for other in self._entries):
            raise ValueError(f"expected layers of different names, received {layer.name!r} twice")
        shape = layer.input_row if isinstance(layer, Chain) else layer.input_shape
        if isinstance(layer, Layer) and not layer.sealed:
            shape = layer.declared_shape
        if shape is not None:
            if self._entries or self.input_row is not None:
                if isinstance(layer, Input):
                    raise ValueError("expected Input as the first layer, received it after others")
            else:
                self.input_row = shape
        if isinstance(layer, Layer) and layer.owner is None:
            layer.owner = self
        if isinstance(layer, Input):
            self.source = layer
        else:
            self._entries.append(layer)

    def pop(self) -> Any:
        """Remove and return the last layer; another network can add the layer.

        Raises:
            RuntimeError: the network is built and shares layers with another network.
            ValueError: the network has no layer.
        """
        self._open("take a layer away")
        if not self._entries:
            raise ValueError("pop: expected a network with a layer, received one without layers")
        layer = self._entries.pop()
        if isinstance(layer, Layer) and layer.owner is self:
            layer.owner = None
        return layer

    def _open(self, what: str) -> None:
        """Let the network be built anew after a change; the layers that stay keep their weights."""
        if self.built and len(self.kin) > 1:
            raise RuntimeError(
                f"cannot {what}: {self.name} is built and shares layers with another network; "
                "expected a new network"
            )
        self.built = False

    def empty(self) -> Any:
        """A network of the same class and name, without layers."""
        network = self._empty()
        network.shows_input, network.source = self.shows_input, self.source
        return network

    def _empty(self) -> Any:
        kind: Any = type(self)
        return kind(name=self.name, dtype=self.dtype)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            f"a {type(self).__name__} cannot be copied or pickled, as its layers are views into "
            "its vectors; expected a Sequential, or get_weights() and set_weights()"
        )

    def exchange(self, fresh: Mapping[Layer, Layer]) -> None:
        """Replace layers, old -> new; a new layer has the name of the old layer."""
        for index, entry in enumerate(self._entries):
            if isinstance(entry, Chain):
                if not fresh.keys().isdisjoint(entry.leaves):
                    inner = entry.empty()
                    inner.input_row, inner._entries = entry.input_row, list(entry._entries)
                    inner.exchange(fresh)
                    self._entries[index] = inner
            elif entry in fresh:
                self._entries[index] = fresh[entry]
                fresh[entry].owner = self
