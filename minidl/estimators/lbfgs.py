"""Training of a network by L-BFGS: SciPy moves the parameters; each pass takes all rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from minidl.estimators.base import Rows
from minidl.model import arguments
from minidl.model.evaluation import ignoring_underflow
from minidl.model.sequential import Sequential
from minidl.network.concurrency import Instead
from minidl.step import train_step
from minidl.training.whole_step import WholeStep


class _Still:
    """A placeholder for an optimizer, because SciPy moves the parameters."""

    def update(self, theta: Any, grad: Any) -> None:
        """Leave ``theta`` unchanged."""


def lbfgs(
    network: Sequential,
    rows: Rows,
    tol: float,
    max_iter: int,
    max_fun: int,
    told: Callable[[int, float], None],
) -> OptimizeResult:
    """Minimize the loss and the penalties over all rows together.

        theta ← argmin loss(theta) + penalties(theta)

    Liu & Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical
    Programming 45 (1989), in SciPy's form L-BFGS-B.

    Args:
        network: a compiled network.
        rows: rows to train on.
        tol: training ends when no entry of the gradient is larger.
        max_iter: the largest number of iterations.
        max_fun: the largest number of passes through the network.
        told: called after each iteration with the iteration's number, from 1, and the loss.
    """
    x, y, weight = arguments.rows(network, *rows)
    with network.backend.here:
        x, y, weight = network._placed(x, y, weight)
        loss = network._loss.joined_to(network)
        still = _Still()
        found: list[Any] = []

        def look(x: Any, y: Any, weight: Any) -> None:
            found[:] = train_step(network, loss, still, x, y, weight)[:2]

        step = WholeStep(look, network, [loss], [(still, "update")])
        step.expect(max_fun)

    theta, grad, backend = network.theta, network.grad, network.backend

    def value_and_gradient(moved: np.ndarray) -> tuple[float, np.ndarray]:
        with network.traffic.lock:
            step.settle()
            theta[...] = backend.to_device(moved.astype(network.dtype))
        step(x, y, weight)
        step.settle()
        return float(found[0]) + float(found[1]), backend.to_host(grad).astype(np.float64)

    done = 0

    def tell(intermediate_result: OptimizeResult) -> None:
        nonlocal done
        done += 1
        told(done, float(intermediate_result.fun))

    with Instead(network), backend.here, ignoring_underflow():
        start = backend.to_host(theta).astype(np.float64)
        try:
            result = minimize(
                value_and_gradient, start, method="L-BFGS-B", jac=True, callback=tell,
                options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
            )  # fmt: skip
        finally:
            step.leave()
        theta[...] = backend.to_device(result.x.astype(network.dtype))
    network.show_outputs()
    return result
