"""A chain of layers over one parameter vector: checked and built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minidl import checks
from minidl.backend import current
from minidl.layers.base import Layer, Shape
from minidl.layers.names import next_name
from minidl.layers.shapes import check_outputs, check_rows, told_of_batch_axis
from minidl.network import sharing
from minidl.network.chain import Chain
from minidl.network.concurrency import Traffic
from minidl.network.penalties import Penalties
from minidl.network.unwritten import doubted
from minidl.parameters import ParameterVector
from minidl.seeds import next_seed


class Stack(Chain):
    """A chain of layers, each fed with the output of the one before.

    The tensors of all layers lie in two vectors: gradients change one, but not the other.

    Args:
        layers: any number of layers; more can be added until the network is built.
        name: shown in the summary; made from the class and a number if left out.
        dtype: "float32" or "float64"; the default of :func:`minidl.set_floatx` if left out.

    Attributes:
        backend: the backend in use when the network was made; the network computes there.
        statistics: the vector of the tensors that training changes without gradients.
        penalties: the sum of the layers' regularizers.
        traffic: the steps and passes under way, and a lock.
        unproved: foreign layers that no backward pass has been watched of yet.
    """

    #: The layer whose ``build`` is under way.
    asked: Any = None
    unproved: tuple[Layer, ...] = ()

    def __init__(
        self, layers: Iterable[Layer] | None = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name or next_name(type(self).__name__))
        self.backend = current()
        self.dtype = dtype
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

    def build(self, input_shape: Any = None) -> None:
        """Check all shapes, make the parameter vector and set the initial weights.

        Args:
            input_shape: of one row, without a batch axis or with None for it, (None, 4); not
                needed where an Input or ``input_shape=`` gives the shape.

        Raises:
            ValueError: no layers, no known shape, or shapes that do not fit.
        """
        shape = self._agreed(input_shape)
        with self.traffic.lock, self.backend.here:
            if self.built:
                return
            with told_of_batch_axis(input_shape):
                self._build(shape)

    def _build(self, input_shape: Shape | None) -> None:
        row = shape = self._row_shape(input_shape)
        trains = False
        for layer in self.leaves:
            check_rows(layer, shape)
            if not layer.sealed:
                layer.needs_dx, self.asked = trains, layer
                layer.build(shape)
                check_outputs(layer, shape)
            else:
                layer.needs_dx = trains or sharing.needs_dx(layer)
            shape, trains = layer.output_shape, trains or bool(layer.tensors)
        self.input_row, self.output_row, self.asked = row, shape, None
        if any(layer.sealed for layer in self.leaves):
            sharing.join(self)
        else:
            self.make_vectors({})
        self._leaves = self.leaves
        self.built, self.rows = True, 0
        sharing.built.add(self)

    def make_vectors(self, kept: Mapping[tuple[Layer, str], Any]) -> None:
        """Make the vectors, and make the layers' tensors views into the vectors.

        Args:
            kept: (layer, attribute) -> values, on the host; other tensors get initial values.
        """
        parameters = self.parameter_vector("tensors")
        statistics = self.parameter_vector("statistics")
        trained = [(layer, key) for layer in self.leaves for key in layer.tensors]
        moving = [(layer, key) for layer in self.leaves for key in layer.statistics]
        for vector, places in ((parameters, trained), (statistics, moving)):
            for index, (entry, (layer, key)) in enumerate(zip(vector, places, strict=True)):
                values = kept.get((layer, key))
                if values is None:
                    values = entry.specification.initializer.drawn(entry.shape, self.seed, index)
                vector.view(entry)[...] = self.backend.to_device(values.astype(self.dtype))
        for entry, (layer, key) in zip(parameters, trained, strict=True):
            layer.bind_view(key, parameters.view(entry))
            layer.bind_view(f"d{key}", parameters.gradient(entry))
        for entry, (layer, key) in zip(statistics, moving, strict=True):
            layer.bind_view(key, statistics.view(entry))
        self._address()
        self.adopt(parameters, statistics)

    def parameter_vector(self, kind: str, vectors: Sequence[Any] | None = None) -> ParameterVector:
        """A vector for the layers' tensors, with the name and place of each.

        Args:
            kind: "tensors", which gradients move, or "statistics".
            vectors: values and gradients; made, full of zeros, if left out.
        """
        walked = self.walk()
        asked = [(path, each) for path, layer in walked for each in getattr(layer, kind).values()]
        return ParameterVector(asked, self.backend, self.dtype, vectors)

    def adopt(self, parameters: ParameterVector, statistics: ParameterVector) -> None:
        """Take the vectors into which the layers' tensors are views."""
        self._parameters, self.statistics = parameters, statistics
        self.penalties = Penalties(parameters, self.backend, self.leaves)
        self.unproved = doubted(self.leaves)
        for layer in self.leaves:
            layer.seal()

    def _address(self) -> None:
        """Give each layer that draws random numbers an address under the network's seed."""
        for index, layer in enumerate(layer for layer in self.leaves if layer.draws):
            layer.address(self._seed, index)

    @property
    def parameters(self) -> ParameterVector:
        """The trainable tensors: name, shape and offset of each, and the vectors of all tensors."""
        if not self.built:
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
