"""Check gradients against differences: of functions, activations, layers, losses, networks.

::

    from minidl.gradient_check import gradcheck

    gradcheck(np.sin, lambda dy, x: dy * np.cos(x), x)  # a forward and its backward
    gradcheck("softmax", shape=(10,))  # an activation: a name or your own object
    gradcheck(MyLayer(3), shape=(4,))
    gradcheck(minidl.losses.MeanSquaredError())
    gradcheck(minidl.regularizers.L2(0.01))
    gradcheck(model, x, y)  # a compiled model, or with loss=...
    gradcheck(torch_module, x)  # of PyTorch, JAX or Keras: check_foreign

Each call returns a :class:`Result`, which prints the checked gradients and their agreement, or
raises a :class:`GradientCheckError`: a :class:`GradientError` with the wrong entries, a
:class:`KinkError` that names the kink at which the point lies, or the error of an obstacle to the
check. :mod:`minidl.gradient_check.slopes` and ``docs/understand/gradient_check.md`` describe the
method.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

from minidl.activations import ActivationFunction, get
from minidl.gradient_check.errors import (
    GradientCheckError,
    GradientDtypeError,
    GradientError,
    GradientShapeError,
    InPlaceError,
    KinkError,
    NondeterministicError,
    NonScalarLossError,
    NotFiniteError,
)
from minidl.gradient_check.frameworks import check_foreign, is_foreign
from minidl.gradient_check.functions import check_function
from minidl.gradient_check.layers import check_activation, check_layer
from minidl.gradient_check.losses import check_loss, check_penalty
from minidl.gradient_check.networks import check_network
from minidl.gradient_check.report import Entry, Failure, Result, TensorCheck
from minidl.layers import Layer
from minidl.losses import Loss
from minidl.network import Network
from minidl.regularizers import Regularizer

__all__ = [
    "Entry",
    "Failure",
    "GradientCheckError",
    "GradientDtypeError",
    "GradientError",
    "GradientShapeError",
    "InPlaceError",
    "KinkError",
    "NonScalarLossError",
    "NondeterministicError",
    "NotFiniteError",
    "Result",
    "TensorCheck",
    "check_activation",
    "check_foreign",
    "check_function",
    "check_layer",
    "check_loss",
    "check_network",
    "check_penalty",
    "gradcheck",
]

_CHECKS: tuple[tuple[type, Callable[..., Result]], ...] = (
    (Network, check_network),
    (Layer, check_layer),
    (Loss, check_loss),
    (Regularizer, check_penalty),
    (ActivationFunction, check_activation),
)


def gradcheck(subject: Any, *arguments: Any, **options: Any) -> Result:
    """Check the gradients of ``subject`` by the function of this module for such a subject.

    Args:
        subject: a network, a layer, a loss, a regularizer, an activation or a name, a forward
            function; or a subject of PyTorch, JAX or Keras, as for :func:`check_foreign`.
        arguments, options: arguments of the chosen function, after the subject.

    Raises:
        GradientCheckError: the gradients are wrong or cannot be checked.
        TypeError: no function of this module checks such a subject.
    """
    if isinstance(subject, str):
        with contextlib.suppress(ValueError):
            subject = get(subject)
    for kind, check in _CHECKS:
        if isinstance(subject, kind):
            return _called(check, subject, *arguments, **options)
    if is_foreign(subject):
        return _called(check_foreign, subject, *arguments, **options)
    if callable(subject) and not isinstance(subject, type):
        return _called(check_function, subject, *arguments, **options)
    raise TypeError(
        "gradcheck: expected a network, layer, loss, regularizer, activation or a forward function "
        f"and its backward, received {subject!r}"
    )


def _called(check: Callable[..., Result], *arguments: Any, **options: Any) -> Result:
    """The result of a check; an error names the arguments if one is missing or too many."""
    signature = inspect.signature(check)
    try:
        signature.bind(*arguments, **options)
    except TypeError as error:
        raise TypeError(
            f"gradcheck: expected ({', '.join(signature.parameters)}), {error}; "
            f"minidl.gradient_check.{check.__name__} describes them"
        ) from None
    return check(*arguments, **options)
