"""Passes of rows through a stack of layers: forward, backward."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.backend.cuda import allocating
from minidl.layers import Activation, Dense
from minidl.layers.own_call import calls
from minidl.network import conversion, weights
from minidl.network.concurrency import in_turn
from minidl.network.stack import Stack
from minidl.network.unwritten import watched


class Network(Stack):
    """A stack of layers through which rows pass: all that an explicit loop needs.

    The network owns the buffers. Threads may share one network: passes wait their turn. A pass in
    a signal handler, between two calls of another pass, gets separate buffers.

    Args:
        layers, name, dtype: as of :class:`minidl.network.stack.Stack`.

    Attributes:
        passes: forward passes that Python made, of both kinds.
        rows: the number of rows for which buffers are allocated.
    """

    _step = 0
    _x: Any = None
    _logits = False
    get_weights, set_weights = weights.get_weights, weights.set_weights
    count_params = weights.count_params
    weights_of, set_weights_of = weights.copies, weights.overwrite

    @property
    def step(self) -> int:
        """Training passes made; random numbers are addressed by the step."""
        return self._step

    @step.setter
    def step(self, value: int) -> None:
        self._step = checks.step(value)

    def bind(self, rows: int) -> None:
        """Allocate the buffers for passes over up to ``rows`` rows.

        The buffer for converted rows is allocated when the first rows need a conversion.
        """
        if rows > self.rows:
            rows = max(rows, *(other.rows for other in self.kin))  # of common layers, too
            with allocating(f"what {self.name} computes with batches of {rows} rows"):
                for layer in self.leaves:
                    layer.bind(rows, self.backend, self.dtype)
                self.penalties.activities.bind(rows)
            self._x = None
            self.rows = rows

    def forward(
        self, x: Any, training: bool = False, step: int | None = None, logits: bool = False
    ) -> Any:
        """The outputs for the rows ``x``, in the last layer's buffer (overwritten next time).

        Args:
            x: (N, *input_shape); a CSR matrix where Dense is the first layer that computes.
            training: whether layers behave as in training.
            step: addresses the random numbers: the same step gives the same dropout masks.
                By default every training pass takes the next number.
            logits: stop before the softmax or sigmoid of the last layer.

        Raises:
            TypeError: a sparse matrix for another layer than Dense.
            ValueError: no rows, rows of another shape, no numbers, or logits of a network that
                ends in no activation.
        """
        return in_turn(self, training, lambda: self._forward(x, training, step, logits))

    def _forward(self, x: Any, training: bool, step: int | None, logits: bool) -> Any:
        x = self._checked(x, logits)
        self._logits, self.traffic.awaits_backward = logits, training
        for network in self.kin:
            network.passes += 1
        self.bind(x.shape[0])
        if training and step is None:
            step = self._step
            self._step = step + 1
        x = conversion.converted(self, x)
        noted, layers, rows = self.penalties.activities.noted, list(self.leaves), x.shape[0]
        last: Any = layers.pop() if logits else None
        for layer in layers:
            y = layer.forward(x, training, step or 0)
            x = noted(layer, conversion.outputs(self, layer, y, rows))
        return last.logits(x) if logits else x

    def backward(self, dy: Any, logits: bool = False) -> None:
        """Fill ``grad`` from the gradient ``dy`` at the last forward's output.

        Args:
            dy: (N, *output_shape); may be overwritten.
            logits: as in that forward: whether dy is the gradient before the last layer's
                softmax or sigmoid.

        Raises:
            RuntimeError: there was no forward, or the last one stopped elsewhere.
            UnwrittenError: a user's layer leaves a gradient unwritten in its first backward pass.
        """
        if not self.passes:
            raise RuntimeError(f"{self.name}: expected forward(x) before backward(dy)")
        if logits != self._logits:
            raise RuntimeError(
                f"expected backward(dy, logits={self._logits}) after forward(x, "
                f"logits={self._logits}), received logits={logits}"
            )
        with self.traffic.lock, self.backend.here, watched(self):
            layers, penalised = self._with_gradients(), self.penalties.activities.with_gradient
            rows, dy = len(dy), conversion.output_gradient(self, dy)
            if layers and logits:
                dy = layers.pop().logits_backward(dy)
            while layers:
                layer = layers.pop()
                dx = layer.backward(penalised(layer, dy))
                dy = conversion.input_gradient(self, layer, dx, rows)
            self.traffic.awaits_backward = False

    def _with_gradients(self) -> list[Any]:
        """The layers from the first layer with trainable tensors to the last layer."""
        for first, layer in enumerate(self.leaves):
            if layer.tensors and layer.trainable:
                return list(self.leaves[first:])
        return []

    def _checked(self, x: Any, logits: bool) -> Any:
        """Rows ``x``, checked; the network is built for the shape of ``x`` if need be."""
        x = conversion.rows(self, x)
        if not self.built:
            self.build((None, *x.shape[1:]))
        if tuple(x.shape[1:]) != self.input_row:
            raise ValueError(
                f"expected rows of shape {self.input_row}, received {tuple(x.shape[1:])}"
            )
        if logits and not self.has_logits:
            raise ValueError(
                "logits: expected a network that ends in an activation without a penalty on its "
                f"outputs, received {self.leaves[-1]}"
            )
        return x

    def settle(self) -> None:
        """Undo a training step that is half done, and do the steps that wait."""
        if self.traffic.pending is not None:
            self.traffic.pending.settle()

    @property
    def output_activation(self) -> str | None:
        """Name of the activation that the last layer ends with, or None."""
        activation = self._last_activation()
        return activation.function.name if activation else None

    @property
    def has_logits(self) -> bool:
        """True if passes may stop before the last activation: no penalty needs its outputs."""
        activation = self._last_activation()
        return activation is not None and self.leaves[-1].activity_regularizer is None

    def activate(self, logits: Any) -> Any:
        """The outputs for the logits of the last :meth:`forward`."""
        activation = self._last_activation()
        if activation is None:
            raise ValueError(
                f"expected a network that ends in an activation, received {self.leaves[-1]}"
            )
        self.leaves[-1].y = activation.forward(logits)
        return self.leaves[-1].y

    def _last_activation(self) -> Activation | None:
        last = self.leaves[-1]
        if calls(last):
            return None
        activation = last.activation if isinstance(last, Dense) else last
        return activation if isinstance(activation, Activation) else None
