"""Features brought to mean 0 and variance 1 by numbers that are known before training."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import Backend, backend_of, is_sparse, to_host
from minidl.backend.array import Array
from minidl.initializers import Constant
from minidl.kernels import normalization as kernels
from minidl.layers.arguments import BUILT
from minidl.layers.base import Layer, Shape, first_rows
from minidl.names.register import register
from minidl.parameters import Specification

#: Keras's, the least deviation that divides.
EPSILON = 1e-7


def _values(layer: Any, name: str, value: Any) -> Any:
    """The check of a given mean or variance: a number, or one for each feature."""
    checks.unsealed(layer, name, BUILT)
    if value is None:
        return None
    found = np.array(value, dtype=np.float64)
    if found.ndim > 1 or not np.isfinite(found).all() or (name == "variance" and found.min() < 0):
        raise ValueError(f"{name}: expected a number, or one for each feature, received {value!r}")
    return found.tolist()


def _axis(layer: Any, name: str, value: Any) -> Any:
    """The check of the axis: None, or one axis."""
    checks.unsealed(layer, name, BUILT)
    if isinstance(value, list | tuple) and len(value) < 2:  # Keras writes None as []
        value = value[0] if value else None
    return value if value is None else checks.integer(name, value, -1)


@register
class Normalization(Layer):
    """y = (x - mean) / max(√variance, 1e-7), feature by feature.

    Mean and variance are given, or :meth:`adapt` computes both before training. Until then mean is
    0 and variance 1. Training changes neither.

    Args:
        axis: -1: one mean and one variance for each place of a row's last axis; or None: one mean
            and one variance for all.
        mean, variance: numbers, or one for each feature; both or neither.
        invert: True for the inverse, y = x · max(√variance, 1e-7) + mean; default False.
        options: arguments of :class:`Layer`.

    Attributes:
        mean, variance: the numbers in use; statistics of the network, if not given.

    Raises:
        ValueError, TypeError: no such axis or numbers; when the network is built, numbers that do
            not suit the rows.
    """

    count: Any

    axis: Any = checks.Attribute(_axis)
    mean: Any = checks.Attribute(_values)
    variance: Any = checks.Attribute(_values)
    invert = checks.flag()

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.axis = axis
        if (mean is None) != (variance is None) or np.shape(mean) != np.shape(variance):
            raise ValueError(
                "expected mean and variance of one shape, or neither, received "
                f"mean={mean!r}, variance={variance!r}"
            )
        self.mean = mean
        self.variance = variance
        self.invert = invert
        self._given = mean is not None
        self._adapted: tuple[Any, Any] = (0.0, 1.0)

    def bind_view(self, name: str, view: Any) -> None:
        super().bind_view(name, view.view(Array) if isinstance(view, np.ndarray) else view)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        if self.axis not in (None, -1, len(input_shape)):
            raise ValueError(
                f"{self.name}: expected axis=-1, the last of a row, or None, received {self.axis}"
            )
        shape = () if self.axis is None else input_shape[-1:]
        wanted = np.shape(self.mean if self._given else self._adapted[0])
        if wanted not in ((), shape):
            raise ValueError(
                f"{self.name}: expected numbers of shape {shape}, those of rows of shape "
                f"{input_shape}, received {wanted}"
            )
        if not self._given:
            mean, variance = map(Constant, self._adapted)
            self.statistics = {
                "mean": Specification("mean", shape, mean),
                "variance": Specification("variance", shape, variance),
                # Keras has it, of no use: get_weights and the count of parameters are the same.
                "count": Specification("count", (), Constant(0)),
            }

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        xp = backend.xp
        self._y, self._dx = (xp.empty((rows, *self.output_shape), dtype=dtype) for _ in range(2))
        if self._given:
            self._mean, self._variance = (
                backend.to_device(np.array(values, dtype)) for values in (self.mean, self.variance)
            )
        else:
            plain = [xp.asarray(each) for each in (self.mean, self.variance)]
            self._mean, self._variance = plain  # the same memory, without numpy()
        self._deviation = xp.empty_like(self._variance)

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        kernels.deviation_of(self._variance, EPSILON, out=self._deviation)
        compute = kernels.denormalize if self.invert else kernels.normalize
        self.y = compute(x, self._mean, self._deviation, out=first_rows(self._y, len(x)))
        return self.y

    def backward(self, dy: Any) -> Any:
        compute = kernels.denormalize_back if self.invert else kernels.normalize_back
        return compute(dy, self._deviation, out=first_rows(self._dx, len(dy)))

    def adapt(self, data: Any) -> None:
        """Take mean and variance from data.

        Args:
            data: (N, ...), rows; or an iterable of such batches.

        Raises:
            ValueError: mean and variance were given, or the data are no rows that the layer takes.
            TypeError: a sparse matrix.
        """
        if self._given:
            raise ValueError(
                f"{self.name}: expected no adapt, because mean and variance were given"
            )
        count, mean, variance = 0, np.float64(0), np.float64(0)
        for batch in [data] if hasattr(data, "shape") else data:
            rows, now, spread = self._moments(batch)
            # Chan, Golub & LeVeque, The American Statistician 37 (1983), equation 2.1.
            count, before = count + rows, count
            share = rows / count
            apart = now - mean
            mean = mean + apart * share
            variance = (variance * before + spread * rows) / count
            variance = variance + apart * apart * share * (before / count)
        if not count:
            raise ValueError("adapt: expected at least one row, received none")
        found = mean.tolist(), variance.tolist()
        if self.statistics:
            if np.shape(mean) != self.mean.shape:
                raise ValueError(
                    f"adapt: expected rows of shape {self.input_shape}, received numbers of shape "
                    f"{np.shape(mean)}"
                )
            put = backend_of(self.mean).to_device
            self.mean, self.variance = put(np.array(mean)), put(np.array(variance))
        else:
            vars(self).update(
                mean=np.array(mean).view(Array), variance=np.array(variance).view(Array)
            )
        self._adapted = found

    def _moments(self, batch: Any) -> tuple[int, Any, Any]:
        """Number of rows, mean and variance."""
        if is_sparse(batch):
            raise TypeError("adapt: expected an array, received a sparse matrix; use .toarray()")
        x = np.asarray(to_host(checks.array("adapt", batch)), np.float64)
        if x.size == 0 or (self.axis is not None and x.ndim < 2):
            raise ValueError(
                f"adapt: expected rows of features, (N, ...), received an array of shape {x.shape}"
                "; for numbers write Normalization(axis=None)"
            )
        axes = None if self.axis is None else tuple(range(x.ndim - 1))
        return x.size if axes is None else x.size // x.shape[-1], x.mean(axes), x.var(axes)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return config if self._given else {**config, "mean": None, "variance": None}
