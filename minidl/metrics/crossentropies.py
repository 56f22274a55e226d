"""Cross-entropies among the metrics, with the arguments that Keras gives each of them."""

from __future__ import annotations

from typing import Any

from minidl import checks, losses
from minidl.metrics.arguments import chosen_once
from minidl.metrics.loss_metrics import LossMetric
from minidl.names.register import register


class _Crossentropy(LossMetric):
    """Base of the classes of cross-entropies."""

    from_logits: Any = checks.Attribute(chosen_once)
    label_smoothing: Any = checks.Attribute(chosen_once)

    def __init__(self, loss: type[losses.Loss], name: str, **options: Any) -> None:
        super().__init__(loss(**options), name)
        for key, value in options.items():
            setattr(self, key, value)


@register("bce")
class BinaryCrossentropy(_Crossentropy):
    """The mean of -t log p - (1 - t) log(1 - p), for targets 0 and 1.

    Args:
        name: the key in a History; default "binary_crossentropy".
        dtype: as for :class:`Metric`.
        from_logits: whether predictions come before their sigmoid; default False.
        label_smoothing: share of each target that goes to ½; default 0.
    """

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(losses.BinaryCrossentropy, name, **options)
        self.dtype = dtype


@register
class CategoricalCrossentropy(_Crossentropy):
    """The mean over rows of -Σ_k t_k log p_k.

    Args:
        name: the key in a History; default "categorical_crossentropy".
        dtype: as for :class:`Metric`.
        from_logits: whether predictions come before their softmax; default False.
        label_smoothing: share of each target that goes to all classes alike; default 0.
    """

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(losses.CategoricalCrossentropy, name, **options)
        self.dtype = dtype


@register
class SparseCategoricalCrossentropy(_Crossentropy):
    """The mean over rows of -log p_y, for class numbers y.

    Args:
        name: the key in a History; default "sparse_categorical_crossentropy".
        dtype: as for :class:`Metric`.
        from_logits: whether predictions come before their softmax; default False.
    """

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(losses.SparseCategoricalCrossentropy, name, from_logits=from_logits)
        self.dtype = dtype
