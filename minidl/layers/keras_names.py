"""Names that Keras has for the parts of a layer. No formula is here."""

from __future__ import annotations

import functools
import math
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from minidl import checks
from minidl.backend import backend_of, floatx
from minidl.backend.array import Number, Weight
from minidl.layers.arguments import fix, of_tensors
from minidl.names.configuration import Configured, arguments_of
from minidl.names.user_classes import constructed
from minidl.parameters import Specification


class Above:
    """Functions of :mod:`minidl.model.functional`: that module knows networks, and sets them."""

    call: Any
    place: Any
    build: Any


above = Above()


class Answer:
    """A property that an object may replace with an attribute of its own.

    Args:
        find: called with the object.
    """

    def __init__(self, find: Callable[[Any], Any]) -> None:
        self._find = find
        self.__doc__ = find.__doc__

    def __get__(self, thing: Any, kind: Any = None) -> Any:
        return self if thing is None else self._find(thing)


def _with_batch_axis(build: Callable[..., Any]) -> Callable[..., Any]:
    """A ``build`` that takes (None, ...), too, for a network around the layer alone."""

    @functools.wraps(build)
    def either(layer: Any, input_shape: Any) -> Any:
        shape = tuple(input_shape) if isinstance(input_shape, list | tuple) else ()
        if shape[:1] == (None,):
            return above.build(layer, shape[1:])
        return build(layer, input_shape)

    return either


class KerasNames(Configured):
    """The interface of a layer in Keras: weights by name, counts, the switch ``trainable``.

    Attributes:
        trainable: whether training moves the layer's tensors; acts from the next step. The
            penalties on the tensors of a layer that does not train count for nothing. A
            BatchNormalization that does not train uses the running statistics unchanged.
    """

    trainable: Any = checks.Attribute(of_tensors)
    name: Any
    declared_shape: Any
    sealed: bool
    tensors: dict[str, Specification]
    statistics: dict[str, Specification]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        fix(cls)
        if "build" in vars(cls):
            cls.build = _with_batch_axis(vars(cls)["build"])  # type: ignore[attr-defined]

    def __call__(self, inputs: Any, training: bool | None = None) -> Any:
        """The layer's output for rows, or for Input; see :mod:`minidl.model.functional`."""
        return above.call(self, inputs, training)

    @property
    def owner(self) -> Any:
        """The network that the layer is in, or None: a layer does not keep a network alive."""
        constructed(self)
        return self._owner and self._owner()

    @owner.setter
    def owner(self, network: Any) -> None:
        self._owner = None if network is None else weakref.ref(network)

    def _network(self) -> Any:
        """The layer's network, built if the shape of its rows is known; or None.

        A layer that was built or called by itself has a network around it alone.
        """
        owner = self.owner or vars(self).get("_network_around")
        if not (owner is None or owner.built or owner.input_row is None or owner.asked is self):
            owner.build()
        return owner

    @property
    def built(self) -> bool:
        """True if the layer has its tensors."""
        self._network()
        return self.sealed

    @Answer
    def dtype(self) -> str:
        """Name of the type of the numbers."""
        owner = self.owner
        return floatx() if owner is None else str(owner.dtype.name)

    def _weights(self, wanted: Mapping[str, Specification], trainable: bool) -> list[Any]:
        self._network()
        if not self.sealed:
            return []
        return [self._weight(key, tensor, trainable) for key, tensor in wanted.items()]

    def _weight(self, key: str, tensor: Specification, trainable: bool) -> Any:
        view = getattr(self, key)
        weight = Weight.of(view, tensor.name, f"{self.name}/{tensor.name}", trainable)
        if weight is not view:
            weight.regularizer, weight.constraint = tensor.regularizer, tensor.constraint
        return weight

    @property
    def weights(self) -> list[Any]:
        """Views of all tensors, statistics last; [] before build."""
        found = self._weights(self.tensors, self.trainable)
        return found + self._weights(self.statistics, False)

    @property
    def trainable_weights(self) -> list[Any]:
        """Views of the tensors that training moves; [] where ``trainable`` is False."""
        return self._weights(self.tensors, True) if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        """Views of the other tensors."""
        moved = [] if self.trainable else self._weights(self.tensors, False)
        return moved + self._weights(self.statistics, False)

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    @property
    def kernel(self) -> Any:
        """View of the tensor "kernel", W.

        Raises:
            AttributeError: the layer has none, or is not built.
        """
        return self._named("kernel")

    @property
    def bias(self) -> Any:
        """View of the tensor "bias", b; None where ``use_bias`` is False.

        Raises:
            AttributeError: the layer has none, or is not built.
        """
        return None if vars(self).get("use_bias") is False else self._named("bias")

    def _named(self, name: str) -> Any:
        known = self.weights
        for weight, tensor in zip(known, self.tensors.values(), strict=False):
            if tensor.name == name:
                return weight
        state = "" if self.sealed else ": it is not built yet"
        raise AttributeError(f"{self!r} has no tensor {name!r}{state}")

    @property
    def input(self) -> Any:
        """The input in the row of the layer's network, for ``Model(inputs, outputs)``."""
        return above.place(self, 0)

    @property
    def output(self) -> Any:
        """The output in the row of the layer's network, for ``Model(inputs, outputs)``."""
        return above.place(self, 1)

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all tensors, in the order of :attr:`weights`."""
        network = self._network()
        if network is not None and network.built:
            found: list[np.ndarray] = network.weights_of([self])
            return found
        return [np.array(backend_of(view).to_host(view)) for view in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all tensors with arrays in the order of :attr:`weights`.

        Raises:
            ValueError: the layer is in no network that is built, another number of arrays,
                another shape, or a value that is not finite.
        """
        network = self._network()
        if network is None or not network.built:
            raise ValueError(f"{self.name}: expected a layer of a built network")
        network.set_weights_of([self], weights)

    @property
    def losses(self) -> list[Any]:
        """The penalties on the layer's tensors, as numbers; [] before build.

        After a pass that of the outputs, too, Σ P(y) / N.
        """
        self._network()
        penalised = self.tensors.items() if self.sealed else ()
        found = [
            Number(tensor.regularizer(getattr(self, key)))
            for key, tensor in penalised
            if tensor.regularizer is not None
        ]
        outputs, penalty = vars(self).get("y"), vars(self).get("activity_regularizer")
        if outputs is not None and penalty is not None:
            found.append(Number(penalty(outputs) / len(outputs)))
        return found

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Shape of the outputs for inputs of a shape, (None, ...) or (N, ...).

        Raises:
            ValueError: the layer does not take such rows.
        """
        made = type(self).from_config(self.get_config())
        made.build(tuple(input_shape)[1:])
        return (input_shape[0], *made.output_shape)

    def add_loss(self, *_: Any, **__: Any) -> NoReturn:
        """Raise, because no gradient is derived of a number.

        Raises:
            NotImplementedError: always; the message says what to write.
        """
        raise NotImplementedError(
            f"{self.name}: add_loss has no gradient here; expected activity_regularizer=... for a "
            "penalty on outputs, kernel_regularizer=... for one on weights, each a class that "
            "derives from Regularizer, or a loss in compile"
        )

    def add_weight(self, *_: Any, **__: Any) -> NoReturn:
        """Raise, because a tensor is asked for within ``build``.

        Raises:
            NotImplementedError: always; the message says what to write.
        """
        raise NotImplementedError(
            f"{self.name}: expected self.add_tensor(attribute, name, shape, initializer) within "
            "build, whose gradient backward fills, in the place of add_weight"
        )

    def count_params(self) -> int:
        """Number of all parameters, trainable or not.

        Raises:
            ValueError: the layer is not built.
        """
        self._network()
        if not self.sealed:
            raise ValueError(f"{self.name}: expected a built layer; its shape is not known yet")
        wanted = (*self.tensors.values(), *self.statistics.values())
        return sum(math.prod(tensor.shape) for tensor in wanted)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal layer."""
        config = {"name": self.name, **super().get_config()}
        if "input_shape" in config:  # which is that of the built layer
            shape = self.declared_shape
            config["input_shape"] = None if shape is None else list(shape)
            config.pop("input_dim", None)
        return config if self.trainable else {**config, "trainable": False}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """A new layer of the arguments that ``get_config`` gave.

        ``trainable`` is set afterwards, and so is the name if the constructor takes none.
        """
        arguments = dict(config)
        later = {"trainable": arguments.pop("trainable", True)}
        if "name" in arguments and "name" not in arguments_of(cls):
            later["name"] = arguments.pop("name")
        layer = cls(**arguments)
        for name, value in later.items():
            setattr(layer, name, value)
        return layer
