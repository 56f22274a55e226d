"""Conversion of models from and to other libraries and file formats.

=========================  =====================================================================
:func:`from_sklearn`       a fitted MLPClassifier or MLPRegressor; :func:`to_sklearn` goes back
:func:`to_torch`           a ``torch.nn.Sequential``; :func:`from_torch` is the way back
:func:`save_state_dict`    a safetensors file with PyTorch's names; :func:`load_state_dict` reads it
:func:`to_onnx`            an ONNX file; :func:`from_onnx` reads ONNX files of any source
:func:`to_numpy_source`    one Python file; needs NumPy alone
:func:`to_c_source`        one C99 file; needs a C compiler alone
=========================  =====================================================================

:func:`minidl.load_model` and ``model.save`` read and write Keras's files. A function and
the packages that the function needs are imported at the first use of the name.
"""

from __future__ import annotations

import importlib
from typing import Any

#: Public name -> the module of this package that has it.
_PLACES = {
    "ConversionError": "errors",
    "from_onnx": "onnx.reading",
    "from_sklearn": "sklearn",
    "from_torch": "pytorch.conversion",
    "load_state_dict": "pytorch.state_dicts",
    "save_state_dict": "pytorch.state_dicts",
    "to_c_source": "source.c_file",
    "to_numpy_source": "source.numpy_file",
    "to_onnx": "onnx.writing",
    "to_sklearn": "sklearn",
    "to_torch": "pytorch.conversion",
}

__all__ = [*_PLACES]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
