"""Networks to and from PyTorch, which the extra ``thorough`` installs.

PyTorch is imported in fixtures: without it these tests fail, and only these.
"""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import minidl
from minidl import interop
from minidl.layers import (
    AlphaDropout,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    LayerNormalization,
    LeakyReLU,
    Normalization,
    PReLU,
    ReLU,
    Rescaling,
    Reshape,
)
from tests.interop.models import filled, models

# These take long: PyTorch is large.
pytestmark = pytest.mark.thorough

NAMES = [
    "relu", "elu", "selu", "softplus", "softsign", "hard_sigmoid", "gelu", "gelu_tanh", "mish",
    "silu", "leaky_relu", "tanh", "sigmoid", "linear", "log_softmax", "softmax", "celu", "relu6",
    "hard_tanh", "hard_silu", "hard_shrink", "soft_shrink", "tanh_shrink", "log_sigmoid",
]  # fmt: skip


@pytest.fixture(scope="module")
def torch() -> Any:
    """PyTorch, on one thread."""
    module = importlib.import_module("torch")
    module.set_num_threads(1)
    return module


def everything(dtype: str) -> tuple[minidl.Sequential, np.ndarray]:
    """A model with every layer that PyTorch has a module for."""
    stack = [
        minidl.Input((4, 3)),
        PReLU(),
        Normalization(mean=[1, 2, 3], variance=[1, 1, 4]),
        Flatten(),
        Rescaling(1 / 25, 0.3),
        Dense(6, "gelu"),
        Dropout(0.5),
        AlphaDropout(0.5),
        BatchNormalization(momentum=0.9, epsilon=1e-4),
        BatchNormalization(center=False),
        LayerNormalization(scale=False),
        Normalization(mean=0.5, variance=4.0, invert=True),
        Dense(4, use_bias=False),
        LeakyReLU(0.1),
        ReLU(6),
        ReLU(threshold=0.1),
        Reshape((2, 2)),
        Flatten(),
        *(Dense(4, name) for name in NAMES),
    ]
    return filled(stack, dtype)


def outputs(torch: Any, module: Any, x: np.ndarray) -> np.ndarray:
    """In inference."""
    with torch.no_grad():
        return np.asarray(module(torch.from_numpy(x)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_layer_there_and_back(torch: Any, dtype: str) -> None:
    """Equal outputs on both ways, in the model's type, to some hundred roundings."""
    model, x = everything(dtype)
    module = interop.to_torch(model)
    error = 500 * np.finfo(dtype).eps
    expected = model.predict(x)
    received = outputs(torch, module, x)
    assert received.dtype == expected.dtype
    np.testing.assert_allclose(received, expected, rtol=error, atol=error)
    back = interop.from_torch(module, input_shape=(4, 3))
    assert back.dtype == model.dtype
    np.testing.assert_allclose(back.predict(x), expected, rtol=error, atol=error)


@given(case=models(dtype="float64"))
def test_random_networks_agree(torch: Any, case: Any) -> None:
    """In float64, where a difference is a mistake, but for what PyTorch lacks."""
    model, x = case
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about noise, which is left out
            module = interop.to_torch(model)
    except interop.ConversionError as error:
        assert "PyTorch has no module" in str(error)  # noqa: PT017 - one of two ends
        return
    np.testing.assert_allclose(outputs(torch, module, x), model.predict(x), rtol=1e-9, atol=1e-12)


def test_what_is_converted(torch: Any) -> None:
    """Transposed weights, BatchNorm's momentum and epsilon; its variance as it is."""
    norm = BatchNormalization(momentum=0.9, epsilon=1e-4)
    layers = [minidl.Input((3,)), Dense(2, "relu"), norm]
    model, _ = filled(layers, "float32")
    model.layers[0].trainable = False
    linear, relu, norm = interop.to_torch(model)
    assert type(linear) is torch.nn.Linear
    np.testing.assert_array_equal(linear.weight.detach().numpy(), model.layers[0].W.T)
    assert not linear.weight.requires_grad
    assert norm.weight.requires_grad
    assert (norm.momentum, norm.eps) == (0.1, 1e-4)
    np.testing.assert_array_equal(norm.running_var.numpy(), model.layers[1].moving_variance)
    back = interop.from_torch(torch.nn.Sequential(linear, relu, norm))
    assert (back.layers[1].momentum, back.layers[1].epsilon) == (0.9, 1e-4)
    assert [layer.trainable for layer in back.layers] == [False, True]


def test_the_variance_that_pytorch_follows_is_the_unbiased_one(torch: Any) -> None:
    """One step of both: the module's documentation says so, and no more differs."""
    model, x = filled([minidl.Input((3,)), BatchNormalization(momentum=0.9)], "float64", rows=8)
    module = interop.to_torch(model).train()
    before = np.array(model.layers[0].moving_variance)
    module(torch.from_numpy(x))
    model.forward(x, training=True)
    ours = np.asarray(model.layers[0].moving_variance) - 0.9 * before
    theirs = module[0].running_var.numpy() - 0.9 * before
    np.testing.assert_allclose(theirs, ours * 8 / 7, rtol=1e-12)
    np.testing.assert_allclose(
        module[0].running_mean.numpy(), model.layers[0].moving_mean, rtol=1e-12
    )


def test_the_state_dict_of_a_file(torch: Any, tmp_path: Path) -> None:
    """Is that of the module, and PyTorch's own file comes back."""
    from safetensors import torch as files

    model, x = filled([minidl.Input((3,)), Dense(4, "relu"), BatchNormalization()], "float32")
    path = tmp_path / "model.safetensors"
    interop.save_state_dict(model, path)
    module = interop.to_torch(model)
    found = files.load_file(path)
    assert found.keys() == module.state_dict().keys()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(0.5)
    files.save_file(module.state_dict(), path)
    interop.load_state_dict(model, path)
    np.testing.assert_allclose(model.predict(x), outputs(torch, module, x), rtol=1e-6, atol=1e-6)
    module.load_state_dict(found)


def pytorch_network(torch: Any) -> Any:
    """With every module that minidl has a layer for."""
    nn = torch.nn
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(12, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Identity(),
        nn.Sequential(nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 8), nn.SiLU()),
        nn.Linear(8, 8), nn.Mish(), nn.LayerNorm(8), nn.ELU(0.5), nn.PReLU(8), nn.PReLU(),
        nn.Dropout(), nn.AlphaDropout(), nn.Hardtanh(0, 6), nn.ReLU6(), nn.Threshold(0.1, 0),
        nn.Linear(8, 8, bias=False), nn.Hardsigmoid(), nn.SELU(), nn.Softplus(), nn.Softsign(),
        nn.LeakyReLU(), nn.GELU(approximate="tanh"), nn.BatchNorm1d(8, affine=False),
        nn.LayerNorm(8, elementwise_affine=False), nn.Sigmoid(), nn.Tanh(),
        nn.Unflatten(1, (2, 4)), nn.Flatten(), nn.Linear(8, 3), nn.Softmax(-1),
    ).eval()  # fmt: skip


def test_a_network_of_pytorch(torch: Any) -> None:
    """Float32 in thirty layers."""
    module = pytorch_network(torch)
    x = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)
    model = interop.from_torch(module, (4, 3))
    np.testing.assert_allclose(model.predict(x), outputs(torch, module, x), rtol=0, atol=2e-6)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, np.arange(5) % 3, verbose=0)


def test_further_activations_of_pytorch(torch: Any) -> None:
    """Those that no exporter of PyTorch writes as one operator, each with its defaults."""
    kinds = (
        "CELU",
        "Hardtanh",
        "Hardswish",
        "LogSigmoid",
        "Tanhshrink",
        "Hardshrink",
        "Softshrink",
    )
    x = np.linspace(-4, 4, 33, dtype=np.float32)[:, None]
    for kind in kinds:
        module = torch.nn.Sequential(getattr(torch.nn, kind)())
        model = interop.from_torch(module, (1,))
        expected = outputs(torch, module, x)
        np.testing.assert_allclose(model.predict(x), expected, rtol=1e-6, atol=1e-6, err_msg=kind)
        (back,) = interop.to_torch(model)
        assert type(back) is type(module[0])


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_pytorchs_files_of_onnx(torch: Any, newer: bool, tmp_path: Path) -> None:
    """Of both of its exporters."""
    # Neither exporter knows Threshold, and the older one computes Unflatten's shape from the rows.
    left_out = (torch.nn.Threshold, *(() if newer else (torch.nn.Unflatten,)))
    kept = [each for each in pytorch_network(torch) if not isinstance(each, left_out)]
    module = torch.nn.Sequential(*kept).eval()
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32))
    path = tmp_path / "model.onnx"
    if newer:
        axes: dict[str, Any] = {"dynamic_shapes": ({0: torch.export.Dim("N")},)}
    else:
        axes = {"input_names": ["x"], "dynamic_axes": {"x": {0: "N"}}}
    torch.onnx.export(module, (x,), path, dynamo=newer, external_data=False, verbose=False, **axes)
    model = interop.from_onnx(path)
    np.testing.assert_allclose(
        model.predict(np.asarray(x)), outputs(torch, module, np.asarray(x)), rtol=0, atol=2e-6
    )


def test_weights_in_a_file_beside(torch: Any, tmp_path: Path) -> None:
    """As PyTorch writes them by default."""
    module = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.Tanh()).eval()
    path, x = tmp_path / "model.onnx", np.ones((2, 64), np.float32)
    axes = {"dynamic_shapes": ({0: torch.export.Dim("N")},)}
    torch.onnx.export(module, (torch.from_numpy(x),), path, dynamo=True, verbose=False, **axes)
    assert (tmp_path / "model.onnx.data").exists()
    model = interop.from_onnx(path)
    np.testing.assert_allclose(model.predict(x), outputs(torch, module, x), rtol=0, atol=2e-6)


def refused(torch: Any) -> dict[str, tuple[Any, str]]:
    """Modules that minidl has no layers for, and the reasons."""
    nn = torch.nn

    class Louder(nn.Linear):  # type: ignore[misc, name-defined]
        """Computes something else."""

    hooked = nn.Linear(3, 3)
    hooked.register_forward_hook(lambda *_: None)
    replaced = nn.ReLU()
    replaced.forward = torch.sin
    row = nn.Sequential(nn.Linear(3, 3))
    row.forward = torch.sin
    namesake = type("Linear", (nn.Linear,), {"__module__": "quantized"})
    return {
        "kinds": (
            nn.Sequential(nn.Linear(3, 3), nn.Conv1d(1, 1, 1), nn.GLU(), Louder(3, 3)),
            r"no layers for Conv1d \(1\), GLU \(2\), Louder \(3\); .*a forward of your own is code",
        ),
        "a namesake": (namesake(3, 3), r"no layers for quantized.Linear \(0\)"),
        "a hook": (hooked, "expected no hooks"),
        "a method": (nn.Sequential(replaced), r"no layers for ReLU \(0\)"),
        "a row's method": (nn.Sequential(nn.ReLU(), row), r"no layers for Sequential \(1\)"),
        "an epsilon": (nn.BatchNorm1d(3, eps=-1.0), r"BatchNorm1d\(3, eps=-1.0.*epsilon: expected"),
        "weight norm": (
            nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))),
            "no layers for ParametrizedLinear",
        ),
        "half": (nn.Sequential(nn.Linear(3, 3).half()), r"module.float\(\)"),
        "statistics": (nn.BatchNorm1d(3, track_running_stats=False), "track_running_stats=True"),
        "momentum": (nn.BatchNorm1d(3, momentum=None), "momentum <= 1, received None"),
        "an axis": (nn.Sequential(nn.Linear(3, 3), nn.Softmax(0)), "dim=1 on flat rows"),
        "two axes": (
            nn.Sequential(nn.Linear(3, 3), nn.Unflatten(1, (1, 3)), nn.LayerNorm((1, 3))),
            r"one number in normalized_shape, received \(1, 3\)",
        ),
        "ends": (
            nn.Sequential(nn.Linear(3, 3), nn.Hardtanh(-2, 2)),
            "min_val=0.*received -2 and 2",
        ),
        "a slope": (nn.Sequential(nn.Linear(3, 3), nn.CELU(0.5)), "expected alpha=1, received 0.5"),
        "a threshold": (
            nn.Sequential(nn.Linear(3, 3), nn.Softshrink(0.1)),
            "expected lambd=0.5, received 0.1",
        ),
        "a shape": (nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(3, 3)), "input_shape=..."),
        "rows": (nn.Sequential(nn.Linear(3, 4), nn.Linear(3, 4)), "received"),
        "numbers": (nn.Linear(3, 3), "finite"),
    }


@pytest.mark.parametrize(
    "name",
    ["kinds", "a namesake", "a slope", "a threshold", "a hook", "a method", "a row's method",
     "an epsilon", "weight norm", "half", "statistics", "momentum", "an axis", "two axes", "ends",
     "a shape", "rows", "numbers"],
)  # fmt: skip
def test_what_minidl_lacks(torch: Any, name: str) -> None:
    """Is named, all of it where a module is unknown."""
    module, message = refused(torch)[name]
    if name == "numbers":
        module.weight.data[0, 0] = float("nan")
    with pytest.raises(interop.ConversionError, match=message):
        interop.from_torch(module)


def test_half_frozen(torch: Any) -> None:
    """Is told, because a layer trains as a whole."""
    module = torch.nn.Linear(3, 2)
    module.weight.requires_grad_(False)
    with pytest.warns(UserWarning, match=r"Linear\(.*some parameters need no gradient"):
        assert interop.from_torch(module).layers[0].trainable


@pytest.mark.parametrize("tied", [False, True], ids=["one module twice", "tied weights"])
def test_shared_parameters(torch: Any, tied: bool) -> None:
    """Are told, because each layer has tensors of its own: the outputs are the same for now."""
    first = torch.nn.Linear(3, 3)
    second = torch.nn.Linear(3, 3) if tied else first
    second.weight = first.weight
    module = torch.nn.Sequential(first, torch.nn.Tanh(), second)
    with pytest.warns(UserWarning, match="some modules share parameters"):
        made = interop.from_torch(module)
    x = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    with torch.no_grad():
        wanted = module(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(made.predict(x), wanted, rtol=1e-5, atol=1e-6)


def test_no_module(torch: Any) -> None:
    """Is a TypeError."""
    with pytest.raises(
        TypeError, match=r"expected a torch.nn.Module, received OrderedDict; weights"
    ):
        interop.from_torch(torch.nn.Linear(3, 3).state_dict())
