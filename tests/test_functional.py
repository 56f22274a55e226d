"""The functional form of a row of layers; and what is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import minidl
from minidl import layers
from minidl.layers import Dense, Input
from minidl.models import Model, load_model

X = np.random.default_rng(3).normal(size=(40, 4))


def row() -> tuple[Any, Any, Any]:
    minidl.utils.set_random_seed(5)
    inputs = Input(shape=(4,))
    hidden = Dense(6, activation="relu", name="hidden")(inputs)
    return inputs, hidden, Dense(3, activation="softmax", name="output")(hidden)


def test_it_is_the_sequential_model_of_the_same_layers() -> None:
    inputs, hidden, outputs = row()
    assert (hidden.shape, outputs.shape) == ((None, 6), (None, 3))
    made = Model(inputs=inputs, outputs=outputs)
    minidl.utils.set_random_seed(5)
    same = minidl.Sequential(
        [Input((4,)), Dense(6, activation="relu"), Dense(3, activation="softmax")]
    )
    for each in (made, same):
        each.seed = 3
        each.set_weights([np.full(w.shape, 0.1 * k) for k, w in enumerate(same.get_weights())])
        each.compile("adam", "sparse_categorical_crossentropy")
        each.fit(X, np.arange(40) % 3, verbose=0)
    np.testing.assert_array_equal(made.predict(X), same.predict(X))
    # As Keras counts: with the Input.
    assert made.layers[0] is inputs
    assert [layer.name for layer in made.layers[1:]] == ["hidden", "output"]
    assert isinstance(made, minidl.Model)


@pytest.mark.parametrize("whole_first", [True, False])
def test_parts_of_a_row_share_its_weights(whole_first: bool) -> None:
    """An encoder made before the autoencoder or after it."""
    inputs, hidden, outputs = row()
    pairs = [(inputs, outputs), (inputs, hidden)]
    made = [Model(*pair) for pair in (pairs if whole_first else pairs[::-1])]
    whole, part = made if whole_first else made[::-1]
    whole.compile("adam", "mse")
    whole.fit(X, X[:, :3], verbose=0)
    again = Model(whole.input, whole.get_layer("hidden").output)
    rest = Model(whole.layers[2].input, whole.output)
    for each in (part, again):
        np.testing.assert_array_equal(rest.predict(each.predict(X)), whole.predict(X))
        assert np.shares_memory(each.theta, whole.theta)


def test_models_as_layers_of_a_row() -> None:
    encoder = minidl.Sequential([Input((4,)), Dense(2)], name="encoder")
    decoder = minidl.Sequential([Input((2,)), Dense(4)], name="decoder")
    inputs = Input((4,))
    whole = Model(inputs, decoder(encoder(inputs)))
    assert whole.layers[1:] == (encoder, decoder)
    whole.compile("adam", "mse")
    whole.fit(X, X, verbose=0)
    np.testing.assert_array_equal(whole.predict(X), decoder.predict(encoder.predict(X)))


def test_saved_and_loaded(tmp_path: Path, capsys: Any) -> None:
    inputs, _, outputs = row()
    made = Model(inputs, outputs)
    made.save(tmp_path / "m.npz")
    for other in (load_model(tmp_path / "m.npz"), Model.from_config(made.get_config())):
        assert [layer.name for layer in other.layers][1:] == ["hidden", "output"]
        assert len(other.layers) == 3
    made.summary()
    assert "(None, 4)" in capsys.readouterr().out


def test_what_is_no_row_is_refused() -> None:
    inputs, hidden, outputs = row()
    other = Input((4,))
    cases: list[tuple[Any, type[Exception], str]] = [
        (lambda: Model([inputs, other], outputs), ValueError, "one of inputs, received 2"),
        (lambda: Model(inputs, [hidden, outputs]), ValueError, "one of outputs, received 2"),
        (lambda: Model(other, outputs), ValueError, "expected a row of layers from"),
        (lambda: Model(outputs, hidden), ValueError, "expected a row of layers from"),
        (lambda: Model(inputs, X), TypeError, "outputs: expected an Input or the output"),
        (lambda: Model(), TypeError, "expected inputs and outputs"),
        (lambda: hidden + hidden, TypeError, "received arithmetic with it"),
        (lambda: np.ones(6) * hidden, TypeError, "received arithmetic with it"),
        (lambda: Dense(2)([hidden, outputs]), TypeError, "one input, received 2.*without merges"),
        (lambda: Dense(2)(hidden, training=True), TypeError, "in a call on rows"),
        (lambda: layers.Dense(2, input_shape=(9,))(hidden), ValueError, "expected input_shape"),
    ]
    for case, error, words in cases:
        with pytest.raises(error, match=words):
            case()
    twice = Dense(6)
    end = twice(twice(Dense(6)(inputs)))
    with pytest.raises(ValueError, match="expected each layer once"):
        Model(inputs, end)


def test_a_layer_of_a_built_network_takes_no_sparse_matrix() -> None:
    """The network does."""
    x = sparse.csr_matrix(np.eye(4, dtype=np.float32))
    model = minidl.Sequential([Input((4,)), Dense(3)])
    np.testing.assert_array_equal(model(x), model.layers[0](x.toarray()))
    with pytest.raises(TypeError, match=r"expected an array, received a sparse matrix; call the"):
        model.layers[0](x)
