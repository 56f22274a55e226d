"""The list "Adding something" of docs/design.md, followed on a copy of the package."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import minidl
from minidl import losses

PACKAGE = Path(minidl.__file__).parent

ACTIVATION = '''

@fused
def squareplus_forward(x, b=4.0):
    """y = (x + √(x² + b)) / 2."""
    return (x + np.sqrt(x * x + b)) / 2


@fused
def squareplus_backward(dy, x, y, b):
    """dx = dy · y / √(x² + b)."""
    return dy * y / np.sqrt(x * x + b)
'''

LAYER = '''
"""A layer in a file of its own."""

import numpy as np

from minidl.backend import fused
from minidl.layers.base import Layer, first_rows
from minidl.names.register import register


@fused
def shift_forward(x, shift, scale):
    """y = scale · (x + shift)."""
    return scale * (x + shift)


@fused
def shift_backward(dy, scale):
    """dx = scale · dy."""
    return scale * dy


@register
class Shift(Layer):
    """y = scale · (x + shift), with one trained shift a unit."""

    fixed_once_built = ("scale",)

    def __init__(self, scale=1.0, name=None, input_shape=None):
        super().__init__(name, input_shape)
        self.scale = scale

    def build(self, input_shape):
        super().build(input_shape)
        from minidl.initializers import Zeros

        self.add_tensor("shift", "shift", input_shape, Zeros())

    def bind(self, rows, backend, dtype):
        self._y = backend.xp.empty((rows, *self.output_shape), dtype=dtype)

    def forward(self, x, training=False, step=0):
        self.y = shift_forward(x, self.shift, self.scale, out=first_rows(self._y, len(x)))
        return self.y

    def backward(self, dy):
        dx = shift_backward(dy, self.scale, out=dy)
        np.sum(dx, axis=0, out=self.dshift)
        return dx
'''

OPTIMIZER = '''
"""An optimizer in a file of its own."""

import numpy as np

from minidl.backend import fused
from minidl.optimizers.base import Optimizer
from minidl.names.register import register


@fused
def sign_descent(theta, grad, learning_rate):
    """theta - learning_rate · sign(grad)."""
    return theta - learning_rate * np.sign(grad)


@register
class SignDescent(Optimizer):
    """Steps of one size."""

    def __init__(self, learning_rate=0.01, **options):
        super().__init__(learning_rate, **options)

    def step(self, theta, grad, learning_rate, t):
        sign_descent(theta, grad, learning_rate, out=theta)
'''

LOSS = '''

import numpy as np

from minidl.backend import fused as _fused


@_fused
def pseudo_huber_forward(p, t):
    """L = √(1 + (p - t)²) - 1."""
    return np.sqrt(1 + (p - t) * (p - t)) - 1


@_fused
def pseudo_huber_backward(p, t, units):
    """dp = (p - t) / √(1 + (p - t)²) / units."""
    return (p - t) / np.sqrt(1 + (p - t) * (p - t)) / units


@register
class PseudoHuber(UnitMean):
    """√(1 + (p - t)²) - 1, the mean over the units."""

    def kernels(self):
        return pseudo_huber_forward, pseudo_huber_backward
'''

USE = """
import sys
import numpy as np
import minidl
from minidl.gradient_check import gradcheck

assert minidl.__file__.startswith(sys.argv[1]), minidl.__file__
y = minidl.activations.squareplus(np.array([0.0, 3.0]), b=4.0)
np.testing.assert_allclose(y, [1, (3 + 13**0.5) / 2])
gradcheck("squareplus", shape=(4,))
gradcheck(minidl.layers.Shift(1.5), shape=(4,))
gradcheck(minidl.losses.get("pseudo_huber"))
random = np.random.default_rng(0)
x = random.normal(size=(64, 5))
y = x @ random.normal(size=(5, 2))
model = minidl.Sequential(
    [minidl.layers.Dense(16, "Squareplus"), minidl.layers.Shift(0.5), minidl.layers.Dense(2)]
)
model.compile("sign_descent", "PseudoHuber", metrics=["pseudo_huber"])
history = model.fit(x, y, epochs=20, batch_size=16, verbose=0).history["loss"]
assert history[-1] < 0.5 * history[0], history
first, *called = model.recording.splitlines()
assert first.startswith("compiled: "), first
assert not called, called
model.save(sys.argv[1] + "/model.npz")
loaded = minidl.load_model(sys.argv[1] + "/model.npz")
np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
kinds = [loaded.layers[1], loaded.optimizer, loaded._loss]
assert [type(kind).__name__ for kind in kinds] == ["Shift", "SignDescent", "PseudoHuber"]
for each in (model, loaded):
    each.fit(x, y, epochs=2, batch_size=16, verbose=0)
np.testing.assert_array_equal(loaded.theta, model.theta)
print("all right")
"""


def appended(file: Path, text: str) -> None:
    """Write at the end of a file that there is."""
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")


def copied(folder: Path) -> Path:
    """A copy of the package, in a folder from which it can be imported."""
    shutil.copytree(PACKAGE, folder / "minidl", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "minidl"


def used(folder: Path) -> subprocess.CompletedProcess[str]:
    """The program above, with the package of a folder."""
    return subprocess.run(
        [sys.executable, "-c", USE, str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_kind_of_thing_is_added_in_one_file(tmp_path: Path) -> None:
    """An activation, a layer, an optimizer and a loss: checked, trained, saved and loaded."""
    package = copied(tmp_path)
    appended(package / "kernels" / "activations.py", ACTIVATION)
    (package / "layers" / "shift.py").write_text(LAYER.lstrip(), encoding="utf-8")
    (package / "optimizers" / "sign.py").write_text(OPTIMIZER.lstrip(), encoding="utf-8")
    home = Path(str(inspect.getsourcefile(losses.MeanSquaredError))).relative_to(PACKAGE)
    appended(package / home, LOSS)
    result = used(tmp_path)
    assert result.stdout == "all right\n", result.stderr


def test_without_the_decorator_nothing_is_found(tmp_path: Path) -> None:
    """The test above shows that the register finds them, not something else."""
    package = copied(tmp_path)
    appended(package / "kernels" / "activations.py", ACTIVATION)
    (package / "layers" / "shift.py").write_text(
        LAYER.lstrip().replace("@register\n", ""), encoding="utf-8"
    )
    result = used(tmp_path)
    assert "module 'minidl.layers' has no attribute 'Shift'" in result.stderr
