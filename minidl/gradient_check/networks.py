"""Check of a whole network: parameters, penalties and input, in both modes."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import losses
from minidl.backend import backend_of, is_sparse
from minidl.data import checking
from minidl.gradient_check.errors import GradientDtypeError
from minidl.gradient_check.passes import INPUT, LossHead, Pass
from minidl.gradient_check.report import Result
from minidl.network import Network
from minidl.training.objective import Objective


def check_network(
    network: Network,
    x: Any,
    y: Any,
    loss: Any = None,
    sample_weight: Any = None,
    training: bool | None = None,
    step: int = 0,
    seed: int = 0,
) -> Result:
    """Check the gradients of a training step: of every parameter, penalties included, and of x.

    The function is the loss with all penalties at the network's current parameters, computed as in
    ``fit``: from the logits if the loss can skip the last activation. All passes use the dropout
    masks of one step. The network is unchanged afterwards.

    Args:
        network: a network of dtype float64.
        x: (N, *input_shape), floats; or a CSR matrix, for which dx is not checked.
        y: targets in the loss's form.
        loss: an object or a name; default the network's compiled loss.
        sample_weight: (N,), or None for weight 1 in each row.
        training: True or False for one mode; default both.
        step: step of the dropout masks.
        seed: seed of the random directions.

    Raises:
        GradientError: a gradient is wrong; the message names the entries.
        KinkError: the point lies at a kink; the message names layer, row and unit.
        GradientDtypeError, GradientShapeError, InPlaceError, NonScalarLossError,
            NondeterministicError, NotFiniteError: there is no gradient to check.
        ValueError, TypeError: no loss, or data that do not fit the loss or the network.
    """
    if network.dtype != np.float64:
        raise GradientDtypeError(
            f"{network.name}: expected a network of dtype float64, received {network.dtype}; make "
            'it with dtype="float64", or after minidl.set_floatx("float64")'
        )
    loss = getattr(network, "_loss", None) if loss is None else loss
    if loss is None:
        raise TypeError(
            f"{network.name}: expected a loss, by the argument loss or by compile, received none"
        )
    loss = losses.get(loss)
    if not is_sparse(x):
        x = _floats(network, x)
    network.build(tuple(x.shape[1:]))
    x = checking.features(x, network.input_row, network.dtype)
    rows = int(x.shape[0])
    y = checking.targets(y, loss, network.output_row, rows, network.dtype)
    weight = checking.sample_weights(sample_weight, rows)
    objective = Objective(network, loss, (), rows)
    point = Pass(network, LossHead(objective.loss, y, weight), x, step, objective.loss.joined)
    return point.check(network.name, training, seed)


def _floats(network: Network, x: Any) -> np.ndarray:
    rows = np.asarray(backend_of(x).to_host(x))
    if rows.dtype.kind != "f":
        raise GradientDtypeError(
            f"{network.name}: {INPUT}: expected float64, received {rows.dtype}; pass "
            'x.astype("float64")'
        )
    return rows.astype(np.float64)
