"""The base of losses: a value for a batch, and its gradient at the predictions.

A loss is bound to buffers once; then ``forward`` gives the mean over the batch, or another
reduction, 0-d and on the device, and ``backward`` the gradient of that number.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import Backend, backend_of
from minidl.kernels import losses as kernels
from minidl.kernels import sums
from minidl.losses import arguments, arrays, reductions
from minidl.names.configuration import Configured
from minidl.names.register import kind
from minidl.names.user_classes import in_place

#: Activations whose logits a cross-entropy takes.
JOINED = ("softmax", "sigmoid")
_WRITTEN = "the result to be written into out, out[...] = …"


@kind("loss")
class Loss(Configured):
    """Base of all losses: one number of a loss for each row.

    A user's class defines :meth:`row_losses` and :meth:`row_gradients`; in the place of a class,
    :func:`minidl.losses.from_functions` takes two functions.

    Args:
        from_logits: whether predictions come before their softmax or sigmoid; default False.
        reduction: "sum_over_batch_size" (the default) or "mean", the mean over the rows; "sum",
            over the rows of a batch, so that values depend on the number of rows;
            "mean_with_sample_weight", the sum divided by the sum of the weights; "none" or None,
            the losses of the rows, when called with arrays. ``fit`` needs one number.
        name: of the loss, default the class's.
        dtype: None: a loss is computed in the type of the predictions.

    Attributes:
        weight: the factor of the value; ``compile(loss_weights=...)`` sets the factor of a copy.
        positive: whether predictions have to be above 0.
        labels: the kind of targets: "integers" (N,), "rows" of numbers for classes (N, K), "binary"
            or "values" (N, O).
        activation: the output activation with which this loss can be computed together, or None.
        joined: True if computed together: predictions are then the logits before that activation.
    """

    labels = "values"
    activation: str | None = None
    joined = False
    positive = False
    weight = 1.0
    reduction: Any = checks.Attribute(arguments.known_reduction)
    from_logits: Any = checks.Attribute(arguments.on_logits)
    #: True if a batch of training counts for the sum of its weights in an epoch's mean.
    by_weight = False
    dtype: Any = checks.only_none("as a loss is computed in the type of the predictions")

    def __init__(
        self,
        from_logits: bool = False,
        *,
        reduction: str | None = reductions.MEAN,
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        self.from_logits, self.reduction, self.dtype = from_logits, reduction, dtype
        self.name = type(self).__name__ if name is None else name
        self._bound: tuple[Any, ...] = (0, 0, None, None)

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any) -> None:
        """Allocate every buffer for up to ``rows`` rows of ``units``; a loss adds work space."""
        xp = backend.xp
        self._backend, self._bound = backend, (rows, units, dtype, xp.ndarray)
        self._converted, self._gradients = (xp.empty((rows, units), dtype) for _ in range(2))
        self._losses, self._factors = (xp.empty((rows, 1), dtype) for _ in range(2))
        self._value, self._share, self._weightless = (xp.zeros((), dtype) for _ in range(3))
        self._classes = xp.arange(units, dtype=np.int32)

    def forward(self, predictions: Any, y: Any, sample_weight: Any = None) -> Any:
        """The loss of the batch as a 0-d array on the device; if a mean, (1/N) Σ w_n L_n.

        The values of ``y`` are not looked at here, which would wait for the device: ``fit``
        checks the values once, before training.

        Args:
            predictions: (N, units): outputs, or logits with ``from_logits``.
            y: targets: (N,) or (N, 1) integers for "integers", else (N, units); (N,) is
                accepted where units is 1.
            sample_weight: (N,) or (N, 1) weights w, or None for weights of 1.

        Raises:
            ValueError: targets of another shape.
        """
        rows, units = predictions.shape
        wanted = units, predictions.dtype, type(predictions)
        if rows > self._bound[0] or wanted != self._bound[1:]:
            self.bind(rows, units, backend_of(predictions), predictions.dtype)
        y = self._backend.to_device(y)
        arguments.fitting(self, y, rows, units)
        self._predictions, self._rows = predictions, rows
        t = self._targets = self._converted[:rows]
        if self.labels == "integers":
            kernels.one_hot(y.reshape(rows, 1), self._classes, out=t)
        else:
            sums.convert(y.reshape(rows, units), out=t)
        self.prepare(t)
        losses = self._losses[:rows]
        returned = self.row_losses(predictions, t, losses)
        in_place(self.row_losses, returned, losses, _WRITTEN)
        self._weights = None
        if sample_weight is not None:
            self._weights = self._factors[:rows]
            sums.convert(self._backend.to_device(sample_weight).reshape(rows, 1), out=self._weights)
            sums.weigh(losses, self._weights, out=losses)
        if self.reduction not in reductions.MEANS:
            return reductions.value(self, losses, self._weights)
        value = sums.mean_all(losses, out=self._value)
        return value if self.weight == 1 else sums.scale(value, self.weight, out=value)

    def backward(self) -> Any:
        """The gradient of the last forward's value with respect to the predictions: (N, units)."""
        d = self._gradients[: self._rows]
        returned = self.row_gradients(self._predictions, self._targets, d)
        in_place(self.row_gradients, returned, d, _WRITTEN)
        if self._weights is not None:
            sums.weigh(d, self._weights, out=d)
        if self.reduction not in reductions.MEANS:
            return reductions.gradient(self, d, self._weights)
        factor = float(self.weight) / self._rows
        return d if factor == 1 else sums.scale(d, factor, out=d)

    def joined_to(self, network: Any) -> Loss:
        """A copy, computed together with the network's last activation where that is possible.

        Softmax and cross-entropy have one gradient at the logits, p - t, also where p is 0 or 1 to
        rounding; sigmoid and binary cross-entropy likewise. The copy takes the logits; elsewhere
        the copy is like this loss. As in Keras, a cross-entropy takes the logits of both
        activations, also of the unsuitable one, and also with ``from_logits``.

        Args:
            network: built, or with its layers.
        """
        loss = copy.copy(self)
        ends = network.output_activation in JOINED and network.has_logits
        loss.joined = self.activation is not None and ends
        loss.from_logits = self.from_logits or loss.joined
        return loss

    def prepare(self, t: Any) -> None:
        """Change targets (N, units) in place, before :meth:`row_losses`; here nothing changes."""

    def row_losses(self, predictions: Any, t: Any, out: Any) -> Any:
        """Write L_n into ``out`` (N, 1)."""
        raise NotImplementedError(f"{type(self).__name__} must define row_losses")

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> Any:
        """Write dL_n / dpredictions into ``out`` (N, units), after :meth:`row_losses`."""
        raise NotImplementedError(f"{type(self).__name__} must define row_gradients")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of arrays as a number; (N,) with the reduction "none".

        A user's class may define ``call(y_true, y_pred)``, the losses of rows, as in Keras. ``fit``
        does not take such a class, because the gradient is missing.
        """
        return arrays.call(self, y_true, y_pred, sample_weight)
