"""Further optimizer steps, in the notation of :mod:`minidl.kernels.updates`: Adagrad, RMSprop
with momentum and centered, AMSGrad, Nadam, Adamax, Adadelta, Lion, FTRL. Every form is the one
that Keras 3 computes.
"""

from __future__ import annotations

import numpy as np

from minidl.backend import fused


def _deviation(v, m, epsilon):
    """Root of a variance v - m², epsilon inside: centered RMSprop's.

    A gradient that hardly changes leaves v - m² to rounding, which may be below -epsilon.
    """
    return np.sqrt(np.maximum(v - m * m, 0) + epsilon)


@fused
def adagrad(theta, grad, accumulator, learning_rate, epsilon):
    """accumulator ← accumulator + grad²;
    theta ← theta - learning_rate · grad / √(accumulator + epsilon).

    Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", JMLR 12 (2011), figure 1 with diagonal matrices; epsilon inside the root.
    """
    accumulator = accumulator + grad * grad
    return theta - learning_rate * grad / np.sqrt(accumulator + epsilon), accumulator


@fused
def rmsprop_momentum(theta, grad, v, velocity, learning_rate, rho, momentum, epsilon):
    """RMSprop's step gathered by momentum:
    velocity ← momentum · velocity + learning_rate · grad / √(v + epsilon);
    theta ← theta - velocity.
    """
    v = rho * v + (1 - rho) * (grad * grad)
    velocity = momentum * velocity + learning_rate * grad / np.sqrt(v + epsilon)
    return theta - velocity, v, velocity


@fused
def rmsprop_centered(theta, grad, v, m, learning_rate, rho, epsilon):
    """RMSprop with the variance max(v - m², 0) in place of v; m ← rho · m + (1 - rho) · grad.

    Graves, "Generating sequences with recurrent neural networks", arXiv:1308.0850 (2013),
    equations 38-41, without its momentum.
    """
    v = rho * v + (1 - rho) * (grad * grad)
    m = rho * m + (1 - rho) * grad
    return theta - learning_rate * grad / _deviation(v, m, epsilon), v, m


@fused
def rmsprop_centered_momentum(theta, grad, v, m, velocity, learning_rate, rho, momentum, epsilon):
    """Centered RMSprop's step gathered by momentum. Graves (2013), equations 38-41."""
    v = rho * v + (1 - rho) * (grad * grad)
    m = rho * m + (1 - rho) * grad
    velocity = momentum * velocity + learning_rate * grad / _deviation(v, m, epsilon)
    return theta - velocity, v, m, velocity


@fused
def amsgrad(theta, grad, m, v, v_max, rate, beta_1, beta_2, epsilon):
    """Adam with the largest v so far under the root: v_max ← max(v_max, v).

    Reddi, Kale & Kumar, "On the convergence of Adam and beyond", ICLR 2018, algorithm 2,
    with Adam's bias corrections in ``rate``.
    """
    m = m + (1 - beta_1) * (grad - m)
    v = v + (1 - beta_2) * (grad * grad - v)
    v_max = np.maximum(v_max, v)
    return theta - rate * m / (np.sqrt(v_max) + epsilon), m, v, v_max


@fused
def nadam(theta, grad, m, v, m_rate, grad_rate, v_scale, beta_1, beta_2, epsilon):
    """m ← m + (1 - beta_1)(grad - m);  v ← v + (1 - beta_2)(grad² - v);
    theta ← theta - (m_rate · m + grad_rate · grad) / (√(v_scale · v) + epsilon).

    Adam with Nesterov's look-ahead. Dozat, "Incorporating Nesterov momentum into Adam", ICLR
    workshop 2016, algorithm 2, with beta_1 in place of mu_t in m's average, as in Keras:
    m_rate = learning_rate · mu_{t+1} / (1 - Π_{i<=t+1} mu_i), grad_rate = learning_rate ·
    (1 - mu_t) / (1 - Π_{i<=t} mu_i), v_scale = 1 / (1 - beta_2ᵗ).
    """
    m = m + (1 - beta_1) * (grad - m)
    v = v + (1 - beta_2) * (grad * grad - v)
    return theta - (m_rate * m + grad_rate * grad) / (np.sqrt(v_scale * v) + epsilon), m, v


@fused
def adamax(theta, grad, m, u, rate, beta_1, beta_2, epsilon):
    """m ← m + (1 - beta_1)(grad - m);  u ← max(beta_2 · u, |grad|);
    theta ← theta - rate · m / (u + epsilon).

    ``rate`` is learning_rate / (1 - beta_1ᵗ) at step t = 1, 2, …. Kingma & Ba, "Adam: a method
    for stochastic optimization", ICLR 2015, algorithm 2, which has no epsilon.
    """
    m = m + (1 - beta_1) * (grad - m)
    u = np.maximum(beta_2 * u, np.abs(grad))
    return theta - rate * m / (u + epsilon), m, u


@fused
def adadelta(theta, grad, v, d, learning_rate, rho, epsilon):
    """v ← rho · v + (1 - rho) · grad²;  delta = -√(d + epsilon) / √(v + epsilon) · grad;
    d ← rho · d + (1 - rho) · delta²;  theta ← theta + learning_rate · delta.

    Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701 (2012), algorithm 1,
    where learning_rate is 1.
    """
    v = rho * v + (1 - rho) * (grad * grad)
    delta = np.sqrt(d + epsilon) * grad / np.sqrt(v + epsilon)
    d = rho * d + (1 - rho) * (delta * delta)
    return theta - learning_rate * delta, v, d


@fused
def lion(theta, grad, m, learning_rate, beta_1, beta_2):
    """theta ← theta - learning_rate · sign(beta_1 · m + (1 - beta_1) · grad);
    m ← beta_2 · m + (1 - beta_2) · grad.

    Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2.
    """
    direction = np.sign(beta_1 * m + (1 - beta_1) * grad)
    return theta - learning_rate * direction, beta_2 * m + (1 - beta_2) * grad


def _ftrl(theta, grad, z, root, root_before, learning_rate, l1, l2, shrinkage):
    """The part of FTRL that is the same for every power: new theta and z."""
    pulled = grad + 2 * shrinkage * theta
    z = z + pulled - (root - root_before) / learning_rate * theta
    inside = np.minimum(np.maximum(z, -l1), l1)
    return (inside - z) / (root / learning_rate + 2 * l2), z


@fused
def ftrl(theta, grad, accumulator, z, learning_rate, l1, l2, shrinkage):
    """n = accumulator + grad²;
    z ← z + grad + 2 · shrinkage · theta - (√n - √accumulator) / learning_rate · theta;
    theta ← (min(max(z, -l1), l1) - z) / (√n / learning_rate + 2 · l2);  accumulator ← n.

    McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013, algorithm 1, with
    l2 twice and beta as a part of l2, as in Keras; the shrinkage is Keras's own.
    """
    n = accumulator + grad * grad
    theta, z = _ftrl(
        theta, grad, z, np.sqrt(n), np.sqrt(accumulator), learning_rate, l1, l2, shrinkage
    )
    return theta, n, z


@fused
def ftrl_power(theta, grad, accumulator, z, learning_rate, l1, l2, shrinkage, power):
    """FTRL with nᵖ and accumulatorᵖ in place of the roots, where p is the power."""
    n = accumulator + grad * grad
    root, before = np.power(n, power), np.power(accumulator, power)
    theta, z = _ftrl(theta, grad, z, root, before, learning_rate, l1, l2, shrinkage)
    return theta, n, z
