"""Students' backwards of layer normalization: for each known mistake one that makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Function = Callable[..., Any]


def over_row(a):
    return np.sum(a, axis=1)[:, None]


def layernorm(
    *,
    mean_path: float = 1.0,
    variance_path: float = 1.0,
    by: Function = lambda x: x.shape[1],
    total: Function = over_row,
    variance: Function = lambda x: x.var(axis=1)[:, None],
    deviation: Function = lambda variance, epsilon: np.sqrt(variance + epsilon),
    hat: Function = lambda centred, deviation, x: centred / deviation,
    spread: Function = lambda hat: hat,
    path_scale: Function = lambda deviation: 1,
    upstream: Function = lambda dy, gamma: dy * gamma,
    late: Function = lambda gamma: 1,
    lead: Function = lambda deviation: deviation,
    dx: Function = lambda dx: dx,
    dgamma: Function = lambda dy, hat, gamma: np.sum(dy * hat, axis=0),
    dbeta: Function = lambda dy, gamma: np.sum(dy, axis=0),
):
    """A layer normalization backward by the chain rule, with one of its steps replaced."""

    def backward(dy, x, gamma, epsilon):
        centred = x - x.mean(axis=1)[:, None]
        sigma = deviation(variance(x), epsilon)
        x_hat = hat(centred, sigma, x)
        g = upstream(dy, gamma)
        through_mean = mean_path * total(g) / by(x)
        through_variance = variance_path * spread(x_hat) * total(g * x_hat) / by(x)
        inner = g - through_mean - through_variance * path_scale(sigma)
        return (
            dx(late(gamma) * inner / lead(sigma)),
            dgamma(dy, x_hat, gamma),
            dbeta(dy, gamma),
        )

    return backward


def of_the_batch(dy, x, gamma, epsilon):
    """Layer normalization's name over batch normalization's backward."""
    sigma = np.sqrt(x.var(axis=0) + epsilon)
    x_hat = (x - x.mean(axis=0)) / sigma
    g = dy * gamma
    dx = (g - g.mean(axis=0) - x_hat * (g * x_hat).mean(axis=0)) / sigma
    return dx, (dy * x_hat).sum(axis=0), dy.sum(axis=0)


LAYERNORM = {
    ("mean path missing", "dx"): layernorm(mean_path=0),
    ("variance path missing", "dx"): layernorm(variance_path=0),
    ("both paths missing", "dx"): layernorm(mean_path=0, variance_path=0),
    ("wrong sign of the paths", "dx"): layernorm(mean_path=-1, variance_path=-1),
    ("wrong sign of the variance path", "dx"): layernorm(variance_path=-1),
    ("exponent -1/2 for -3/2", "dx"): layernorm(path_scale=lambda sigma: sigma**2),
    ("x̂ missing in the variance path", "dx"): layernorm(spread=np.ones_like),
    ("variance path halved", "dx"): layernorm(variance_path=0.5),
    ("variance path doubled", "dx"): layernorm(variance_path=2),
    ("missing 1/units", "dx"): layernorm(by=lambda x: 1),
    ("divided by N", "dx"): layernorm(by=len),
    ("backward of batch normalization", "dx dgamma"): of_the_batch,
    ("sums over the batch in dx", "dx"): layernorm(total=lambda a: sum(a), by=len),
    ("gamma after the sums", "dx"): layernorm(
        upstream=lambda dy, gamma: dy, late=lambda gamma: gamma
    ),
    ("unbiased variance", "dx dgamma"): layernorm(
        variance=lambda x: x.var(axis=1, keepdims=True) * x.shape[1] / np.float64(x.shape[1] - 1)
    ),
    ("square root missing", "dx dgamma"): layernorm(deviation=lambda v, epsilon: v + epsilon),
    ("square root missing", "dx"): layernorm(lead=lambda sigma: sigma**2),
    ("deviation forgotten", "dx"): layernorm(lead=lambda sigma: 1),
    ("epsilon forgotten", "dx dgamma"): layernorm(deviation=lambda v, epsilon: v**0.5),
    ("epsilon outside the root", "dx dgamma"): layernorm(
        deviation=lambda v, epsilon: v**0.5 + epsilon
    ),
    ("x in place of x̂", "dx dgamma"): layernorm(hat=lambda centred, sigma, x: x),
    ("deviation missing in x̂", "dx dgamma"): layernorm(hat=lambda centred, sigma, x: centred),
    ("gamma forgotten", "dx"): layernorm(upstream=lambda dy, gamma: dy),
    ("gamma twice", "dx"): layernorm(upstream=lambda dy, gamma: dy * gamma**2),
    ("x̂ forgotten in dgamma", "dgamma"): layernorm(dgamma=lambda dy, hat, gamma: sum(dy)),
    ("gamma in dgamma", "dgamma"): layernorm(dgamma=lambda dy, hat, gamma: sum(dy * gamma * hat)),
    ("dgamma averaged", "dgamma"): layernorm(dgamma=lambda dy, hat, gamma: (dy * hat).mean(0)),
    ("dgamma not summed", "dgamma"): layernorm(dgamma=lambda dy, hat, gamma: dy * hat),
    ("dgamma summed over the units", "dgamma"): layernorm(
        dgamma=lambda dy, hat, gamma: (hat * dy).sum(-1)
    ),
    ("gamma in dbeta", "dbeta"): layernorm(dbeta=lambda dy, gamma: sum(gamma * dy)),
    ("dbeta averaged", "dbeta"): layernorm(dbeta=lambda dy, gamma: sum(dy) / len(dy)),
    ("dbeta not summed", "dbeta"): layernorm(dbeta=lambda dy, gamma: dy),
    ("dbeta summed over the units", "dbeta"): layernorm(dbeta=lambda dy, gamma: dy.sum(-1)),
    ("wrong sign", "dx"): layernorm(lead=lambda sigma: -sigma),
    ("left out", "dx"): layernorm(dx=np.zeros_like),
    ("wrong sign", "dgamma"): layernorm(dgamma=lambda dy, hat, gamma: -sum(dy * hat)),
    ("left out", "dgamma"): layernorm(dgamma=lambda dy, hat, gamma: 0 * gamma),
    ("axis kept", "dgamma"): layernorm(
        dgamma=lambda dy, hat, gamma: np.sum(dy * hat, 0, keepdims=True)
    ),
    ("wrong sign", "dbeta"): layernorm(dbeta=lambda dy, gamma: sum(-dy)),
    ("left out", "dbeta"): layernorm(dbeta=lambda dy, gamma: np.zeros_like(gamma)),
    ("axis kept", "dbeta"): layernorm(dbeta=lambda dy, gamma: np.sum(dy, 0, keepdims=True)),
}
