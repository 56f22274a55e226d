"""A loss of two functions of a user: the losses of rows, and their gradients."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from minidl.losses.base import Loss
from minidl.losses.distances import OnValues


class FunctionLoss(OnValues):
    """The base of the classes that :func:`from_functions` makes."""

    function: Callable[[Any, Any], Any]
    gradient: Callable[[Any, Any], Any]

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        rows = len(out)
        values = self.function(t, predictions)
        if getattr(values, "shape", ()) not in ((rows,), (rows, 1)):
            raise ValueError(
                f"{type(self).__name__}: expected a loss for each row, shape ({rows},), received "
                f"{_shown(values)}; a mean over the units is np.mean(..., axis=-1)"
            )
        out[...] = values.reshape(rows, 1)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        values = self.gradient(t, predictions)
        if getattr(values, "shape", ()) != out.shape:
            raise ValueError(
                f"{type(self).__name__}: expected the gradient of each row's loss at y_pred, shape "
                f"{out.shape}, received {_shown(values)}"
            )
        out[...] = values


def from_functions(
    forward: Callable[[Any, Any], Any],
    backward: Callable[[Any, Any], Any],
    name: str | None = None,
) -> Loss:
    """A loss of two functions of arrays; ``minidl.gradient_check.gradcheck(loss)`` checks the two.

    ::

        def fourth_power(y_true, y_pred):
            return np.mean((y_pred - y_true) ** 4, axis=-1)

        def fourth_power_gradient(y_true, y_pred):
            return 4 * (y_pred - y_true) ** 3 / y_pred.shape[-1]

        loss = minidl.losses.from_functions(fourth_power, fourth_power_gradient)

    minidl takes the mean over the batch and weighs the rows. A recorded step calls both
    functions in Python. A saved file holds the loss's name alone: ``load_model`` needs
    ``minidl.register(loss)`` before, or ``custom_objects={name: loss}``.

    Args:
        forward: called with y_true and y_pred, both (N, units); returns a loss for each row, (N,).
        backward: called alike; returns the gradient of each row's loss at y_pred, (N, units).
        name: default the name of ``forward``; needed for a lambda.

    Raises:
        TypeError: not two functions.
        ValueError: a name that is no name of Python.
    """
    for each in (forward, backward):
        if not callable(each) or isinstance(each, type):
            raise TypeError(f"from_functions: expected two functions, received {each!r}")
    name = getattr(forward, "__name__", "") if name is None else name
    if not (isinstance(name, str) and name.isidentifier()):
        raise ValueError(
            f"name: expected that of a Python function, received {name!r}; a lambda takes "
            "from_functions(..., name='of_your_own')"
        )
    content = {
        # The caller's package is a part of the name in files.
        "__module__": sys._getframe(1).f_globals.get("__name__", "__main__"),
        "__doc__": forward.__doc__ or f"Made of the function {name}.",
        "function": staticmethod(forward),
        "gradient": staticmethod(backward),
    }
    made: Loss = type(name, (FunctionLoss,), content)()
    return made


def _shown(values: Any) -> str:
    shape = getattr(values, "shape", None)
    return f"a {type(values).__name__}" if shape is None else f"shape {shape}"
