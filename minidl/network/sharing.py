"""Layers in more than one network, and the vector that holds their tensors.

A network has one vector. A layer in several networks still has its tensors in one place, wherever
the vector of one network can be a part of another network's vector:

- The tensors of the new network are, in order, a part of an existing vector: the new network's
  vector is a view of that part. Examples are ``Sequential([model, Softmax()])`` and
  ``Sequential(model.layers[:-1])``.
- The vectors of older networks are, each as a whole, parts of the new vector: the older networks
  move into the new vector. Examples are ``Sequential([base, Dense(1)])`` and an autoencoder made
  of an encoder and a decoder.

In all other cases the new network has copies of the layers, and a warning says so.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from minidl.backend import backend_of
from minidl.backend.sparse import outside
from minidl.layers.base import Layer
from minidl.network.concurrency import Instead

#: All networks that are built.
built: weakref.WeakSet[Any] = weakref.WeakSet()


def join(network: Any) -> None:
    """Give a network its vectors if some of the layers have tensors already.

    Args:
        network: all layers know their shapes.
    """
    others = [other for other in list(built) if other is not network and _common(network, other)]
    with contextlib.ExitStack() as held:
        for other in others:
            held.enter_context(other.traffic.lock)
            if other.traffic.passing is None:
                held.enter_context(Instead(other))  # a step under way is made again
            else:
                other.settle()
        _join(network, others)


def needs_dx(layer: Layer) -> bool:
    """True if a network that is built has tensors before the layer."""
    rows = [network.leaves for network in list(built) if layer in network.leaves]
    return any(each.tensors for row in rows for each in row[: row.index(layer)])


def _join(network: Any, others: list[Any]) -> None:
    if _fits(network) and (found := _vectors(network)) is not None:
        _take(network, *found)
    else:
        apart = _apart(network, others)
        others = [each for each in others if apart.isdisjoint(each.leaves)]
        sources: dict[Layer, Layer] = {}
        if apart:
            sources = _replace(network, apart)
            _warn(network, apart)
        network.make_vectors(_values(network, sources))
        for other in others:
            _move(other)
    _unite([*others, network])


def _take(network: Any, theta: Any, grad: Any, statistics: Any) -> None:
    """Give a network the vectors into which the layers' tensors are views already."""
    parameters = network.parameter_vector("tensors", (theta, grad))
    moving = network.parameter_vector(
        "statistics", (statistics, network.backend.xp.zeros_like(statistics))
    )
    # The earlier network of a layer may go on training, with the same masks as before.
    for index, layer in enumerate(layer for layer in network.leaves if layer.draws):
        if not layer.sealed:
            layer.address(network.seed, index)
    network.adopt(parameters, moving)


def _values(network: Any, sources: Mapping[Layer, Layer]) -> dict[tuple[Layer, str], np.ndarray]:
    """Values of the existing tensors, of the network's layers or of the layers' sources."""
    found = {}
    for layer in network.leaves:
        source = sources.get(layer, layer)
        for key in (*layer.tensors, *layer.statistics) if source.sealed else ():
            view = getattr(source, key)
            found[layer, key] = backend_of(view).to_host(view)
    return found


def _common(network: Any, other: Any) -> bool:
    return not set(network.leaves).isdisjoint(other.leaves)


def _fits(network: Any) -> bool:
    """True if the existing tensors have the network's type and device."""
    for layer in network.leaves:
        for key in (*layer.tensors, *layer.statistics):
            if not layer.sealed:
                return False
            view = getattr(layer, key)
            if view.dtype != network.dtype or not isinstance(view, network.backend.xp.ndarray):
                return False
    return True


def _vectors(network: Any) -> tuple[Any, Any, Any] | None:
    """Parameters, gradients and statistics of sealed layers as views; None if scattered."""
    layers = network.leaves
    parameters = [(layer, key) for layer in layers for key in layer.tensors]
    views = [[getattr(layer, key) for layer, key in parameters]]
    views += [[getattr(layer, f"d{key}") for layer, key in parameters]]
    views += [[getattr(layer, key) for layer in layers for key in layer.statistics]]
    theta, grad, statistics = (_span(each, network) for each in views)
    scattered = theta is None or grad is None or statistics is None
    return None if scattered else (theta, grad, statistics)


def _span(views: Sequence[Any], network: Any) -> Any:
    """One vector with the elements of all views, in order; None where there is none."""
    if not views:
        return network.backend.xp.zeros(0, dtype=network.dtype)
    root = _root(views[0])
    place = first = _address(views[0])
    for view in views:
        if _root(view) is not root or _address(view) != place:
            return None
        place += view.nbytes
    begin = (first - _address(root)) // root.itemsize
    return root[begin : begin + (place - first) // root.itemsize]


def _root(view: Any) -> Any:
    """The array that owns the memory of a view."""
    while hasattr(view.base, "dtype"):
        view = view.base
    return view


def _address(view: Any) -> int:
    on_host = isinstance(view, np.ndarray)
    return int(view.__array_interface__["data"][0] if on_host else view.data.ptr)


def _apart(network: Any, others: Iterable[Any]) -> set[Layer]:
    """The layers that cannot lie in the new vector and in the vectors of the other networks."""
    leaves = network.leaves
    having = [layer for layer in leaves if layer.tensors or layer.statistics]
    apart: set[Layer] = set()
    waiting = list(others)
    for _ in others:  # a network with a copied layer cannot move either
        for other in list(waiting):
            theirs = [layer for layer in other.leaves if layer.tensors or layer.statistics]
            first = having.index(theirs[0]) if theirs and theirs[0] in having else 0
            alike = other.dtype == network.dtype and other.backend is network.backend
            whole = having[first : first + len(theirs)] == theirs
            if not (alike and whole and apart.isdisjoint(theirs)):
                apart |= set(other.leaves) & set(leaves)
                waiting.remove(other)
    return apart


def _replace(network: Any, apart: set[Layer]) -> dict[Layer, Layer]:
    """Replace some layers by new layers; return new layer -> old layer."""
    fresh = {layer: duplicate(layer) for layer in apart}
    network.exchange(fresh)
    for old, new in fresh.items():
        new.needs_dx = old.needs_dx
        new.build(old.input_shape)
    return {new: old for old, new in fresh.items()}


def duplicate(layer: Layer) -> Layer:
    """A new layer of the same arguments."""
    made: Layer = type(layer).from_config(copy.deepcopy(layer.get_config()))
    return made


def _warn(network: Any, apart: set[Layer]) -> None:
    names = ", ".join(
        layer.name for layer in network.leaves if layer.name in {a.name for a in apart}
    )
    warnings.warn(
        f"{network.name} has copies of the layers {names}, with their weights of now: a network's "
        "weights are one vector, and these layers lie in that of another network",
        stacklevel=outside(),
    )


def _move(network: Any) -> None:
    """Let a network's vectors be where the layers' tensors are now."""
    theta = network.theta
    found = _vectors(network)
    assert found is not None
    _take(network, *found)
    optimizer = getattr(network, "optimizer", None)
    if optimizer is not None and optimizer.built and optimizer._theta() is theta:
        optimizer._theta = weakref.ref(network.theta)


def _unite(networks: Sequence[Any]) -> None:
    """Have the passes through networks with common layers wait for each other."""
    kin = {each for network in networks for each in (network, *network.kin)}
    together: weakref.WeakSet[Any] = weakref.WeakSet(kin)
    for network in kin:
        network.kin, network.traffic = together, networks[0].traffic
        network.rows = 0
