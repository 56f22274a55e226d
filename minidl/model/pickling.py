"""Models pickled and copied, as :mod:`pickle`, :mod:`copy` and multiprocessing ask.

The bytes of the model's own file (:mod:`minidl.saving`) stand for the model. A model without an
input shape has no file yet: there the configuration stands for the model.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping
from typing import Any

from minidl.backend import use
from minidl.model.cloning import configuration, from_configuration
from minidl.names.in_files import noting
from minidl.saving import describe, load_model, save_model

#: Attributes that a file lacks.
_KEPT = ("history", "run_eagerly", "_looked", "_continued", "_trainable")
#: Attributes that a configuration lacks, too.
_COMPILED = ("_optimizer", "_loss", "_metrics", "_seed")


def reduced(model: Any, kind: type[Any]) -> tuple[Any, ...]:
    """``model`` in the form for pickle: a function, arguments, and further attributes.

    Args:
        model: of any class; attributes that a subclass adds are not kept.
        kind: a class, called as Sequential is, for the copy.
    """
    if model.input_row is not None:
        made: tuple[Any, ...] = unpacked, (kind, *packed(model))
        kept: tuple[str, ...] = _KEPT
    else:
        with noting() as own:
            made = _from_configuration, (kind, configuration(model), own)
        kept = (*_KEPT, *_COMPILED)
    return *made, {name: vars(model)[name] for name in kept if name in vars(model)}


def packed(model: Any) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a model's file, and by name the classes that the register does not know."""
    file = io.BytesIO()
    with noting() as own:
        save_model(model, file)
        describe(model)  # gathers the names in ``own``
    return file.getvalue(), own


def unpacked(kind: type[Any], content: bytes, own: Mapping[str, Any]) -> Any:
    """The model of :func:`packed`, under the backend in use."""
    return load_model(io.BytesIO(content), kind, own, allow_nonfinite=True)


def duplicate(model: Any, memo: dict[int, Any]) -> Any:
    """A deep copy of ``model``, on the model's backend."""
    make, arguments, state = model.__reduce_ex__(4)
    backend = model.backend
    on_gpu = {"tf32": backend.tf32, "device": backend.device} if backend.name == "cupy" else {}
    with use(backend.name, **on_gpu):
        made = make(*arguments)
    vars(made).update(copy.deepcopy(state, memo))
    return made


def _from_configuration(kind: type[Any], config: Mapping[str, Any], own: Mapping[str, Any]) -> Any:
    return from_configuration(kind, config, own)
