"""Layers in a row over one parameter vector: put together, checked and built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from minidl import checks
from minidl.backend import current, floating
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
    """

    def __init__(
        self, layers: Iterable[Layer] | None = None, name: str | None = None, dtype: Any = None
    ) -> None:
        self.name = name or next_name(type(self).__name__)
        self.backend = current()
        self.dtype = floating(dtype)
        self._layers: list[Layer] = []
        self.input_shape: Shape | None = None
        self._seed = next_seed()
        self.built = False
        self.traffic = Traffic()
        try:
            for layer in layers or ():
                self.add(layer)
        except Exception:
            # The network never existed: its layers are free again.
            for layer in self._layers:
                layer.owner = None
            raise

    @property
    def layers(self) -> Sequence[Layer]:
        """The layers, without Input.

        Raises:
            AttributeError: on assignment; :meth:`add` and :meth:`pop` change a network.
        """
        return tuple(self._layers)

    @layers.setter
    def layers(self, value: Any) -> None:
        raise AttributeError(
            "the layers of a network cannot be set; expected add(layer) and pop() before it is "
            "built, or a new network"
        )

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

    def add(self, layer: Layer) -> None:
        """Put a layer at the end.

        Raises:
            TypeError: not a layer.
            ValueError: the layer is in a network already, another has its name, or Input is
                not the first.
            RuntimeError: the network is built.
        """
        if not isinstance(layer, Layer):
            raise TypeError(f"expected a layer, received {layer!r}")
        if self.built:
            raise RuntimeError(
                f"cannot add {layer.name!r}: the network is built already; expected all layers "
                "before the first summary, fit or forward"
            )
        if layer.taken:
            raise ValueError(
                f"layer {layer.name!r} is in a network already; expected a new layer, because "
                "a layer keeps the parameters and buffers of one place"
            )
        if any(other.name == layer.name for other in self.layers):
            raise ValueError(f"expected layers of different names, received {layer.name!r} twice")
        if layer.declared_shape is not None:
            if self.layers or self.input_shape is not None:
                if isinstance(layer, Input):
                    raise ValueError("expected Input as the first layer, received it after others")
            else:
                self.input_shape = layer.declared_shape
        layer.owner = self
        if not isinstance(layer, Input):
            self._layers.append(layer)

    def pop(self) -> Layer:
        """Take the last layer away; another network can add the layer.

        Raises:
            RuntimeError: the network is built.
            ValueError: there is none.
        """
        if self.built:
            raise RuntimeError(
                "cannot take a layer away: the network is built already; expected a new network"
            )
        if not self._layers:
            raise ValueError("expected at least one layer to take away, received none")
        layer = self._layers.pop()
        layer.owner = None
        return layer

    def build(self, input_shape: Shape | None = None) -> None:
        """Check all shapes, make the parameter vector and set the initial weights.

        Args:
            input_shape: of one row, without a batch axis; not needed where an Input or
                ``input_shape=`` gives the shape.

        Raises:
            ValueError: no layers, no known shape, or shapes that do not fit.
        """
        if input_shape is not None:
            input_shape = shape_of(input_shape)
            if self.input_shape not in (None, input_shape):
                raise ValueError(
                    f"expected rows of shape {self.input_shape}, received {input_shape}"
                )
        with self.traffic.lock, self.backend.here:
            if not self.built:
                self._build(input_shape)

    def _build(self, input_shape: Shape | None) -> None:
        if not self.layers:
            raise ValueError("expected at least one layer, received none")
        shape = self.input_shape or input_shape
        if shape is None:
            raise ValueError(
                "the shape of a row is not known yet: expected an Input(shape=...) as the first "
                "layer, build(input_shape) or data"
            )
        row = shape
        trainable: list[tuple[Layer, str, Specification]] = []
        moving: list[tuple[Layer, str, Specification]] = []
        for layer in self.layers:
            if layer.declared_shape not in (None, shape):
                raise ValueError(
                    f"{layer.name}: expected input_shape {shape}, the output before it, received "
                    f"{layer.declared_shape}"
                )
            layer.needs_dx = bool(trainable)
            layer.build(shape)
            shape = layer.output_shape
            trainable += [(layer, key, wanted) for key, wanted in layer.tensors.items()]
            moving += [(layer, key, wanted) for key, wanted in layer.statistics.items()]
        self.input_shape, self.output_shape = row, shape
        self._parameters = self._vector(trainable)
        self.statistics = self._vector(moving)
        for (layer, key, _), entry in zip(trainable, self._parameters, strict=True):
            layer.bind_view(key, self._parameters.view(entry))
            layer.bind_view(f"d{key}", self._parameters.gradient(entry))
        for (layer, key, _), entry in zip(moving, self.statistics, strict=True):
            layer.bind_view(key, self.statistics.view(entry))
        self.penalties = Penalties(self._parameters, self.backend, self._layers)
        self._address()
        for layer in self._layers:
            layer.settle()
        self.built = True

    def _address(self) -> None:
        """Have the layers that draw do so at the addresses of the network's seed."""
        for index, layer in enumerate(layer for layer in self._layers if layer.draws):
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

    def _vector(self, wanted: list[tuple[Layer, str, Specification]]) -> ParameterVector:
        vector = ParameterVector(
            [(layer.name, specification) for layer, _, specification in wanted],
            self.backend,
            self.dtype,
        )
        for index, (entry, (_, _, tensor)) in enumerate(zip(vector, wanted, strict=True)):
            start = tensor.initializer
            seed, place = (self.seed, index) if start.seed is None else (start.seed, 0)
            values = start.values(tensor.shape, generator(seed, WEIGHTS, place))
            vector.view(entry)[...] = self.backend.to_device(values.astype(self.dtype))
        return vector
