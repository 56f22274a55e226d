"""Optimizer steps: each one formula over the whole parameter vector.

Names: theta the parameters, grad their gradient, m and v running averages of the gradient
and of its square, velocity what momentum has gathered. A name with "new" in the docstrings
is the value after the step. Every form is the one that Keras 3 computes; where that differs
from the paper, the docstring says how.
"""

from __future__ import annotations

import numpy as np

from minidl.backend import fused


@fused
def sgd(theta, grad, learning_rate):
    """theta ← theta - learning_rate · grad.

    Robbins & Monro, "A stochastic approximation method", Ann. Math. Statist. 22 (1951).
    """
    return theta - learning_rate * grad


@fused
def momentum(theta, grad, velocity, learning_rate, momentum):
    """velocity ← momentum · velocity - learning_rate · grad;  theta ← theta + velocity.

    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.

    Examples:
        >>> momentum(np.array([1.0]), np.array([0.5]), np.array([0.0]), 0.1, 0.9)  # theta, velocity
        (array([0.95]), array([-0.05]))
    """
    velocity = momentum * velocity - learning_rate * grad
    return theta + velocity, velocity


@fused
def nesterov(theta, grad, velocity, learning_rate, momentum):
    """velocity ← momentum · velocity - learning_rate · grad;
    theta ← theta + momentum · velocity_new - learning_rate · grad.

    Sutskever, Martens, Dahl & Hinton, "On the importance of initialization and momentum in
    deep learning", ICML 2013, equations 3-4, in terms of the point looked ahead to.
    """
    velocity = momentum * velocity - learning_rate * grad
    return theta + momentum * velocity - learning_rate * grad, velocity


@fused
def rmsprop(theta, grad, v, learning_rate, rho, epsilon):
    """v ← rho · v + (1 - rho) · grad²;  theta ← theta - learning_rate · grad / √(v + epsilon).

    Tieleman & Hinton, "Lecture 6.5: RMSProp", Coursera 2012; epsilon inside the root.
    """
    v = rho * v + (1 - rho) * (grad * grad)
    return theta - learning_rate * grad / np.sqrt(v + epsilon), v


@fused
def adam(theta, grad, m, v, rate, beta_1, beta_2, epsilon):
    """m ← m + (1 - beta_1)(grad - m);  v ← v + (1 - beta_2)(grad² - v);
    theta ← theta - rate · m / (√v + epsilon).

    ``rate`` is learning_rate · √(1 - beta_2ᵗ) / (1 - beta_1ᵗ) at step t = 1, 2, …: the bias
    corrections folded in. Kingma & Ba, "Adam: a method for stochastic optimization", ICLR
    2015, algorithm 1 in the order of section 2's last paragraph; epsilon is its epsilon-hat.
    """
    m = m + (1 - beta_1) * (grad - m)
    v = v + (1 - beta_2) * (grad * grad - v)
    return theta - rate * m / (np.sqrt(v) + epsilon), m, v


@fused
def decay(theta, factor):
    """theta ← theta - factor · theta, factor = learning_rate · weight_decay.

    Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2,
    line 12, before the gradient's step and with the learning rate in the factor, as in Keras.
    """
    return theta - factor * theta


@fused
def flush(x, smallest):
    """x where |x| >= smallest, else 0.

    Averages that decay without a gradient end in subnormal numbers, and stay there. Many
    processors are some twenty times slower on subnormal numbers.
    """
    return x * (np.abs(x) >= smallest)
