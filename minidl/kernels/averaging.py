"""Sums of gradients over batches, and the moving average of the parameters."""

from __future__ import annotations

from minidl.backend import fused


@fused
def add_gradient(gradient_sum, grad):
    """gradient_sum ← gradient_sum + grad."""
    return gradient_sum + grad


@fused
def take_mean(gradient_sum, batches):
    """grad ← gradient_sum / batches;  gradient_sum ← 0, also where it is NaN or infinite."""
    return gradient_sum / batches, gradient_sum < gradient_sum


@fused
def moving_average(average, theta, momentum):
    """average ← momentum · average + (1 - momentum) · theta.

    Polyak & Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control
    and Optimization 30 (1992), with weights that fall by momentum from step to step.
    """
    return momentum * average + (1 - momentum) * theta


@fused
def overwrite(average):
    """theta ← average."""
    return average
