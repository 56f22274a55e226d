"""Units whose code gets lost: NumPy takes their place, and the numbers stay the same."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import random as random_rows

import minidl
from minidl.accelerator.cpu import elementwise
from minidl.accelerator.cpu.machine import machine_code
from minidl.accelerator.cpu.team import team
from minidl.accelerator.cpu.team.team import end_team
from minidl.accelerator.record import products
from minidl.accelerator.record.operands import CompilationUnavailableError
from minidl.backend import use


@pytest.fixture
def lose(monkeypatch):
    """Takes the code of units away whose labels begin so, in a process that knows none yet."""
    real = machine_code.placed

    def away(*labels):
        def placed(unit):
            if unit.function in labels or unit.label.startswith(labels):
                raise CompilationUnavailableError(f"{unit.label} is lost", "find it")
            return real(unit)

        elementwise._compiled.cache_clear()
        end_team()
        monkeypatch.setattr(machine_code, "placed", placed)

    use("numpy", executor="compiled")
    monkeypatch.setattr(machine_code, "_said", set())
    yield away
    monkeypatch.undo()
    elementwise._compiled.cache_clear()
    end_team()


def trained(x):
    """Weights and predictions of a small network, and how many of its steps were played."""
    minidl.utils.set_random_seed(3)
    model = minidl.Sequential()
    for layer in (
        minidl.layers.Dense(6, activation="relu"),
        minidl.layers.Dropout(0.3),
        minidl.layers.BatchNormalization(),
        minidl.layers.Dense(3, activation="softmax"),
    ):
        model.add(layer)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, np.arange(40) % 3, batch_size=10, epochs=4, verbose=0)
    return model.theta.copy(), model.predict(x), history.history


LOST = [
    "command",  # all formulas
    "adam",
    "draws",
    "gather",
    "sparse",
    "series",
    "products",
    "sums",
    "ufuncs",
    "team",
]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("label", LOST)
def test_whatever_gets_lost_the_numbers_are_the_same(lose, label, sparse):
    """A formula, the rows of a batch, random bits, what plays a step: NumPy takes their place."""
    x = np.random.default_rng(0).random((40, 5), "float32")
    if sparse:
        x = random_rows(40, 5, 0.4, "csr", "float32", rng=np.random.default_rng(0))
    expected = trained(x)
    lose(label)
    if label in ("gather", "sparse") and (label == "sparse") != sparse:
        return  # neither asked for
    with pytest.warns(UserWarning, match="runs in NumPy, which takes longer.* is lost") as told:
        found = trained(x)
    assert len(told) == 1
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
    assert found[2] == expected[2]


def test_a_large_formula_and_a_large_product_do_without_the_team(lose):
    x = np.arange(1 << 18, dtype="float32")
    lose("team")
    formula = minidl.backend.fused(lambda x: x * 2 + 1)
    out = np.empty_like(x)
    with pytest.warns(UserWarning, match="team_run is lost"):
        formula(x, out=out)
    np.testing.assert_array_equal(out, 2 * x + 1)
    a = x[: 1 << 14].reshape(128, 128) / 2**14
    out = np.empty((128, 128), "float32")
    products.multiply(a, a, out)
    np.testing.assert_allclose(out, a @ a, rtol=1e-5)
    assert team._process.team is None
