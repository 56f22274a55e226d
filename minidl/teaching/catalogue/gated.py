"""Mistakes in the backwards of SiLU, GELU and Mish: y = x · gate, dx = dy · (gate + x · slope).

``slope`` is the gate's derivative; ``u`` is the argument of a gate's tanh, and ``inner``
the derivative of u.
"""

GATED = "silu gelu gelu_tanh mish"

# kernels, name, wrong formula, the mistake in a sentence
# fmt: off
MISTAKES = [
    # The rule for products.
    (GATED, "gate not differentiated", "dx = dy * gate",
     "The gate is taken for a constant: the second term of the product rule, x times the gate's "
     "derivative, is missing."),
    (GATED, "x not differentiated", "dx = dy * x * slope",
     "Only the gate is differentiated: the first term of the product rule, the gate, is missing."),
    (GATED, "product of the derivatives", "dx = dy * slope",
     "The derivative of a product is not the product of the derivatives of its factors."),
    (GATED, "factor x missing", "dx = dy * (gate + slope)",
     "In the product rule the gate's derivative is multiplied by the other factor, x."),
    (GATED, "terms subtracted", "dx = dy * (gate - x * slope)",
     "The two terms of the product rule are added; subtracted they are that of a quotient."),
    (GATED, "y in place of x", "dx = dy * (gate + y * slope)",
     "The gate's derivative is multiplied by the output in place of the input: the gate is in it "
     "once too often."),
    ("silu", "taken at the output", "x = silu_forward(x)",
     "The derivative is a function of x, but evaluated at y."),
    ("gelu", "taken at the output", "x = gelu_forward(x)",
     "The derivative is a function of x, but evaluated at y."),
    ("gelu_tanh", "taken at the output", "x = gelu_tanh_forward(x)",
     "The derivative is a function of x, but evaluated at y."),
    ("mish", "taken at the output", "x = mish_forward(x)",
     "The derivative is a function of x, but evaluated at y."),

    # SiLU: the gate is the sigmoid, and dx = dy · (y + gate (1 - y)).
    ("silu", "factor 1 - gate missing", "slope = gate",
     "The sigmoid stands in place of its derivative gate (1 - gate), so that dx is "
     "dy · (gate + y)."),
    ("silu", "plus for minus", "slope = gate * (1 + gate)",
     "The sign within the sigmoid's derivative gate (1 - gate) is wrong."),
    ("silu", "derivative of tanh", "slope = 1 - gate * gate",
     "That is the derivative of tanh, written with the output of the sigmoid."),
    ("silu", "x in place of y", "dx = dy * (x + gate * (1 - x))",
     "The short form y + gate (1 - y) needs the output, and was given the input; or the sigmoid's "
     "derivative gate (1 - gate) lacks its factor gate, which gives the same."),
    ("silu", "gate in place of y", "dx = dy * (y + gate * (1 - gate))",
     "In the short form y + gate (1 - y) the gate is multiplied by 1 - y, not by 1 - gate."),
    ("silu", "y not added", "dx = dy * gate * (1 - y)",
     "Of the short form y + gate (1 - y) the first term is missing."),

    # GELU: the gate is Φ(x) = (1 + erf(x / √2)) / 2, its derivative the density φ(x).
    ("gelu", "density not normalized", "slope = exp(-x * x / 2)",
     "The density of the normal distribution has the factor 1 / √(2π)."),
    ("gelu", "root of 2π forgotten", "slope = exp(-x * x / 2) / (2 * pi)",
     "The density of the normal distribution is divided by √(2π), not by 2π."),
    ("gelu", "inner derivative forgotten", "slope = exp(-x * x / 2) / sqrt(pi)",
     "In the derivative of erf(x / √2) the inner derivative 1 / √2 is missing."),
    ("gelu", "half forgotten in the exponent", "slope = exp(-x * x) / sqrt(2 * pi)",
     "The exponent of the density is -x² / 2, as that of exp(-z²) at z = x / √2."),
    ("gelu", "sign of the exponent", "slope = exp(x * x / 2) / sqrt(2 * pi)",
     "Without the minus in its exponent the density grows away from 0."),
    ("gelu", "square forgotten in the exponent", "slope = exp(-x / 2) / sqrt(2 * pi)",
     "The exponent of the density is -x² / 2: it is the same on both sides of 0."),
    ("gelu", "gate in place of the density", "slope = gate",
     "The gate's derivative is the density φ(x), and here the distribution function Φ(x) itself."),
    ("gelu", "root of 2 forgotten in the gate",
     "gate = gelu_forward(sqrt(2) * x) / (sqrt(2) * x)",
     "The gate is (1 + erf(x / √2)) / 2, and here erf is taken at x."),
    ("gelu", "approximation by a sigmoid",
     "gate, slope = (sigmoid_forward(1.702 * x), "
     "1.702 * sigmoid_forward(1.702 * x) * (1 - sigmoid_forward(1.702 * x)))",
     "That is the derivative of x · sigmoid(1.702 x), which is near GELU and another function."),
    ("gelu gelu_tanh", "half forgotten in the gate", "gate = 2 * gate",
     "The 1/2 in front of the gate is missing in the first term: the gate goes up to 2."),
    ("gelu gelu_tanh", "half forgotten in the second term", "slope = 2 * slope",
     "The 1/2 in front of the gate is missing in the term with the gate's derivative."),
    ("gelu gelu_tanh", "1 forgotten in the gate", "gate = gate - 1 / 2",
     "The gate goes from 0 to 1, and here from -1/2 to 1/2: the 1 in 1 + tanh or 1 + erf is "
     "missing."),

    # GELU by way of tanh: u = √(2/π) (x + 0.044715 x³).
    ("gelu_tanh mish", "inner derivative forgotten", "inner = 1",
     "By the chain rule the derivative of tanh(u) is multiplied by that of u."),
    ("gelu_tanh mish", "u in place of its derivative", "inner = u",
     "By the chain rule the derivative of tanh(u) is multiplied by that of u, not by u."),
    ("gelu_tanh", "cube not differentiated", "inner = sqrt(2 / pi)",
     "In the derivative of u the term 3 · 0.044715 x² is missing."),
    ("gelu_tanh", "3 forgotten", "inner = sqrt(2 / pi) * (1 + 0.044715 * x * x)",
     "The derivative of x³ is 3 x²: the 3 is missing."),
    ("gelu_tanh", "power not lowered", "inner = sqrt(2 / pi) * (1 + 3 * 0.044715 * x**3)",
     "The derivative of x³ is 3 x²: the exponent stayed."),
    ("gelu_tanh", "root forgotten in the inner derivative", "inner = 1 + 3 * 0.044715 * x * x",
     "The factor √(2/π) of u is missing in its derivative."),
    ("gelu_tanh", "cube left out", "u = sqrt(2 / pi) * x",
     "tanh is taken at √(2/π) x: the term 0.044715 x³ is missing."),
    ("gelu_tanh", "root forgotten in u", "u = x + 0.044715 * x**3",
     "tanh is taken at x + 0.044715 x³: the factor √(2/π) is missing."),
    ("gelu_tanh", "square missing", "slope = (1 - t) * inner / 2",
     "The derivative of tanh is 1 - tanh²."),
    ("gelu_tanh", "plus for minus", "slope = (1 + t * t) * inner / 2",
     "The sign within the derivative of tanh, 1 - tanh², is wrong."),
    ("gelu_tanh", "tanh not differentiated", "slope = t * inner / 2",
     "tanh stands in place of its derivative, 1 - tanh²."),

    # Mish: the gate is tanh(u), u is softplus, and softplus has the derivative sigmoid(x).
    ("mish", "sigmoid differentiated", "inner = inner * (1 - inner)",
     "The derivative of softplus is the sigmoid; here the sigmoid is differentiated once more."),
    ("mish", "sigmoid of -x", "inner = 1 - inner",
     "The derivative of softplus is the sigmoid of x, and here 1 / (1 + exp(x)) is used."),
    ("mish", "softplus left out", "u = x",
     "tanh is taken at x in place of softplus of x."),
    ("mish", "square missing", "slope = (1 - gate) * inner",
     "The derivative of tanh is 1 - tanh²."),
    ("mish", "plus for minus", "slope = (1 + gate * gate) * inner",
     "The sign within the derivative of tanh, 1 - tanh², is wrong."),
    ("mish", "tanh not differentiated", "slope = gate * inner",
     "tanh stands in place of its derivative, 1 - tanh²."),
    ("mish", "derivative of tanh left out", "slope = inner",
     "By the chain rule the derivative of softplus is multiplied by that of tanh, 1 - tanh²."),
]
