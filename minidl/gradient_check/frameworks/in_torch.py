"""PyTorch: subclasses of ``torch.autograd.Function``, and modules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.gradient_check.frameworks.checking import (
    Adapted,
    Tensors,
    checked_dtype,
    in_a_row,
    split,
)


def adapted(subject: Any, inputs: Sequence[Any], seed: int) -> Adapted:
    """Adapt a Function or a module with its arguments."""
    import torch

    is_module = isinstance(subject, torch.nn.Module)
    is_function = isinstance(subject, type) and issubclass(subject, torch.autograd.Function)
    if not is_module and not is_function:
        raise TypeError(
            "expected a torch.nn.Module or a subclass of torch.autograd.Function, received "
            f"{subject!r}"
        )
    name = type(subject).__name__ if is_module else subject.__name__
    parameters = dict(subject.named_parameters()) if is_module else {}
    tensors = {}
    for key, tensor in parameters.items():
        host = tensor.detach().cpu().numpy()
        if tensor.requires_grad and checked_dtype(f"{name}: {key} (module.double() helps)", host):
            tensors[key] = host.copy()
    arguments: list[Any] = []
    device = next(iter(parameters.values())).device if parameters else None
    for number, value in enumerate(inputs):
        if isinstance(value, torch.Tensor):
            device = device or value.device
            value = value.detach().cpu().numpy() if value.is_floating_point() else value
        if isinstance(value, np.ndarray) and checked_dtype(f"{name}: input {number}", value):
            tensors[f"input {number}"] = value
        arguments.append(torch.from_numpy(value) if isinstance(value, np.ndarray) else value)

    def run(given: dict[str, Any], mode: Any) -> Sequence[Any]:
        placed = [given.get(f"input {k}", value) for k, value in enumerate(arguments)]
        returned = _module(subject, given, placed, mode) if is_module else subject.apply(*placed)
        several = returned if isinstance(returned, tuple | list) else (returned,)
        return [y for y in several if isinstance(y, torch.Tensor) and y.is_floating_point()]

    def call(run: Callable[..., Any], at: Tensors, mode: Any, track: bool) -> Any:
        # A fork, so that the caller's random numbers continue as if nothing had been drawn.
        with torch.random.fork_rng(), torch.set_grad_enabled(track):
            torch.manual_seed(seed)
            placed = {
                key: torch.from_numpy(x).to(device).requires_grad_(track) for key, x in at.items()
            }
            return placed, run(placed, mode)

    def outputs(at: Tensors, mode: Any) -> np.ndarray:
        return in_a_row(y.detach().cpu().numpy() for y in call(run, at, mode, False)[1])

    def gradients(at: Tensors, dy: np.ndarray, mode: Any) -> Tensors:
        placed, ys = call(run, at, mode, True)
        dys = [torch.from_numpy(part).to(device) for part in split(dy, [y.shape for y in ys])]
        tracked = [k for k, y in enumerate(ys) if y.requires_grad]
        found: Sequence[Any] = [None] * len(placed)
        if tracked:
            found = torch.autograd.grad(
                [ys[k] for k in tracked],
                list(placed.values()),
                [dys[k] for k in tracked],
                allow_unused=True,
            )
        return {
            # None means that there is no gradient; PyTorch treats None as 0.
            key: np.zeros(at[key].shape) if grad is None else grad.detach().cpu().numpy()
            for key, grad in zip(placed, found, strict=True)
        }

    modes = (True, False) if is_module else (None,)
    return Adapted(name, tensors, outputs, gradients, modes, (RuntimeError,))


def _module(module: Any, given: dict[str, Any], arguments: Sequence[Any], mode: bool) -> Any:
    """Call a module with other parameters, in a mode; the module stays unchanged."""
    import torch

    before = {part: part.training for part in module.modules()}
    # Statistics that a call changes start at the same numbers each time.
    buffers = {key: buffer.clone() for key, buffer in module.named_buffers()}
    own = {key: value for key, value in given.items() if key in dict(module.named_parameters())}
    try:
        module.train(mode)
        return torch.func.functional_call(module, {**buffers, **own}, tuple(arguments))
    finally:
        for part, training in before.items():
            part.training = training
