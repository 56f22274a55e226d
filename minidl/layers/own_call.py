"""A user's own layers that define ``call``, as in Keras, in place of ``forward``."""

from __future__ import annotations

import inspect
import itertools
from typing import Any

#: Random numbers of passes outside of training have addresses that no training comes to.
passes = itertools.count(1 << 60)


class OwnCall:
    """A layer whose subclasses may define ``call(inputs, training)`` around ``super().call``.

    ::

        class MonteCarloDropout(minidl.layers.Dropout):
            def call(self, inputs, training=False):
                return super().call(inputs, training=True)

    The gradient goes back as in the base class. So ``call`` hands over ``inputs`` and returns the
    result, both unchanged; a ``call`` that computes needs a ``backward`` beside it.
    """

    #: Step of the pass under way; None in inference.
    _step: int | None = None
    _passed: tuple[Any, Any] | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "call" in vars(cls) and "forward" not in vars(cls):
            cls.forward = _forward  # type: ignore[attr-defined]

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The layer's output for ``inputs``, as ``forward`` gives it in the pass under way."""
        kinds = (vars(kind).get("forward") for kind in type(self).__mro__)
        inner: Any = next(each for each in kinds if each not in (None, _forward))
        # Training has not asked for these random numbers: each pass has new numbers.
        step = self._step if self._step is not None else next(passes) if training else 0
        y = inner(self, inputs, bool(training), step)
        self._passed = inputs, y
        return y


def calls(layer: Any) -> bool:
    """True if the class of a layer, or a base class, defines ``call``."""
    return type(layer).forward is _forward


def _forward(self: Any, x: Any, training: bool = False, step: int = 0) -> Any:
    """The output of the layer's own ``call``.

    Raises:
        TypeError: ``call`` computes, and has no ``backward`` beside it.
    """
    self._step, self._passed = step if training else None, None
    known = inspect.signature(self.call).parameters.values()
    takes = any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in known)
    y = self.call(x, training=training) if takes else self.call(x)
    given, result = self._passed or (None, None)
    if not (_has_backward(type(self)) or (given is x and result is y)):
        raise TypeError(
            f"{type(self).__name__}.call computes something whose gradient is not known: expected "
            "a call that hands its inputs to super().call and returns the result, or a class that "
            "defines forward(x, training, step) and backward(dy)"
        )
    self.y = y
    return y


def _has_backward(kind: type) -> bool:
    """True if ``backward`` is defined where ``call`` is, or in a class that derives from there."""
    for each in kind.__mro__:
        if "backward" in vars(each):
            return each.__module__ != __name__
        if "call" in vars(each):
            return False
    return False
