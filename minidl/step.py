"""A training step, in one place."""

from __future__ import annotations

from typing import Any


def train_step(
    network: Any, loss: Any, optimizer: Any, x: Any, y: Any, weight: Any = None
) -> tuple[Any, Any, Any]:
    """One step of gradient descent: forward, loss, backward, penalties, update.

        grad ← d/dtheta (loss + penalties)
        theta ← the optimizer's update of theta with grad

    A ``loss`` that is ``joined`` is computed together with the network's last activation; the
    network then stops at the logits before it.

    Args:
        network: built.
        loss: of the network; ``loss.joined_to(network)`` makes it numerically stable and fast.
        optimizer: of the network.
        x: (N, ...), the rows of a batch.
        y: their targets, as the loss takes them.
        weight: (N,), their weights in the loss; None for ones.

    Returns:
        The mean loss, the penalty (both 0-d), and the predictions (N, units), all three of
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
