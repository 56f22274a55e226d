"""The calling convention of Stanford's CS231n: ``forward(x, …)`` gives ``(out, cache)``, and
``backward(dout, cache)`` the gradients.

A cache is made by a student's own forward. Without a forward the cache is the course's: the
arguments of a dense layer, the input of an activation, the parameters and the mask of dropout.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.teaching.calling import Call
from minidl.teaching.compare import TOLERANCE, distance
from minidl.teaching.engine import FUNCTIONS
from minidl.teaching.kernel import Kernel
from minidl.teaching.verdict import Unusable

# The forward's arguments, and its output, as formulas of a kernel's quantities.
FORWARDS = {
    "dense": ("x, W, ones(W.shape[1])", "x @ W + 1"),
    "leaky_relu": ("x, negative_slope", "y"),
    "elu": ("x, alpha", "y"),
    "bounded_relu": ("x, negative_slope, max_value, threshold", "y"),
    "batchnorm": (
        "x, gamma, ones_like(gamma), {'mode': 'train', 'eps': epsilon}",
        "gamma * x_hat + 1",
    ),
    "layernorm": ("x, gamma, ones_like(gamma), {'eps': epsilon}", "gamma * x_hat + 1"),
}
ACTIVATION = "x,", "y"

# A mask that a forward draws itself cannot be compared: dropout's is given.
CACHES = {
    "dense": "(x, W, ones(W.shape[1]))",
    "dropout": "({'mode': 'train', 'p': 1 - rate}, mask / (1 - rate))",
}


def cached(
    backward: Callable[..., Any], kernel: Kernel, forward: Callable[..., Any] | None
) -> Call | None:
    """A call of ``backward(dout, cache)``; None if the backward has other arguments.

    Raises:
        Unusable: the cache is that of a forward, and no forward is given.
    """
    try:
        names = list(inspect.signature(backward).parameters)
    except (ValueError, TypeError):  # some functions in C have no signature
        return None
    if len(names) != 2 or names[1] != "cache":
        return None
    if forward is None or kernel.name == "dropout":
        return _kept(backward, kernel)
    is_activation = "x" in kernel.inputs and "y" in kernel.program
    if kernel.name not in FORWARDS and not is_activation:
        raise Unusable("signature", f"{kernel.call()} is not called with a cache.")
    arguments, output = FORWARDS.get(kernel.name, ACTIVATION)
    given, right = _Formula(f"({arguments})"), _Formula(output)

    def call(dy: Any, **quantities: Any) -> Any:
        cache = _forward(forward, given(quantities), right(quantities))
        return backward(dy, cache)

    return Call(call, (), _quantities(kernel, given, right))


def _kept(backward: Callable[..., Any], kernel: Kernel) -> Call:
    """A call with the course's own cache."""
    is_activation = "x" in kernel.inputs and kernel.name not in FORWARDS and "y" in kernel.program
    formula = CACHES.get(kernel.name, "x" if is_activation else "")
    if not formula:
        raise Unusable(
            "signature",
            "backward(dout, cache) needs the forward whose cache it is: diagnose(backward, "
            f'"{kernel.name}", forward=...), where forward returns (out, cache).',
        )
    keep = _Formula(formula)
    return Call(
        lambda dy, **quantities: backward(dy, keep(quantities)), (), _quantities(kernel, keep)
    )


class _Formula:
    """An expression in NumPy's names."""

    def __init__(self, text: str) -> None:
        self._code = compile(text, text, "eval")
        self.needs = self._code.co_names

    def __call__(self, quantities: dict[str, Any]) -> Any:
        return eval(self._code, FUNCTIONS, quantities)


def _quantities(kernel: Kernel, *formulas: _Formula) -> tuple[str, ...]:
    known = {*kernel.inputs, *kernel.program} - {"dy"}
    needed = [name for formula in formulas for name in formula.needs if name in known]
    return ("dy", *dict.fromkeys(needed))


def _forward(forward: Callable[..., Any], arguments: tuple[Any, ...], right: Any) -> Any:
    """The cache of a forward whose output is right."""
    try:
        returned = forward(*arguments)
    except Exception as error:  # any exception becomes a sentence
        text = f"the forward raised {type(error).__name__}: {error}."
        raise Unusable("forward", text) from None
    if not isinstance(returned, tuple) or len(returned) != 2:
        received = f"{len(returned)} values" if isinstance(returned, tuple) else "one value"
        raise Unusable("forward", f"expected (out, cache) of the forward, received {received}.")
    out = np.asarray(returned[0])
    if out.shape != right.shape:
        text = f"the forward's output has the shape {out.shape}, expected {right.shape}."
        raise Unusable("forward", text)
    apart = float(np.max(distance(out, right)))
    if not apart <= TOLERANCE:
        text = f"the forward's output is wrong by up to {apart:.2g}: first the forward, then the"
        raise Unusable("forward", f"{text} backward.")
    return returned[1]
