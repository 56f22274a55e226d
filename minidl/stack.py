"""Layers in a row over one parameter vector: put together, checked and built."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from minidl import checks, sharing
from minidl.backend import backend_of, current, floating
from minidl.backend.random import WEIGHTS, generator
from minidl.beside import Traffic
from minidl.layers import Input
from minidl.layers.base import Layer, Shape, next_name, shape_of
from minidl.parameters import ParameterVector, Specification
from minidl.penalties import Penalties
from minidl.seeds import next_seed


class Stack:
    """Layers in a row, each fed with the output of the one before.

    The tensors of all layers lie in two vectors: one that gradients move, one that they do not.

    Args:
        layers: any number of layers; more can be added until the network is built.
        name: shown in the summary; made from the class and a number if left out.
        dtype: "float32" or "float64"; the default of :func:`minidl.set_floatx` if left out.

    Attributes:
        backend: where the network computes: the backend in use when it was made.
        statistics: the vector of the tensors that training moves by other means than gradients.
        penalties: the sum of the layers' regularizers.
        traffic: the steps and passes under way, and a lock.
        source: the Input, if one was given.
        kin: the networks that have layers in common with this one, and this one.
    """

    #: True for a network in the functional form, whose first layer is the Input, as Keras counts.
    shows_input = False

    def __init__(
        self, layers: Iterable[Layer] | None = None, name: str | None = None, dtype: Any = None
    ) -> None:
        self.name = name or next_name(type(self).__name__)
        self.backend = current()
        self.dtype = floating(dtype)
        self._entries: list[Any] = []
        self.input_shape: Shape | None = None
        self.source: Input | None = None
        self._seed = next_seed()
        self.built = False
        self.passes = self.rows = 0
        self.traffic = Traffic()
        self.kin: weakref.WeakSet[Stack] = weakref.WeakSet([self])
        try:
            for layer in layers or ():
                self.add(layer)
        except Exception:
            # The network never existed: its layers are free again.
            for layer in self._entries:
                if isinstance(layer, Layer) and layer.owner is self:
                    layer.owner = None
            raise

    @property
    def layers(self) -> Sequence[Any]:
        """The layers, and the networks among them; with the Input where ``shows_input`` is True.

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
        """The layers, and the networks among them, always without Input."""
        return tuple(self._entries)

    @property
    def leaves(self) -> Sequence[Layer]:
        """The layers through which rows pass: those of networks within this one, too."""
        return self._leaves if self.built else tuple(layer for _, layer in self.walk())

    def walk(self) -> Iterator[tuple[str, Layer]]:
        """The layers of :attr:`leaves`, each with its path, such as "encoder/dense"."""
        for entry in self._entries:
            if isinstance(entry, Stack):
                yield from ((f"{entry.name}/{path}", layer) for path, layer in entry.walk())
            else:
                yield entry.name, entry

    @property
    def seed(self) -> int:
        """Seed of initial weights, random masks and shuffles; acts from the next draw."""
        return self._seed

    @seed.setter
    def seed(self, value: int) -> None:
        self._seed = checks.seed(value)
        self._address()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            "a network cannot be copied or pickled, because its layers are views into its vectors; "
            "expected save() and load_model(), or get_weights() and set_weights()"
        )

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def add(self, layer: Any) -> None:
        """Put a layer, or a network, at the end. The layers that are there keep their weights.

        The layer may be in another network; :mod:`minidl.sharing` says who then has its weights.

        Raises:
            TypeError: not a layer.
            ValueError: the layer is in this network already, another has its name, or Input is
                not the first.
            RuntimeError: the network is built and has layers that other networks have.
        """
        if not isinstance(layer, Layer | Stack):
            raise TypeError(f"expected a layer, received {layer!r}")
        self._open(f"add {layer.name!r}")
        inner = layer.leaves if isinstance(layer, Stack) else [layer]
        if layer is self or not {*inner}.isdisjoint(self.leaves):
            raise ValueError(
                f"layer {layer.name!r} is in this network already; expected a new layer, because "
                "a layer keeps the parameters and buffers of one place"
            )
        if any(other.name == layer.name for other in self._entries):
            raise ValueError(f"expected layers of different names, received {layer.name!r} twice")
        known = isinstance(layer, Stack) or layer.settled
        shape = layer.input_shape if known else layer.declared_shape
        if shape is not None:
            if self._entries or self.input_shape is not None:
                if isinstance(layer, Input):
                    raise ValueError("expected Input as the first layer, received it after others")
            else:
                self.input_shape = shape
        if isinstance(layer, Layer) and layer.owner is None:
            layer.owner = self
        if isinstance(layer, Input):
            self.source = layer
        else:
            self._entries.append(layer)

    def pop(self) -> Any:
        """Take the last layer away; another network can add the layer.

        Raises:
            RuntimeError: the network is built and has layers that other networks have.
            ValueError: there is none.
        """
        self._open("take a layer away")
        if not self._entries:
            raise ValueError("expected at least one layer to take away, received none")
        layer = self._entries.pop()
        if isinstance(layer, Layer) and layer.owner is self:
            layer.owner = None
        return layer

    def _open(self, what: str) -> None:
        """Have the network built anew after a change; the layers that stay keep their weights."""
        if self.built and len(self.kin) > 1:
            raise RuntimeError(
                f"cannot {what}: {self.name} is built and shares layers with another network; "
                "expected a new network"
            )
        self.built = False

    def build(self, input_shape: Any = None) -> None:
        """Check all shapes, make the parameter vector and set the initial weights.

        Args:
            input_shape: of one row, without a batch axis or with None for it, (None, 4); not
                needed where an Input or ``input_shape=`` gives the shape.

        Raises:
            ValueError: no layers, no known shape, or shapes that do not fit.
        """
        if input_shape is not None:
            input_shape = row_shape(input_shape)
            if self.input_shape not in (None, input_shape):
                raise ValueError(
                    f"expected rows of shape {self.input_shape}, received {input_shape}; with a "
                    f"batch axis it is (None, …)"
                )
        with self.traffic.lock:
            if self.built:
                return
            try:
                self._build(input_shape)
            except ValueError as error:
                if input_shape is None or len(input_shape) == 1:
                    raise
                raise ValueError(
                    f"{error}; build takes the shape of one row, or (None, …) with a batch axis"
                ) from None

    def _build(self, input_shape: Shape | None) -> None:
        if not self.layers:
            raise ValueError("expected at least one layer, received none")
        shape = self.input_shape or input_shape
        if shape is None:
            raise ValueError(
                "the shape of a row is not known yet: expected an Input(shape=...) as the first "
                "layer, build(input_shape) or data"
            )
        row, trains = shape, False
        for layer in self.leaves:
            if layer.declared_shape not in (None, shape):
                raise ValueError(
                    f"{layer.name}: expected input_shape {shape}, the output before it, received "
                    f"{layer.declared_shape}"
                )
            if not layer.settled:
                layer.needs_dx = trains
                layer.build(shape)
            elif layer.input_shape != shape:
                raise ValueError(
                    f"{layer.name}: expected rows of shape {layer.input_shape}, for which it is "
                    f"built, received {shape}"
                )
            layer.needs_dx |= trains
            shape, trains = layer.output_shape, trains or bool(layer.tensors)
        self.input_shape, self.output_shape = row, shape
        if any(layer.settled for layer in self.leaves):
            sharing.join(self)
        else:
            self.place({})
        self._leaves = self.leaves
        self.built = True
        sharing.built.add(self)

    def place(self, sources: Mapping[Layer, Layer]) -> None:
        """Make the vectors, and the layers' tensors views of these.

        A layer that has tensors keeps their values; others get initial values.

        Args:
            sources: layers -> others, from which they have their values.
        """
        trainable = [(p, a, k, t) for p, a in self.walk() for k, t in a.tensors.items()]
        moving = [(p, a, k, t) for p, a in self.walk() for k, t in a.statistics.items()]
        self._parameters = self._vector(trainable, sources)
        self.statistics = self._vector(moving, sources)
        for (_, layer, key, _), entry in zip(trainable, self._parameters, strict=True):
            layer.bind_view(key, self._parameters.view(entry))
            layer.bind_view(f"d{key}", self._parameters.gradient(entry))
        for (_, layer, key, _), entry in zip(moving, self.statistics, strict=True):
            layer.bind_view(key, self.statistics.view(entry))
        self.penalties = Penalties(self._parameters, self.backend)
        self._address()
        for layer in self.leaves:
            layer.settle()

    def take(self, theta: Any, grad: Any, statistics: Any) -> None:
        """Take vectors that the layers' tensors are views of already."""
        trainable = [(p, a, k, t) for p, a in self.walk() for k, t in a.tensors.items()]
        moving = [(p, a, k, t) for p, a in self.walk() for k, t in a.statistics.items()]
        self._parameters = self._named(trainable, (theta, grad))
        self.statistics = self._named(moving, (statistics, self.backend.xp.zeros_like(statistics)))
        self.penalties = Penalties(self._parameters, self.backend)
        # The network that had a layer before may go on training, with the masks that it had.
        for index, layer in enumerate(layer for layer in self.leaves if layer.draws):
            if not layer.settled:
                layer.address(self._seed, index)
        for layer in self.leaves:
            layer.settle()

    def _named(self, wanted: Sequence[Any], vectors: Any = None) -> ParameterVector:
        specifications = [(path, tensor) for path, _, _, tensor in wanted]
        return ParameterVector(specifications, self.backend, self.dtype, vectors)

    def empty(self) -> Stack:
        """A network of the same class and name, without layers."""
        network = self._empty()
        network.shows_input, network.source = self.shows_input, self.source
        return network

    def _empty(self) -> Stack:
        return type(self)(name=self.name, dtype=self.dtype)

    def exchange(self, fresh: Mapping[Layer, Layer]) -> None:
        """Put other layers, of the same names, in the place of some."""
        for index, entry in enumerate(self._entries):
            if isinstance(entry, Stack):
                if not fresh.keys().isdisjoint(entry.leaves):
                    inner = entry.empty()
                    inner.input_shape, inner._entries = entry.input_shape, list(entry._entries)
                    inner.exchange(fresh)
                    self._entries[index] = inner
            elif entry in fresh:
                self._entries[index] = fresh[entry]
                fresh[entry].owner = self

    def _address(self) -> None:
        """Have the layers that draw do so at the addresses of the network's seed."""
        for index, layer in enumerate(layer for layer in self.leaves if layer.draws):
            layer.address(self._seed, index)

    @property
    def parameters(self) -> ParameterVector:
        """The trainable tensors: name, shape and offset of each, and the vectors of all tensors."""
        self.build()
        return self._parameters

    @property
    def theta(self) -> Any:
        """All trainable parameters, one vector."""
        return self.parameters.theta

    @property
    def grad(self) -> Any:
        """All gradients, one vector; overwritten by every backward pass."""
        return self.parameters.grad

    def count_params(self) -> int:
        """Number of all parameters, trainable or not."""
        self.build()
        return int(self.parameters.theta.size + self.statistics.theta.size)

    def _vector(
        self, wanted: list[tuple[str, Layer, str, Specification]], sources: Mapping[Layer, Layer]
    ) -> ParameterVector:
        vector = self._named(wanted)
        for index, (entry, (_, layer, key, tensor)) in enumerate(zip(vector, wanted, strict=True)):
            source = sources.get(layer, layer)
            if source.settled:
                values = backend_of(getattr(source, key)).to_host(getattr(source, key))
            else:
                start = tensor.initializer
                seed, place = (self.seed, index) if start.seed is None else (start.seed, 0)
                values = start.values(tensor.shape, generator(seed, WEIGHTS, place))
            vector.view(entry)[...] = self.backend.to_device(values.astype(self.dtype))
        return vector


def row_shape(shape: Any) -> Shape:
    """Shape of one row; a None in front, for a batch of any size, is left out."""
    sizes = (shape,) if hasattr(shape, "__index__") else tuple(shape)
    return shape_of(sizes[1:] if sizes[:1] == (None,) else sizes)
