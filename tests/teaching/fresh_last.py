"""Forty more wrong backwards, from which the search for single slips was learned."""

from __future__ import annotations

import numpy as np
from scipy.special import erf, expit

from tests.teaching.fresh_more import Row


def loop_to_the_last_but_one(dy, x, W):
    dW = np.zeros_like(W)
    for n in range(1, len(x)):
        dW += np.outer(x[n - 1], dy[n - 1])
    return dy @ W.T, dW, dy.sum(axis=0)


def stale_row(dy, x, W):
    dW = np.zeros_like(W)
    for n in range(len(x)):
        dW += np.outer(x[0], dy[n])
    return dy @ W.T, dW, dy.sum(axis=0)


def in_a_loop(dy, y):
    dx = np.zeros_like(dy)
    for n in range(len(dy)):
        for j in range(dy.shape[1]):
            for k in range(dy.shape[1]):
                dx[n, j] += dy[n, k] * y[n, j] * ((j == k) + y[n, k])
    return dx


def one_column(dy, y):
    dx = np.zeros_like(dy)
    for n in range(len(dy)):
        jacobian = np.diag(y[n]) - np.outer(y[n], y[n])
        for j in range(dy.shape[1]):
            dx[n] = jacobian[j] * dy[n, j]
    return dx


def mean_first(dy, x, gamma, epsilon):
    mu, var, rows = x.mean(0), x.var(0), len(x)
    ivar = (var + epsilon) ** -0.5
    xhat = (x - mu) * ivar
    dxhat = dy * gamma
    dx = (rows * dxhat - dxhat.sum() - xhat * (dxhat * xhat).sum(0)) * ivar / rows
    return dx, (dy * xhat).sum(0), dy.sum(0)


def no_axis_in_the_variance(dy, x, gamma, epsilon):
    mu, var, rows = x.mean(0), x.var(0), len(x)
    ivar = (var + epsilon) ** -0.5
    xhat = (x - mu) * ivar
    dxhat = dy * gamma
    dx = (rows * dxhat - dxhat.sum(0) - xhat * (dxhat * xhat).sum()) * ivar / rows
    return dx, (dy * xhat).sum(0), dy.sum(0)


def normal(change):
    """Batch normalization in one line, with something changed in x̂, the deviation or the result."""

    def backward(dy, x, gamma, epsilon):
        rows, ivar = len(x), (x.var(0) + epsilon) ** -0.5
        xhat = (x - x.mean(0)) * ivar
        return change(dy, x, gamma, ivar, xhat, rows)

    return backward


def layer(change):
    def backward(dy, x, gamma, epsilon):
        ivar = (x.var(1, keepdims=True) + epsilon) ** -0.5
        xhat = (x - x.mean(1, keepdims=True)) * ivar
        g = dy * gamma
        m = lambda a: a.mean(1, keepdims=True)  # noqa: E731
        return change(dy, g, gamma, ivar, xhat, m)

    return backward


def density(x):
    return np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)


def inverted(theta, grad, v, learning_rate, rho, epsilon):
    v = rho * v + (1 - rho) * grad**2
    return theta - learning_rate * grad * np.sqrt(v + epsilon), v


def looped(gradient, theta, x, t, learning_rate, epochs, batch_size):
    for _ in range(epochs):
        for k in range(len(x) // batch_size):
            rows = slice(k * batch_size, (k + 1) * batch_size)
            theta = theta - learning_rate * gradient(theta, x[rows], t[rows])
    return theta


def two_layers(x, t, W1, b1, W2, b2):
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    a = h @ W2 + b2
    p = np.exp(a) / np.exp(a).sum(1, keepdims=True)
    d = (p - t) / len(x)
    dh = d @ W2.T
    return x.T @ dh, dh.sum(0), h.T @ d, d.sum(0)


ROWS: list[Row] = [
    ("dense", "stops a loop one row early", {"dW": "last row left out"}, loop_to_the_last_but_one),
    ("dense", "takes x[0] for every row", {"dW": "first row"}, stale_row),
    ("dense", "forgets the transpose and adds an axis", {"db": "axis kept"},
     lambda dy, x, W: (dy @ W.T, x.T @ dy, dy.sum(axis=0, keepdims=True))),
    ("dense", "has the sign of a descent in dW", {"dW": "sign"},
     lambda dy, x, W: (dy @ W.T, -x.T @ dy, dy.sum(axis=0))),
    ("dense", "takes the mean of x for x", {"dW": "mean|summed before|rows"},
     lambda dy, x, W: (dy @ W.T, np.outer(x.mean(0), dy.sum(0)), dy.sum(0))),
    ("relu", "takes y > 0 as the gradient's sign", {"dx": "wrong sign"},
     lambda dy, y: -dy * (y > 0)),
    ("relu", "inverts the mask", {"dx": "mask from the wrong sign|mask"},
     lambda dy, x: dy * (x <= 0)),
    ("relu", "asks x > 1", {"dx": "1|threshold"}, lambda dy, x: dy * (x > 1)),
    ("leaky_relu", "returns ReLU's", {"dx": "slope forgotten"},
     lambda dy, y, negative_slope: dy * (y > 0)),
    ("leaky_relu", "adds the slope", {"dx": "add|x <= 0"},
     lambda dy, y, negative_slope: dy * ((y > 0) + negative_slope)),
    ("elu", "forgets alpha", {"dx": "alpha forgotten"},
     lambda dy, x, alpha: dy * np.where(x > 0, 1, np.exp(x))),
    ("sigmoid", "adds in place of multiplies", {"dx": "sum|add|left out"},
     lambda dy, y: dy * (y + (1 - y))),
    ("sigmoid", "takes y² for y", {"dx": "square|output"}, lambda dy, y: dy * y**2 * (1 - y)),
    ("sigmoid", "writes 1 - y twice over", {"dx": "square for a product|twice"},
     lambda dy, y: dy * (1 - y) ** 2),
    ("tanh", "takes the root", {"dx": "root|square"}, lambda dy, y: dy * np.sqrt(1 - y**2)),
    ("tanh", "has 1 + y²", {"dx": "plus for minus"}, lambda dy, y: dy * (1 + y * y)),
    ("softplus", "gives 1 - sigmoid", {"dx": "exp|minus|sigmoid|sign"},
     lambda dy, x: dy * (1 - expit(x))),
    ("softsign", "forgets the square", {"dx": "square"}, lambda dy, x: dy / (1 + np.abs(x))),
    ("softmax", "has a plus in the Jacobian's loop", {"dx": "added|sign"}, in_a_loop),
    ("softmax", "assigns in the loop over classes", {"dx": "last|assign"}, one_column),
    ("softmax", "forgets dy", {"dx": "left out|upstream"},
     lambda dy, y: y * (1 - y.sum(axis=1, keepdims=True))),
    ("softmax_crossentropy", "gives p only", {"dlogits": "targets left out"},
     lambda p, t: p / len(p)),
    ("softmax_crossentropy", "takes log p", {"dlogits": "log"},
     lambda p, t: (np.log(p) - t) / len(p)),
    ("softmax_crossentropy", "gives the loss's gradient at p", {"dlogits": "Jacobian"},
     lambda p, t: -t / p / len(p)),
    ("binary_crossentropy", "forgets the second term", {"dp": "second term missing"},
     lambda p, t: -t / p / p.size),
    ("binary_crossentropy", "forgets p in the denominator", {"dp": "factor p missing"},
     lambda p, t: (p - t) / (1 - p) / p.size),
    ("mean_squared_error", "has no 2 and no units", {"dy": "2|half"},
     lambda y, t: (y - t) / len(y)),
    ("dropout", "scales by keep, not its inverse", {"dx": "multiplied"},
     lambda dy, mask, rate: dy * mask * (1 - rate)),
    ("dropout", "scales without the mask", {"dx": "mask not applied"},
     lambda dy, mask, rate: dy / (1 - rate)),
    ("batchnorm", "sums the mean's gradient over everything", {"dx": "everything"}, mean_first),
    ("batchnorm", "sums the variance's gradient over everything", {"dx": "everything"},
     no_axis_in_the_variance),
    ("batchnorm", "forgets 1/N in front", {"dx": "1/N|N"}, normal(lambda dy, x, g, i, h, n: (
        g * i * (n * dy - dy.sum(0) - h * (dy * h).sum(0)), (dy * h).sum(0), dy.sum(0)))),
    ("batchnorm", "forgets N before dy", {"dx": "N"}, normal(lambda dy, x, g, i, h, n: (
        g * i / n * (dy - dy.sum(0) - h * (dy * h).sum(0)), (dy * h).sum(0), dy.sum(0)))),
    ("layernorm", "averages dgamma", {"dgamma": "averaged"},
     layer(lambda dy, g, gamma, i, h, m: (
         i * (g - m(g) - h * m(g * h)), (dy * h).mean(0), dy.sum(0)))),
    ("layernorm", "forgets gamma in the paths", {"dx": "gamma"},
     layer(lambda dy, g, gamma, i, h, m: (
         i * (g - m(dy) - h * m(dy * h)), (dy * h).sum(0), dy.sum(0)))),
    ("gelu", "has the density for Φ", {"dx": "density|gate"},
     lambda dy, x: dy * (density(x) + x * density(x))),
    ("gelu", "forgets the 1 + of the gate", {"dx": "1 forgotten"},
     lambda dy, x: dy * (0.5 * erf(x / np.sqrt(2)) + x * density(x))),
    ("rmsprop", "multiplies with the root", {"theta_new": "multipl|root"}, inverted),
    ("training_loop", "rounds the number of batches down", {"theta_new": "last batch"}, looped),
    ("two_layer_network", "forgets ReLU's mask", {"dW1": "ReLU", "db1": "ReLU"}, two_layers),
]  # fmt: skip
