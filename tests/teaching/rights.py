"""Right backwards as students write them, in the documented signatures."""

from __future__ import annotations

import numpy as np
from scipy import special

from tests.teaching import students_course
from tests.teaching.students_batchnorm import batchnorm
from tests.teaching.students_layernorm import layernorm


def dense(dy, x, W):
    return dy @ W.T, x.T @ dy, np.sum(dy, axis=0)


def relu(dy, y):
    return np.where(y > 0, dy, 0)


def leaky_relu(dy, y, negative_slope):
    return np.where(y > 0, dy, negative_slope * dy)


def elu(dy, y, alpha):
    return np.where(y > 0, dy, dy * (y + alpha))


def sigmoid(dy, y):
    return dy * y * (1 - y)


def tanh(dy, y):
    return dy * (1 - y) * (1 + y)


def softmax(dy, y):
    return y * dy - y * np.sum(y * dy, axis=1, keepdims=True)


def log_softmax(dy, y):
    return dy - np.exp(y) * dy.sum(axis=1)[:, None]


def bounded_relu(dy, x, negative_slope, max_value, threshold):
    return dy * np.select([x <= threshold, x <= max_value], [negative_slope, 1.0])


def selu(dy, y):
    return dy * np.where(y > 0, 1.0507009873554805, y + 1.0507009873554805 * 1.6732632423543772)


def softplus(dy, y):
    return dy * (1 - np.exp(-y))


def softsign(dy, y):
    return dy * (1 - np.abs(y)) ** 2


def hard_sigmoid(dy, y):
    return np.where((y > 0) & (y < 1), dy / 6, 0)


def exponential(dy, y):
    return y * dy


def silu(dy, x):
    gate = 1 / (1 + np.exp(-x))
    return dy * gate * (1 + x * (1 - gate))


def gelu(dy, x):
    return dy * (special.ndtr(x) + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi))


def gelu_tanh(dy, x):
    t = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    inner = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2)
    return dy * (1 + t + x * (1 - t**2) * inner) / 2


def mish(dy, x):
    t = np.tanh(np.log1p(np.exp(x)))
    return dy * (t + x * (1 - t**2) / (1 + np.exp(-x)))


def relu6(dy, y):
    return np.where((y > 0) & (y < 6), dy, 0)


def hard_tanh(dy, y):
    return np.where(abs(y) < 1, dy, 0)


def hard_silu(dy, x):
    return dy * np.select([x <= -3, x < 3], [0 * x, x / 3 + 0.5], 1.0)


def hard_shrink(dy, y, threshold):
    return np.where(y == 0, 0, dy)


def soft_shrink(dy, y, threshold):
    return dy * (y != 0)


def sparse_sigmoid(dy, y):
    return np.where((y > 0) & (y < 1), dy / 2, 0)


def sparse_plus(dy, x):
    return dy * np.clip((x + 1) / 2, 0, 1)


def celu(dy, y, alpha):
    return np.where(y > 0, dy, dy * (1 + y / alpha))


def squareplus(dy, y, b):
    return dy * y**2 / (y**2 + b / 4)


def log_sigmoid(dy, y):
    return -dy * np.expm1(y)


def tanh_shrink(dy, x):
    return dy * np.tanh(x) ** 2


def dropout(dy, mask, rate):
    return np.where(mask != 0, dy / (1 - rate), 0)


def softmax_crossentropy(logits, t):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True) - t) / len(t)


def sigmoid_crossentropy(logits, t):
    return (1 / (1 + np.exp(-logits)) - t) / t.size


def categorical_crossentropy(p, t):
    return -t / (p * len(p))


def binary_crossentropy(p, t):
    return ((1 - t) / (1 - p) - t / p) / t.size


def mean_squared_error(y, t):
    return (y - t) * (2 / y.size)


def l1(dW, W, l1):
    return dW + l1 * np.sign(W)


def l2(dW, W, l2):
    return dW + l2 * (W + W)


RIGHT = {
    function.__name__: function
    for function in (
        *(dense, relu, leaky_relu, elu, sigmoid, tanh, softmax, dropout),
        *(log_softmax, bounded_relu, selu, softplus, softsign, hard_sigmoid, exponential),
        *(silu, gelu, gelu_tanh, mish),
        *(relu6, hard_tanh, hard_silu, hard_shrink, soft_shrink, sparse_sigmoid, sparse_plus),
        *(celu, squareplus, log_sigmoid, tanh_shrink),
        *(softmax_crossentropy, sigmoid_crossentropy, categorical_crossentropy),
        *(binary_crossentropy, mean_squared_error, l1, l2),
    )
}
RIGHT["batchnorm"] = batchnorm()
RIGHT["layernorm"] = layernorm()
RIGHT.update(students_course.RIGHT)
