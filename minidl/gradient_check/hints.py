"""Common patterns of wrong entries: a factor, a transposition, a multiple of the tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.gradient_check.report import Entry

# Two numbers are equal if they differ by less than this share: slopes of single entries have at
# least six digits if the entry matters.
SAME = 1e-5


def hint(entries: Sequence[Entry], gradient: np.ndarray, tensor: np.ndarray) -> str:
    """One sentence about the compared entries, or "".

    Args:
        entries: compared entries, right and wrong.
        gradient: the analytic gradient.
        tensor: the point of the gradient.
    """
    analytic = np.array([entry.analytic for entry in entries])
    numeric = np.array([entry.numeric for entry in entries])
    if len(entries) < 1 or not any(entry.wrong for entry in entries):
        return ""
    if not gradient.any():
        return "the analytic gradient is 0 everywhere"
    factor = _constant(analytic, numeric)
    if factor is not None and abs(factor - 1) > SAME:
        return _about(factor)
    if gradient.size > 1 and np.ptp(gradient) == 0:
        return "every entry is the same number: a sum over all axes?"
    if len(entries) < tensor.size:
        return ""
    if gradient.ndim == 2 and gradient.shape[0] == gradient.shape[1]:
        order = [entry.place for entry in entries]
        other = np.empty_like(gradient)
        for (row, column), value in zip(order, numeric, strict=True):
            other[column, row] = value
        if _same(gradient, other):
            return "the analytic gradient is the transposed numeric one"
    values = np.array([tensor[entry.place] for entry in entries])
    for basis, words in ((values, "the tensor itself"), (np.sign(values), "the tensor's signs")):
        share = _constant(analytic - numeric, basis)
        if share is not None and len(entries) > 1:
            return (
                f"analytic - numeric is {share:.6g} times {words}: a penalty too much or too few?"
            )
    return _place([entry.place for entry in entries if entry.wrong], tensor.shape)


def _about(factor: float) -> str:
    """A factor in words."""
    if abs(factor + 1) < SAME:
        return "every entry has the opposite sign"
    text = f"every entry is {factor:.6g} times the numeric one"
    for number, words in ((factor, "left out"), (1 / factor, "taken twice")):
        whole = round(number)
        if whole >= 2 and abs(number / whole - 1) < SAME:
            return f"{text}: a mean over {whole} {words}?"
    return text


def _constant(part: np.ndarray, whole: np.ndarray) -> float | None:
    """c with part = c · whole and c not 0; None without such a number."""
    square = float(whole @ whole)
    c = float(part @ whole) / square if square else 0.0
    return c if abs(c) > SAME and _same(part, c * whole) else None


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    size = max(float(np.abs(one).max()), float(np.abs(other).max()))
    return bool(np.abs(one - other).max() <= SAME * size)


def _place(indices: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> str:
    """The row or column of a matrix in which all wrong entries lie, in words."""
    if len(shape) != 2 or len(indices) < 2:
        return ""
    for axis, words in ((0, "row"), (1, "column")):
        lines = {index[axis] for index in indices}
        if len(lines) == 1 and shape[axis] > 1:
            return f"all wrong entries lie in {words} {lines.pop()}"
    return ""
