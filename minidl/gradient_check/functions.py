"""Check of a forward function and its backward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minidl.backend import backend_of
from minidl.gradient_check.compare import Comparison, compare
from minidl.gradient_check.conduct import of_shape, on_host, settled, verdict
from minidl.gradient_check.errors import GradientDtypeError, GradientShapeError
from minidl.gradient_check.report import Result


def check_function(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Any,
    dy: Any = None,
    name: str | None = None,
    seed: int = 0,
) -> Result:
    """Check that ``backward`` gives the gradients of Σ dy · forward(inputs).

    ::

        check_function(np.sin, lambda dy, x: dy * np.cos(x), np.linspace(-2, 2, 5))

    Args:
        forward: takes the inputs, each as an argument, and returns y, an array or a number.
        backward: takes dy (a new array of y's shape) and then the inputs; returns the
            gradients: an array for one input, a sequence in the inputs' order, or a mapping from
            the inputs' names. A gradient that is None or missing is not checked.
        inputs: a float64 array, a sequence of arrays, or a mapping from names to arrays, passed as
            keyword arguments. Values without a gradient, such as labels, are no inputs: close over
            such values.
        dy: default 1 if y is one number, else random; or an array that broadcasts to y's shape.
        name: name for messages; default the forward's own name.
        seed: seed of the random directions and of dy.

    Raises:
        GradientError: a gradient is wrong; the message names the entries.
        KinkError: the point lies at a kink.
        GradientDtypeError, GradientShapeError, InPlaceError, NondeterministicError,
            NotFiniteError: the functions take or return values without a checkable gradient.
    """
    name = name or _name(forward)
    return verdict(name, [compared(forward, backward, inputs, dy, name, "", seed)])


def compared(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Any,
    dy: Any,
    name: str,
    mode: str,
    seed: int,
) -> Comparison:
    """The findings of :func:`check_function`; ``mode`` distinguishes findings of one name."""
    pair = _Pair(forward, backward, inputs, f"{name}: {mode}" if mode else name)
    y = settled(f"{pair.name}: forward", pair.value, pair.inputs)
    weights = pair.weights(y, dy, seed)
    gradients = settled(f"{pair.name}: backward", lambda: pair.gradients(weights), pair.inputs)

    def terms(tensors: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.asarray(weights * pair.call(tensors))

    return compare(pair.tensors, gradients, terms, mode=mode, seed=seed)


class _Pair:
    """Two functions that are called with host arrays, on any backend."""

    def __init__(
        self, forward: Callable[..., Any], backward: Callable[..., Any], inputs: Any, name: str
    ) -> None:
        self.forward, self.backward, self.name = forward, backward, name
        self.named = isinstance(inputs, Mapping)
        if self.named:
            given = dict(inputs)
        else:
            several = isinstance(inputs, list | tuple)
            given = {f"input {k}": x for k, x in enumerate(inputs)} if several else {"x": inputs}
        self.backends = {key: backend_of(x) for key, x in given.items()}
        self.tensors = {key: on_host(f"{name}: {key}", x) for key, x in given.items()}

        self._given: dict[str, Any] = dict(self.tensors)

    def inputs(self) -> dict[str, np.ndarray]:
        """The inputs of the last call, in their state after the call."""
        return {key: self.backends[key].to_host(x) for key, x in self._given.items()}

    def call(self, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
        """y at ``tensors``."""
        y = self._apply(self.forward, tensors)
        return np.array(backend_of(y).to_host(y))

    def value(self) -> np.ndarray:
        """y at the point, after checks."""
        y = self._apply(self.forward, self.tensors)
        if isinstance(y, list | tuple):
            raise GradientShapeError(
                f"{self.name}: forward: expected one array or number, received a "
                f"{type(y).__name__} of {len(y)}"
            )
        self.backend = backend_of(y)
        return on_host(f"{self.name}: forward", y)

    def weights(self, y: np.ndarray, dy: Any, seed: int) -> np.ndarray:
        """dy for each entry of y."""
        if dy is None:
            random = np.random.default_rng([seed, 1])
            random_dy = random.choice([-1.0, 1.0], y.shape) * random.uniform(0.5, 1.5, y.shape)
            return np.ones(y.shape) if y.size == 1 else np.asarray(random_dy)
        host = np.asarray(backend_of(dy).to_host(dy))
        if host.dtype.kind not in "iuf":
            raise GradientDtypeError(f"{self.name}: dy: expected float64, received {host.dtype}")
        try:
            return np.broadcast_to(host, y.shape).astype(np.float64)
        except ValueError:
            raise GradientShapeError(
                f"{self.name}: dy: expected a shape that goes with forward's, {y.shape}, received "
                f"{host.shape}"
            ) from None

    def gradients(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """The gradients that the backward returns, by name, checked."""
        dy = self.backend.to_device(weights.copy())
        found = self._apply(self.backward, self.tensors, dy)
        if not isinstance(found, Mapping):
            several = found if isinstance(found, list | tuple) else (found,)
            if len(several) != len(self.tensors):
                raise GradientShapeError(
                    f"{self.name}: backward: expected {len(self.tensors)} gradients, one for each "
                    f"input, received {len(several)}"
                )
            found = dict(zip(self.tensors, several, strict=True))
        unknown = [key for key in found if key not in self.tensors]
        if unknown:
            raise GradientShapeError(
                f"{self.name}: backward: expected gradients of {list(self.tensors)}, received one "
                f"of {unknown[0]!r}"
            )
        gradients = {}
        for key, gradient in found.items():
            if gradient is not None:
                what = f"{self.name}: gradient of {key}"
                host = of_shape(
                    what, np.asarray(backend_of(gradient).to_host(gradient)),
                    self.tensors[key].shape, "that of the input",
                )  # fmt: skip
                gradients[key] = on_host(what, host)
        if not any(each.size for each in gradients.values()):
            raise GradientShapeError(
                f"{self.name}: backward: expected a gradient with entries for one input at least, "
                "received none; a backward that lacks its return gives None"
            )
        return gradients

    def _apply(
        self, function: Callable[..., Any], tensors: Mapping[str, np.ndarray], *first: Any
    ) -> Any:
        self._given = {key: self.backends[key].to_device(x) for key, x in tensors.items()}
        if self.named:
            return function(*first, **self._given)
        return function(*first, *self._given.values())


def _name(function: Callable[..., Any]) -> str:
    name = str(getattr(function, "__name__", type(function).__name__))
    return "function" if name == "<lambda>" else name
