"""The state of an optimizer in Keras's order.

Keras lists the count of batches; then a constant learning rate; then the tensors of each group of
slots: tensor by tensor, the slots of the group side by side. For Nadam the product of the momenta
comes last.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minidl.optimizers import Nadam, Optimizer
from minidl.parameters import Parameter

#: Class -> groups of slots. Slots that the optimizer's arguments do not ask for are left out.
GROUPS: dict[str, list[list[str]]] = {
    "SGD": [["velocity"]],
    "RMSprop": [["v"], ["velocity"], ["m"]],
    "Adam": [["m", "v"], ["v_max"]],
    "AdamW": [["m", "v"], ["v_max"]],
    "Nadam": [["m", "v"]],
    "Adagrad": [["accumulator"]],
    "Adamax": [["m", "u"]],
    "Adadelta": [["v", "d"]],
    "Lion": [["m"]],
    "Ftrl": [["accumulator", "z"]],
}
_COMMON = [["moving_average"], ["gradient_sum"]]
PLACE = "optimizer/vars"
# A float holds every count of steps below this bound exactly.
_STEPS = 1 << 53


def state(model: Any) -> dict[str, np.ndarray]:
    """Copies of the optimizer's state, by places in the file; the optimizer is built if needed.

    Args:
        model: a compiled and built model with an optimizer of :data:`GROUPS`.
    """
    optimizer = model.optimizer
    optimizer.build(model.theta, model.parameters)
    found = [np.array(optimizer.batches, np.int64)]
    if not callable(optimizer.learning_rate):
        found.append(np.array(float(optimizer.learning_rate), model.dtype))
    trained = [tensor for tensor in model.parameters if tensor.trainable]
    for slot, tensor in _order(optimizer, trained):
        values = optimizer.state[slot][tensor.slice].reshape(tensor.shape)
        found.append(np.array(model.backend.to_host(values)))
    if isinstance(optimizer, Nadam):
        found.append(np.array(optimizer.momentum_product(int(optimizer.iterations)), model.dtype))
    return {f"{PLACE}/{index}": values for index, values in enumerate(found)}


def fill(model: Any, found: Mapping[str, np.ndarray]) -> None:
    """Put a file's state into the optimizer of a new model; warn if the state does not fit.

    Args:
        model: a compiled and built model.
        found: the arrays of the file, by places.

    Raises:
        ValueError: the count of batches or the learning rate is out of range.
    """
    optimizer = model.optimizer
    values = [found[f"{PLACE}/{i}"] for i in range(len(found)) if f"{PLACE}/{i}" in found]
    rated = not callable(optimizer.learning_rate)
    head, tail = 1 + rated, int(isinstance(optimizer, Nadam))
    if len(values) < head or any(each.shape for each in values[:head]):
        if values:
            _warn(optimizer)
        return
    batches = int(values[0])
    if not 0 <= batches < _STEPS:
        raise ValueError(f"expected a count of batches below 2**53, received {batches}")
    everything = list(model.parameters)
    # An optimizer that was built before layers were frozen has the state of all tensors.
    for tensors in ([each for each in everything if each.trainable], everything):
        order = list(_order(optimizer, tensors))
        expected = [tensor.shape for _, tensor in order] + [()] * tail
        if [each.shape for each in values[head:]] == expected:
            break
    else:
        if len(values) > head or batches:
            _warn(optimizer)
        return
    with model.backend.here:
        optimizer.build(model.theta, model.parameters)
        for (slot, tensor), array in zip(order, values[head:], strict=False):
            view = optimizer.state[slot][tensor.slice].reshape(tensor.shape)
            view[...] = model.backend.to_device(array.astype(model.dtype))
    optimizer.batches = model.step = batches
    # The number in the configuration has more digits than a float32.
    if rated and values[1] != np.asarray(optimizer.learning_rate, values[1].dtype):
        optimizer.learning_rate = float(values[1])


def _order(optimizer: Optimizer, tensors: Sequence[Parameter]) -> Iterator[tuple[str, Parameter]]:
    """Slot and tensor of each array of the state."""
    slots = optimizer.all_slots
    for group in (*_COMMON, *GROUPS[type(optimizer).__name__]):
        for tensor in tensors:
            yield from ((slot, tensor) for slot in group if slot in slots)


def _warn(optimizer: Optimizer) -> None:
    warnings.warn(
        f"the file's optimizer state is of other tensors than {optimizer.name} has: the optimizer "
        "begins anew",
        stacklevel=5,
    )
