"""Gradients of other frameworks, with minidl's kinks and tolerances.

``in_torch.py``, ``in_jax.py`` and ``in_keras.py`` turn a subject into NumPy functions, and
``checking.py`` compares the results. A framework is imported for a check of its subjects.
"""

from __future__ import annotations

import importlib
from typing import Any

from minidl.gradient_check.frameworks.checking import check_subject
from minidl.gradient_check.report import Result

__all__ = ["check_foreign", "is_foreign"]

# Adapter modules, by the first part of the name of a class's module.
ADAPTERS = {"torch": "in_torch", "jax": "in_jax", "jaxlib": "in_jax", "keras": "in_keras"}


def is_foreign(subject: Any) -> bool:
    """True for a subject of PyTorch, JAX or Keras."""
    return _framework(subject) is not None


def check_foreign(
    subject: Any, *inputs: Any, training: bool | None = None, dy: Any = None, seed: int = 0
) -> Result:
    """Check the gradients that another framework computes for its own forward.

    ::

        gradcheck(MyFunction, x, W)  # a torch.autograd.Function
        gradcheck(torch.nn.Linear(4, 3).double(), x)
        gradcheck(f, x)  # JAX: a function with custom_vjp or custom_jvp, or a jitted one
        gradcheck(keras.layers.Dense(3, dtype="float64"), x)

    The function is Σ dy · subject(inputs). Checked are all inputs of float64, and the parameters of
    a module or layer, also in float64. Random numbers come from the same seed in each call.

    Args:
        subject: a subclass of ``torch.autograd.Function``, a ``torch.nn.Module``, a JAX function,
            or a Keras layer or model.
        inputs: the forward's arguments in order. Arrays or tensors of float64 are checked; a
            JAX container is checked leaf by leaf; any other argument is passed on unchanged.
        training: True or False for one mode of a module or layer; default both.
        dy: (outputs,), the gradient at all outputs, in one vector; default random.
        seed: seed of dy, of the subject's random numbers, and of the directions.

    Raises:
        GradientError, KinkError and more: as :func:`~minidl.gradient_check.check_function`.
        TypeError: no framework knows the subject, or no input is given.
    """
    framework = _framework(subject)
    if framework is None:
        raise TypeError(
            "expected a torch.autograd.Function, a torch.nn.Module, a function of JAX's or a Keras "
            f"layer, received {subject!r}"
        )
    if not inputs:
        raise TypeError("expected the forward's arguments after the subject, received none")
    adapter = importlib.import_module(f"{__name__}.{ADAPTERS[framework]}")
    return check_subject(adapter.adapted(subject, inputs, seed), training, dy, seed)


def _framework(subject: Any) -> str | None:
    """The framework of a subject's class, or of a base class."""
    bases = subject.__mro__ if isinstance(subject, type) else type(subject).__mro__
    names = (str(base.__module__).partition(".")[0] for base in bases)
    return next((name for name in names if name in ADAPTERS), None)
