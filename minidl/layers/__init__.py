"""The layers of a network. Each keeps state and buffers and calls kernels."""

from typing import Any

from minidl.layers.absent import stand_in
from minidl.layers.activation import Activation
from minidl.layers.alpha_dropout import AlphaDropout
from minidl.layers.base import Layer
from minidl.layers.batchnorm import BatchNormalization
from minidl.layers.dense import Dense
from minidl.layers.dropout import Dropout
from minidl.layers.flatten import Flatten
from minidl.layers.input import Input
from minidl.layers.input_layer import InputLayer
from minidl.layers.layernorm import LayerNormalization
from minidl.layers.named_activations import ELU, LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from minidl.layers.noise import GaussianDropout, GaussianNoise
from minidl.layers.normalization import Normalization
from minidl.layers.passing import ActivityRegularization, Identity, Reshape
from minidl.layers.prelu import PReLU
from minidl.layers.rescaling import Rescaling
from minidl.layers.unitnorm import UnitNormalization
from minidl.names.lookup import offered

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Normalization",
    "PReLU",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "UnitNormalization",
]

_offered = offered(__name__, Layer)


def __getattr__(name: str) -> Any:
    """A layer that no line above imports, or the answer to a layer of Keras's."""
    try:
        return _offered(name)
    except AttributeError:
        return stand_in(name)
