"""Students' backwards of batch normalization: for each known mistake one that makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Function = Callable[..., Any]


def batchnorm(
    *,
    mean_path: float = 1.0,
    variance_path: float = 1.0,
    by: Function = len,
    statistics: Function = lambda x, mean, variance: (mean, variance),
    deviation: Function = lambda variance, epsilon: np.sqrt(variance + epsilon),
    lead: Function = lambda deviation: deviation,
    hat: Function = lambda x, mean, deviation: (x - mean) / deviation,
    spread: Function = lambda hat: hat,
    scale: Function = lambda gamma: gamma,
    dx: Function = lambda dx: dx,
    dgamma: Function = lambda dy, hat, gamma: np.sum(dy * hat, axis=0),
    dbeta: Function = lambda dy, gamma: np.sum(dy, axis=0),
):
    """A batch normalization backward by the chain rule, with one of its steps replaced."""

    def backward(dy, x, gamma, mean, variance, epsilon):
        mean, variance = statistics(x, mean, variance)
        sigma = deviation(variance, epsilon)
        x_hat = hat(x, mean, sigma)
        dx_hat = dy * scale(gamma)
        through_mean = mean_path * dx_hat.sum(axis=0) / by(x)
        through_variance = variance_path * spread(x_hat) * (dx_hat * x_hat).sum(axis=0) / by(x)
        return (
            dx((dx_hat - through_mean - through_variance) / lead(sigma)),
            dgamma(dy, x_hat, gamma),
            dbeta(dy, gamma),
        )

    return backward


def inference(dy, x, gamma, epsilon, moving_mean, moving_variance):
    """The backward of inference."""
    sigma = np.sqrt(moving_variance + epsilon)
    x_hat = (x - moving_mean) / sigma
    return dy * gamma / sigma, np.sum(dy * x_hat, axis=0), np.sum(dy, axis=0)


def running(dy, x, gamma, epsilon, moving_mean, moving_variance):
    """The training formula with the running statistics."""
    return batchnorm()(dy, x, gamma, moving_mean, moving_variance, epsilon)


def upon_averaged(dy, x, gamma, mean, variance, epsilon):
    """dbeta is a mean, and dx goes on with it as if it were a sum."""
    sigma = np.sqrt(variance + epsilon)
    x_hat = (x - mean) / sigma
    dgamma, dbeta = np.sum(dy * x_hat, axis=0), np.mean(dy, axis=0)
    return gamma / sigma * (dy - dbeta / len(x) - x_hat * dgamma / len(x)), dgamma, dbeta


def staged(
    *,
    power: float = -1.5,
    sign: float = -1.0,
    mean: Function = lambda dmu: dmu.sum(axis=0),
):
    """The backward by stages: to the deviation, to the variance, to the mean, to x."""

    def backward(dy, x, gamma, epsilon):
        rows = len(x)
        mu = x.mean(axis=0)
        centred = x - mu
        root = np.sqrt((centred**2).mean(axis=0) + epsilon)
        dx_hat = gamma * dy
        dvariance = sign / 2 * root ** (2 * power) * np.sum(dx_hat * centred, axis=0)
        dmu = mean(-dx_hat / root)
        dx = dx_hat / root + dvariance * 2 * centred / rows + dmu / rows
        return dx, np.sum(dy * centred / root, axis=0), dy.sum(axis=0)

    return backward


BATCHNORM = {
    ("wrong sign of the variance path", "dx"): staged(sign=1),
    ("exponent -1/2 for -3/2", "dx"): staged(power=-0.5),
    ("mean's gradient summed over everything", "dx"): staged(mean=np.sum),
    ("mean path missing", "dx"): batchnorm(mean_path=0),
    ("variance path missing", "dx"): batchnorm(variance_path=0),
    ("both paths missing", "dx"): batchnorm(mean_path=0, variance_path=0),
    ("wrong sign of the paths", "dx"): batchnorm(mean_path=-1, variance_path=-1),
    ("x̂ missing in the variance path", "dx"): batchnorm(spread=np.ones_like),
    ("variance path halved", "dx"): batchnorm(variance_path=0.5),
    ("variance path doubled", "dx"): batchnorm(variance_path=2),
    ("missing 1/N", "dx"): batchnorm(by=lambda x: 1),
    ("1/N twice", "dx"): batchnorm(by=lambda x: len(x) ** 2),
    ("N - 1 in place of N", "dx"): batchnorm(by=lambda x: len(x) - 1),
    ("unbiased variance", "dx dgamma"): batchnorm(
        statistics=lambda x, mean, variance: (mean, np.sum((x - mean) ** 2, 0) / (len(x) - 1))
    ),
    ("square root missing", "dx dgamma"): batchnorm(deviation=lambda v, epsilon: v + epsilon),
    ("square root missing", "dx"): batchnorm(lead=lambda deviation: deviation**2),
    ("deviation forgotten", "dx"): batchnorm(lead=lambda deviation: 1),
    ("epsilon forgotten", "dx dgamma"): batchnorm(deviation=lambda v, epsilon: v**0.5),
    ("epsilon outside the root", "dx dgamma"): batchnorm(
        deviation=lambda v, epsilon: v**0.5 + epsilon
    ),
    ("mean not subtracted", "dx dgamma"): batchnorm(hat=lambda x, mean, deviation: x / deviation),
    ("x in place of x̂", "dx dgamma"): batchnorm(hat=lambda x, mean, deviation: x),
    ("deviation missing in x̂", "dx dgamma"): batchnorm(hat=lambda x, mean, deviation: x - mean),
    ("inference statistics", "dx dgamma"): inference,
    ("running statistics in the training formula", "dx dgamma"): running,
    ("gamma forgotten", "dx"): batchnorm(scale=lambda gamma: 1),
    ("gamma twice", "dx"): batchnorm(scale=lambda gamma: gamma**2),
    ("x̂ forgotten in dgamma", "dgamma"): batchnorm(dgamma=lambda dy, hat, gamma: sum(dy)),
    ("gamma in dgamma", "dgamma"): batchnorm(dgamma=lambda dy, hat, gamma: sum(dy * gamma * hat)),
    ("dgamma averaged", "dgamma"): batchnorm(dgamma=lambda dy, hat, gamma: (dy * hat).mean(0)),
    ("dgamma not summed", "dgamma"): batchnorm(dgamma=lambda dy, hat, gamma: dy * hat),
    ("gamma in dbeta", "dbeta"): batchnorm(dbeta=lambda dy, gamma: sum(gamma * dy)),
    ("dbeta averaged", "dbeta"): batchnorm(dbeta=lambda dy, gamma: sum(dy) / len(dy)),
    ("dbeta averaged", "dx dbeta"): upon_averaged,
    ("dbeta not summed", "dbeta"): batchnorm(dbeta=lambda dy, gamma: dy),
    ("wrong sign", "dx"): batchnorm(lead=lambda deviation: -deviation),
    ("left out", "dx"): batchnorm(dx=np.zeros_like),
    ("wrong sign", "dgamma"): batchnorm(dgamma=lambda dy, hat, gamma: -sum(dy * hat)),
    ("left out", "dgamma"): batchnorm(dgamma=lambda dy, hat, gamma: 0 * gamma),
    ("axis kept", "dgamma"): batchnorm(
        dgamma=lambda dy, hat, gamma: np.sum(dy * hat, 0, keepdims=True)
    ),
    ("wrong sign", "dbeta"): batchnorm(dbeta=lambda dy, gamma: sum(-dy)),
    ("left out", "dbeta"): batchnorm(dbeta=lambda dy, gamma: np.zeros_like(gamma)),
    ("axis kept", "dbeta"): batchnorm(dbeta=lambda dy, gamma: np.sum(dy, 0, keepdims=True)),
}
