"""The kernels that can be diagnosed, each as a program that calls the engine's own kernels.

Axes are N rows, I inputs, O outputs (units) and K classes. Inputs are random, and wrong formulas
differ visibly from right ones on them: everything is of the size of 1, and constants keep away from
the values at which two formulas agree, such as a rate of 1/2 or a slope of 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels.dropout import LEVELS
from minidl.teaching.kernel import Draw, Kernel

Rng = np.random.Generator
Sizes = tuple[int, ...]

# The share of exact zeros where a formula has a kink at zero.
ZEROS = 0.15


def normal(rng: Rng, shape: Sizes) -> Any:
    """Normal numbers: mean 0, deviation 1."""
    return rng.standard_normal(shape)


def with_zeros(rng: Rng, shape: Sizes) -> Any:
    """Normal numbers, some of them exactly 0."""
    return np.where(rng.random(shape) < ZEROS, 0.0, rng.standard_normal(shape))


def uniform(low: float, high: float) -> Draw:
    """Uniform numbers between two bounds."""
    return lambda rng, shape: rng.uniform(low, high, shape)


def number(*intervals: tuple[float, float]) -> Draw:
    """One number, uniform on one of the intervals."""
    return lambda rng, shape: float(rng.uniform(*intervals[rng.integers(len(intervals))]))


def rate(rng: Rng, shape: Sizes) -> Any:
    """A dropout rate, a multiple of 2⁻¹⁶ that is not near 0, 1/2 or 1."""
    return round(number((0.15, 0.4), (0.6, 0.85))(rng, shape) * LEVELS) / LEVELS


def bits(rng: Rng, shape: Sizes) -> Any:
    """16-bit random integers."""
    return rng.integers(0, LEVELS, shape, dtype=np.uint16)


def binary(rng: Rng, shape: Sizes) -> Any:
    """Targets 0 and 1."""
    return rng.integers(0, 2, shape).astype(np.float64)


def one_hot(rng: Rng, shape: Sizes) -> Any:
    """Rows (N, K) with one 1 among zeros."""
    return np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]


def distributions(rng: Rng, shape: Sizes) -> Any:
    """Rows (N, K) of probabilities that sum to 1; of one class alone, anything within (0, 1)."""
    p = rng.uniform(0.1, 0.9, shape)
    return p if shape[1] == 1 else p / p.sum(axis=1, keepdims=True)


STRENGTH = number((0.2, 0.4), (0.6, 0.9))

# fmt: off
ALL = (
    Kernel("dense", "dy x W", outputs={"dx": "NI", "dW": "IO", "db": "O"},
           inputs={"dy": ("NO", normal), "x": ("NI", normal), "W": ("IO", normal)},
           program="dx, dW, db = dense_backward(dy, x, W)"),

    # Activations.
    Kernel("relu", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs={"dy": ("NO", normal), "x": ("NO", with_zeros)},
           program="kink = x == 0; y = relu_forward(x); dx = relu_backward(dy, y)"),
    Kernel("leaky_relu", "dy y negative_slope", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs={"dy": ("NO", normal), "x": ("NO", with_zeros),
                   "negative_slope": ("", number((0.1, 0.4), (0.6, 0.8)))},
           program="kink = x == 0; y = leaky_relu_forward(x, negative_slope);"
                   "dx = leaky_relu_backward(dy, y, negative_slope)"),
    Kernel("elu", "dy y alpha", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs={"dy": ("NO", normal), "x": ("NO", with_zeros),
                   "alpha": ("", number((0.3, 0.7), (1.4, 2)))},
           program="kink = x == 0; y = elu_forward(x, alpha); dx = elu_backward(dy, y, alpha)"),
    Kernel("sigmoid", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs={"dy": ("NO", normal), "x": ("NO", normal)},
           program="y = sigmoid_forward(x); dx = sigmoid_backward(dy, y)"),
    Kernel("tanh", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs={"dy": ("NO", normal), "x": ("NO", normal)},
           program="y = tanh_forward(x); dx = tanh_backward(dy, y)"),
    Kernel("softmax", "dy y", outputs={"dx": "NK"}, extras="x", optional="y",
           inputs={"dy": ("NK", normal), "x": ("NK", normal)},
           program="y = softmax_forward(x); dx = softmax_backward(dy, y)"),

    # Other layers. The mask, 0 and 1, is given as bits of which 1 stays.
    Kernel("dropout", "dy mask rate", outputs={"dx": "NI"},
           inputs={"dy": ("NI", normal), "bits": ("NI", bits), "rate": ("", rate)},
           program="threshold, scale = dropout_threshold(rate); mask = bits >= threshold;"
                   "dx = dropout_backward(dy, mask, 1, scale)"),
    Kernel("batchnorm", "dy x gamma mean variance epsilon",
           outputs={"dx": "NO", "dgamma": "O", "dbeta": "O"},
           extras="x_hat moving_mean moving_variance", optional="x mean variance",
           inputs={"dy": ("NO", normal), "x": ("NO", normal), "gamma": ("O", uniform(1.5, 3)),
                   "epsilon": ("", number((0.1, 0.5))), "moving_mean": ("O", normal),
                   "moving_variance": ("O", uniform(1, 3))},
           program="N = len(x); mean, variance = batch_statistics(x);"
                   "inverse = inverse_deviation(variance, epsilon);"
                   "x_hat = normalized(x, mean, inverse);"
                   "dgamma = parameter_gradients(dy, x_hat)[0];"
                   "dbeta = parameter_gradients(dy, dy)[1];"  # needs no x̂
                   "dx = batchnorm_training_backward(dy, x_hat, dgamma, dbeta, inverse, gamma, N)"),

    # Losses, the mean over N rows; the first two at the logits.
    Kernel("softmax_crossentropy", "logits t", outputs={"dlogits": "NK"}, extras="p",
           optional="logits", inputs={"logits": ("NK", normal), "t": ("NK", one_hot)},
           program="N = len(t); p = softmax_forward(logits);"
                   "dlogits = softmax_crossentropy_backward(p, t) / N"),
    Kernel("sigmoid_crossentropy", "logits t", outputs={"dlogits": "NO"}, extras="p",
           optional="logits", inputs={"logits": ("NO", normal), "t": ("NO", binary)},
           program="N, units = t.shape; p = sigmoid_forward(logits);"
                   "dlogits = sigmoid_crossentropy_backward(logits, t, units) / N"),
    Kernel("categorical_crossentropy", "p t", outputs={"dp": "NK"},
           inputs={"p": ("NK", distributions), "t": ("NK", one_hot)},
           program="N = len(t); dp = crossentropy_backward(p, t) / N"),
    Kernel("binary_crossentropy", "p t", outputs={"dp": "NO"},
           inputs={"p": ("NO", uniform(0.1, 0.9)), "t": ("NO", binary)},
           program="N, units = t.shape; dp = binary_crossentropy_backward(p, t, units) / N"),
    Kernel("mean_squared_error", "y t", outputs={"dy": "NO"},
           inputs={"y": ("NO", normal), "t": ("NO", normal)},
           program="N, units = t.shape; dy = squared_error_backward(y, t, units) / N"),

    # Penalties, whose gradient is added to that of the loss: total = dW + dP/dW.
    Kernel("l1", "dW W l1", outputs={"total": "IO"},
           inputs={"dW": ("IO", normal), "W": ("IO", with_zeros), "l1": ("", STRENGTH)},
           program="kink = W == 0; strength = l1; total = l1_backward(dW, W, strength)"),
    Kernel("l2", "dW W l2", outputs={"total": "IO"},
           inputs={"dW": ("IO", normal), "W": ("IO", normal), "l2": ("", STRENGTH)},
           program="strength = l2; total = l2_backward(dW, W, strength)"),
)
