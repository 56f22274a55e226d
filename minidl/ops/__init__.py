"""Functions of arrays under Keras's names, computed by NumPy, or by CuPy where the arrays are.

A program's own metrics and the numbers around a training need such functions. No gradient is
derived: a user's loss or layer has a backward pass beside the forward pass. Most functions
are NumPy's; the activation functions come from :mod:`minidl.activations`, the losses and the
normalization from :mod:`minidl.losses` and :mod:`minidl.utils`.

Keras has names here for pictures, sequences, decompositions and control flow, too. These names are
refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl import checks, losses
from minidl.activations import ActivationFunction
from minidl.kernels.losses import sigmoid_crossentropy_forward
from minidl.kernels.probabilities import binary_crossentropy_forward
from minidl.names.lookup import known
from minidl.ops import elementwise, reductions, shapes
from minidl.ops.tensors import convert_to_tensor, shown, wrapped
from minidl.utils import norms

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **elementwise.FUNCTIONS,
    **reductions.FUNCTIONS,
    **shapes.FUNCTIONS,
    "normalize": wrapped(norms.normalize),
}
_LOSSES = ("categorical_crossentropy", "sparse_categorical_crossentropy")
#: Activation functions that Keras has no name for among these.
_ELSEWHERE = ("linear", "exponential", "bounded_relu", "gelu_tanh", "mish")


def _of_activation(name: str) -> Callable[..., Any]:
    activation: ActivationFunction = known(ActivationFunction)[name]

    def function(x: Any, *places: Any, **arguments: Any) -> Any:
        x = convert_to_tensor(x)
        return shown(activation(x, *places, **arguments), [x])

    function.__name__ = name
    function.__doc__ = f"The activation function {name}; arguments as for it."
    return function


def _of_loss(name: str) -> Callable[..., Any]:
    loss = getattr(losses, name)

    def function(target: Any, output: Any, from_logits: bool = False) -> Any:
        target, output = convert_to_tensor(target), convert_to_tensor(output)
        return shown(loss(target, output, from_logits=from_logits), [output])

    function.__name__ = name
    function.__doc__ = f"A loss for each row; see ``minidl.losses.{name}``."
    return function


def gelu(x: Any, approximate: bool = True) -> Any:
    """x · Φ(x), by default with tanh in the place of Φ: here Keras has another default."""
    return _of_activation("gelu")(x, approximate)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-t log p - (1 - t) log(1 - p), element by element."""
    p = convert_to_tensor(output)
    t = convert_to_tensor(target).astype(p.dtype)
    compute = sigmoid_crossentropy_forward if from_logits else binary_crossentropy_forward
    return shown(compute(p, t), [p])


def rsqrt(x: Any) -> Any:
    """1 / √x."""
    return 1 / _FUNCTIONS["sqrt"](x)


def _names() -> set[str]:
    activations = {*known(ActivationFunction)} - {*_ELSEWHERE}
    return {
        *_FUNCTIONS,
        *activations,
        *_LOSSES,
        "rsqrt",
        "binary_crossentropy",
    }


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        return _FUNCTIONS[name]
    if name in _LOSSES:
        return _of_loss(name)
    if name in _names():
        return _of_activation(name)
    raise AttributeError(
        f"minidl.ops has functions for dense networks, and no {name!r}"
        f"{checks.hint(name, _names())} (NumPy's functions take these arrays, too)"
    )


def __dir__() -> list[str]:
    return sorted(_names())
