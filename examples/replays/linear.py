"""Linear regression with one Dense unit: least squares, Ridge and Lasso.

The penalties count the weights of the measured features, so standardised features would change the
minimum. The step of each weight is scaled instead.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

import minidl
from minidl.kernels.proximal import soft_threshold
from minidl.layers import Dense
from minidl.optimizers import RMSprop
from minidl.regularizers import L1, L2

EPOCHS = 500


def fit_linear(
    x: np.ndarray, y: np.ndarray, l1: float = 0, l2: float = 0
) -> tuple[np.ndarray, float]:
    """Weights w and intercept b of least (1/N) Σ (x w + b - y)² + l1 Σ |w| + l2 Σ w².

    Full-batch gradient descent with momentum through ``fit``; l1 takes proximal steps, so that
    weights become exactly 0. scikit-learn's ``Lasso(alpha)`` is l1 = 2 alpha, its
    ``Ridge(alpha)`` l2 = alpha / N.

    Features are centred, which moves the intercept only. RMSprop divides each step by the root of
    an average of squares; here the average stands still (rho ≈ 1) at the square of each weight's
    curvature. The conditioning becomes that of standardised features, with unchanged weights. Rate
    and momentum are Polyak's optimal values, from the extreme curvatures of the scaled problem. If
    the extremes are less than a factor of 1,000 apart, 500 epochs end at rounding. Polyak, "Some
    methods of speeding up the convergence of iteration methods", 1964.

    Args:
        x: (N, I), linearly independent features, none of them constant.
        y: (N,).
        l1: >= 0.
        l2: >= 0; one of l1 and l2 is 0.

    Returns:
        w, (I,), and b.
    """
    if l1 and l2:
        raise ValueError(f"expected one penalty, received l1 = {l1} and l2 = {l2}")
    mean = x.mean(axis=0)
    centred = x - mean
    hessian = 2 / len(x) * centred.T @ centred + 2 * l2 * np.eye(len(mean))
    curvatures = np.diag(hessian)
    scaled = hessian / np.sqrt(np.outer(curvatures, curvatures))
    roots = np.sqrt(np.append(np.linalg.eigvalsh(scaled), 1))  # the intercept's, scaled too
    low, high = roots.min(), roots.max()

    optimizer = RMSprop(
        learning_rate=4 / (high + low) ** 2,
        momentum=((high - low) / (high + low)) ** 2,
        rho=math.nextafter(1, 0),
    )
    penalty = L1(l1, proximal=True) if l1 else L2(l2) if l2 else None
    layer = Dense(1, kernel_initializer="zeros", kernel_regularizer=penalty)
    model = minidl.Sequential([minidl.Input(shape=mean.shape), layer], dtype="float64")
    model.compile(optimizer, "mean_squared_error")
    optimizer.build(model.theta, model.parameters)
    optimizer.state["v"][:] = model.backend.to_device(np.append(curvatures, 2) ** 2)
    with warnings.catch_warnings():
        # The measured features, unscaled, are intended here.
        warnings.filterwarnings("ignore", message="x: expected features of a size near 1")
        model.fit(centred, y, batch_size=len(x), epochs=EPOCHS, verbose=0)
    weights, bias = model.get_weights()
    return weights[:, 0], float(bias[0] - mean @ weights[:, 0])


def lasso_sweeps(
    x: np.ndarray, y: np.ndarray, alpha: float, sweeps: int
) -> tuple[np.ndarray, float]:
    """Weights and intercept after some sweeps of cyclic coordinate descent, from 0.

    Each step sets one weight to the exact minimum of 1/(2N) Σ (x w + b - y)² + alpha Σ |w| along
    the weight: a soft threshold, as in scikit-learn's ``Lasso(alpha, max_iter=sweeps)``. Friedman,
    Hastie & Tibshirani, "Regularization paths for generalized linear models via coordinate
    descent", J. Stat. Softw. 33 (2010), equation 5.

    Args:
        x: (N, I).
        y: (N,).
        alpha: >= 0.
        sweeps: over all weights.
    """
    mean = x.mean(axis=0)
    centred = x - mean
    steps = len(x) / np.sum(centred**2, axis=0)
    weights, residual = np.zeros(len(mean)), y - y.mean()
    for _ in range(sweeps):
        for j, step in enumerate(steps):
            before = weights[j]
            weights[j] += step * (centred[:, j] @ residual) / len(x)
            soft_threshold(weights[j : j + 1], float(step), alpha, out=weights[j : j + 1])
            residual += centred[:, j] * (before - weights[j])
    return weights, float(y.mean() - mean @ weights)
