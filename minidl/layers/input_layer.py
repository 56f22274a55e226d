"""Input under the name that Keras has for the class."""

from __future__ import annotations

from typing import Any

from minidl.layers.input import Input
from minidl.names.register import register


@register
class InputLayer(Input):
    """Keras's name of the class. Arguments as for :class:`Input`.

    The older names ``input_shape`` and ``batch_input_shape`` are taken as well.
    """

    def __init__(self, shape: Any = None, *arguments: Any, **options: Any) -> None:
        if "batch_input_shape" in options:
            options["batch_shape"] = options.pop("batch_input_shape")
        super().__init__(options.pop("input_shape", shape), *arguments, **options)
