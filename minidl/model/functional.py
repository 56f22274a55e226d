"""Layers and models called: on arrays, and in a row that ends in ``Model(inputs, outputs)``.

::

    inputs = minidl.Input(shape=(4,))
    x = minidl.layers.Dense(8, activation="relu")(inputs)
    outputs = minidl.layers.Dense(3, activation="softmax")(x)
    model = minidl.Model(inputs, outputs)

A network is layers in a row: several inputs or outputs, branches and merges are refused.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from minidl import checks
from minidl.backend import is_sparse, to_host
from minidl.backend.array import Array
from minidl.layers import Input, keras_names
from minidl.layers.base import Layer
from minidl.layers.own_call import passes
from minidl.network import Network
from minidl.network.concurrency import undisturbed
from minidl.network.stack import Stack

ROW = "a network is layers in a row"


class Symbol:
    """The output of a row of layers, before there are any numbers.

    Attributes:
        layers: the row; the first is an Input.
        shape: (None, …), None for a batch of any size.
    """

    def __init__(self, layers: tuple[Any, ...], shape: tuple[int, ...]) -> None:
        self.layers, self.shape = layers, (None, *shape)

    @property
    def name(self) -> str:
        """Name of the last layer."""
        return str(self.layers[-1].name)

    def __repr__(self) -> str:
        return f"<output of {self.name}, shape {self.shape}>"

    def _merge(self, *_: Any) -> NoReturn:
        raise TypeError(
            f"expected a layer called on {self!r}, received arithmetic with it: {ROW}, and what "
            "is computed between layers needs a layer of its own"
        )

    __array_ufunc__ = None
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _merge
    __truediv__ = __rtruediv__ = __matmul__ = __rmatmul__ = __neg__ = __getitem__ = _merge


def call(thing: Any, x: Any, training: bool | None = None) -> Any:
    """The result of a layer or a model: a :class:`Symbol` for a symbol, numbers for rows.

    Args:
        thing: a layer or a model. A layer in no network is built for the rows, by itself.
        x: Input, or the output of a layer that was called; or rows, (N, ...).
        training: whether layers behave as in training; default False.

    Returns:
        A new array of the type of the network; of NumPy with the method ``numpy()``, or on the
        device.

    Raises:
        TypeError, ValueError: several inputs, or rows that do not fit.
    """
    if isinstance(x, list | tuple | dict) and any(map(_is_symbol, _values(x))):
        raise TypeError(
            f"{thing.name}: expected one input, received {len(x)}: {ROW}, without merges"
        )
    if isinstance(x, Symbol | Input):
        if training is not None:
            raise TypeError(
                f"{thing.name}: expected training=... in a call on rows; fit and predict choose it"
            )
        return _after(symbol(x), thing)
    x = checks.numeric(thing.name, x) if is_sparse(x) else checks.array(thing.name, x)
    if isinstance(thing, Stack):
        return _through(thing, x, bool(training))
    return _through_layer(thing, x, bool(training))


def _is_symbol(value: Any) -> bool:
    return isinstance(value, Symbol | Input)


def _values(values: Any) -> Any:
    return values.values() if isinstance(values, dict) else values


def symbol(x: Any) -> Symbol:
    """The symbol of an Input, or the symbol itself."""
    return Symbol((x,), x.declared_shape) if isinstance(x, Input) else x


def _after(before: Symbol, thing: Any) -> Symbol:
    """The output of a layer, or of a model, after a row of layers."""
    row = before.shape[1:]
    if isinstance(thing, Stack):
        thing.build(row)
    elif not thing.sealed:
        if thing.declared_shape not in (None, row):
            raise ValueError(
                f"{thing.name}: expected input_shape {row}, received {thing.declared_shape}"
            )
        thing.build(row)
    elif thing.input_shape != row:
        raise ValueError(
            f"{thing.name}: expected rows of shape {thing.input_shape}, for which it is built, "
            f"received {row}"
        )
    return Symbol((*before.layers, thing), _after_row(thing))


def _after_row(thing: Any) -> tuple[int, ...]:
    """Shape of a row of outputs, of a layer or of a network."""
    found: tuple[int, ...] = thing.output_row if isinstance(thing, Stack) else thing.output_shape
    return found


def _through(network: Any, x: Any, training: bool) -> Any:
    """The outputs of a network, in a new array."""
    step = next(passes) if training else None
    x = x if is_sparse(x) else network.backend.to_device(x)

    def look() -> Any:
        network.traffic.expected = True
        with np.errstate(under="ignore"):
            y = network.forward(x, training=training, step=step).copy()
        network.traffic.awaits_backward = False
        return y

    return _shown(undisturbed(network, look))


def _through_layer(layer: Layer, x: Any, training: bool) -> Any:
    """The outputs of one layer of a network, or of a layer in none."""
    network = layer._network()
    if network is None or not network.built:
        return _through(build(layer, tuple(x.shape[1:])), x, training)
    if tuple(x.shape[1:]) != layer.input_shape:
        raise ValueError(
            f"{layer.name}: expected rows of shape {layer.input_shape}, received "
            f"{tuple(x.shape[1:])}"
        )
    if is_sparse(x):
        raise TypeError(
            f"{layer.name}: expected an array, received a sparse matrix; call the model with the "
            "matrix, or the layer with x.toarray()"
        )
    rows = network.backend.to_device(x).astype(network.dtype)
    step = next(passes) if training else 0

    def look() -> Any:
        for each in network.kin:
            each.passes += 1
        network.bind(len(rows))
        with np.errstate(under="ignore"):
            return layer.forward(rows, training, step).copy()

    return _shown(undisturbed(network, look))


def build(layer: Layer, shape: tuple[int, ...]) -> Network:
    """The network around a layer alone, built for rows of a shape.

    Raises:
        ValueError: the layer does not take rows of this shape, or is built for another shape.
    """
    alone: Network | None = vars(layer).get("_network_around")
    if alone is None:
        alone = layer._network_around = Network([layer])
        layer.owner = None  # another network may become the owner
    built = alone.built
    alone.build((None, *shape))
    if not built:
        layer.needs_dx = True  # for layer.backward; a network that begins with the layer needs none
    return alone


def _shown(y: Any) -> Any:
    return y.view(Array) if isinstance(y, np.ndarray) else y


def chain(inputs: Any, outputs: Any) -> list[Any]:
    """Input and layers of the row from ``inputs`` to ``outputs``.

    Raises:
        TypeError, ValueError: several inputs or outputs, or no row between the two.
    """
    first, last = (_one(name, each) for name, each in (("inputs", inputs), ("outputs", outputs)))
    count = len(first.layers)
    if len(last.layers) <= count or any(
        a is not b for a, b in zip(first.layers, last.layers, strict=False)
    ):
        raise ValueError(
            f"Model: expected a row of layers from {first!r} to {last!r}, received none"
        )
    row = last.layers[count:]
    if len({id(layer) for layer in row}) < len(row):
        names = [layer.name for layer in row]
        raise ValueError(f"Model: expected each layer once in the row, received {names}")
    begin = first.layers[0] if count == 1 else Input(first.shape[1:])
    return [begin, *row]


def _one(what: str, value: Any) -> Symbol:
    if isinstance(value, list | tuple | dict):
        values = list(_values(value))
        if len(values) != 1:
            raise ValueError(f"Model: expected one of {what}, received {len(values)}: {ROW}")
        (value,) = values
    if not _is_symbol(value):
        raise TypeError(
            f"Model: {what}: expected an Input or the output of a layer called on one, received "
            f"{to_host(value) if hasattr(value, 'dtype') else value!r}"
        )
    return symbol(value)


def place(layer: Layer, more: int) -> Symbol:
    """The input of a layer in the row of its network; with ``more`` of 1 the output.

    Raises:
        AttributeError: the layer is in no built network.
    """
    network = layer._network()
    if network is None or not network.built or layer not in network.entries:
        raise AttributeError(f"{layer!r} has neither input nor output: it is in no built network")
    entries = network.entries[: network.entries.index(layer) + more]
    shape = _after_row(entries[-1]) if entries else network.input_row
    return Symbol((source(network), *entries), shape)


# Layers call these functions, and stand on a lower floor, which imports nothing from here.
keras_names.above.call, keras_names.above.place, keras_names.above.build = call, place, build


def source(network: Any) -> Input:
    """The Input of a built network; made at the first need if there was none."""
    if network.source is None:
        network.source = Input(network.input_row)
    found: Input = network.source
    return found
