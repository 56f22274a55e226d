"""Students' backwards of SiLU, GELU and Mish: for each known mistake one that makes it."""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy.special import erf, expit, ndtr

C = 0.044715
ROOT = math.sqrt(2 / math.pi)


def rule(g, x, gate, slope):
    """The rule for products."""
    return g * gate + g * x * slope


class Gate:
    """A gate and its derivative as functions of x, and what becomes of them."""

    def __init__(self, gate, slope):
        self.gate, self.slope = gate, slope

    def __call__(self, gate=None, slope=None, rule=rule, at=lambda x, y: x):
        """A backward with some part replaced; ``at`` says where the derivative is taken."""
        gate, slope = gate or self.gate, slope or self.slope

        def backward(dy, x):
            z = at(x, x * self.gate(x))
            return rule(dy, z, gate(z), slope(z))

        return backward

    def common(self):
        """The mistakes that are possible with every gate."""
        return {
            "derivative left out": lambda dy, x: dy.copy(),
            "activation for its derivative": lambda dy, y: dy * y,
            "gate not differentiated": lambda dy, y, x: dy * y / x,
            "x not differentiated": self(rule=lambda g, x, gate, slope: g * (slope * x)),
            "product of the derivatives": self(rule=lambda g, x, gate, slope: slope * g),
            "factor x missing": self(rule=lambda g, x, gate, slope: g * slope + gate * g),
            "terms subtracted": self(rule=lambda g, x, gate, slope: -g * (x * slope - gate)),
            "y in place of x": self(rule=lambda g, x, gate, slope: g * gate * (1 + x * slope)),
            "taken at the output": self(at=lambda x, y: y),
            "upstream gradient lost": self(rule=lambda g, x, gate, slope: gate + x * slope),
            "wrong sign": self(rule=lambda g, x, gate, slope: -g * (gate + slope * x)),
            "left out": self(rule=lambda g, x, gate, slope: 0 * x),
        }


def bell(x):
    """The density of the normal distribution."""
    return math.sqrt(0.5 / math.pi) * np.exp(-0.5 * x**2)


silu = Gate(expit, lambda x: expit(x) * expit(-x))
gelu = Gate(ndtr, bell)


def argument(x, root=ROOT, cube=C):
    """What GELU's approximation takes tanh of."""
    return root * x * (1 + cube * x**2)


def half_tanh(x, u=argument):
    return 0.5 + 0.5 * np.tanh(u(x))


def through(x, inner, outer=lambda t: 1 - t**2):
    """The slope of GELU's approximation, with another derivative of u or of tanh."""
    return 0.5 * outer(np.tanh(argument(x))) * inner


def steep(x, root=ROOT, factor=3 * C, power=2):
    return root + root * factor * x**power


gelu_tanh = Gate(half_tanh, lambda x: through(x, steep(x)))


def soft(x):
    return np.log1p(np.exp(x))


def mish_slope(x, inner=expit, outer=lambda t: 1 - t**2):
    return inner(x) * outer(np.tanh(soft(x)))


mish = Gate(lambda x: np.tanh(soft(x)), mish_slope)

SILU = {
    **silu.common(),
    "factor 1 - gate missing": lambda dy, x, y: dy * (expit(x) + y),
    "plus for minus": silu(slope=lambda x: expit(x) + expit(x) ** 2),
    "derivative of tanh": silu(slope=lambda x: (1 - expit(x)) * (1 + expit(x))),
    "x in place of y": lambda dy, x: dy * (x + expit(x) * (1 - x)),
    "gate in place of y": lambda dy, x, y: dy * (y + expit(x) - expit(x) ** 2),
    "y not added": lambda dy, x: dy * expit(x) * (1 - x * expit(x)),
}

GELU = {
    **gelu.common(),
    "density not normalized": gelu(slope=lambda x: np.exp(-0.5 * x**2)),
    "root of 2π forgotten": gelu(slope=lambda x: bell(x) / math.sqrt(2 * math.pi)),
    "inner derivative forgotten": gelu(slope=lambda x: np.exp(-x * x / 2) / math.sqrt(math.pi)),
    "half forgotten in the exponent": gelu(slope=lambda x: bell(math.sqrt(2) * x)),
    "sign of the exponent": gelu(slope=lambda x: 0.5 / math.pi / bell(x)),
    "square forgotten in the exponent": gelu(slope=lambda x: ROOT / 2 / np.exp(x / 2)),
    "gate in place of the density": gelu(slope=ndtr),
    "root of 2 forgotten in the gate": gelu(gate=lambda x: (erf(x) + 1) / 2),
    "approximation by a sigmoid": gelu(
        gate=lambda x: expit(1.702 * x), slope=lambda x: 1.702 * silu.slope(1.702 * x)
    ),
    "half forgotten in the gate": gelu(gate=lambda x: 1 + erf(x / math.sqrt(2))),
    "half forgotten in the second term": gelu(slope=lambda x: ROOT * np.exp(-(x**2) / 2)),
    "1 forgotten in the gate": gelu(gate=lambda x: erf(x / math.sqrt(2)) / 2),
}

GELU_TANH = {
    **gelu_tanh.common(),
    "half forgotten in the gate": gelu_tanh(gate=lambda x: 1 + np.tanh(argument(x))),
    "half forgotten in the second term": gelu_tanh(slope=lambda x: 2 * through(x, steep(x))),
    "1 forgotten in the gate": gelu_tanh(gate=lambda x: np.tanh(argument(x)) / 2),
    "inner derivative forgotten": gelu_tanh(slope=lambda x: through(x, 1)),
    "u in place of its derivative": gelu_tanh(slope=lambda x: through(x, argument(x))),
    "cube not differentiated": gelu_tanh(slope=lambda x: through(x, ROOT)),
    "3 forgotten": gelu_tanh(slope=lambda x: through(x, steep(x, factor=C))),
    "power not lowered": gelu_tanh(slope=lambda x: through(x, steep(x, power=3))),
    "root forgotten in the inner derivative": gelu_tanh(
        slope=lambda x: through(x, steep(x, root=1))
    ),
    "cube left out": gelu_tanh(
        gate=lambda x: half_tanh(x, functools.partial(argument, cube=0)),
        slope=lambda x: 0.5 / np.cosh(ROOT * x) ** 2 * steep(x),
    ),
    "root forgotten in u": gelu_tanh(
        gate=lambda x: half_tanh(x, functools.partial(argument, root=1)),
        slope=lambda x: 0.5 / np.cosh(argument(x, root=1)) ** 2 * steep(x),
    ),
    "square missing": gelu_tanh(slope=lambda x: through(x, steep(x), lambda t: 1 - t)),
    "plus for minus": gelu_tanh(slope=lambda x: through(x, steep(x), lambda t: 1 + t**2)),
    "tanh not differentiated": gelu_tanh(slope=lambda x: through(x, steep(x), lambda t: t)),
}

MISH = {
    **mish.common(),
    "inner derivative forgotten": mish(slope=lambda x: np.cosh(soft(x)) ** -2),
    "u in place of its derivative": mish(slope=lambda x: mish_slope(x, soft)),
    "sigmoid differentiated": mish(slope=lambda x: mish_slope(x, silu.slope)),
    "sigmoid of -x": mish(slope=lambda x: mish_slope(x, lambda x: expit(-x))),
    "softplus left out": mish(gate=np.tanh, slope=lambda x: expit(x) / np.cosh(x) ** 2),
    "square missing": mish(slope=lambda x: mish_slope(x, outer=lambda t: 1 - t)),
    "plus for minus": mish(slope=lambda x: mish_slope(x, outer=lambda t: 1 + t**2)),
    "tanh not differentiated": mish(slope=lambda x: mish_slope(x, outer=lambda t: t)),
    "derivative of tanh left out": mish(slope=expit),
}

SINGLE = {"silu": SILU, "gelu": GELU, "gelu_tanh": GELU_TANH, "mish": MISH}

# The same mistake made in another way: kernel, mistake, function.
VARIANTS = [
    ("silu", "x in place of y", silu(slope=lambda x: expit(-x))),
    ("silu", "factor 1 - gate missing", silu(slope=expit)),
]
