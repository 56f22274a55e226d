"""All formulas and kernels of :mod:`minidl.kernels`, found by looking."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import kernels
from minidl.accelerator.trace.program import trace
from minidl.backend.fused import Fused
from minidl.backend.kernel import is_kernel

MODULES = [
    importlib.import_module(f"minidl.kernels.{module.name}")
    for module in pkgutil.iter_modules(kernels.__path__)
]
_OWN = [
    (f"{module.__name__.rpartition('.')[2]}.{name}", value)
    for module in MODULES
    for name, value in vars(module).items()
    if getattr(value, "__module__", None) == module.__name__
]
#: Fused formulas, by "module.name".
FORMULAS: dict[str, Fused] = {name: value for name, value in _OWN if isinstance(value, Fused)}
#: Functions of NumPy calls that a tape can record.
KERNELS: dict[str, Callable[..., Any]] = {name: value for name, value in _OWN if is_kernel(value)}

# Arguments that are never arrays; the values are in no way special.
NUMBERS = {
    "alpha": 0.75, "b": 3.5, "batches": 3, "beta_1": 0.9, "beta_2": 0.99, "classes": 3,
    "delta": 0.8, "negative": 0.7, "positive": 0.3,
    "epsilon": 1e-3, "exponent": 1.5, "high": 0.8, "low": 0.4, "power": 0.4, "shift": 0.2,
    "shrinkage": 0.05, "smoothing": 0.1, "stddev": 0.3,
    "factor": 0.125, "gain": 0.3, "grad_rate": 0.2, "l1": 0.3, "l2": 0.7, "learning_rate": 0.1,
    "limit": 0.8, "lp": 0.4, "m_rate": 0.6, "max_value": 1.4, "momentum": 0.9,
    "negative_slope": 0.2, "offset": -0.5, "rate": 0.15, "rho": 0.85, "rows": 5,
    "scale": 1.7, "smallest": 0.25, "step": 0.45, "threshold": 20_000, "units": 3, "v_scale": 1.3,
}  # fmt: skip
_POSITIVE = {"accumulator", "d", "inverse", "norm", "u", "v", "v_max", "variance"}
_BITS = {"bits", "radius", "angle"}


def arguments_of(formula: Fused, shape: Any, dtype: Any, seed: int = 0) -> list[Any]:
    """Numbers, and arrays of values that the formula is meant for."""
    rng = np.random.default_rng(seed)
    names = inspect.signature(formula.formula).parameters
    # The threshold of bits is among 16-bit integers; another lies among values.
    numbers = NUMBERS if "bits" in names else {**NUMBERS, "threshold": -0.4}
    if formula.__module__.endswith("focal"):
        numbers = {**numbers, "gamma": 2.5}

    def value(name: str) -> Any:
        if name in numbers:
            return numbers[name]
        if name in _BITS:
            return rng.integers(0, 65_536, shape, np.uint16)
        values = rng.uniform(0, 1, shape) if name == "p" else 2 * rng.standard_normal(shape)
        return np.asarray(np.abs(values) if name in _POSITIVE else values, dtype)

    return [value(name) for name in names]


def outputs_of(formula: Fused) -> tuple[int, ...]:
    """The registers of its outputs; one for each."""
    names = inspect.signature(formula.formula).parameters
    return trace(formula.formula, [name not in NUMBERS for name in names]).outputs
