"""A network as a function of parameters and input, with the function's gradients."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from minidl.backend import Backend, is_sparse
from minidl.gradient_check import kinks
from minidl.gradient_check.compare import Comparison, compare
from minidl.gradient_check.conduct import forward, of_shape, on_host, settled, verdict
from minidl.gradient_check.errors import GradientShapeError, NonScalarLossError, NotFiniteError
from minidl.gradient_check.report import Kink, Result
from minidl.gradient_check.writing import written
from minidl.network import Network
from minidl.parameters import Parameter
from minidl.regularizers.arrays import costs

MODES = {True: "training", False: "inference"}
INPUT = "input"


class Head(Protocol):
    """A function of a network's outputs: a sum of terms."""

    name: str

    def terms(self, outputs: Any) -> np.ndarray:
        """The terms, on the host."""

    def gradient(self) -> Any:
        """The gradient of the terms' sum at the last outputs, on the device."""


class LossHead(Head):
    """A loss with targets: one term."""

    def __init__(self, loss: Any, y: Any, weight: Any) -> None:
        self.loss, self.y, self.weight = loss, y, weight
        self.name = type(loss).__name__

    def terms(self, outputs: Any) -> np.ndarray:
        value = self.loss.forward(outputs, self.y, self.weight)
        if np.ndim(value) != 0:
            raise NonScalarLossError(
                f"{self.name}: expected one number, the mean over the batch, received an array of "
                f"shape {tuple(value.shape)}"
            )
        return np.array([float(value)])

    def gradient(self) -> Any:
        return self.loss.backward()


class WeightHead(Head):
    """Σ dy · y, with the gradient dy."""

    name = "dy"

    def __init__(self, dy: np.ndarray, backend: Backend) -> None:
        self.dy, self.backend = dy, backend

    def terms(self, outputs: Any) -> np.ndarray:
        return np.asarray(self.dy * self.backend.to_host(outputs)).ravel()

    def gradient(self) -> Any:
        return self.backend.to_device(self.dy.copy())


class Pass:
    """Forward and backward pass through a network, at any parameters and input.

    Args:
        network: a built network.
        head: the function of the outputs.
        x: rows on the host, float64; the gradient of a sparse matrix is not checked.
        step: step of the dropout masks.
        logits: True if the head takes the network's logits.
    """

    def __init__(
        self, network: Network, head: Head, x: Any, step: int = 0, logits: bool = False
    ) -> None:
        self.network, self.head, self.x = network, head, x
        self.step, self.logits = step, logits
        self.training = False
        self.sparse = is_sparse(x)
        self._given: Any = x
        self._statistics = network.statistics.theta.copy()

    def check(self, subject: str, training: bool | None, seed: int) -> Result:
        """Compare all gradients, in one mode or both; the network stays unchanged."""
        with self._left_as_it_was():
            tensors = self._tensors()
            modes = (True, False) if training is None else (training,)
            found = [self._compared(subject, mode, tensors, seed) for mode in modes]
        return verdict(subject, found)

    def _compared(
        self, subject: str, training: bool, tensors: Mapping[str, np.ndarray], seed: int
    ) -> Comparison:
        self.training = training
        self._place(tensors)
        what = f"{subject}: {MODES[training]}"
        settled(f"{what}: forward", lambda: self._first(what, tensors), self._inputs)
        gradients = settled(
            f"{what}: backward", lambda: self._gradients(what, tensors), self._inputs
        )
        return compare(tensors, gradients, self.terms, self._kinks, MODES[training], seed)

    def terms(self, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
        """The head's terms and the penalties."""
        return np.append(self.head.terms(self._forward(tensors)), self._penalty())

    @property
    def _trained(self) -> list[Parameter]:
        """The trainable tensors; only trainable tensors have a gradient."""
        return [entry for entry in self.network.parameters if entry.trainable]

    def _tensors(self) -> dict[str, np.ndarray]:
        network = self.network
        tensors = {
            entry.name: network.backend.to_host(network.parameters.view(entry)).copy()
            for entry in self._trained
        }
        return tensors if self.sparse else {**tensors, INPUT: self.x}

    def _inputs(self) -> dict[str, np.ndarray]:
        """The current arrays that no pass may change."""
        given = self._given.data if self.sparse else self.network.backend.to_host(self._given)
        return {**self._tensors(), INPUT: given}

    def _place(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Set parameters and input, and reset the statistics to the same start."""
        network = self.network
        for entry in self._trained:
            network.parameters.view(entry)[...] = network.backend.to_device(tensors[entry.name])
        network.statistics.theta[...] = self._statistics
        self._given = self.x if self.sparse else network.backend.to_device(tensors[INPUT])

    def _forward(self, tensors: Mapping[str, np.ndarray]) -> Any:
        """The outputs."""
        self._place(tensors)
        return forward(self.network, self._given, self.training, self.step, self.logits)

    def _penalty(self) -> float:
        """The penalties with gradients from the network: all except proximal penalties."""
        network = self.network
        value = float(network.penalties.forward(network.theta))
        for entry in self._trained:
            penalty: Any = entry.regularizer
            if penalty is not None and penalty.proximal:
                W = network.theta[entry.slice]
                found = costs(penalty, W, network.backend.xp.empty_like(W))
                value -= float(network.backend.to_host(found).sum())
        return value

    def _first(self, what: str, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
        """The terms at the point, after checks of the outputs."""
        outputs = self._forward(tensors)
        shape = (self.x.shape[0], *self.network.output_row)
        of_shape(f"{what}: output", outputs, shape, "(rows, *output_shape)")
        on_host(f"{what}: output", outputs)
        terms = np.append(self.head.terms(outputs), self._penalty())
        return on_host(f"{what}: {self.head.name}", terms)

    # Gradients -------------------------------------------------------------------------

    def _gradients(self, what: str, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The analytic gradients, after checks."""
        network = self.network
        # First, because this call checks the layers' dx.
        dx = None if self.sparse else self._input_gradient(what, tensors)
        dy = self._dy(what, tensors)
        # A backward pass overwrites these values and never adds to them.
        network.grad[...] = np.nan
        with written(what, network.leaves):
            network.backward(dy, logits=self.logits)
        for entry in self._trained:
            if np.isnan(self._gradient(entry)).all():
                raise NotFiniteError(
                    f"{what}: gradient of {entry.name}: expected backward to write it, received "
                    "NaN, which was there before; gradients are overwritten, not added to"
                )
        network.penalties.add_gradients(network.theta, network.grad)
        found = {
            entry.name: on_host(f"{what}: gradient of {entry.name}", self._gradient(entry))
            for entry in self._trained
        }
        return found if dx is None else {**found, INPUT: dx}

    def _gradient(self, entry: Any) -> np.ndarray:
        return self.network.backend.to_host(self.network.parameters.gradient(entry))

    def _dy(self, what: str, tensors: Mapping[str, np.ndarray]) -> Any:
        """The gradient at the outputs of a forward pass."""
        outputs = self._forward(tensors)
        self.head.terms(outputs)
        name = f"{what}: gradient of {self.head.name}"
        return of_shape(name, self.head.gradient(), tuple(outputs.shape), "the output's")

    def _input_gradient(self, what: str, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
        """dx of the first layer, which a network itself does not compute."""
        layers = self.network.leaves
        needed = [layer.needs_dx for layer in layers]
        try:
            for layer in layers:
                layer.needs_dx = True
            self._rebind()
            dx = self._dy(what, tensors)
            for layer in reversed(layers):
                last: Any = layer
                behind = self.logits and layer is layers[-1]
                if not behind:
                    dx = self.network.penalties.activities.with_gradient(layer, dx)
                with written(what, layers):
                    dx = last.logits_backward(dx) if behind else last.backward(dx)
                name = f"{what}: {layer.name}: dx"
                if dx is None:
                    raise GradientShapeError(
                        f"{name}: expected the gradient at the layer's input, received None though "
                        "needs_dx is true"
                    )
                dx = of_shape(name, dx, (self.x.shape[0], *layer.input_shape), "the input's")
            return on_host(f"{what}: gradient of {INPUT}", dx)
        finally:
            for layer, need in zip(layers, needed, strict=True):
                layer.needs_dx = need
            self._rebind()

    def _rebind(self) -> None:
        rows, self.network.rows = self.network.rows, 0
        self.network.bind(rows)

    @contextlib.contextmanager
    def _left_as_it_was(self) -> Iterator[None]:
        network = self.network
        network.bind(self.x.shape[0])
        vectors = [network.theta, network.grad, network.statistics.theta]
        before = [vector.copy() for vector in vectors]
        # The check itself looks at what backward writes.
        unproved, network.unproved = network.unproved, ()
        try:
            yield
        finally:
            network.unproved = unproved
            for vector, old in zip(vectors, before, strict=True):
                vector[...] = old

    # Kinks -----------------------------------------------------------------------------

    def _kinks(
        self, at: Callable[[float], Mapping[str, np.ndarray]], reach: float, here: bool
    ) -> Sequence[Kink]:
        """The kinks on a line of points: of activations, of penalties, else of the loss."""
        network = self.network
        found = kinks.of_activations(network, lambda t: self._forward(at(t)), reach)
        outputs = network.backend.to_host(self._forward(at(0.0))).copy()
        theta = network.backend.to_host(network.theta)
        found += kinks.of_penalties(network, theta, reach)
        if here and not found:
            found = kinks.of_outputs(self.head.name, self.head.terms, outputs, network.backend)
        return found
