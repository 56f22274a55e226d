"""A stack of layers over one parameter vector: build, forward, backward."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import backend_of, current, floating, is_sparse
from minidl.backend.cuda import allocating
from minidl.backend.random import WEIGHTS, generator
from minidl.backend.sparse import canonical, outside
from minidl.beside import Instead, Traffic, undisturbed
from minidl.kernels.measures import convert
from minidl.layers import Activation, Dense, Input
from minidl.layers.base import Layer, Shape, next_name, shape_of
from minidl.parameters import ParameterVector, Specification
from minidl.penalties import Penalties
from minidl.seeds import next_seed


class Network:
    """Layers in a row, each fed with the output of the one before.

    The buffers are the network's own. Threads may use one network: passes wait their turn, and a
    pass that comes between two calls of another, in a signal's handler, has buffers of its own.

    Args:
        layers: any number of layers; more can be added until the network is built.
        name: shown in the summary; made from the class and a number if left out.
        dtype: "float32" or "float64"; the default of :func:`minidl.set_floatx` if left out.

    Attributes:
        backend: where the network computes: the backend in use when it was made.
        statistics: the vector of the tensors that training moves by other means than gradients.
        penalties: the sum of the layers' regularizers.
        step: training passes made; random numbers are addressed by the step.
        passes: forward passes made, of both kinds.
        rows: for passes over up to so many, buffers are allocated.
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
        self.step = 0
        self.passes = 0
        self.rows = 0
        self._x: Any = None
        self._logits = False
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
        with self.traffic.lock:
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
        self.penalties = Penalties(self._parameters, self.backend)
        self._address()
        self._moved = [bool(layer.tensors) or layer.needs_dx for layer in self.layers]
        self._takes_integers = self._first_computes_on_integers()
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

    def bind(self, rows: int) -> None:
        """Allocate the buffers for passes over up to ``rows`` rows.

        The one for rows of another type is made when such rows first come.
        """
        if rows > self.rows:
            with allocating(f"what {self.name} computes with batches of {rows} rows"):
                for layer in self.layers:
                    layer.bind(rows, self.backend, self.dtype)
            self._x = None
            self.rows = rows

    def forward(
        self, x: Any, training: bool = False, step: int | None = None, logits: bool = False
    ) -> Any:
        """The outputs for the rows ``x``, in the last layer's buffer (overwritten next time).

        Args:
            x: (N, *input_shape); a CSR matrix where Dense is the first layer that computes.
            training: whether layers behave as in training.
            step: addresses the random numbers: the same step gives the same dropout masks.
                By default every training pass takes the next one.
            logits: stop before the softmax or sigmoid of the last layer.

        Raises:
            TypeError: a sparse matrix for another layer than Dense.
            ValueError: no rows, rows of another shape, no numbers, or logits of a network that
                ends in no activation.
        """
        with self.traffic.lock:
            if self.traffic.expected:
                self.traffic.expected = False
            elif not training and (self.traffic.passing or self.traffic.pending is not None):
                return undisturbed(self, lambda: self._pass(x, training, step, logits))
            else:
                self.settle()
            return self._pass(x, training, step, logits)

    def settle(self) -> None:
        """Put back a training step that is half done, and do the steps that wait."""
        if self.traffic.pending is not None:
            self.traffic.pending.settle()

    def _pass(self, x: Any, training: bool, step: int | None, logits: bool) -> Any:
        sparse = is_sparse(x)
        if sparse:
            x = self._sparse(x)
        if self.backend.name == "cupy" and isinstance(x, np.ndarray):
            _note_of_moving()
        x = self.backend.to_device(x)
        if x.dtype.kind not in "biuf" or x.ndim == 0 or x.shape[0] == 0:
            raise ValueError(f"expected rows of numbers, received {x.dtype} of shape {x.shape}")
        if not self.built:
            self.build(tuple(x.shape[1:]))
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"expected rows of shape {self.input_shape}, received {tuple(x.shape[1:])}"
            )
        if logits and self.output_activation is None:
            raise ValueError(
                f"logits: expected a network that ends in an activation, received {self.layers[-1]}"
            )
        self._logits, self.traffic.awaits_backward = logits, training
        self.passes += 1
        self.bind(x.shape[0])
        if training and step is None:
            step = self.step
            self.step += 1
        if not sparse:
            x = self._dense(x)
        for layer in self.layers[:-1]:
            x = layer.forward(x, training, step or 0)
        last: Any = self.layers[-1]
        return last.logits(x) if logits else last.forward(x, training, step or 0)

    def check_sparse(self) -> None:
        """Raise where the first layer that computes is no Dense, which alone takes CSR rows.

        Raises:
            TypeError: names the layer and the remedy.
        """
        first = next((layer for layer in self.layers if layer.computes), None)
        if not isinstance(first, Dense):
            raise TypeError(
                "expected Dense as the first layer that computes, because x is a sparse matrix, "
                f"received {first}; put a Dense layer there, or convert x with .toarray()"
            )

    def _sparse(self, x: Any) -> Any:
        """Rows in CSR, canonical and of the network's type."""
        self.check_sparse()
        if x.format != "csr" or not x.has_canonical_format:
            x = canonical(x)
        converts = x.dtype != self.dtype and x.dtype.kind in "biuf"
        return x.astype(self.dtype) if converts else x

    def _dense(self, x: Any) -> Any:
        """Rows as the first layer takes them: converted into a buffer if need be."""
        taken = x.dtype == self.dtype or (
            self._takes_integers and x.dtype.kind in "ui" and x.dtype.isnative
        )
        aligned = not isinstance(x, np.ndarray) or x.flags.aligned
        if taken and x.flags.c_contiguous and aligned:
            return x
        if self._x is None:
            shape = (self.rows, *(self.input_shape or ()))
            self._x = self.backend.xp.empty(shape, dtype=self.dtype)
        converted = self._x[: len(x)]
        return convert(x, out=converted)

    @property
    def output_activation(self) -> str | None:
        """Name of the activation that the last layer ends with, or None."""
        activation = self._last_activation()
        return activation.function.name if activation else None

    def activate(self, logits: Any) -> Any:
        """The outputs for the logits of the last :meth:`forward`."""
        activation = self._last_activation()
        if activation is None:
            raise ValueError(
                f"expected a network that ends in an activation, received {self.layers[-1]}"
            )
        self.layers[-1].y = activation.forward(logits)
        return self.layers[-1].y

    def show_outputs(self) -> None:
        """Have the last layer's ``y`` follow a pass that stopped at the logits."""
        with self.traffic.lock:
            last: Any = self.layers[-1]
            z = vars(last).get("z")
            if self._logits and isinstance(last, Dense) and last.y is None and z is not None:
                self.activate(z)

    def _last_activation(self) -> Activation | None:
        last = self.layers[-1]
        activation = last.activation if isinstance(last, Dense) else last
        return activation if isinstance(activation, Activation) else None

    def backward(self, dy: Any, logits: bool = False) -> None:
        """Fill ``grad`` from the gradient ``dy`` at the last forward's output.

        Args:
            dy: (N, *output_shape); may be overwritten.
            logits: as in that forward: whether dy is the gradient before the last layer's
                softmax or sigmoid.

        Raises:
            RuntimeError: the last forward stopped elsewhere.
        """
        if logits != self._logits:
            raise RuntimeError(
                f"expected backward(dy, logits={self._logits}) after forward(x, "
                f"logits={self._logits}), received logits={logits}"
            )
        with self.traffic.lock:
            self._backward(dy, logits)
            self.traffic.awaits_backward = False

    def _backward(self, dy: Any, logits: bool) -> None:
        last: Any = self.layers[-1]
        if self._moved[-1]:
            dy = last.logits_backward(dy) if logits else last.backward(dy)
        for layer, moved in zip(self.layers[-2::-1], self._moved[-2::-1], strict=True):
            if not moved:
                return
            dy = layer.backward(dy)

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all tensors, layer by layer: trainable tensors, then statistics (as Keras)."""
        self.build()
        return undisturbed(
            self, lambda: [self.backend.to_host(view).copy() for view in self._weights()]
        )

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all tensors with arrays in the order of :meth:`get_weights`.

        Raises:
            ValueError: another number of arrays, another shape, or a value that is not finite.
        """
        self.build()
        views = self._weights()
        hosts = [backend_of(weight).to_host(weight) for weight in weights]
        arrays = [np.asarray(host, dtype=self.dtype) for host in hosts]
        expected, received = [v.shape for v in views], [a.shape for a in arrays]
        if expected != received:
            raise ValueError(f"expected arrays of shapes {expected}, received {received}")
        for index, array in enumerate(arrays):
            if not np.isfinite(array).all():
                raise ValueError(
                    f"expected finite weights, received NaN or infinity in array {index}"
                )
        with self.traffic.lock, Instead(self):
            for view, array in zip(views, arrays, strict=True):
                view[...] = self.backend.to_device(array)

    def count_params(self) -> int:
        """Number of all parameters, trainable or not."""
        self.build()
        return int(self.parameters.theta.size + self.statistics.theta.size)

    def _weights(self) -> list[Any]:
        return [
            getattr(layer, key)
            for layer in self.layers
            for key in (*layer.tensors, *layer.statistics)
        ]

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

    def _first_computes_on_integers(self) -> bool:
        """True if the layers up to the first that computes take integers unconverted."""
        for layer in self.layers:
            if layer.tensors or not layer.accepts_integers:
                return False
            if layer.computes:
                return True
        return False


@functools.cache
def _note_of_moving() -> None:
    """Warn once: the move works, and takes longer than a step."""
    warnings.warn(
        "a NumPy array was handed to a network on the device and is copied there, as it will be at "
        "each call; copy it once, with minidl.backend.to_device(x)",
        stacklevel=outside(),
    )
