"""A layer of one's own whose backward leaves a gradient unwritten is named at its first pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.layers import Dense, Layer
from minidl.network.unwritten import UnwrittenError

RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=(24, 4)).astype(np.float32)
Y = X[:, :2]
EXECUTORS = ["python", "blocks", "compiled"]


class Affine(Layer):
    """y = g · x + b; a class below writes the gradients."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.add_tensor("g", "gain", input_shape, "ones")
        self.add_tensor("b", "offset", input_shape, "zeros")

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.x = x
        return self.g * x + self.b

    def backward(self, dy: Any) -> Any:
        self.write(np.sum(dy * self.x, axis=0), np.sum(dy, axis=0))
        return self.g * dy

    def write(self, dg: Any, db: Any) -> None:
        self.dg[...] = dg
        self.db[...] = db


class Forgets(Affine):
    def write(self, dg: Any, db: Any) -> None:
        self.dg[...] = dg


class Halves(Affine):
    def write(self, dg: Any, db: Any) -> None:
        self.dg[:3] = dg[:3]
        self.db[...] = db


class Adds(Affine):
    def write(self, dg: Any, db: Any) -> None:
        self.dg += dg
        self.db[...] = db


class Names(Affine):
    """``db`` is a variable, and nobody reads it."""

    def write(self, dg: Any, db: Any) -> None:
        self.dg = dg
        db = db.copy()


class Fails(Affine):
    def backward(self, dy: Any) -> Any:
        raise OSError("mine")


WRONG: dict[type, str] = {
    Forgets: r"self\.db, the gradient of the tensor 'offset', received all of its numbers",
    Halves: r"self\.dg, the gradient of the tensor 'gain', received 1 of 4 of its numbers",
    Adds: r"self\.dg, the gradient of the tensor 'gain', received all .* \+= adds",
    Names: r"self\.db, the gradient of the tensor 'offset', received all .*self\.db\[\.\.\.\] = …",
}


def model(layer: Layer, last: Any = None) -> minidl.Sequential:
    minidl.utils.set_random_seed(1)
    made = minidl.Sequential([Dense(4, "tanh"), layer, last or Dense(2)])
    made.compile("sgd", "mse")
    return made


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("kind", WRONG)
def test_the_layer_and_the_tensor_are_named(kind: Any, executor: str) -> None:
    """By ``fit``, which leaves the weights as they were; and again by the next one."""
    with minidl.backend.use("numpy", executor=executor):
        made = model(kind(name="mine"))
        made.build((None, 4))
        before = made.theta.copy()
        for _ in range(2):
            with pytest.raises(UnwrittenError, match=f"^mine: expected backward .*{WRONG[kind]}"):
                made.fit(X, Y, verbose=0)
        np.testing.assert_array_equal(made.theta, before)
        assert np.all(abs(made.grad) < 1e3)


@pytest.mark.parametrize("kind", WRONG)
def test_a_loop_of_one_s_own_and_train_on_batch_say_so(kind: Any) -> None:
    network = minidl.models.Network([kind(name="mine")])
    network.forward(X, training=True)
    with pytest.raises(UnwrittenError, match=r"^mine: expected backward to overwrite"):
        network.backward(np.ones_like(X))
    with pytest.raises(UnwrittenError, match=r"^mine: expected backward to overwrite"):
        model(kind(name="mine")).train_on_batch(X, Y)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_right_training_keeps_its_bits(executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As without the look."""

    class Clears(Affine):
        def write(self, dg: Any, db: Any) -> None:
            self.dg *= 0
            self.dg += dg
            self.db[...] = db

    class Wide(Dense):
        def backward(self, dy: Any) -> Any:
            return super().backward(dy)

    def trained(kind: Callable[[], Layer]) -> Any:
        made = model(kind(), Wide(2))
        made.fit(X, Y, batch_size=6, epochs=5, verbose=0)
        assert made.unproved == ()
        return made.theta

    with minidl.backend.use("numpy", executor=executor):
        looked = [trained(kind) for kind in (Affine, Clears)]
        monkeypatch.setattr("minidl.network.stack.doubted", lambda layers: ())
        for kind, theta in zip((Affine, Clears), looked, strict=True):
            np.testing.assert_array_equal(trained(kind), theta)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_layer_that_does_not_train_is_not_asked(executor: str) -> None:
    """Until it trains."""
    with minidl.backend.use("numpy", executor=executor):
        made = model(Forgets(name="mine", trainable=False))
        made.fit(X, Y, epochs=20, verbose=0)
        made.layers[1].trainable = True
        with pytest.raises(UnwrittenError, match=r"^mine: expected backward to overwrite self\.db"):
            made.fit(X, Y, epochs=20, verbose=0)


def test_what_backward_raises_is_told_and_leaves_no_mark() -> None:
    made = model(Fails())
    with pytest.raises(OSError, match="mine"):
        made.fit(X, Y, verbose=0)
    assert np.all(abs(made.grad) < 1e3)


def test_each_layer_is_looked_at_once() -> None:
    """Later passes find the gradients of the step before, as ever."""
    found = []

    class Reads(Affine):
        def write(self, dg: Any, db: Any) -> None:
            found.append(self.dg.copy())
            super().write(dg, db)

    network = minidl.models.Network([Reads()], dtype="float64")
    for _ in range(3):
        network.forward(X, training=True)
        network.backward(np.ones((24, 4)))
    assert np.all(found[0] > 1e300)
    np.testing.assert_array_equal(found[1], found[2])
    np.testing.assert_allclose(found[1], X.sum(axis=0, dtype=float))


def test_a_gradient_check_speaks_for_itself() -> None:
    with pytest.raises(minidl.gradient_check.NotFiniteError, match="offset: expected backward to"):
        minidl.gradient_check.check_layer(Forgets(), (4,))


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_backward_that_returns_no_dx_is_named(executor: str) -> None:
    class Silent(Affine):
        def backward(self, dy: Any) -> Any:
            super().backward(dy)

    with (
        minidl.backend.use("numpy", executor=executor),
        pytest.raises(TypeError, match=r"^mine: expected backward to return the gradient at the"),
    ):
        model(Silent(name="mine")).fit(X, Y, verbose=0)
