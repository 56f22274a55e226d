"""Forty wrong backwards by somebody who had not read the catalogue.

Each was written, with a sentence on what is wrong with it, before an answer was seen, and none was
changed afterwards. The words are of the answers that the writer called right. Two mistakes were not
named: their words say what a name would be.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erf

from tests.teaching.fresh_more import Row

ROWS: list[Row] = []


def wrong(kernel, done, **words):
    """Add a function to the rows."""

    def add(function):
        ROWS.append((kernel, done, words, function))

    return add


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@wrong("dense", "reshapes the transpose", dW="reshape in place of a transpose")
def _(dy, x, W):
    dW = (dy.T @ x).reshape(W.shape)
    return dy @ W.T, dW, dy.sum(axis=0)


@wrong("dense", "sums dW for db", db="dW|rows")
def _(dy, x, W):
    dW = x.T @ dy
    return dy @ W.T, dW, dW.sum(axis=0)


@wrong("dense", "averages over the rows again", dW="dW averaged", db="db averaged")
def _(dy, x, W):
    N = x.shape[0]
    return dy @ W.T, x.T @ dy / N, dy.sum(axis=0) / N


@wrong("relu", "takes the mask from dy", dx="mask from dy")
def _(dy, y):
    dx = dy.copy()
    dx[dy <= 0] = 0
    return dx


@wrong("leaky_relu", "sets the slope without dy", dx="upstream gradient lost where x is negative")
def _(dy, y, negative_slope):
    dx = dy.copy()
    dx[y <= 0] = negative_slope
    return dx


@wrong("elu", "takes y for the derivative", dx="alpha not added")
def _(dy, y, alpha):
    return dy * np.where(y > 0, 1, y)


@wrong("sigmoid", "applies sigmoid to y", dx="taken at the output")
def _(dy, y):
    s = 1 / (1 + np.exp(-y))
    return dy * s * (1 - s)


@wrong("sigmoid", "does not square the denominator", dx="factor y missing")
def _(dy, y, x):
    return dy * np.exp(-x) / (1 + np.exp(-x))


@wrong("tanh", "squares the difference", dx="difference squared")
def _(dy, y):
    return dy * (1 - y) ** 2


@wrong("softmax", "takes the diagonal alone", dx="diagonal Jacobian")
def _(dy, y):
    return dy * y * (1 - y)


@wrong("softmax", "adds the sum", dx="outer product added")
def _(dy, y):
    return y * (dy + np.sum(dy * y, axis=1, keepdims=True))


@wrong("log_softmax", "takes y for exp(y)", dx="y in place of p")
def _(dy, y):
    return dy - y * np.sum(dy, axis=1, keepdims=True)


@wrong(
    "log_softmax", "forgets the sum of dy", dx="factor sum\\(dy, axis=1, keepdims=True\\) missing"
)
def _(dy, y):
    return dy - np.exp(y)


@wrong("softplus", "takes the sigmoid at y", dx="taken at the output")
def _(dy, y):
    return dy / (1 + np.exp(-y))


@wrong("softsign", "does not square the denominator", dx="square missing")
def _(dy, y, x):
    return dy / (1 + np.abs(x))


@wrong("silu", "takes the gate for y", dx="gate in place of y")
def _(dy, x):
    s = 1 / (1 + np.exp(-x))
    y = x * s
    return dy * (y + s * (1 - s))


@wrong("gelu", "does not normalize the density", dx="density not normalized")
def _(dy, x):
    cdf = 0.5 * (1 + erf(x / np.sqrt(2)))
    return dy * (cdf + x * np.exp(-(x**2) / 2))


@wrong("gelu_tanh", "forgets the 3 of the cube", dx="3 forgotten")
def _(dy, x):
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * c * (1 + 0.044715 * x**2))


@wrong("mish", "forgets softplus's derivative", dx="inner derivative forgotten")
def _(dy, x):
    t = np.tanh(np.log1p(np.exp(x)))
    return dy * (t + x * (1 - t**2))


@wrong("hard_sigmoid", "takes an older definition's slope", dx="slope 1/5")
def _(dy, y):
    return dy * 0.2 * ((y > 0) & (y < 1))


@wrong("bounded_relu", "forgets the maximum", dx="maximum forgotten")
def _(dy, x, negative_slope, max_value, threshold):
    return np.where(x > threshold, dy, negative_slope * dy)


@wrong("dropout", "multiplies with 1 - rate", dx="scale multiplied")
def _(dy, mask, rate):
    return dy * mask * (1 - rate)


@wrong("batchnorm", "forgets the 2 of the variance", dx="variance path halved")
def _(dy, x, gamma, mean, variance, epsilon):
    N = x.shape[0]
    inv = 1 / np.sqrt(variance + epsilon)
    xc = x - mean
    dxhat = dy * gamma
    dvar = np.sum(dxhat * xc, axis=0) * -0.5 * inv**3
    dmean = -np.sum(dxhat * inv, axis=0)
    dx = dxhat * inv + dvar * xc / N + dmean / N
    return dx, np.sum(dy * xc * inv, axis=0), dy.sum(axis=0)


@wrong("batchnorm", "forgets the deviation in the mean's path", dx="factor inverse missing")
def _(dy, x, gamma, mean, variance, epsilon):
    N = x.shape[0]
    inv = 1 / np.sqrt(variance + epsilon)
    xc = x - mean
    dxhat = dy * gamma
    dvar = np.sum(dxhat * xc, axis=0) * -0.5 * inv**3
    dmean = -np.sum(dxhat, axis=0)
    dx = dxhat * inv + dvar * 2 * xc / N + dmean / N
    return dx, np.sum(dy * xc * inv, axis=0), dy.sum(axis=0)


@wrong("batchnorm", "takes x for x̂", dgamma="x in place of x̂")
def _(dy, x, gamma, mean, variance, epsilon):
    inv = 1 / np.sqrt(variance + epsilon)
    xh = (x - mean) * inv
    dx = gamma * inv * (dy - dy.mean(axis=0) - xh * np.mean(dy * xh, axis=0))
    return dx, np.sum(dy * x, axis=0), dy.sum(axis=0)


@wrong("layernorm", "takes gamma out of the means", dx="gamma after the sums")
def _(dy, x, gamma, epsilon):
    inv = 1 / np.sqrt(x.var(axis=1, keepdims=True) + epsilon)
    xh = (x - x.mean(axis=1, keepdims=True)) * inv
    dx = (
        gamma
        * inv
        * (dy - dy.mean(axis=1, keepdims=True) - xh * np.mean(dy * xh, axis=1, keepdims=True))
    )
    return dx, np.sum(dy * xh, axis=0), dy.sum(axis=0)


@wrong(
    "layernorm", "takes the unbiased variance", dx="unbiased variance", dgamma="unbiased variance"
)
def _(dy, x, gamma, epsilon):
    inv = 1 / np.sqrt(x.var(axis=1, ddof=1, keepdims=True) + epsilon)
    xh = (x - x.mean(axis=1, keepdims=True)) * inv
    g = gamma * dy
    dx = inv * (g - g.mean(axis=1, keepdims=True) - xh * np.mean(g * xh, axis=1, keepdims=True))
    return dx, np.sum(dy * xh, axis=0), dy.sum(axis=0)


@wrong("softmax_crossentropy", "forgets softmax's Jacobian", dlogits="Jacobian of softmax left out")
def _(logits, t):
    p = softmax(logits)
    return -t / p / len(t)


@wrong("softmax_crossentropy", "normalizes over the batch", dlogits="softmax over the whole batch")
def _(logits, t):
    e = np.exp(logits - np.max(logits))
    p = e / np.sum(e)
    return (p - t) / len(t)


@wrong(
    "sigmoid_crossentropy",
    "applies sigmoid's derivative again",
    dlogits="derivative of the sigmoid applied again",
)
def _(logits, t):
    p = 1 / (1 + np.exp(-logits))
    return (p - t) * p * (1 - p) / t.size


@wrong(
    "binary_crossentropy",
    "forgets the inner derivative of 1 - p",
    dp="wrong sign of the second term",
)
def _(p, t):
    return (-t / p - (1 - t) / (1 - p)) / t.size


@wrong("categorical_crossentropy", "gives the gradient of the logits", dp="gradient of the logits")
def _(p, t):
    return (p - t) / len(t)


@wrong("mean_squared_error", "divides by the rows alone", dy="missing 1/units")
def _(y, t):
    return 2 * (y - t) / y.shape[0]


@wrong("l1", "adds |W|", total="\\|w\\| in place of sign\\(w\\)")
def _(dW, W, l1):
    return dW + l1 * np.abs(W)


@wrong("momentum", "moves by the old velocity", theta_new="old velocity")
def _(theta, grad, velocity, learning_rate, beta):
    theta_new = theta + velocity
    velocity_new = beta * velocity - learning_rate * grad
    return theta_new, velocity_new


@wrong("nesterov", "does not look ahead", theta_new="no look ahead")
def _(theta, grad, velocity, learning_rate, beta):
    v = beta * velocity - learning_rate * grad
    return theta + beta * velocity - learning_rate * grad, v


@wrong("gradient_check", "takes x for x - h", gradient="one.?side|x \\+ h alone")
def _(f, x):
    h = 1e-5
    g = np.zeros_like(x)
    x = x.copy()
    for i in np.ndindex(*x.shape):
        x[i] += h
        up = f(x)
        x[i] -= h
        g[i] = (up - f(x)) / (2 * h)
    return g


@wrong("adam", "keeps the corrected averages", m_new="corrected m kept", v_new="corrected v kept")
def _(theta, grad, m, v, step, learning_rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * grad
    v = beta_2 * v + (1 - beta_2) * grad**2
    m = m / (1 - beta_1**step)
    v = v / (1 - beta_2**step)
    return theta - learning_rate * m / (np.sqrt(v) + epsilon), m, v


@wrong(
    "adam", "forgets the power of the corrections", theta_new="power forgotten in the corrections"
)
def _(theta, grad, m, v, step, learning_rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * grad
    v = beta_2 * v + (1 - beta_2) * grad**2
    m_hat = m / (1 - beta_1)
    v_hat = v / (1 - beta_2)
    return theta - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


@wrong(
    "two_layer_network",
    "takes the mask from the gradient",
    dW1="mask from the gradient",
    db1="mask from the gradient",
)
def _(x, t, W1, b1, W2, b2):
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    p = softmax(h @ W2 + b2)
    dl = (p - t) / len(x)
    dh = dl @ W2.T
    dz = dh * (dh > 0)
    return x.T @ dz, dz.sum(axis=0), h.T @ dl, dl.sum(axis=0)
