"""Imports of Keras, answered with minidl: a test file of Keras's is run as it lies there."""

from __future__ import annotations

import builtins
import importlib
import types
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

import minidl
from minidl import ops
from tests.keras_own import case

PACKAGES = [
    *("activations", "callbacks", "constraints", "initializers", "layers", "losses", "metrics"),
    *("models", "optimizers", "regularizers", "saving", "utils", "ops"),
]


class Missing:
    """A name that minidl has not: any use says so."""

    def __init__(self, name: str) -> None:
        self.__dict__["name"] = name

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(f"minidl has no {self.__dict__['name']}")

    __call__ = __getitem__ = __iter__ = __enter__ = _refuse

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._refuse()


class Names:
    """A module of Keras as tests see it: names are looked up in places of minidl in turn."""

    def __init__(self, name: str, *places: Any, **more: Any) -> None:
        self.__dict__.update(_name=name, _places=places)
        self.__dict__.update(more)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        for place in self._places:
            try:
                return getattr(place, name)
            except AttributeError:
                continue
        return Missing(f"{self._name}.{name}")


def _dtype(x: Any) -> str:
    return np.dtype(getattr(x, "name", x)).name


def skip_if_backend(*_: Any) -> Any:
    """A decorator that changes nothing: minidl is none of Keras's backends."""
    return lambda test: test


BACKEND = Names(
    "backend",
    minidl.backend,
    ops,
    backend=lambda: "numpy",
    epsilon=lambda: 1e-7,
    standardize_dtype=_dtype,
    is_tensor=ops.is_tensor,
    Variable=minidl.Variable,
    image_data_format=lambda: "channels_last",
    shape=lambda x: tuple(np.shape(x)),
)
MODULES = {name: getattr(minidl, name) for name in PACKAGES}
MODULES["layers"] = minidl.layers
MODULES["models"] = Names("models", minidl.models, minidl)
MODULES["saving"] = Names("saving", minidl.saving, load_model=minidl.load_model)
MODULES["schedules"] = minidl.optimizers.schedules
DTYPES = Names(
    "dtype_policies",
    dtype_policy=Names(
        "dtype_policy",
        dtype_policy=minidl.backend.floatx,
        set_dtype_policy=lambda name: minidl.set_floatx(getattr(name, "name", name)),
    ),
)
TESTING = Names("testing", case)
TOP = Names("keras", minidl, backend=BACKEND, **MODULES)


def resolve(module: str, name: str) -> Any:
    """What ``from module import name`` is answered with."""
    parts = [part for part in module.split(".") if part not in ("keras", "src")]
    if not parts:
        special = {"testing": TESTING, "backend": BACKEND, "dtype_policies": DTYPES}
        return special.get(name) or MODULES.get(name) or getattr(TOP, name)
    if parts[0] == "testing":
        return TESTING if name in ("test_case", "test_utils") else getattr(TESTING, name)
    if parts[0] == "dtype_policies":
        return getattr(DTYPES, name)
    if parts[0] == "backend":
        return getattr(BACKEND, name)
    place = MODULES.get(parts[0])
    if place is None:
        return Missing(f"{module}.{name}")
    if name in MODULES:
        return MODULES[name]
    found = getattr(place, name, None)
    if found is not None and (name != name.lower() or parts[0] not in ("layers",)):
        return found
    # A file of Keras's, whose names are those of the package here.
    file = Path(importlib.import_module("keras").__file__ or "").parent / "src"
    if (file.joinpath(*parts, f"{name}.py")).exists():
        return Names(f"{module}.{name}", place)
    return found if found is not None else Missing(f"{module}.{name}")


def _import(
    name: str, globals_: Any = None, locals_: Any = None, fromlist: Any = (), level: int = 0
) -> Any:
    if name == "conftest":
        return types.SimpleNamespace(skip_if_backend=skip_if_backend)
    if name.partition(".")[0] != "keras":
        return builtins.__import__(name, globals_, locals_, fromlist, level)
    if not fromlist:
        return TOP
    return types.SimpleNamespace(**{each: resolve(name, each) for each in fromlist})


def loaded(path: Path) -> types.ModuleType:
    """The module of a test file of Keras's, whose imports are redirected."""
    module = types.ModuleType(f"keras_own.{path.stem}")
    module.__file__ = str(path)
    names = {**vars(builtins), "__import__": _import}
    vars(module)["__builtins__"] = names
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), vars(module))
    return module
