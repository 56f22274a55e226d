"""PyTorch with a CUDA graph, as PyTorch's documentation shows: one step captured, then replayed.

"CUDA semantics", section "CUDA graphs": rows of the batch are copied into a tensor that stays, the
step is run a few times on a separate stream, captured, and replayed for each batch; the optimizer
is ``capturable``. A smaller last batch is run without the graph. The formulas are the same as in
``on_torch``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmarks.train.data import Rows
from benchmarks.train.gate import Gate
from benchmarks.train.jobs import Job
from benchmarks.train.peers.on_torch import build, optimizer, penalties, right, settle, tensors

WARM = 3


def train(job: Job, rows: Rows, gate: Gate) -> None:
    """Train epochs as the gate asks."""
    settle()
    model = build(job)
    update = optimizer(job, model)
    for group in update.param_groups:
        if "capturable" in group:
            group["capturable"] = True
    crossentropy = nn.CrossEntropyLoss() if job.outputs > 1 else nn.BCEWithLogitsLoss()
    penalized = penalties(job, model)
    x, y = tensors(job, rows)
    loss, hits = torch.zeros(()), torch.zeros((), dtype=torch.int64)

    def step(chosen: Tensor) -> None:
        targets = y.index_select(0, chosen)
        outputs = model(x.index_select(0, chosen))
        value = crossentropy(outputs, targets)
        for kernel, l1, _ in penalized:
            if l1:
                value = value + l1 * kernel.abs().sum()
        update.zero_grad(set_to_none=True)
        value.backward()
        with torch.no_grad():
            total = value.detach().clone()
            for kernel, _, l2 in penalized:
                if l2:
                    total += l2 * kernel.square().sum()
            hits.add_(right(outputs, targets))
            loss.add_(total * len(chosen))
        update.step()

    batch = torch.arange(job.batch)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM):
            step(batch)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step(batch)
    gate.ready(sum(p.numel() for p in model.parameters()))
    while True:
        gate.wait()
        loss.zero_()
        hits.zero_()
        for chosen in torch.randperm(len(x)).split(job.batch):
            if len(chosen) == job.batch:
                batch.copy_(chosen)
                graph.replay()
            else:
                step(chosen)
        gate.done(loss / len(x), hits.item() / len(x))
