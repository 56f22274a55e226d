"""Networks to and from PyTorch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.interop.assembly import Part, assembled
from minidl.interop.errors import ConversionError, package
from minidl.interop.pytorch.layers import READERS
from minidl.interop.pytorch.modules import modules_of
from minidl.layers.base import Shape
from minidl.layers.shapes import shape_of


def to_torch(model: Any) -> Any:
    """Return a ``torch.nn.Sequential`` with the same outputs in inference, on the CPU.

    The modules are PyTorch's own. :mod:`minidl.interop.pytorch.modules` lists all differences:
    transposed weights, BatchNorm's momentum and variance, scales that go into weights. Parameters
    of frozen layers need no gradient. Penalties, constraints and the optimizer are not converted.
    Outputs are equal up to rounding.

    Args:
        model: any model; built here if the input shape is known.

    Raises:
        ConversionError: PyTorch has no module for a layer; the message names the layer and
            another way.
        ImportError: the package torch is missing.
        ValueError: the shape of a row is not known yet.
    """
    torch = package("torch", "torch", "to_torch")
    made = torch.nn.Sequential()
    for module in modules_of(model):
        new = getattr(torch.nn, module.kind)(**module.arguments)
        state = {name: torch.from_numpy(np.array(values)) for name, values in module.state.items()}
        new.to(torch.float64 if np.dtype(model.dtype) == np.float64 else torch.float32)
        new.load_state_dict(state, strict=True)
        if module.layer is not None and not module.layer.trainable:
            new.requires_grad_(False)
        made.append(new)
    return made.eval()


def from_torch(module: Any, input_shape: Any = None) -> Any:
    """Return a model of minidl's layers for a row of PyTorch modules.

    Known are Linear, BatchNorm1d, LayerNorm, Dropout, AlphaDropout, Flatten, Unflatten, Identity.
    Known activations are ReLU, ReLU6, LeakyReLU, PReLU, ELU, CELU, SELU, GELU, SiLU, Mish, Sigmoid,
    LogSigmoid, Hardsigmoid, Hardswish, Tanh, Hardtanh, Tanhshrink, Hardshrink, Softshrink,
    Threshold, Softplus, Softsign, Softmax and LogSoftmax. Sequential may be nested. A plain
    activation behind Linear becomes the Dense layer's own. A PReLU with one slope becomes a PReLU
    with a slope for each feature. If no parameter of a module needs a gradient, the layer is not
    trainable; if only some parameters need a gradient, a warning says so. Another warning tells of
    shared parameters; each layer then gets tensors of its own.

    Args:
        module: a ``torch.nn.Sequential``, or one known module, of float32 or float64.
        input_shape: shape of one row. Default None: the first module with weights gives the shape,
            unless Flatten comes before.

    Raises:
        ConversionError: minidl has no layers for some modules, and the message names all of the
            modules; or a module has arguments, hooks or numbers without a counterpart.
        TypeError: the argument is no module of PyTorch.
        ImportError: the package torch is missing.
    """
    torch = package("torch", "torch", "from_torch")
    if not isinstance(module, torch.nn.Module):
        raise TypeError(
            f"from_torch: expected a torch.nn.Module, received {type(module).__name__}; weights "
            "alone go through a file, which load_state_dict reads into a model"
        )
    rows = list(_rows(torch, module))
    _check(torch, rows)
    _look_for_shared(rows)
    shape = row = _input_shape(rows) if input_shape is None else shape_of(input_shape)
    parts: list[Part] = []
    for each in rows:
        state = {k: v.detach().cpu().numpy() for k, v in each.state_dict().items()}
        try:
            read = list(READERS[type(each).__name__](each, state, row))
        except ConversionError:
            raise
        except ValueError as error:  # a number that the layer refuses
            raise ConversionError(f"{each}: {error}") from error
        trains = _trains(each)
        for layer, tensors in read:
            layer.trainable = trains
            parts.append((layer, tensors))
            row = _after(layer, row)
    types = {parameter.dtype for each in rows for parameter in each.parameters()}
    try:
        return assembled(parts, shape, np.float64 if torch.float64 in types else np.float32, None)
    except ValueError as error:
        raise ConversionError(f"{type(module).__name__}: {error}") from error


def _trains(module: Any) -> bool:
    """False if a module has parameters and none needs a gradient."""
    needed = [parameter.requires_grad for parameter in module.parameters()]
    if any(needed) and not all(needed):
        warnings.warn(
            f"{module}: some parameters need no gradient; a layer trains all of its tensors",
            stacklevel=3,
        )
    return any(needed) or not needed


def _look_for_shared(rows: list[Any]) -> None:
    parameters = [id(parameter) for each in rows for parameter in each.parameters()]
    if len(set(parameters)) < len(parameters):
        warnings.warn(
            "from_torch: some modules share parameters; each layer gets tensors of its own, and "
            "training moves them apart",
            stacklevel=3,
        )


def _rows(torch: Any, module: Any) -> Iterator[Any]:
    """The modules in order, with nested Sequentials flattened."""
    plain = not _hooked(module) and "forward" not in vars(module)
    if type(module) is torch.nn.Sequential and plain:
        for each in module:
            yield from _rows(torch, each)
    else:
        yield module


def _hooked(module: Any) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _check(torch: Any, rows: list[Any]) -> None:
    """Raise if a module is unknown, or if a hook or a changed forward affects the outputs."""
    own = [type(each) is getattr(torch.nn, type(each).__name__, None) for each in rows]
    unknown = [
        f"{_kind(torch, each)} ({index})"
        for index, (each, known) in enumerate(zip(rows, own, strict=True))
        if not known or type(each).__name__ not in READERS or "forward" in vars(each)
    ]
    if unknown:
        raise ConversionError(
            f"minidl has no layers for {', '.join(unknown)}; expected {', '.join(READERS)}, in a "
            "Sequential; a forward of your own is code, which is not read"
        )
    for index, each in enumerate(rows):
        if _hooked(each):
            raise ConversionError(f"{each} ({index}): expected no hooks, which change the outputs")
        for parameter in each.parameters():
            if parameter.dtype not in (torch.float32, torch.float64):
                raise ConversionError(
                    f"{each} ({index}): expected float32 or float64, received {parameter.dtype}; "
                    "call module.float() first"
                )
            if getattr(parameter, "is_meta", False) or not hasattr(parameter, "untyped_storage"):
                raise ConversionError(f"{each} ({index}): expected parameters with numbers")


def _kind(torch: Any, module: Any) -> str:
    """The name of a module's class; with the package where ``torch.nn`` has another of the name."""
    kind = type(module)
    clashes = getattr(torch.nn, kind.__name__, kind) is not kind
    return f"{kind.__module__}.{kind.__name__}" if clashes else kind.__name__


def _input_shape(rows: list[Any]) -> Shape:
    """The shape of a row, from the first module with weights."""
    for each in rows:
        kind = type(each).__name__
        if kind == "Linear":
            return (int(each.in_features),)
        if kind == "BatchNorm1d":
            return (int(each.num_features),)
        if kind == "LayerNorm":
            return shape_of(each.normalized_shape)
        if kind in ("Flatten", "Unflatten"):
            break
    raise ConversionError(
        "expected input_shape=..., the shape of one row, because the first modules do not say it"
    )


def _after(layer: Any, shape: Shape) -> Shape:
    """The shape of a row behind a layer that is not built yet."""
    kind = type(layer).__name__
    if kind == "Dense":
        return (layer.units,)
    if kind == "Flatten":
        return (math.prod(shape),)
    if kind == "Reshape":
        size = math.prod(shape)
        known = -math.prod(layer.target_shape)
        return tuple(size // known if each == -1 and known else each for each in layer.target_shape)
    return shape
