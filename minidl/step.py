"""A training step, in one place."""

from __future__ import annotations

from typing import Any


def train_step(
    network: Any, loss: Any, optimizer: Any, x: Any, y: Any, weight: Any = None
) -> tuple[Any, Any, Any]:
    """One step of gradient descent: forward, loss, backward, penalties, update.

        grad ← d/dtheta (loss + penalties)
        theta ← the optimizer's update of theta with grad

    A ``joined`` loss is computed together with the network's last activation: the network then
    stops at the logits.

    Args:
        network: built.
        loss: of the network; ``loss.joined_to(network)`` is numerically stable and fast.
        optimizer: of the network.
        x: (N, ...), the rows of a batch.
        y: the targets, in the form of the loss.
        weight: (N,), the rows' weights in the loss; None for weights of 1.

    Returns:
        The mean loss, the penalty (both 0-d), and the predictions (N, units), all from
        before the update.
    """
    predictions = network.forward(x, training=True, logits=loss.joined)
    value = loss.forward(predictions, y, weight)
    penalty = network.penalties.forward(network.theta)
    network.backward(loss.backward(), logits=loss.joined)
    network.penalties.add_gradients(network.theta, network.grad)
    optimizer.update(network.theta, network.grad)
    network.penalties.proximal_step(network.theta, optimizer)
    return value, penalty, predictions
