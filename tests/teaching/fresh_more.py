"""Forty further wrong backwards, written after the first forty had been learned from.

``python -m tests.teaching.fresh`` counts them beside the first ones; the rules are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Row = tuple[str, str, dict[str, str], Callable[..., Any]]


def dense(dx=None, dW=None, db=None):
    def backward(dy, x, W):
        return (
            dx(dy, x, W) if dx else dy @ W.T,
            dW(dy, x, W) if dW else x.T @ dy,
            db(dy, x, W) if db else dy.sum(axis=0),
        )

    return backward


def last_of_a_loop(dy, x, W):
    dW = np.zeros(W.shape)
    for n in range(len(x)):
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                dW[i, j] = x[n, i] * dy[n, j]
    return dW


def norm(
    dgamma=lambda dy, h: (dy * h).sum(0),
    dbeta=lambda dy: dy.sum(0),
    power=-1.5,
    half=0.5,
    two=2.0,
    mean_path=1.0,
    root=lambda v: v**0.5,
    statistics=lambda x: (x.mean(0), x.var(0)),
):
    def backward(dy, x, gamma, epsilon):
        mu, var = statistics(x)
        sigma = root(var + epsilon)
        h = (x - mu) / sigma
        dh = dy * gamma
        dvar = -half * np.sum(dh * (x - mu), axis=0) * (var + epsilon) ** power
        dmu = -mean_path * np.sum(dh / sigma, axis=0)
        dx = dh / sigma + dvar * two * (x - mu) / len(x) + dmu / len(x)
        return dx, dgamma(dy, h), dbeta(dy)

    return backward


def layer(dx):
    def backward(dy, x, gamma, epsilon):
        sigma = np.sqrt(x.var(1, keepdims=True) + epsilon)
        h = (x - x.mean(1, keepdims=True)) / sigma
        return dx(dy, h, gamma, sigma), (dy * h).sum(0), dy.sum(0)

    return backward


def slope_twice(dy, y, negative_slope):
    dx = dy.copy()
    dx[y < 0] *= negative_slope
    dx[y < 0] *= negative_slope
    return dx


def squash(z):
    return 1 / (1 + np.exp(-z))


def adam(theta, grad, m, v, step, learning_rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * grad
    v = beta_2 * v + (1 - beta_2) * grad**2
    m_hat, v_hat = m / (1 - beta_1 * step), v / (1 - beta_2 * step)
    return theta - learning_rate * m_hat / (np.sqrt(np.abs(v_hat)) + epsilon), m, v


def uncorrected(theta, grad, m, v, step, learning_rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * grad
    v = beta_2 * v + (1 - beta_2) * grad**2
    return theta - learning_rate * m / (np.sqrt(v) + epsilon), m, v


def gathered(theta, grad, velocity, learning_rate, beta):
    velocity = beta * velocity + grad
    return theta - learning_rate * velocity, velocity


ROWS: list[Row] = [
    ("dense", "assigns in a triple loop", {"dW": "last row"}, dense(dW=last_of_a_loop)),
    ("dense", "sums the bias along the row", {"db": "units|axis"},
     dense(db=lambda dy, x, W: dy.sum(axis=1))),
    ("dense", "averages the bias over everything", {"db": "averag|everything"},
     dense(db=lambda dy, x, W: dy.mean())),
    ("dense", "multiplies dx with x", {"dx": "x"}, dense(dx=lambda dy, x, W: dy @ W.T * x)),
    ("relu", "multiplies with the output", {"dx": "activation"}, lambda dy, y: y * dy),
    ("relu", "leaves a small slope", {"dx": "slope"},
     lambda dy, y: np.where(y > 0, dy, 0.01 * dy)),
    ("relu", "lets positive gradients pass only", {"dx": "dy|gradient"},
     lambda dy, y: np.maximum(dy, 0) * (y > 0)),
    ("leaky_relu", "exchanges the sides", {"dx": "wrong side"},
     lambda dy, y, negative_slope: dy * np.where(y > 0, negative_slope, 1)),
    ("leaky_relu", "multiplies the slope in twice", {"dx": "twice"}, slope_twice),
    ("sigmoid", "forgets dy", {"dx": "upstream"}, lambda dy, y: y * (1 - y)),
    ("sigmoid", "forgets the square of the quotient rule", {"dx": "factor y missing"},
     lambda dy, x: dy * np.exp(-x) / (1 + np.exp(-x))),
    ("sigmoid", "keeps the minus of exp(-x)", {"dx": "sign"},
     lambda dy, x: -dy * np.exp(-x) * squash(x) ** 2),
    ("tanh", "forgets the square", {"dx": "square"}, lambda dy, x: dy * (1 - np.tanh(x))),
    ("tanh", "multiplies with the output, too", {"dx": "activation|output"},
     lambda dy, y: dy * y * (1 - y**2)),
    ("tanh", "applies tanh to the output", {"dx": "output"},
     lambda dy, y: dy * (1 - np.tanh(y) ** 2)),
    ("softmax", "treats it as a sigmoid", {"dx": "diagonal"}, lambda dy, y: dy * y * (1 - y)),
    ("softmax", "takes the logarithm's backward", {"dx": "log"},
     lambda dy, y: dy - y * dy.sum(axis=1, keepdims=True)),
    ("softmax_crossentropy", "multiplies with p (1 - p)", {"dlogits": "p \\(1 - p\\)|sigmoid"},
     lambda p, t: (p - t) * p * (1 - p) / len(t)),
    ("softmax_crossentropy", "has the labels one too far", {"dlogits": "label|target|class"},
     lambda p, t: (p - np.roll(t, 1, axis=1)) / len(t)),
    ("softmax_crossentropy", "divides twice", {"dlogits": "1/N twice"},
     lambda p, t: (p - t) / len(t) / len(t)),
    ("softmax_crossentropy", "averages the rows away", {"dlogits": "averag|mean over the rows"},
     lambda p, t: (p - t).mean(axis=0)),
    ("sigmoid_crossentropy", "forgets the units", {"dlogits": "units"},
     lambda logits, t: (squash(logits) - t) / len(t)),
    ("mean_squared_error", "keeps the square", {"dy": "square|twice"},
     lambda y, t: 2 * (y - t) ** 2 / y.size),
    ("mean_squared_error", "has target and output exchanged", {"dy": "sign"},
     lambda y, t: 2 * (t - y) / y.size),
    ("mean_squared_error", "differentiates the root", {"dy": "root"},
     lambda y, t: (y - t) / y.size / np.sqrt(np.mean((y - t) ** 2))),
    ("binary_crossentropy", "has the sign of the likelihood", {"dp": "sign"},
     lambda p, t: (t - p) / (p * (1 - p)) / t.size),
    ("categorical_crossentropy", "forgets the mean", {"dp": "1/N"}, lambda p, t: -t / p),
    ("categorical_crossentropy", "forgets the targets", {"dp": "targets"},
     lambda p, t: -1 / p / len(p)),
    ("dropout", "forgets the scale", {"dx": "scale left out"},
     lambda dy, mask, rate: dy * mask),
    ("batchnorm", "forgets the half", {"dx": "doubled"}, norm(half=1)),
    ("batchnorm", "forgets the 2", {"dx": "halved"}, norm(two=1)),
    ("batchnorm", "sums gamma's gradient over everything", {"dgamma": "everything"},
     norm(dgamma=lambda dy, h: np.sum(dy * h))),
    ("batchnorm", "sums beta's gradient along the row", {"dbeta": "units|axis"},
     norm(dbeta=lambda dy: dy.sum(axis=1))),
    ("layernorm", "puts gamma in front of the sums", {"dx": "gamma"},
     layer(lambda dy, h, gamma, sigma: gamma / sigma * (
         dy - dy.mean(1, keepdims=True) - h * (dy * h).mean(1, keepdims=True)))),
    ("layernorm", "forgets the mean", {"dx": "mean path"},
     layer(lambda dy, h, gamma, sigma: (
         (dy * gamma - h * (dy * gamma * h).mean(1, keepdims=True)) / sigma))),
    ("silu", "forgets the sigmoid's second factor", {"dx": "1 - gate"},
     lambda dy, x: dy * (squash(x) + x * squash(x))),
    ("l2", "returns the penalty's gradient alone", {"total": "overwritten"},
     lambda dW, W, l2: 2 * l2 * W),
    ("adam", "multiplies beta with the step", {"theta_new": "power|step"}, adam),
    ("adam", "forgets the corrections", {"theta_new": "corrections"}, uncorrected),
    ("momentum", "gathers gradients and scales afterwards",
     {"theta_new": "", "velocity_new": "learning rate|PyTorch|gradient"}, gathered),
]  # fmt: skip
