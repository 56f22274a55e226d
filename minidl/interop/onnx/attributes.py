"""Attributes of ONNX nodes, with types and default values."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.interop.errors import ConversionError

# Type -> AttributeProto.AttributeType, and the field that holds the value.
_FIELDS = {float: (1, "f"), int: (2, "i"), str: (3, "s"), list: (6, "floats")}


def attributes(node: Any, **defaults: Any) -> dict[str, Any]:
    """The attributes of a node; a default value also gives the type of an attribute.

    A float32 becomes the shortest decimal number that rounds to it: 0.001, as the author meant.

    Raises:
        ConversionError: an unknown attribute, or an attribute of another type.
    """
    found = dict(defaults)
    for attribute in node.attribute:
        kind, field = _FIELDS[type(defaults.get(attribute.name, ""))]
        if attribute.name not in defaults or attribute.type != kind:
            known = ", ".join(f"{k}: {type(v).__name__}" for k, v in defaults.items())
            raise ConversionError(
                f"operator {node.op_type} {node.name!r}: expected attributes {known or 'none'}, "
                f"received {attribute.name!r}"
            )
        value = getattr(attribute, field)
        if kind == 1:
            value = float(str(np.float32(value)))
        elif kind == 3:
            value = value.decode("utf-8", "replace")
        elif kind == 6:
            value = list(value)
        found[attribute.name] = value
    return found
