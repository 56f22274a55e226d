"""PyTorch, eager: modules, a loop over ``randperm(n).split(batch)``, fused Adam.

Measured here: a step with ``fused=True`` took a fifth less time than with ``foreach`` or with the
plain loop over tensors; ``index_select`` was a little faster than ``x[rows]``. RMSprop has no fused
form and takes ``foreach``, with epsilon beside the root, not inside. Tensors are made once
from the arrays, subnormal numbers are flushed, threads are PyTorch's default. Loss and accuracy are
summed in tensors and read once an epoch. An L2 penalty's gradient comes as ``weight_decay``, for
such optimizers the same number without a pass of autograd; the penalty's value is added to the
loss. Rows are float32, scaled before, and dense. On a GPU the same, with all tensors there.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmarks.train.data import Rows
from benchmarks.train.gate import Gate
from benchmarks.train.jobs import Job
from benchmarks.train.peers import device, tf32

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "elu": nn.ELU}
KERAS_EPSILON, RHO = 1e-7, 0.9


def build(job: Job) -> nn.Sequential:
    """The job's network, without the last activation."""
    modules: list[nn.Module] = []
    for layer, (inputs, units) in zip(job.hidden, job.shapes, strict=False):
        activation = ACTIVATIONS[layer.activation]()
        norm = nn.BatchNorm1d(units, eps=1e-3, momentum=0.01) if layer.normalized else None
        order = [norm, activation] if layer.normalized == "before" else [activation, norm]
        modules += [_dense(inputs, units), *(part for part in order if part is not None)]
        if layer.dropout:
            modules.append(nn.Dropout(layer.dropout))
    return nn.Sequential(*modules, _dense(*job.shapes[-1]))


def _dense(inputs: int, units: int) -> nn.Linear:
    dense = nn.Linear(inputs, units)
    nn.init.xavier_uniform_(dense.weight)
    nn.init.zeros_(dense.bias)
    return dense


def penalties(job: Job, model: nn.Sequential) -> list[tuple[Tensor, float, float]]:
    """Kernels with their l1 and l2."""
    kernels = [module.weight for module in model if isinstance(module, nn.Linear)]
    strengths = [(layer.l1, layer.l2) for layer in job.hidden] + [(0.0, job.output_l2)]
    found = zip(kernels, strengths, strict=True)
    return [(kernel, l1, l2) for kernel, (l1, l2) in found if l1 or l2]


def optimizer(job: Job, model: nn.Sequential) -> torch.optim.Optimizer:
    """The job's optimizer; the gradient of l2 · Σ w² is 2 · l2 · w."""
    decay = {kernel: 2 * l2 for kernel, _, l2 in penalties(job, model)}
    by_decay: dict[float, list[Tensor]] = {}
    for parameter in model.parameters():
        by_decay.setdefault(decay.get(parameter, 0.0), []).append(parameter)
    groups = [{"params": found, "weight_decay": d} for d, found in by_decay.items()]
    chosen = job.optimizer
    if chosen.name == "sgd":
        return torch.optim.SGD(
            groups, chosen.learning_rate, chosen.momentum, nesterov=True, fused=True
        )
    if chosen.name == "rmsprop":
        return torch.optim.RMSprop(
            groups, chosen.learning_rate, alpha=RHO, eps=KERAS_EPSILON, foreach=True
        )
    return torch.optim.Adam(groups, chosen.learning_rate, eps=KERAS_EPSILON, fused=True)


def tensors(job: Job, rows: Rows) -> tuple[Tensor, Tensor]:
    """The rows and their targets where the peer computes; class numbers as int64."""
    x, y = (torch.from_numpy(array).to(device()) for array in (rows.dense, rows.targets))
    return x, y.long() if job.outputs > 1 else y


def right(outputs: Tensor, y: Tensor) -> Tensor:
    """Number of rightly classified rows."""
    if outputs.shape[1] > 1:
        return (outputs.argmax(1) == y).sum()
    return ((outputs > 0) == (y > 0.5)).sum()


def settle() -> None:
    """Choose the device and the precision of products for this process."""
    torch.set_default_device(device())
    torch.set_float32_matmul_precision("high" if tf32() else "highest")


def train(job: Job, rows: Rows, gate: Gate) -> None:
    """Train epochs as the gate asks."""
    torch.set_flush_denormal(True)
    settle()
    model = build(job)
    update = optimizer(job, model)
    crossentropy = nn.CrossEntropyLoss() if job.outputs > 1 else nn.BCEWithLogitsLoss()
    penalized = penalties(job, model)
    x, y = tensors(job, rows)
    gate.ready(sum(p.numel() for p in model.parameters()), threads=torch.get_num_threads())
    while True:
        gate.wait()
        loss, hits = torch.zeros(()), torch.zeros((), dtype=torch.int64)
        for chosen in torch.randperm(len(x)).split(job.batch):
            targets = y.index_select(0, chosen)
            outputs = model(x.index_select(0, chosen))
            value = crossentropy(outputs, targets)
            for kernel, l1, _ in penalized:
                if l1:
                    value = value + l1 * kernel.abs().sum()
            update.zero_grad()
            value.backward()
            with torch.no_grad():
                for kernel, _, l2 in penalized:
                    if l2:
                        flat = kernel.view(-1)
                        value += l2 * flat.dot(flat)
                hits += right(outputs, targets)
                loss += value * len(chosen)
            update.step()
        gate.done(loss / len(x), hits.item() / len(x))
