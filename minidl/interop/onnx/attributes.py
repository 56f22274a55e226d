"""Attributes of ONNX nodes, each with its type and default value."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.interop.errors import ConversionError

# AttributeProto.AttributeType, and the field of each.
_FIELDS = {float: (1, "f"), int: (2, "i"), str: (3, "s"), list: (6, "floats")}


def attributes(node: Any, **defaults: Any) -> dict[str, Any]:
    """The attributes of a node; a default value says of which type an attribute is.

    A float32 is the shortest decimal number that rounds to it: 0.001, as who wrote it meant.

    Raises:
        ConversionError: another attribute, or one of another type.
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
