"""Layers in a row over one parameter vector: checked and built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minidl import checks, sharing
from minidl.backend import backend_of, current, floating
from minidl.backend.random import WEIGHTS, generator
from minidl.beside import Traffic
from minidl.layers.arguments import row_shape
from minidl.layers.base import Layer, Shape
from minidl.layers.names import next_name
from minidl.parameters import ParameterVector, Specification
from minidl.penalties import Penalties
from minidl.row import Row
from minidl.seeds import next_seed


class Stack(Row):
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
        super().__init__(name or next_name(type(self).__name__))
        self.backend = current()
        self.dtype = floating(dtype)
        self._seed = next_seed()
        self.passes = self.rows = 0
        self.traffic = Traffic()
        self._fill(layers or ())

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
            f"a {type(self).__name__} cannot be copied or pickled, as its layers are views into "
            "its vectors; expected a Sequential, or get_weights() and set_weights()"
        )

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
            if self.input_row not in (None, input_shape):
                raise ValueError(
                    f"expected rows of shape {self.input_row}, received {input_shape}; with a "
                    f"batch axis it is (None, …)"
                )
        with self.traffic.lock, self.backend.here:
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
        shape = self.input_row or input_shape
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
        self.input_row, self.output_row = row, shape
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
        self.penalties = Penalties(self._parameters, self.backend, self.leaves)
        self._address()
        for layer in self.leaves:
            layer.settle()

    def take(self, theta: Any, grad: Any, statistics: Any) -> None:
        """Take vectors that the layers' tensors are views of already."""
        trainable = [(p, a, k, t) for p, a in self.walk() for k, t in a.tensors.items()]
        moving = [(p, a, k, t) for p, a in self.walk() for k, t in a.statistics.items()]
        self._parameters = self._named(trainable, (theta, grad))
        self.statistics = self._named(moving, (statistics, self.backend.xp.zeros_like(statistics)))
        self.penalties = Penalties(self._parameters, self.backend, self.leaves)
        # The network that had a layer before may go on training, with the masks that it had.
        for index, layer in enumerate(layer for layer in self.leaves if layer.draws):
            if not layer.settled:
                layer.address(self._seed, index)
        for layer in self.leaves:
            layer.settle()

    def _named(self, wanted: Sequence[Any], vectors: Any = None) -> ParameterVector:
        specifications = [(path, tensor) for path, _, _, tensor in wanted]
        return ParameterVector(specifications, self.backend, self.dtype, vectors)

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
