"""Mistakes to plant: what a kernel wrote is spoilt afterwards."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from minidl import activations
from tests import registered


def after(kernel: Callable[..., Any], slip: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel, and then ``slip(out, *arguments)`` on what it wrote."""

    @functools.wraps(kernel)
    def wrong(*arguments: Any, out: Any) -> Any:
        kernel(*arguments, out=out)
        slip(out, *arguments)
        return out

    return wrong


def sign(out, *_):
    out *= -1


def twice(out, *_):
    out *= 2


def one_entry(out, *_):
    out.reshape(-1)[-1] += 1e-6


def replaced(value: Callable[..., Any]) -> Callable[..., Any]:
    """Write ``value(*arguments)`` in place of the right result."""

    def slip(out, *arguments):
        out[...] = value(*arguments)

    return slip


def activation(name: str, slip: Callable[..., Any]) -> activations.ActivationFunction:
    """The activation of this name with a spoilt backward."""
    right = registered.ACTIVATIONS[name]
    backward = after(right.backward, slip)
    return type(right)(name, right.forward, backward)
