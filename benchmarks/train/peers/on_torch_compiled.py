"""PyTorch, compiled: ``torch.compile`` over the whole step, gather and update included.

``torch.func.grad_and_value`` inside the compiled function makes the step one graph, which
Inductor fuses: forward, loss and accuracy, backward, penalties, the update of parameters and of
running statistics in place. Measured here, that was a tenth to an eighth faster than a compiled
forward pass with the fused eager optimizer; the mode "max-autotune" and the C++ wrapper brought
nothing beyond noise. With ``dynamic=False`` the last, smaller batch is compiled separately. On a
GPU the mode is "reduce-overhead", which replays CUDA graphs where possible.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.train.data import Rows
from benchmarks.train.gate import Gate
from benchmarks.train.jobs import Job
from benchmarks.train.peers import GPU, device
from benchmarks.train.peers.on_torch import KERAS_EPSILON, RHO, right, settle, tensors

ACTIVATIONS = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": functional.elu,
}


class Network:
    """Parameters, the optimizer's state and running statistics in lists of tensors."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.parameters: list[list[Tensor]] = []
        self.running: list[tuple[Tensor, Tensor]] = []
        normalized = [bool(layer.normalized) for layer in job.hidden] + [False]
        for (inputs, units), norm in zip(job.shapes, normalized, strict=True):
            kernel = torch.nn.init.xavier_uniform_(torch.empty(inputs, units))
            gamma_beta = [torch.ones(units), torch.zeros(units)] if norm else []
            self.parameters.append([kernel, torch.zeros(units), *gamma_beta])
            if norm:
                self.running.append((torch.zeros(units), torch.ones(units)))
        self.flat = [p for layer in self.parameters for p in layer]
        self.m, self.v = ([torch.zeros_like(p) for p in self.flat] for _ in range(2))
        self.t = torch.zeros(())
        self.loss = torch.zeros(())
        self.hits = torch.zeros((), dtype=torch.int64)

    def objective(self, parameters: list[list[Tensor]], x: Tensor, y: Tensor) -> tuple[Tensor, Any]:
        """The loss with penalties, and also the hits and the statistics of the batch."""
        statistics = []
        penalty = torch.zeros(())
        for layer, (W, b, *gamma_beta) in zip(self.job.hidden, parameters, strict=False):
            x = torch.addmm(b, x, W)
            activation = ACTIVATIONS[layer.activation]
            if layer.normalized != "before":
                x = activation(x)
            if layer.normalized:
                mean = x.mean(0)
                variance = x.square().mean(0) - mean.square()
                statistics.append((mean, variance))
                gamma, beta = gamma_beta
                x = (x - mean) * (torch.rsqrt(variance + 1e-3) * gamma) + beta
            if layer.normalized == "before":
                x = activation(x)
            if layer.dropout:
                x = functional.dropout(x, layer.dropout)
            if layer.l1:
                penalty = penalty + layer.l1 * W.abs().sum()
            if layer.l2:
                penalty = penalty + layer.l2 * W.square().sum()
        W, b = parameters[-1]
        x = torch.addmm(b, x, W)
        if self.job.output_l2:
            penalty = penalty + self.job.output_l2 * W.square().sum()
        if self.job.outputs > 1:
            value = functional.cross_entropy(x, y)
        else:
            value = functional.binary_cross_entropy_with_logits(x, y)
        return value + penalty, (right(x, y), statistics)

    def step(self, x: Tensor, y: Tensor) -> None:
        """Train one step, and add to the sums of the epoch."""
        gradient = torch.func.grad_and_value(self.objective, has_aux=True)
        gradients, (value, (hits, statistics)) = gradient(self.parameters, x, y)
        self.update([g for layer in gradients for g in layer])
        for (mean, variance), (running_mean, running_variance) in zip(
            statistics, self.running, strict=True
        ):
            running_mean.lerp_(mean, 0.01)
            running_variance.lerp_(variance, 0.01)
        self.loss.add_(value * len(x))
        self.hits.add_(hits)

    def update(self, gradients: list[Tensor]) -> None:
        """The optimizer's formula, in place."""
        chosen = self.job.optimizer
        rate, momentum = chosen.learning_rate, chosen.momentum
        self.t.add_(1)
        scale = rate * torch.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t)
        for p, g, m, v in zip(self.flat, gradients, self.m, self.v, strict=True):
            if chosen.name == "sgd":
                m.mul_(momentum).sub_(rate * g)
                p.add_(momentum * m - rate * g)
            elif chosen.name == "rmsprop":
                v.lerp_(g * g, 1 - RHO)
                p.sub_(rate * g * torch.rsqrt(v + KERAS_EPSILON))
            else:
                m.lerp_(g, 0.1)
                v.lerp_(g * g, 0.001)
                p.sub_(scale * m / (v.sqrt() + KERAS_EPSILON))


def train(job: Job, rows: Rows, gate: Gate) -> None:
    """Train epochs as the gate asks."""
    torch.set_flush_denormal(True)
    settle()
    network = Network(job)
    x, y = tensors(job, rows)
    step: Callable[[Tensor], None] = torch.compile(
        lambda chosen: network.step(x[chosen], y[chosen]),
        fullgraph=True,
        dynamic=False,
        mode="reduce-overhead" if device() == GPU else None,
    )
    gate.ready(sum(p.numel() for p in network.flat), threads=torch.get_num_threads())
    while True:
        gate.wait()
        network.loss.zero_()
        network.hits.zero_()
        for chosen in torch.randperm(len(x)).split(job.batch):
            step(chosen)
        gate.done(network.loss / len(x), network.hits.item() / len(x))
