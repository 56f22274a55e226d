"""Weights by Keras's names: views of the vector that training moves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers
from minidl.backend.array import Array, Weight

X = np.random.default_rng(3).normal(size=(40, 4))
Y = np.arange(40) % 3


def model(dtype: str = "float64") -> Any:
    minidl.utils.set_random_seed(5)
    made = minidl.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(6, activation="relu", name="hidden"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(3, activation="softmax", use_bias=False, name="output"),
        ],
        dtype=dtype,
    )
    made.compile(minidl.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    return made


def test_names_paths_and_order() -> None:
    """Of each layer those that gradients move first; views, all of the two vectors."""
    made = model()
    paths = [weight.path for weight in made.weights]
    assert paths == [
        "hidden/kernel", "hidden/bias", "norm/gamma", "norm/beta", "norm/moving_mean",
        "norm/moving_variance", "output/kernel",
    ]  # fmt: skip
    assert [w.path for w in made.trainable_weights] == [p for p in paths if "moving" not in p]
    assert [w.path for w in made.non_trainable_variables] == paths[4:6]
    assert [w.name for w in made.variables] == [path.partition("/")[2] for path in paths]
    for weight, copy in zip(made.weights, made.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, copy)
        assert any(np.shares_memory(weight, v) for v in (made.theta, made.statistics.theta))
    assert sum(weight.size for weight in made.weights) == made.count_params()


def test_a_layer_shows_its_tensors() -> None:
    made = model()
    hidden, norm, output = made.layers
    assert [each.built for each in made.layers] == [True] * 3  # the shape is known
    assert hidden.kernel.shape == (4, 6)
    assert hidden.bias.shape == (6,)
    assert output.bias is None
    assert [each.count_params() for each in made.layers] == [30, 24, 18]
    assert hidden.dtype == "float64"
    assert len(norm.weights) == 4
    assert len(norm.trainable_weights) == len(norm.non_trainable_weights) == 2
    with pytest.raises(AttributeError, match="has no tensor 'kernel'"):
        _ = norm.kernel
    free = layers.Dense(3)
    assert (free.weights, free.get_weights(), free.built) == ([], [], False)
    for refused in (free.count_params, lambda: free.set_weights([])):
        with pytest.raises(ValueError, match="expected a"):
            refused()


def test_get_layer() -> None:
    made = model()
    assert made.get_layer("norm") is made.get_layer(index=1) is made.layers[1]
    assert made.get_layer(index=-1) is made.layers[2]
    with pytest.raises(ValueError, match="did you mean 'norm'"):
        made.get_layer("norn")
    for wrong in ({}, {"name": "norm", "index": 1}, {"index": 3}):
        with pytest.raises(ValueError, match=r"get_layer: expected an? (index|name or)"):
            made.get_layer(**wrong)


@pytest.mark.parametrize("executor", ["python", "blocks", "compiled"])
def test_what_is_written_is_seen_by_the_next_step(executor: str) -> None:
    """Within a fit, whether steps are called or played: 25 steps, and the write after 20."""
    minidl.backend.use("numpy", executor=executor)

    def trained(write: Any) -> list[np.ndarray]:
        made = model()

        class Write(minidl.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                if epoch == 3:
                    write(made)

        made.fit(X, Y, batch_size=8, epochs=5, verbose=0, callbacks=[Write()])
        found: list[np.ndarray] = made.get_weights()
        return found

    new = np.full((4, 6), 0.25)
    rest = [np.linspace(0, 1, 6)]

    def by_vector(made: Any) -> None:
        made.theta[:24] = 0.25
        made.theta[24:30] = rest[0]

    def by_names(made: Any) -> None:
        made.layers[0].kernel.assign(new)
        made.layers[0].bias[...] = rest[0]

    expected = trained(by_vector)
    for write in (by_names, lambda made: made.layers[0].set_weights([new, *rest])):
        for a, b in zip(trained(write), expected, strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(trained(lambda made: None)[0], expected[0])


def test_assign_and_numpy() -> None:
    """A copy is a plain array; what is computed with weights is an array of its own."""
    made = model()
    kernel = made.layers[0].kernel
    assert isinstance(kernel, Weight)
    before = kernel.numpy()
    assert type(before) is np.ndarray
    assert kernel.assign_add(np.ones((4, 6))) is kernel
    np.testing.assert_array_equal(made.layers[0].W, before + 1)
    kernel.assign_sub(np.ones((4, 6)))
    np.testing.assert_array_equal(made.layers[0].get_weights()[0], (before + 1) - 1)
    with pytest.raises(ValueError, match=r"hidden/kernel: expected an array of shape \(4, 6\)"):
        kernel.assign(np.ones(6))
    assert not np.shares_memory(kernel * 2, made.theta)
    with pytest.raises(ValueError, match="expected arrays of shapes"):
        made.layers[0].set_weights([before])


def test_calls() -> None:
    """The numbers of predict, in an array that nothing overwrites; in training those of fit."""
    made = model()
    found = made(X)
    assert isinstance(found, Array)
    kept = found.numpy()
    np.testing.assert_array_equal(kept, made.predict(X, batch_size=40))
    made(X + 1)
    np.testing.assert_array_equal(found, kept)
    hidden, norm, output = made.layers
    np.testing.assert_array_equal(output(norm(hidden(X))), kept)
    np.testing.assert_array_equal(norm.moving_mean, np.zeros(6))
    seen = made(X, training=True)
    assert not np.allclose(seen, kept)
    # The batch's share, .01, of the batch's mean.
    np.testing.assert_allclose(norm.moving_mean, 0.01 * hidden(X).mean(0), rtol=1e-12)
    assert made.step == 0
    assert not made.traffic.awaits_backward  # no explicit loop has begun
    with pytest.raises(ValueError, match=r"norm: expected rows of shape \(6,\)"):
        norm(X)


def test_a_layer_by_itself() -> None:
    """It is built for the rows, and a network takes it with its weights."""
    dense = layers.Dense(3)
    found = dense(X)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, X @ dense.get_weights()[0], rtol=1e-4, atol=1e-5)  # float32
    made = minidl.Sequential([layers.Input((4,)), dense, layers.ReLU()])
    np.testing.assert_array_equal(made(X), np.maximum(found, 0))
    assert dense.owner is made
    # To the rounding of float32.
    np.testing.assert_allclose(layers.Softmax()(np.zeros((1, 4))), np.full((1, 4), 0.25), rtol=1e-6)


def test_monte_carlo_dropout() -> None:
    """Each call in training has masks of its own; later trainings are as without these calls."""

    def made() -> Any:
        minidl.utils.set_random_seed(1)
        found = minidl.Sequential([layers.Input((4,)), layers.Dropout(0.5), layers.Dense(3)])
        found.compile("sgd", "mse")
        return found

    one, other = made(), made()
    samples = np.stack([one(X, training=True) for _ in range(3)])
    assert not np.array_equal(samples[0], samples[1])
    for each in (one, other):
        each.fit(X, X[:, :3], verbose=0)
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
