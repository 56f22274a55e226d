"""Parts that are not minidl's, in plain NumPy, train to the same bits on every executor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import losses, metrics
from minidl.activations import ActivationFunction
from minidl.backend import use
from minidl.callbacks import Callback
from minidl.constraints import MaxNorm
from minidl.initializers import Zeros
from minidl.kernels import activations as kernels
from minidl.layers import Dense, Dropout, Input
from minidl.layers.base import Layer
from minidl.optimizers import SGD, Adam, Optimizer
from minidl.regularizers import L1, Regularizer
from tests.playing import counting

RANDOM = np.random.default_rng(5)
ROWS, BATCH, EPOCHS = 48, 4, 10  # 120 steps: parts change what they do at step 100
X = RANDOM.standard_normal((ROWS, 5)).astype(np.float32)
Y = RANDOM.integers(0, 3, ROWS)
LATER = 100


class Stateless(Layer):
    """y = sin x: a new array at each call."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.x = x
        self.y = np.sin(x)
        return self.y

    def backward(self, dy: Any) -> Any:
        return dy * np.cos(self.x)


class Stateful(Stateless):
    """Counts its calls, and works otherwise from the hundredth on."""

    calls = 0

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.calls += training
        self.x = x
        self.factor = np.float32(0.5 if self.calls > LATER else 1 + 0.01 * self.calls)
        return x * self.factor

    def backward(self, dy: Any) -> Any:
        return dy * self.factor


class Random(Stateless):
    """Adds noise of a generator of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = np.random.default_rng(3)

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        noise = self.generator.standard_normal(x.shape).astype(x.dtype) if training else 0
        return x + np.float32(0.1) * noise

    def backward(self, dy: Any) -> Any:
        return dy


class Stepwise(Stateless):
    """Takes the number of the step."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.factor = np.float32(1 + step % 7)
        return x * self.factor

    def backward(self, dy: Any) -> Any:
        return dy * self.factor


class Returning(Stateless):
    """Hands on what it is given."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        return x

    def backward(self, dy: Any) -> Any:
        return dy


class Quadratic(Dense):
    """A layer of minidl's with a method of its own."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        return super().forward(x + np.float32(0.1) * x * x, training, step)


class Model(minidl.Sequential):
    """Trains on inputs that are halved."""

    def forward(self, x: Any, *arguments: Any, **named: Any) -> Any:
        return super().forward(x * np.float32(0.5), *arguments, **named)


def softsign(x: Any, out: Any) -> Any:
    return np.divide(x, 1 + np.abs(x), out=out)


def softsign_backward(dy: Any, y: Any, out: Any) -> Any:
    return np.multiply(dy, (1 - np.abs(y)) ** 2, out=out)


def quantized(x: Any, step: int = 3, out: Any = None) -> Any:
    """A staircase: its constant is no number of a training step."""
    return np.divide(np.rint(x * np.float32(step)), np.float32(step), out=out)


def quantized_backward(dy: Any, step: int = 3, out: Any = None) -> Any:
    return np.multiply(dy, np.float32(step) / np.float32(3), out=out)


class Huber(losses.Loss):
    """Of the logits and rows of numbers."""

    labels = "integers"

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        r = np.abs(predictions - t)
        out[...] = np.where(r < 1, r * r / 2, r - 0.5).mean(axis=1, keepdims=True)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        out[...] = np.clip(predictions - t, -1, 1) / t.shape[1]


class TopTwo(metrics.Metric):
    """Share of rows of which the right class is one of the two largest."""

    labels = None

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        best = np.argsort(predictions, axis=1)[:, -2:]
        out[...] = (best == y.reshape(-1, 1)).any(axis=1).sum()


class Cubic(Regularizer):
    """0.001 · Σ |w|³; another factor from step 100 on."""

    steps = 0

    def forward(self, W: Any, out: Any) -> Any:
        self.steps += 1
        self.factor = np.float32(0.002 if self.steps > LATER else 0.001)
        return np.multiply(self.factor, np.abs(W) ** 3, out=out)

    def add_gradient(self, W: Any, dW: Any) -> None:
        dW += 3 * self.factor * W * np.abs(W)


class Written(Cubic):
    """Writes its costs, and returns nothing."""

    def forward(self, W: Any, out: Any) -> None:
        super().forward(W, out)


class Returned(Cubic):
    """Returns a new array, and writes nothing."""

    def forward(self, W: Any, out: Any) -> Any:
        return super().forward(W, np.empty_like(W))


class Wide(Cubic):
    """Returns float64, whose sum NumPy makes in float64."""

    def forward(self, W: Any, out: Any) -> Any:
        super().forward(W, out)
        return np.cbrt(out.astype(np.float64))


class Shrinking(Cubic):
    """May act by a step of its own."""

    def proximal_step(self, W: Any, step: Any) -> None:
        W *= np.float32(0.9)


class Soft(L1):
    """The soft threshold, of the step size that the optimizer gives."""

    def proximal_step(self, W: Any, step: Any) -> None:
        W[...] = np.sign(W) * np.maximum(np.abs(W) - step * self.l1, 0)


class Signs(Optimizer):
    """theta ← theta - rate · sign(grad), with a state of its own."""

    def __init__(self) -> None:
        super().__init__(0.01)
        self.seen = 0

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        self.seen += 1
        theta -= np.float32(learning_rate) * np.sign(grad) * (0.5 if t > LATER else 1)


class Sized(SGD):
    """SGD with a step size of its own for the soft threshold, a number."""

    def step_size(self, part: slice, out: Any) -> Any:
        return 0.04


class Norms(Adam):
    """Adam that looks at the gradient."""

    def update(self, theta: Any, grad: Any) -> None:
        grad /= max(1, float(np.linalg.norm(grad)))
        super().update(theta, grad)


class Switches(Callback):
    """Has a penalty act by its proximal step from some batch on."""

    seen = None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.model.step == 50:
            self.model.layers[0].kernel_regularizer.proximal = True


class Looks(Callback):
    """Moves a learning rate, a dropout rate and weights between batches."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch == 3:
            self.model.optimizer.learning_rate = 0.001 * (1 + self.model.step % 5)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen = [*getattr(self, "seen", []), dict(logs)]
        if self.model.step == 50:
            self.model.layers[1].rate = 0.5
        if self.model.step == 70:
            self.model.layers[0].W *= 0.5


def own_rate(step: int) -> float:
    return 0.02 if step < LATER else 0.01


def gradient_rate(made: Any) -> Callable[[int], float]:
    return lambda step: 0.01 / (1 + float(np.abs(made.grad).max()))


def network(
    layer: Layer | None = None,
    activation: Any = "relu",
    penalty: Any = None,
    loss: Any = "sparse_categorical_crossentropy",
    last: str | None = "softmax",
    optimizer: Any = None,
    measure: Any = "accuracy",
    model: Any = minidl.Sequential,
) -> Any:
    minidl.utils.set_random_seed(2)
    layers = [Dense(7, activation, kernel_regularizer=penalty), Dropout(0.2)]
    layers += [] if layer is None else [layer]
    made = model([Input((5,)), *layers, Dense(3, last)])
    made.compile(optimizer or SGD(0.05, momentum=0.5), loss, metrics=[measure])
    return made


def function() -> ActivationFunction:
    return ActivationFunction("own", softsign, softsign_backward)


def with_rate(make: Callable[[Any], Any]) -> Any:
    made = network()
    made.optimizer.learning_rate = make(made)
    return made


#: name -> (makes a network, what is told of it, whether steps are played nevertheless)
STRANGERS: dict[str, tuple[Callable[[], Any], list[Any], bool]] = {
    "stateless layer": (lambda: network(Stateless()), [], True),
    "stateful layer": (lambda: network(Stateful()), [], True),
    "random layer": (lambda: network(Random()), [], True),
    "layer that knows the step": (lambda: network(Stepwise()), [], True),
    "layer that returns its input": (lambda: network(Returning()), [], True),
    "derived layer": (lambda: network(Quadratic(6, "tanh")), [], True),
    "model": (lambda: network(model=Model), [], False),
    "activation": (lambda: network(activation=function()), [], True),
    "activation with a constant": (
        lambda: network(activation=ActivationFunction("stairs", quantized, quantized_backward)),
        [],
        True,
    ),
    "loss": (lambda: network(loss=Huber(), last=None), [], True),
    "metric": (lambda: network(measure=TopTwo(name="top_two")), [], True),
    "regularizer": (lambda: network(penalty=Cubic()), [], True),
    "regularizer that writes": (lambda: network(penalty=Written()), [], True),
    "regularizer that returns": (lambda: network(penalty=Returned()), [], True),
    "regularizer in float64": (lambda: network(penalty=Wide()), [], True),
    "regularizer that changes its manner": (
        lambda: network(penalty=Shrinking()),
        [Switches],
        True,
    ),
    "regularizer that takes step sizes": (
        lambda: network(penalty=Soft(0.02, proximal=True)),
        [],
        False,
    ),
    "optimizer": (lambda: network(optimizer=Signs()), [], True),
    "derived optimizer": (lambda: network(optimizer=Norms(0.01)), [], True),
    "optimizer, soft threshold": (
        lambda: network(optimizer=Sized(0.05), penalty=L1(0.01, proximal=True)),
        [],
        False,
    ),
    "schedule": (lambda: with_rate(lambda made: own_rate), [], True),
    "schedule that reads gradients": (lambda: with_rate(gradient_rate), [], True),
    "callback": (network, [Looks], True),
    "all": (
        lambda: network(
            Stateful(), function(), Cubic(), Huber(), None, Norms(), TopTwo(name="two")
        ),
        [Looks],
        True,
    ),
}


def trained(name: str, executor: str) -> tuple[Any, ...]:
    make, told, _ = STRANGERS[name]
    with use("numpy", executor=executor):
        made = make()
        callbacks = [each() for each in told]
        history = made.fit(X, Y, BATCH, EPOCHS, 0, callbacks).history
        seen = [each.seen for each in callbacks]
        return made.theta.tobytes(), made.statistics.theta.tobytes(), history, seen, made


@pytest.mark.parametrize("name", STRANGERS)
def test_strangers_train_to_the_same_bits(name: str) -> None:
    expected = trained(name, "python")
    for executor in ("blocks", "compiled"):
        with counting() as played:
            found = trained(name, executor)
        assert found[:4] == expected[:4], executor
        assert bool(played) == (executor == "compiled" and STRANGERS[name][2])


def test_the_words_name_what_is_called() -> None:
    made = trained("stateful layer", "compiled")[-1]
    called = made.layers[2].name
    assert f"{called}.forward, which is not minidl's" in made.recording
    assert f"{called}.backward, which is not minidl's" in made.recording
    assert "the executor 'python' records none" in trained("callback", "python")[-1].recording
    own = network()
    with use("numpy", executor="compiled"):
        own.fit(X, Y, BATCH, 1, 0)
    assert "called" not in own.recording
    assert own.recording.startswith("compiled: ")


def test_what_is_played_is_called_once_a_step() -> None:
    made = trained("stateful layer", "compiled")[-1]
    assert made.layers[2].calls == made.step == EPOCHS * ROWS // BATCH


def test_a_result_of_another_kind_is_taken() -> None:
    """The step is called in Python from there on, and recorded anew."""

    class Widening(Stateless):
        def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
            return x.astype(np.float64) if step > LATER else x * np.float32(1)

        def backward(self, dy: Any) -> Any:
            return dy

    found = []
    for executor in ("python", "compiled"):
        with use("numpy", executor=executor):
            made = network(Widening())
            made.fit(X, Y, BATCH, EPOCHS, 0)
            found.append(made.theta.copy())
    # Products of float64 and float32 are NumPy's own in both.
    np.testing.assert_array_equal(*found)


def test_a_kernel_of_minidl_is_no_stranger() -> None:
    own = ActivationFunction("own", kernels.relu_forward, kernels.relu_backward)
    with use("numpy", executor="compiled"):
        made = network(activation=own)
        made.fit(X, Y, BATCH, 1, 0)
    assert "called" not in made.recording


def test_lines_of_epochs_end_with_what_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    with use("numpy", executor="compiled"):
        made = network(Stateful())
        made.fit(X, Y, BATCH, 1, 2)
        assert capsys.readouterr().out.endswith(f"{made.recording}\n")
        network().fit(X, Y, BATCH, 1, 2)
    assert capsys.readouterr().out.count("\n") == 1


class Doubled(minidl.Sequential):
    """A network with a pass of its own."""

    def forward(self, *arguments: Any, **named: Any) -> Any:
        return 2 * super().forward(*arguments, **named)


def test_a_pass_of_one_s_own_is_not_lost_in_silence(tmp_path: Path) -> None:
    """Where only the layers go on: in a network around it, a predictor, a file."""
    network = Doubled([Input((2,)), Dense(3)])
    with pytest.raises(ValueError, match=r"has a forward of its own, which the network around it"):
        minidl.Sequential([network, Dropout(0.1)])
    with pytest.raises(ValueError, match="a network with minidl's forward"):
        network.predictor()
    with pytest.warns(UserWarning, match="Doubled has a forward of its own, which no file keeps"):
        network.save(tmp_path / "model")
    plain = minidl.Sequential([Input((2,)), Dense(3)])
    forward = plain.forward
    plain.forward = lambda *given, **named: 2 * forward(*given, **named)  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="a network with minidl's forward"):
        plain.predictor()


def _own(base: type, **body: Any) -> Any:
    return type("Own", (base,), body)


@pytest.mark.parametrize(
    ("base", "hook", "called", "use"),
    [
        (L1, "__call__", "forward", lambda kind: Dense(2, kernel_regularizer=kind(0.1))),
        (MaxNorm, "__call__", "project", lambda kind: Dense(2, kernel_constraint=kind(1.0))),
        (Zeros, "__call__", "values", lambda kind: Dense(2, kernel_initializer=kind())),
        (losses.Huber, "__call__", "row_losses", lambda kind: losses.get(kind())),
        (losses.Huber, "call", "row_losses", lambda kind: losses.get(kind())),
        (SGD, "update_step", "step", lambda kind: minidl.optimizers.get(kind(0.1))),
        (SGD, "apply_gradients", "step", lambda kind: minidl.optimizers.get(kind(0.1))),
        (Dense, "__call__", "forward", lambda kind: minidl.Sequential([kind(2)])),
    ],
)
def test_a_formula_at_a_place_where_nobody_looks_is_refused(
    base: type, hook: str, called: str, use: Callable[[Any], Any]
) -> None:
    """As in Keras: L2 with a __call__ of its own would be trained as L2."""

    def own(*_: Any) -> None:
        raise AssertionError("expected to be refused")

    words = f"Own.{hook} is a method that no training calls: expected {called} to be defined"
    with pytest.raises(TypeError, match=words):
        use(_own(base, **{hook: own}))
    use(_own(base, **{hook: own, called: getattr(base, called)}))
