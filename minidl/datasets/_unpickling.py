"""An unpickler that answers a few names with stand-ins; nothing that a pickle names is run.

A reader derives from :class:`Restricted` and says what the names stand for. The stand-ins are
instances without attributes, so that a pickle can change nothing lasting on a stand-in; a stand-in
is callable only where a pickle must call the name.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any


class Ndarray:
    """Stands for ``numpy.ndarray``."""

    __slots__ = ()


class Reconstruct:
    """Stands for the function with which NumPy begins an array.

    Attributes:
        array: the class of what stands for the array.
    """

    __slots__ = ()
    array: type

    def __call__(self, subtype: object, *_: object) -> Any:
        if not isinstance(subtype, Ndarray):
            raise pickle.UnpicklingError(f"an array of type {subtype!r}")
        return self.array()


def numpy_names(dtype: object, **functions: object) -> dict[tuple[str, str], object]:
    """The names of NumPy's that a pickled array asks for, with what stands for each.

    Args:
        dtype: stands for ``numpy.dtype``.
        functions: name in ``numpy.core.multiarray`` -> what stands for the function.
    """
    # NumPy 2 renamed numpy.core to numpy._core.
    modules = "numpy.core.multiarray", "numpy._core.multiarray"
    admitted = {(module, name): f for module in modules for name, f in functions.items()}
    return {("numpy", "ndarray"): Ndarray(), ("numpy", "dtype"): dtype, **admitted}


class Restricted(pickle.Unpickler):
    """An unpickler of the names in ``admitted``; any other name raises ``UnpicklingError``."""

    admitted: Mapping[tuple[str, str], object]

    def find_class(self, module: str, name: str) -> Any:
        admitted = self.admitted.get((module, name))
        if admitted is None:
            raise pickle.UnpicklingError(
                f"a pickle that asks for {module}.{name}: the file may be hostile, and nothing of "
                "it was run"
            )
        return admitted
