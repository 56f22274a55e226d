"""Networks: building, rows, weights, and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import losses, set_floatx
from minidl.backend import use
from minidl.layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    Input,
    Rescaling,
    Softmax,
)
from minidl.models import Network, Sequential
from minidl.utils import set_random_seed


@pytest.fixture(autouse=True)
def _same_weights_each_time() -> None:
    set_random_seed(1)


class TestRows:
    """What forward takes."""

    @pytest.mark.parametrize("dtype", [np.float64, np.int64, np.uint8, np.bool_, np.float16])
    def test_other_types_are_converted(self, dtype: Any) -> None:
        """Into the network's own buffer, not into x."""
        x = np.random.default_rng(7).integers(0, 2, (5, 4)).astype(dtype)
        network = Network([Dense(3)])
        y = network.forward(x)
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y, network.forward(x.astype(np.float32)))

    @pytest.mark.parametrize(
        "first",
        [
            lambda: Dense(3),
            lambda: BatchNormalization(),
            lambda: Activation("relu"),
            lambda: Rescaling(2.0),
            lambda: Flatten(),
            lambda: Dropout(0.5),
        ],
        ids=["dense", "norm", "relu", "rescaling", "flatten", "dropout"],
    )
    @pytest.mark.parametrize(
        "view",
        [lambda x: x[:, ::2], np.asfortranarray, lambda x: x[::2]],
        ids=["cols", "F", "rows"],
    )
    def test_memory_may_be_laid_out_in_any_way(
        self, first: Callable[[], Any], view: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        """Slices and transposes, such as a data frame gives, are rows like others."""
        x = view(np.random.default_rng(8).normal(size=(6, 4)))
        network = Network([first(), Dense(2)], dtype="float64")
        y = network.forward(x, training=True, step=0).copy()
        expected = network.forward(np.ascontiguousarray(x), training=True, step=0)
        np.testing.assert_allclose(y, expected, rtol=1e-13)

    @pytest.mark.parametrize("shape", [(5, 3), (5,), (5, 4, 1), (4, 5)], ids=str)
    def test_rows_of_another_shape(self, shape: tuple[int, ...]) -> None:
        """Expected and received are both said."""
        with pytest.raises(ValueError, match=r"expected rows of shape \(4,\), received \("):
            Network([Input((4,)), Dense(2)]).forward(np.zeros(shape, np.float32))

    def test_forward_changes_nothing_in_x(self) -> None:
        """Not even through a Flatten or an inactive Dropout, which pass x on."""
        x = np.random.default_rng(9).normal(size=(3, 2, 2))
        before = x.copy()
        network = Network([Flatten(), Dropout(0.5), Activation("relu"), Dense(2)], dtype="float64")
        loss = losses.MeanSquaredError()
        for training in (False, True):
            loss.forward(network.forward(x, training), np.ones((3, 2)))
            network.backward(loss.backward())
        np.testing.assert_array_equal(x, before)


class TestBuilding:
    """Layers in, shapes checked."""

    def test_layers_can_be_counted_and_walked(self) -> None:
        """Input is none of them."""
        layers = [Flatten(), Dense(2), Softmax()]
        network = Network([Input((2, 2)), *layers])
        assert len(network) == 3
        assert list(network) == layers == [*network.layers]
        assert network.input_shape == (None, 2, 2)

    def test_add_one_by_one_is_a_list_at_once(self) -> None:
        """The shapes follow at build."""
        network = Network()
        network.add(Dense(3, input_shape=(2,)))
        network.add(Dense(1))
        network.build()
        assert network.built
        assert network.output_shape == (None, 1)
        assert [p.shape for p in network.parameters] == [(2, 3), (3,), (3, 1), (1,)]

    def test_the_first_data_say_the_shape_where_nothing_else_does(self) -> None:
        """Built by the first forward; building again changes nothing."""
        network = Network([Flatten(), Dense(3)])
        network.forward(np.zeros((2, 2, 5), np.float32))
        theta = network.theta
        assert network.input_shape == (None, 2, 5)
        network.build((2, 5))
        assert network.theta is theta
        with pytest.raises(ValueError, match=r"rows of shape \(2, 5\), received \(7,\)"):
            network.build((7,))

    def test_a_build_that_failed_can_be_tried_again(self) -> None:
        """With rows of the right shape, after the error said what was wrong."""
        network = Network([Dense(3)])
        with pytest.raises(ValueError, match="put a Flatten"):
            network.forward(np.zeros((2, 4, 4), np.float32))
        assert network.forward(np.zeros((2, 16), np.float32)).shape == (2, 3)

    @pytest.mark.parametrize(
        ("last", "name"),
        [
            (lambda: Dense(2, "softmax"), "softmax"),
            (lambda: Activation("sigmoid"), "sigmoid"),
            (lambda: Softmax(), "softmax"),
            (lambda: Dense(2), None),
            (lambda: Dropout(0.5), None),
        ],
    )
    def test_output_activation(self, last: Callable[[], Any], name: str | None) -> None:
        """What the last layer ends with."""
        assert Network([Dense(2), last()]).output_activation == name

    def test_default_type_is_floatx(self) -> None:
        """float32, set_floatx, or what is given."""
        assert Network([Dense(1, input_shape=(1,))]).theta.dtype == np.float32
        set_floatx("float64")
        assert Network([Dense(1, input_shape=(1,))]).theta.dtype == np.float64
        assert Network([Dense(1, input_shape=(1,))], dtype="float32").theta.dtype == np.float32
        with pytest.raises(ValueError, match=r"expected a floating type .* received 'float16'"):
            Network(dtype="float16")

    @pytest.mark.parametrize("executor", ["cupy-double"], indirect=True)
    @pytest.mark.usefixtures("executor")
    def test_a_network_stays_on_the_backend_under_which_it_was_made(self) -> None:
        """Whatever is in use later; weights come and go as NumPy arrays."""
        import cupy

        network = Network([Dense(2), BatchNormalization()])
        x = cupy.asarray(np.ones((3, 4), np.float32))
        with use("numpy"):
            y = network.forward(x, training=True)
            weights = network.get_weights()
            network.set_weights(weights)
        assert all(isinstance(weight, np.ndarray) for weight in weights)
        for array in (y, network.theta, network.grad, network.statistics.theta):
            assert isinstance(array, cupy.ndarray)


class TestWeights:
    """get_weights and set_weights."""

    def test_what_is_set_is_got(self) -> None:
        """By value: neither list shares memory with the network."""
        network = Network(
            [Dense(3, input_shape=(2,)), BatchNormalization(), Dense(2)], dtype="float64"
        )
        random = np.random.default_rng(10)
        weights = [random.uniform(0.5, 1.5, w.shape) for w in network.get_weights()]
        network.set_weights(weights)
        got = network.get_weights()
        for one, other in zip(got, weights, strict=True):
            np.testing.assert_array_equal(one, other)
        network.parameters.theta[...] = 0
        weights[0][...] = 7
        assert got[0].any()
        assert not network.get_weights()[0].any()

    def test_lists_and_other_types_are_taken(self) -> None:
        """As Keras's float32 arrays would be by a float64 network."""
        network = Network([Dense(2, input_shape=(1,))], dtype="float64")
        network.set_weights([[[1, 2]], np.array([3, 4], np.float32)])
        np.testing.assert_array_equal(network.theta, [1, 2, 3, 4])

    @pytest.mark.parametrize(
        ("weights", "words"),
        [
            ([np.ones((1, 2))], r"expected arrays of shapes \[\(1, 2\), \(2,\)\], received"),
            ([np.ones((2, 1)), np.ones(2)], r"received \[\(2, 1\), \(2,\)\]"),
            ([np.ones((1, 2)), np.ones(2), np.ones(2)], "expected arrays of shapes"),
            ([np.ones((1, 2)), np.array([0, np.nan])], "received NaN or infinity in array 1"),
            ([np.full((1, 2), np.inf), np.ones(2)], "received NaN or infinity in array 0"),
            ([np.full((1, 2), 1e39), np.ones(2)], "received NaN or infinity in array 0"),
        ],
    )
    def test_weights_that_do_not_fit(self, weights: list[np.ndarray], words: str) -> None:
        """Nothing is changed, not even by the arrays that would fit."""
        network = Network([Dense(2, input_shape=(1,))])
        before = network.get_weights()
        with np.errstate(over="ignore"), pytest.raises(ValueError, match=words):
            network.set_weights(weights)
        for one, other in zip(before, network.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


class TestErrors:
    """Each says what was expected and what came."""

    def test_no_layers(self) -> None:
        with pytest.raises(ValueError, match="expected at least one layer, received none"):
            Network().build((3,))

    def test_no_shape(self) -> None:
        for ask in (Network.build, Network.get_weights, Network.count_params):
            with pytest.raises(ValueError, match=r"expected an Input\(shape=...\)"):
                ask(Network([Dense(2)]))

    def test_not_a_layer(self) -> None:
        for thing in (3, "dense", Dense, None):
            with pytest.raises(TypeError, match="expected a layer, received"):
                Network().add(thing)  # type: ignore[arg-type]

    def test_layer_added_to_a_built_network_that_shares_layers(self) -> None:
        network = Network([Dense(2, input_shape=(3,))])
        network.build()
        outer = Network([network, Softmax()])
        outer.build()
        for change in (lambda: network.add(Dense(2, name="late")), network.pop):
            with pytest.raises(RuntimeError, match="is built and shares layers with another"):
                change()
        assert len(network) == 1

    def test_a_backward_without_a_forward(self) -> None:
        network = Network([Dense(2, input_shape=(3,))], name="mine")
        network.build()
        with pytest.raises(RuntimeError, match=r"mine: expected forward\(x\) before backward"):
            network.backward(np.ones((4, 2)))

    def test_a_batch_axis(self) -> None:
        """None is understood; a number is not, and that is said."""
        network = Network([Dense(2)])
        with pytest.raises(ValueError, match=r"shape \(32, 3\).*or \(None, …\) with a batch axis"):
            network.build((32, 3))
        # Rows that come say their shape themselves.
        with pytest.raises(ValueError, match=r"shape \(8, 3\); put a Flatten\(\) layer before it$"):
            network.forward(np.zeros((32, 8, 3)))
        network.build((None, 3))
        assert network.input_shape == (None, 3)

    def test_two_layers_of_one_name(self) -> None:
        """Their parameters could not be told apart."""
        net = Network([Dense(2, name="same")])
        with pytest.raises(ValueError, match="different names, received 'same' twice"):
            net.add(Dense(2, name="same"))
        assert len(net) == 1

    def test_one_layer_twice_in_a_network(self) -> None:
        layer = Dense(2, name="shared")
        with pytest.raises(ValueError, match="layer 'shared' is in this network already"):
            Network([layer, layer])

    @pytest.mark.parametrize("before", [Dense(2), Input((2,))], ids=["dense", "input"])
    def test_input_that_is_not_first(self, before: Any) -> None:
        with pytest.raises(ValueError, match="expected Input as the first layer"):
            Network([type(before)(**before.get_config()), Input((3,))])

    def test_shapes_that_do_not_fit(self) -> None:
        with pytest.raises(ValueError, match=r"late: expected rows of features, .* \(2, 3\)"):
            Network([Input((2, 3)), Activation("relu"), Dense(3, name="late")]).build()


def test_a_network_shows_its_layers() -> None:
    """In a debugger, and in messages."""
    inner = Sequential([Dense(3, name="small")], name="inner")
    network = Network([inner, Dense(2, name="last")], name="outer")
    assert repr(network) == "<Network outer: <Sequential inner: <Dense small>>, <Dense last>>"
