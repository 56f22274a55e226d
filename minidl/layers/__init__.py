"""The layers of a network. Each keeps state and buffers and calls kernels."""

from minidl.layers.activation import ELU, Activation, LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from minidl.layers.base import Layer
from minidl.layers.batchnorm import BatchNormalization
from minidl.layers.core import Flatten, Input, Rescaling
from minidl.layers.dense import Dense
from minidl.layers.dropout import Dropout
from minidl.lookup import offered

__all__ = [
    "ELU",
    "Activation",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "Layer",
    "LeakyReLU",
    "ReLU",
    "Rescaling",
    "Sigmoid",
    "Softmax",
    "Tanh",
]

# For the layers that no line above imports; type checkers need these lines.
__getattr__ = offered(__name__, Layer)
