"""Calls of kernels: every formula, every function of NumPy calls, products, random bits, rows."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np

import minidl.kernels
from minidl.accelerator.record.products import multiply
from minidl.accelerator.trace.program import trace
from minidl.backend import current
from minidl.backend.fused import Fused
from minidl.backend.gather import Gather
from minidl.backend.random import DROPOUT, RandomBits
from minidl.kernels import activations, batchnorm, clipping, dense, losses, sums
from tests.campaigns.memory.arrays import Maker

#: A prepared call: function, arguments; and the right outputs, if known.
Made = tuple[Callable[[], Any], Callable[[], Any] | None]

_NUMBERS = {
    "learning_rate", "momentum", "rho", "epsilon", "rate", "beta_1", "beta_2", "limit", "factor",
    "alpha", "negative_slope", "units", "rows", "scale", "offset", "threshold", "l1", "l2", "lp",
    "exponent", "gain", "m_rate", "grad_rate", "v_scale", "smallest", "step",
}  # fmt: skip
_ROWS = {"mean", "inverse", "gamma", "beta", "dgamma", "dbeta"}


def multiply_transposed(a: Any, b: Any, out: Any) -> Any:
    """out = aᵀ b, as in a dense layer's backward."""
    return multiply(a.T, b, out)


#: Functions of NumPy calls and their arguments: a shape in N, I, O, K and 1; "0" for 0-d, "#" for
#: a number, "b" for booleans and "i" for integers of a shape.
FUNCTIONS: dict[Callable[..., Any], str] = {
    dense.dense_forward: "NI IO O NO",
    dense.dense_backward: "NO NI IO IO O NI",
    activations.softmax_forward: "NO N1 NO",
    activations.softmax_backward: "NO NO N1 NO",
    losses.one_hot: "iN1 iO NO",
    losses.softmax_crossentropy_forward: "NO NO NO NO N1 N1",
    batchnorm.batch_statistics: "NO O O NO",
    batchnorm.batchnorm_parameter_gradients: "NO NO O O NO",
    clipping.clip_by_norm: "NO # NO 0",
    sums.sum_rows: "NO O",
    sums.mean_rows: "NO O",
    sums.clear: "NO",
    sums.convert: "NO NO",
    sums.scale: "NO # NO",
    sums.weigh: "NO N1 NO",
    sums.add: "0 0",
    sums.add_sum: "0 NO 0",
    sums.sum_units: "NO N1",
    sums.mean_units: "NO N1",
    sums.mean_all: "N1 0",
    sums.largest: "NO iN",
    sums.count_equal: "iN iN bN 0",
    sums.count_right_units: "NO NO # bNO 0",
    multiply: "NI IO NO",
    multiply_transposed: "NI NO IO",
}


#: Places of the arguments into which products are written.
_PRODUCTS: dict[Callable[..., Any], tuple[int, ...]] = {
    dense.dense_forward: (3,), dense.dense_backward: (3, 4, 5), multiply: (2,),
    multiply_transposed: (2,),
}  # fmt: skip


@functools.cache
def formulas() -> list[Fused]:
    """All of ``minidl.kernels``."""
    found = {}
    for module in pkgutil.iter_modules(minidl.kernels.__path__, "minidl.kernels."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Fused):
                found[value.__name__] = value
    return list(found.values())


@functools.cache
def _outputs(formula: Fused) -> int:
    """Number of a formula's outputs."""
    names = inspect.signature(formula.formula).parameters
    return len(trace(formula.formula, [name not in _NUMBERS for name in names]).outputs)


def sizes(random: np.random.Generator) -> dict[str, int]:
    """Sizes of the axes: small ones, and some whose products are shared out."""
    few = [1, 2, 3, 5, 17, 33]
    many = [1, 2, 33, 65, 130]
    rows = int(random.choice([1, 2, 7, 33, 130, 300]))
    return {"N": rows, "I": int(random.choice(many)), "O": int(random.choice(many + few))}


def a_formula(random: np.random.Generator, maker: Maker, kind: Callable[[], str | None]) -> Made:
    """A formula on arrays of one shape, or of rows; into new arrays or into the arguments."""
    known = formulas()
    formula = known[int(random.integers(len(known)))]
    names = list(inspect.signature(formula.formula).parameters)
    large = random.random() < 0.02
    shape: tuple[int, ...] = (300, 500) if large else (sizes(random)["N"], sizes(random)["O"])
    if random.random() < 0.3:
        shape = (int(np.prod(shape)),)
    if random.random() < 0.05:
        shape = ()
    arguments: list[Any] = []
    for name in names:
        if name in _NUMBERS:
            arguments.append(float(random.random()))
        elif name in _ROWS:
            arguments.append(maker.array(shape[-1:], kind()))
        else:
            arguments.append(maker.array(shape, kind()))
    if kind() == "nothing":
        arguments.pop()
    outs = [maker.array(shape, kind()) for _ in range(_outputs(formula))]
    if random.random() < 0.5:  # in place
        places = [a for n, a in zip(names, arguments, strict=False) if n not in _NUMBERS | _ROWS]
        outs[: len(places)] = places[: len(outs)]
    out = outs[0] if len(outs) == 1 else tuple(outs)
    return lambda: formula(*arguments, out=out), _expected(formula, arguments)


def _expected(formula: Fused, arguments: list[Any]) -> Callable[[], Any] | None:
    """NumPy's result of the plain formula, before anything is overwritten."""
    if not all(isinstance(a, np.ndarray | float | np.number) for a in arguments):
        return None
    # NumPy computes in the types of arguments, so that 1 - x wraps; a formula in that of outputs.
    types = {a.dtype for a in arguments if isinstance(a, np.ndarray)}
    if types not in ({np.dtype("f4")}, {np.dtype("f8")}):
        return None
    copies = [np.array(a) if isinstance(a, np.ndarray) else a for a in arguments]

    def compute() -> Any:
        with np.errstate(all="ignore"):
            return formula.formula(*copies)

    return compute


def a_function(random: np.random.Generator, maker: Maker, kind: Callable[[], str | None]) -> Made:
    """A function of NumPy calls."""
    function, words = list(FUNCTIONS.items())[int(random.integers(len(FUNCTIONS)))]
    axes = {**sizes(random), "1": 1}
    arguments: list[Any] = []
    for word in words.split():
        shape = tuple(axes[letter] for letter in word.lstrip("ib0#"))
        if word == "#":
            arguments.append(float(random.random()))
        elif word[0] in "ib" and kind() is None:
            made = maker.array(shape)
            arguments.append(made.astype(np.bool_ if word[0] == "b" else np.int64))
        else:
            arguments.append(maker.array(shape, kind()))
    # NumPy hands an output that repeats an element to BLAS, which prints that it cannot be.
    for k in _PRODUCTS.get(function, ()):
        if _repeats(arguments[k]):
            arguments[k] = maker.array(arguments[k].shape)
    expected = None
    if function in (multiply, multiply_transposed):
        a, b = (np.array(x) if isinstance(x, np.ndarray) else None for x in arguments[:2])
        out = arguments[-1]  # into an array of texts NumPy writes the first digits
        whole = isinstance(out, np.ndarray) and out.dtype.kind == "f"
        if a is not None and b is not None and a.dtype.kind == b.dtype.kind == "f" and whole:
            expected = (lambda: a @ b) if function is multiply else (lambda: a.T @ b)
    return lambda: function(*arguments), expected


def _repeats(out: Any) -> bool:
    """True for an array of which several elements are one place in memory: none can be right."""
    if not isinstance(out, np.ndarray):
        return False
    places = np.zeros((), np.int64)
    for size, stride in zip(out.shape, out.strides, strict=True):
        places = np.add.outer(places, stride * np.arange(size))
    return len(np.unique(places)) < out.size


def random_bits(random: np.random.Generator, maker: Maker, kind: Callable[[], str | None]) -> Made:
    """Random bits of an address."""
    shape = sizes(random)["N"], sizes(random)["O"]
    made = maker.array(shape, kind())
    right = kind() is None and isinstance(made, np.ndarray) and made.dtype.kind == "f"
    out = np.zeros(made.shape, np.uint16) if right else made
    bits = RandomBits(int(random.integers(2**63)), DROPOUT, 0)
    return lambda: bits.fill(out, int(random.integers(1000))), None


def rows(random: np.random.Generator, maker: Maker, kind: Callable[[], str | None]) -> Made:
    """Rows gathered by a damaged order and place."""
    axes = sizes(random)
    x = maker.array((axes["N"], axes["I"]), kind())
    out = maker.array((min(axes["N"], 20), axes["I"]), kind())
    order = random.integers(-5, 2 * axes["N"], axes["N"])
    where = random.integers(-3, axes["N"] + 30, 2) if kind() else np.array([0, min(axes["N"], 20)])

    def call() -> Any:
        gather = Gather(current(), [x], [out])
        gather.order[:] = order
        gather.where[:] = where
        gather()
        return None

    return call, None
