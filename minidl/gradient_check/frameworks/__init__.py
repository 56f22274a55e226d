"""Gradients of other frameworks, with minidl's kinks and tolerances.

``in_torch.py``, ``in_jax.py`` and ``in_keras.py`` make NumPy functions of a subject, and
``checking.py`` compares these. A framework is imported when one of its subjects is checked.
"""

from __future__ import annotations

import importlib
from typing import Any

from minidl.gradient_check.frameworks.checking import check_subject
from minidl.gradient_check.report import Result

__all__ = ["check_foreign", "is_foreign"]

# Modules with the adapters, by the first part of the name of a class's module.
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
        gradcheck(f, x)  # a function with jax.custom_vjp or jax.custom_jvp, or under jax.jit
        gradcheck(keras.layers.Dense(3, dtype="float64"), x)

    The function is Σ dy · subject(inputs). Checked are all inputs of float64, and the parameters of
    a module or layer, in float64 too. What is random is drawn from the same seed in each call.

    Args:
        subject: a subclass of ``torch.autograd.Function``, a ``torch.nn.Module``, a function of
            JAX's, or a Keras layer or model.
        inputs: the forward's arguments in order. Arrays or tensors of float64 are checked; a
            container of JAX's is checked leaf by leaf; everything else is passed on as it is.
        training: True or False for one mode of a module or layer; default both.
        dy: (outputs,), the gradient at the outputs, several one after the other; default random.
        seed: of dy, of what is random, and of the directions.

    Raises:
        GradientError, KinkError and the others: as :func:`~minidl.gradient_check.check_function`.
        TypeError: the subject is of no such kind, or no input is given.
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
