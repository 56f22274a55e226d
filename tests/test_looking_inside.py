"""The executor "python": what the source says is what runs, step by step, and little of it."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import kernels
from minidl.backend import use
from minidl.layers import BatchNormalization, Dense, Dropout, Input

ROOT = Path(__file__).parents[1]
FILES, LINES = 8, 1000  # at most, from fit's step to dW

X = np.random.default_rng(0).standard_normal((12, 5)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 3, 12)


@pytest.fixture(autouse=True)
def _python() -> None:
    use("numpy", executor="python")


def model(*layers: Any) -> minidl.Sequential:
    minidl.utils.set_random_seed(1)
    made = minidl.Sequential([Input((5,)), Dense(4, "relu"), *layers, Dense(3, "softmax")])
    made.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def test_every_attribute_shows_the_last_step() -> None:
    made = model(Dropout(0.5), BatchNormalization())
    made.fit(X, Y, batch_size=12, epochs=3, verbose=0, shuffle=False)
    first, dropout, normalized, last = made.layers
    np.testing.assert_array_equal(first.x, X)
    np.testing.assert_array_equal(first.activation.y, np.maximum(first.z, 0))
    assert first.y is first.activation.y
    assert dropout.y.shape == normalized.y.shape == (12, 4)
    assert last.x is normalized.y
    e = np.exp(last.z - last.z.max(axis=1, keepdims=True))
    np.testing.assert_allclose(last.y, e / e.sum(axis=1, keepdims=True), rtol=1e-6)
    p = last.y - np.eye(3)[Y]
    np.testing.assert_allclose(last.dW, last.x.T @ p / 12, rtol=1e-5, atol=1e-7)
    for layer in made.layers:
        assert layer.y is not None


def test_a_print_in_a_kernel_shows_real_arrays_at_each_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Any] = []
    formula = kernels.activations.relu_forward
    plain = formula.formula

    def printing(x: Any) -> Any:
        seen.append(type(x))
        return plain(x)

    monkeypatch.setattr(formula, "formula", printing)
    model().fit(X, Y, batch_size=4, epochs=2, verbose=0)
    assert seen == [np.ndarray] * 6


def test_a_breakpoint_in_a_kernel_works() -> None:
    program = """
import numpy as np, minidl
from minidl.layers import Dense, Input
made = minidl.Sequential([Input((5,)), Dense(4, "relu"), Dense(3, "softmax")])
made.compile("sgd", "sparse_categorical_crossentropy")
made.fit(np.ones((8, 5), "float32"), np.zeros(8, int), batch_size=4, epochs=2, verbose=0)
"""
    path = ROOT / "minidl" / "kernels" / "dense.py"
    number = 1 + next(
        k for k, line in enumerate(path.read_text().splitlines()) if "matmul(x.T" in line
    )
    commands = (
        f"break {path}:{number}\ncontinue\np dy.shape, type(x)\n" + 7 * "continue\n" + "quit\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", f"import pdb; pdb.Pdb(nosigint=True).run({program!r})"],
        input=commands, capture_output=True, text=True, timeout=120, check=False,
        cwd=ROOT, env={**os.environ, "MINIDL_EXECUTOR": "python"},
    )  # fmt: skip
    assert "((4, 3), <class 'numpy.ndarray'>)" in found.stdout, found.stdout + found.stderr
    # Two layers, two batches, two epochs.
    assert found.stdout.count("np.matmul(x.T, dy, out=dW)") == 8, found.stdout


def name_of(frame: Any) -> str:
    """Name of a running function, with the class that defines it if it is a method."""
    name = frame.f_code.co_name
    kinds = type(frame.f_locals.get("self")).__mro__
    return next((f"{kind.__name__}.{name}" for kind in kinds if name in vars(kind)), name)


def path_to_a_gradient() -> list[tuple[str, str, int]]:
    """File, function and its lines, from ``fit`` down to where dW is computed."""
    found: list[tuple[str, str, int]] = []

    def profile(frame: Any, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_name == "dense_backward" and not found:
            while frame.f_code.co_name != "path_to_a_gradient":
                file = Path(frame.f_code.co_filename)
                lines = len(inspect.getsource(frame.f_code).splitlines())
                if file.is_relative_to(ROOT / "minidl"):
                    name = name_of(frame)
                    found.insert(0, (str(file.relative_to(ROOT)), name, lines))
                frame = frame.f_back

    made = model()
    sys.setprofile(profile)
    try:
        made.fit(X, Y, batch_size=4, epochs=1, verbose=0)
    finally:
        sys.setprofile(None)
    return found


def test_a_reader_passes_few_files_on_the_way_to_a_gradient() -> None:
    path = path_to_a_gradient()
    assert path[0][1] == "Sequential.fit"
    assert path[-1][:2] == ("minidl/kernels/dense.py", "dense_backward")
    assert len({file for file, _, _ in path}) <= FILES, path
    assert sum(lines for _, _, lines in path) <= LINES, path
    # The page that shows the path shows this one.
    page = (ROOT / "docs" / "understand" / "a_step.md").read_text(encoding="utf-8")
    rows = [f"| `{file}` | `{name}` | {lines} |" for file, name, lines in path]
    assert [row for row in page.splitlines() if row.startswith("| `minidl/")] == rows, rows
    named = re.findall(r"`(minidl/[\w/]+\.py)`", page)
    assert [name for name in named if not (ROOT / name).exists()] == []
    said = f"{len(path)} functions in {len({file for file, _, _ in path})} files"
    assert said in (ROOT / "README.md").read_text(encoding="utf-8"), said


def test_the_book_trains_without_the_accelerator(tmp_path: Path) -> None:
    """A copy of minidl without that folder trains networks such as the tutorials have."""
    shutil.copytree(ROOT / "minidl", tmp_path / "minidl",
                    ignore=shutil.ignore_patterns("accelerator", "__pycache__"))  # fmt: skip
    program = """
import numpy as np, scipy.sparse, minidl
from minidl import layers as L
assert minidl.__file__.startswith(FOLDER), minidl.__file__
r = np.random.default_rng(0)
pixels, classes = r.integers(0, 256, (60, 28, 28)).astype(np.uint8), r.integers(0, 10, 60)
words = scipy.sparse.random(60, 200, 0.1, "csr", "float32", random_state=0)
binary = r.integers(0, 2, 60)
numbers, values = r.standard_normal((60, 4)), r.standard_normal((60, 1))
def fit(x, y, layers, optimizer, loss, metrics=("accuracy",), **options):
    made = minidl.Sequential(layers)
    made.compile(optimizer, loss, metrics=list(metrics))
    history = made.fit(x, y, 16, 2, 0, validation_split=0.2, **options).history
    assert np.isfinite(list(history.values())).all(), history
    made.predict(x); made.evaluate(x, y, verbose=0)
# Linear models; dense on images; activations and normalization; sparse text with L2 and dropout;
# every regularizer and schedule.
fit(numbers, values, [L.Dense(1)], "sgd", "mse", ())
fit(pixels, classes, [L.Flatten(), L.Rescaling(1 / 255), L.Dense(32, "relu"), L.Dropout(0.5),
    L.Dense(10, "softmax")], "adam", "sparse_categorical_crossentropy")
for name in ("sigmoid", "tanh", "relu", "leaky_relu", "elu"):
    fit(pixels, classes, [L.Flatten(), L.Rescaling(1 / 255), L.Dense(16), L.BatchNormalization(),
        L.Activation(name), L.Dense(10, "softmax")], "rmsprop", "sparse_categorical_crossentropy")
fit(words, binary, [L.Dense(16, "relu", kernel_regularizer=minidl.regularizers.L2(0.001)),
    L.Dropout(0.5), L.Dense(1, "sigmoid")], "rmsprop", "binary_crossentropy")
for penalty in ("l1", "l2"):
    fit(words, binary, [L.Dense(16, "relu", kernel_regularizer=penalty), L.Dense(1, "sigmoid")],
        minidl.optimizers.SGD(minidl.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9),
        momentum=0.9, nesterov=True), "binary_crossentropy")
print("trained")
"""
    program = program.replace("FOLDER", repr(str(tmp_path)))
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env={**os.environ, "MINIDL_EXECUTOR": "python", "PYTHONPATH": str(tmp_path)}, check=False,
    )  # fmt: skip
    assert found.stdout == "trained\n", found.stderr[-2000:]
