"""Swish with a trained slope, as a layer."""

import numpy as np

from minidl import register
from minidl.backend import fused
from minidl.initializers import Constant
from minidl.kernels.activations import sigmoid_forward
from minidl.layers import Layer


@fused
def swish_forward(x, beta):
    """s = sigmoid(beta · x),  y = x · s."""
    s = sigmoid_forward(beta * x)
    return s, x * s


@fused
def swish_backward(dy, x, beta, s):
    """dx = dy · (s + beta · x · s (1 - s)),  and each row's share of dbeta, dy · x² s (1 - s)."""
    ds = s * (1 - s)
    return dy * (s + beta * x * ds), dy * x * x * ds


@register
class Swish(Layer):
    """y = x · sigmoid(beta · x), unit by unit, with one trained beta a unit.

    Ramachandran, Zoph & Le, "Searching for activation functions", 2017, section 5.

    Args:
        beta: initial value of every unit's beta.
    """

    def __init__(self, beta=1.0, name=None, input_shape=None):
        super().__init__(name, input_shape)
        self.start = float(beta)

    def build(self, input_shape):
        """Ask for a beta for each unit."""
        super().build(input_shape)
        self.add_tensor("beta", "beta", input_shape, Constant(self.start))

    def bind(self, rows, backend, dtype):
        """Allocate the buffers of a pass."""
        self._buffers = [
            backend.xp.empty((rows, *self.output_shape), dtype=dtype) for _ in range(4)
        ]

    def forward(self, x, training=False, step=0):
        """y, in the layer's own buffer."""
        self.x = x
        s, y = (buffer[: len(x)] for buffer in self._buffers[:2])
        self.s, self.y = swish_forward(x, self.beta, out=(s, y))
        return self.y

    def backward(self, dy):
        """dx; fills dbeta."""
        dx, share = (buffer[: len(dy)] for buffer in self._buffers[2:])
        swish_backward(dy, self.x, self.beta, self.s, out=(dx, share))
        np.sum(share, axis=0, out=self.dbeta)
        return dx

    def get_config(self):
        """The argument is kept as ``start``, because ``self.beta`` is the trained tensor."""
        return {**super().get_config(), "beta": self.start}
