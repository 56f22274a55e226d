"""The package as a whole: what importing it costs, what it offers, what it says of itself."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import minidl

ROOT = Path(__file__).resolve().parent.parent
HEAVY = [
    *("matplotlib", "sklearn", "numba", "llvmlite", "cupy", "tensorflow", "keras", "torch"),
    *("pooch", "requests", "tqdm", "scipy", "scipy.stats", "pandas", "PIL", "pytest"),
]


def fresh(code: str, **environment: str) -> str:
    """What a new interpreter prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MINIDL")}
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_importing_loads_nothing_heavy() -> None:
    """Only NumPy and the standard library."""
    code = f"import minidl, sys; print([n for n in {HEAVY} if n in sys.modules])"
    assert fresh(code).strip() == "[]"


def test_what_else_importing_loads() -> None:
    """No other package than NumPy, whatever its name."""
    code = """
import sys
before = set(sys.modules)
import numpy
import minidl
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new - set(sys.stdlib_module_names) - {"numpy", "minidl"}))
"""
    assert fresh(code).strip() == "[]"


def test_a_model_needs_neither_plots_nor_downloads() -> None:
    """Training loads no more than the executor wants."""
    code = f"""
import numpy, sys, minidl
minidl.backend.use("numpy", executor="blocks")
model = minidl.Sequential([minidl.layers.Dense(2, "softmax"), minidl.layers.Dropout(0.5)])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(numpy.ones((4, 3)), [0, 1, 1, 0], verbose=0)
print([n for n in {HEAVY} if n in sys.modules])
"""
    assert fresh(code).strip() == "[]"


def test_plotting_is_loaded_when_it_is_used() -> None:
    """As an attribute of the package."""
    code = """
import minidl, sys
first = "minidl.plotting" in sys.modules
minidl.plotting
print(first, "minidl.plotting" in sys.modules)
"""
    assert fresh(code).split() == ["False", "True"]


def test_an_unknown_attribute() -> None:
    """Is an AttributeError, as of any module."""
    with pytest.raises(AttributeError, match="module 'minidl' has no attribute 'plotin'"):
        _ = minidl.plotin


def test_the_version_is_three_numbers() -> None:
    """The place that the project's files read: ``tests/test_project.py``."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", minidl.__version__)


def test_what_is_no_module_is_installed_with_the_package() -> None:
    """That it is typed, and CUDA sources."""
    found = re.search(r"^minidl = \[(.+)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert found is not None
    folder = Path(minidl.__file__).parent
    installed = {
        file for pattern in re.findall(r'"(.+?)"', found[1]) for file in folder.glob(pattern)
    }
    files = {f for f in folder.rglob("*") if f.is_file() and f.suffix not in (".py", ".pyc")}
    assert installed == files
    assert folder / "py.typed" in files


MODULES = ["minidl"] + [
    info.name
    for info in pkgutil.walk_packages(minidl.__path__, "minidl.")
    if info.name != "minidl.__main__"
]


@pytest.mark.parametrize("name", MODULES)
def test_all_names_resolve(name: str) -> None:
    """Every name in __all__ is there, and once."""
    module = importlib.import_module(name)
    names = getattr(module, "__all__", [])
    for public in names:
        assert getattr(module, public) is not None
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_is_described(name: str) -> None:
    """Modules, functions, classes, and methods that do not inherit their description."""
    module = importlib.import_module(name)
    assert module.__doc__, name
    missing = [path for path, value in _public(module) if not (inspect.getdoc(value) or "").strip()]
    assert not missing


def _public(module: ModuleType) -> list[tuple[str, Any]]:
    """Functions and classes that a module defines, and the methods of the classes."""
    found = []
    for name, value in vars(module).items():
        defined = getattr(value, "__module__", None) == module.__name__
        if name.startswith("_") or not defined or isinstance(value, ModuleType):
            continue
        if inspect.isclass(value):
            found.append((name, value))
            found += [
                (f"{name}.{method}", getattr(value, method))
                for method, plain in vars(value).items()
                if not method.startswith("_")
                and (inspect.isfunction(plain) or isinstance(plain, property | classmethod))
            ]
        elif inspect.isfunction(value) or hasattr(value, "__wrapped__"):
            found.append((name, value))
    return found


def test_that_the_search_finds_something() -> None:
    """Classes, methods, properties, fused formulas."""
    found = {path for name in MODULES for path, _ in _public(importlib.import_module(name))}
    wanted = {"Sequential", "Sequential.fit", "Compiled.metrics_names", "adam", "dense_forward"}
    assert wanted <= found


NAMES = """
    Sequential Input models.Sequential layers.Input
    Sequential.add Sequential.build Sequential.compile Sequential.fit Sequential.evaluate
    Sequential.predict Sequential.summary Sequential.get_weights Sequential.set_weights
    Sequential.save load_model
    layers.Dense layers.Activation layers.Sigmoid layers.Tanh layers.ReLU layers.LeakyReLU
    layers.ELU layers.Softmax layers.Dropout layers.BatchNormalization layers.Flatten
    layers.Rescaling
    activations.sigmoid activations.tanh activations.relu activations.leaky_relu
    activations.elu activations.softmax activations.linear
    initializers.GlorotUniform initializers.GlorotNormal initializers.HeUniform
    initializers.HeNormal initializers.LecunUniform initializers.LecunNormal
    initializers.RandomUniform initializers.RandomNormal initializers.Zeros initializers.Ones
    initializers.Constant initializers.he_normal initializers.TruncatedNormal
    initializers.VarianceScaling initializers.Orthogonal initializers.Identity
    constraints.max_norm constraints.non_neg constraints.unit_norm constraints.min_max_norm
    layers.InputLayer layers.Identity layers.Reshape layers.ActivityRegularization layers.PReLU
    layers.AlphaDropout layers.GaussianNoise layers.GaussianDropout layers.LayerNormalization
    layers.UnitNormalization layers.Normalization
    regularizers.l1 regularizers.l2 regularizers.l1_l2 regularizers.L1 regularizers.L2
    regularizers.L1L2 regularizers.Lp
    losses.sparse_categorical_crossentropy losses.categorical_crossentropy
    losses.binary_crossentropy losses.mean_squared_error
    losses.SparseCategoricalCrossentropy losses.CategoricalCrossentropy
    losses.BinaryCrossentropy losses.MeanSquaredError
    metrics.sparse_categorical_accuracy metrics.SparseCategoricalAccuracy
    optimizers.SGD optimizers.RMSprop optimizers.Adam optimizers.AdamW optimizers.Nadam
    optimizers.Adagrad optimizers.Adamax optimizers.Adadelta optimizers.Lion optimizers.Ftrl
    optimizers.get optimizers.serialize optimizers.deserialize
    optimizers.schedules.ExponentialDecay optimizers.schedules.PiecewiseConstantDecay
    optimizers.schedules.PolynomialDecay optimizers.schedules.InverseTimeDecay
    optimizers.schedules.CosineDecay optimizers.schedules.CosineDecayRestarts
    callbacks.Callback callbacks.History callbacks.EarlyStopping callbacks.ModelCheckpoint
    callbacks.LearningRateScheduler callbacks.ReduceLROnPlateau callbacks.CSVLogger
    callbacks.TerminateOnNaN callbacks.LambdaCallback callbacks.LayerHealth
    NonFiniteError replay_failure
    utils.to_categorical utils.set_random_seed set_floatx floatx
    utils.normalize utils.get_file utils.clear_session utils.plot_model
    nn.relu nn.sigmoid nn.tanh nn.softmax nn.softplus nn.elu nn.selu nn.gelu nn.silu nn.leaky_relu
    datasets.reuters.load_data datasets.reuters.get_word_index datasets.reuters.get_label_names
    datasets.boston_housing.load_data datasets.california_housing.load_data
    datasets.cifar10.load_data
    datasets.fashion_mnist.load_data datasets.mnist.load_data datasets.imdb.load_data
    datasets.imdb.load_csr datasets.imdb.get_word_index datasets.digits.load_data
    backend.get_value backend.set_value backend.clear_session
    backend.use backend.executor backend.to_host backend.to_device
    gradient_check.gradcheck gradient_check.check_function gradient_check.check_activation
    gradient_check.check_layer gradient_check.check_loss gradient_check.check_penalty
    gradient_check.check_network gradient_check.GradientError gradient_check.KinkError
    testing.networks testing.layers testing.activations testing.tensors
    plotting.plot_history plotting.plot_values plotting.plot_comparison plotting.plot_sheet
    plotting.plot_activations plotting.plot_fit plotting.plot_predictions plotting.plot_weights
    plotting.plot_network
    interop.to_onnx interop.from_onnx interop.to_torch interop.from_torch
    interop.to_numpy_source interop.to_c_source interop.save_state_dict interop.load_state_dict
    interop.ConversionError
"""


@pytest.mark.parametrize("name", NAMES.split())
def test_names_of_the_interface(name: str) -> None:
    """What tutorials for Keras use, and what the documentation promises."""
    assert attrgetter(name)(minidl) is not None


def test_imports_as_tutorials_write_them() -> None:
    """Only the first name differs."""
    code = """
import minidl as keras
from minidl import layers, models, regularizers
from minidl.callbacks import EarlyStopping
from minidl.datasets import fashion_mnist, imdb, mnist
from minidl.layers import Dense, Dropout, Flatten
from minidl.models import Sequential
from minidl.optimizers import Adam
from minidl.utils import to_categorical
model = models.Sequential()
model.add(layers.Dense(16, activation="relu", input_shape=(10000,)))
print(type(model).__name__, keras.Sequential is Sequential is models.Sequential)
"""
    assert fresh(code).split() == ["Sequential", "True"]
