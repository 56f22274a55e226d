"""Hypothesis strategies for activations, layers and whole networks with their batch and loss.

Sizes are named by axes: N rows, I inputs, O units of a hidden layer, K outputs, each down to 1.
What is drawn shrinks to the smallest that fails: no hidden layer but the guilty one, one unit,
one row, a linear output and a mean squared error.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from minidl import layers as kinds
from minidl import losses, regularizers
from minidl.activations import ActivationFunction
from minidl.gradient_check.losses import random_targets
from minidl.initializers import Initializer
from minidl.layers import Layer
from minidl.losses import Loss
from minidl.names.configuration import changed
from minidl.names.lookup import known
from minidl.network import Network
from minidl.regularizers import Regularizer
from minidl.testing.axes import LARGEST

HIDDEN = 5  # layers at most

# The activation of the last layer, and the loss that goes with it; simple ones first.
_ENDS: list[tuple[str | None, type[Loss], dict[str, Any]]] = [
    (None, losses.MeanSquaredError, {}),
    ("tanh", losses.MeanSquaredError, {}),
    (None, losses.BinaryCrossentropy, {"from_logits": True}),
    ("sigmoid", losses.BinaryCrossentropy, {}),
    (None, losses.SparseCategoricalCrossentropy, {"from_logits": True}),
    ("softmax", losses.SparseCategoricalCrossentropy, {}),
    (None, losses.CategoricalCrossentropy, {"from_logits": True}),
    ("softmax", losses.CategoricalCrossentropy, {}),
]


class NetworkCase(NamedTuple):
    """A network, a batch and a loss: the arguments of a check, ``gradcheck(*case)``.

    Attributes:
        network: built, float64, with random parameters none of which is near 0.
        x: (N, I), normal.
        y: (N,) or (N, K), as the loss takes targets.
        loss: the loss.
        sample_weight: (N,), or None.

    Every number follows from ``network.seed``.
    """

    network: Network
    x: np.ndarray
    y: np.ndarray
    loss: Loss
    sample_weight: np.ndarray | None

    def __repr__(self) -> str:
        stack = ", ".join(_call(layer) for layer in self.network.leaves)
        weighted = ", weighted" if self.sample_weight is not None else ""
        rows, inputs = self.x.shape
        return (
            f"<{rows} row{'s' * (rows > 1)} of {inputs} into [{stack}], "
            f"{_call(self.loss)}{weighted}, seed {self.network.seed}>"
        )


def _call(made: Any) -> str:
    """The call that makes a layer, loss or penalty, without names, initializers and defaults."""
    options = ", ".join(
        f"{name}={_call(value) if isinstance(value, Regularizer) else repr(value)}"
        for name, value in changed(made).items()
        if name != "name" and not isinstance(value, Initializer)
    )
    return f"{type(made).__name__}({options})"


def activations() -> st.SearchStrategy[str]:
    """Names of activations, the linear one first."""
    return st.sampled_from([*dict.fromkeys(f.name for f in known(ActivationFunction).values())])


def penalties() -> st.SearchStrategy[Regularizer | None]:
    """None, or any penalty; a proximal one adds no gradient."""
    return st.one_of(
        st.none(),
        st.builds(regularizers.L2, st.just(0.05)),
        st.builds(regularizers.L1, st.just(0.05), st.booleans()),
        st.builds(regularizers.L1L2, st.just(0.02), st.just(0.03)),
        st.builds(regularizers.Lp, st.floats(1, 3), st.just(0.05)),
    )


def _share(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_subnormal=False)


def layers() -> st.SearchStrategy[Layer]:
    """A hidden layer for rows of features, new each time: activations first, then Dense, …

    Any but UnitNormalization, which has no gradient where a ReLU leaves a row of zeros, and what
    changes no number.
    """
    return st.one_of(
        st.builds(kinds.ReLU),
        st.builds(kinds.Tanh),
        st.builds(kinds.Sigmoid),
        st.builds(kinds.Softmax),
        st.builds(kinds.LeakyReLU, st.just(0.1)),
        st.builds(kinds.ELU, st.just(0.7)),
        st.builds(kinds.Rescaling, _share(0.5, 2), _share(-1, 1)),
        st.builds(kinds.Dropout, _share(0, 0.75)),
        st.builds(kinds.AlphaDropout, _share(0, 0.75)),
        st.builds(kinds.GaussianNoise, _share(0, 1)),
        st.builds(kinds.GaussianDropout, _share(0, 0.75)),
        st.builds(kinds.PReLU),
        st.builds(kinds.ActivityRegularization, _share(0, 0.1), _share(0, 0.1)),
        st.builds(
            kinds.Dense,
            st.integers(1, LARGEST["O"]),
            # Of an exponential of an exponential no gradient is left in float64.
            activation=activations().filter(lambda name: name != "exponential"),
            use_bias=st.booleans(),
            kernel_regularizer=penalties(),
            bias_regularizer=penalties(),
        ),
        st.builds(kinds.LayerNormalization, center=st.booleans(), scale=st.booleans()),
        st.builds(kinds.BatchNormalization, center=st.booleans(), scale=st.booleans()),
    )


any_layer = layers


@st.composite
def networks(
    draw: st.DrawFn, layers: st.SearchStrategy[Layer] | None = None, hidden: int = HIDDEN
) -> NetworkCase:
    """A network of up to ``hidden`` layers and an output layer, a batch, and a loss.

    Args:
        layers: a strategy for hidden layers, such as ``st.builds(MyLayer)``, drawn beside
            minidl's own.
        hidden: the largest number of hidden layers.
    """
    some = any_layer() if layers is None else st.one_of(layers, any_layer())
    stack = draw(st.lists(some, max_size=hidden), label="layers")
    activation, kind, options = draw(st.sampled_from(_ENDS), label="output and loss")
    units = draw(st.integers(1, LARGEST["K"]), label="K")
    rows = draw(st.integers(1, LARGEST["N"]), label="N")
    inputs = draw(st.integers(1, LARGEST["I"]), label="I")
    weighted = draw(st.booleans(), label="weighted")
    seed = draw(st.integers(0, 2**32 - 1), label="seed")
    stack.append(kinds.Dense(units, activation))
    for number, layer in enumerate(stack):
        # Names that do not count on from example to example.
        layer.name = f"{type(layer).__name__.lower()}_{number}"
    network = Network(stack, dtype="float64")
    network.seed = seed
    network.build((inputs,))
    random = np.random.default_rng(seed)
    # Biases start at 0, where absolute values have their kink; moving variances are positive.
    weights = [random.uniform(0.3, 1.3, w.shape) for w in network.get_weights()]
    network.set_weights(weights)
    signs = random.choice([-1.0, 1.0], network.theta.shape)
    network.theta[...] *= network.backend.to_device(signs)
    loss = kind(**options)
    y = random_targets(loss, random, (rows, units))
    x = random.normal(size=(rows, inputs))
    weight = random.uniform(0.2, 2, rows) if weighted else None
    return NetworkCase(network, x, y, loss, weight)
