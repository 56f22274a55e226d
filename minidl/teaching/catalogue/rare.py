"""Mistakes in the backwards of rare activations: hard, shrinking and shifted.

``gate`` is g in y = x · g(x), ``slope`` its derivative, and ``t`` is tanh(x).
"""

PIECES = "relu6 hard_tanh hard_silu hard_shrink soft_shrink sparse_sigmoid sparse_plus"
ALL = f"{PIECES} celu squareplus log_sigmoid tanh_shrink"

# kernels, name, wrong formula, the mistake in a sentence
# fmt: off
MISTAKES = [
    (ALL, "derivative left out", "dx = dy",
     "The gradient passes as if the activation were linear."),
    (ALL, "activation for its derivative", "dx = dy * y",
     "The gradient is multiplied by the activation in place of its derivative."),
    (ALL, "upstream gradient lost", "dy = ones_like(dy)",
     "The gradient from above is not used: only the kernel's own derivative is left."),

    # Flat at both ends: ReLU6, hard tanh and the sparse sigmoid.
    ("relu6", "lower end forgotten", "dx = dy * (y < 6)",
     "The gradient passes where x is negative, too, where y is 0 and the function is flat."),
    ("relu6", "upper end forgotten", "dx = dy * (y > 0)",
     "The gradient passes above 6, too, where the function is flat."),
    ("relu6", "mask inverted", "dx = dy * ((y <= 0) | (y >= 6))",
     "The gradient passes where the function is flat and stops where it rises."),
    ("hard_tanh", "negative side forgotten", "dx = dy * ((y > 0) & (y < 1))",
     "The function rises from -1 to 1; here the gradient passes from 0 to 1 alone."),
    ("hard_tanh", "mask inverted", "dx = dy * (abs(y) >= 1)",
     "The gradient passes where the function is flat and stops where it rises."),
    ("hard_tanh", "derivative of tanh", "dx = dy * (1 - y * y)",
     "That is the derivative of the smooth tanh, written with the output of the hard one."),
    ("sparse_sigmoid", "slope forgotten", "dx = 2 * dx",
     "The gradient passes with slope 1 where the function rises; its slope is 1/2."),
    ("sparse_sigmoid", "mask lost", "dx = dy / 2",
     "The gradient passes everywhere, also where y is 0 or 1 and the function is flat."),
    ("sparse_sigmoid", "x between 0 and 1", "dx = dy / 2 * ((x > 0) & (x < 1))",
     "The output lies between 0 and 1 where the function rises; here x is asked in place of y."),
    ("sparse_sigmoid", "derivative of the sigmoid", "dx = dy * y * (1 - y)",
     "That is the derivative of the smooth sigmoid, written with the output of the sparse one."),

    # Hard SiLU: the gate is the hard sigmoid.
    ("hard_silu", "gate not differentiated", "dx = dy * gate",
     "The gate is taken for a constant: the second term of the product rule is missing."),
    ("hard_silu", "x not differentiated", "dx = dy * x * slope",
     "Only the gate is differentiated: the first term of the product rule, the gate, is missing."),
    ("hard_silu", "factor x missing", "dx = dy * (gate + slope)",
     "In the product rule the gate's derivative is multiplied by the other factor, x."),
    ("hard_silu", "slope forgotten", "slope = 6 * slope",
     "The gate rises with slope 1/6, and here with slope 1."),
    ("hard_silu", "mask lost", "slope = 1 / 6",
     "The gate's derivative is 1/6 from -3 to 3 and 0 beyond; here it is 1/6 everywhere."),

    # Shrinking: 0 between -threshold and threshold.
    ("hard_shrink soft_shrink", "mask inverted", "dx = dy * (y == 0)",
     "The gradient passes where the function is 0 and stops where it is not."),
    ("hard_shrink soft_shrink", "negative side forgotten", "dx = dy * (y > 0)",
     "The gradient passes on both sides of the threshold; here it stops where x is negative."),
    ("hard_shrink soft_shrink", "sign of x too much", "dx = sign(x) * dx",
     "The function rises on both sides of 0, so that its derivative is never negative."),

    # Sparse plus, whose derivative is the sparse sigmoid.
    ("sparse_plus", "half forgotten", "dx = 2 * dx",
     "The derivative of (x + 1)² / 4 is (x + 1) / 2."),
    ("sparse_plus", "taken at the output", "dx = dy * sparse_sigmoid_forward(y)",
     "The derivative is a function of x, but evaluated at y."),
    ("sparse_plus", "derivative of ReLU", "dx = dy * (x > 0)",
     "The function is a smooth ReLU; so is its derivative: it rises from 0 to 1 between -1 and 1."),
    ("sparse_plus", "derivative of the derivative", "dx = dy / 2 * (abs(x) < 1)",
     "The sparse sigmoid is the derivative already; here it is differentiated once more."),

    # CELU: the slope is 1 for x > 0, else y / alpha + 1.
    ("celu", "derivative of ELU", "dx = dy * where(x > 0, 1, y + alpha)",
     "That is the derivative of alpha (exp(x) - 1); here x is divided by alpha, too."),
    ("celu", "alpha forgotten", "dx = dy * where(x > 0, 1, exp(x))",
     "That is the derivative for alpha = 1."),
    ("celu", "1 not added", "dx = dy * where(x > 0, 1, y / alpha)",
     "exp(x / alpha) is y / alpha + 1: the 1 is missing."),
    ("celu", "negative side forgotten", "dx = dy * (x > 0)",
     "That is the derivative of ReLU: units that are off get no gradient."),

    # Squareplus: (1 + x / root) / 2.
    ("squareplus", "half forgotten", "dx = 2 * dx",
     "The 1/2 in front of x + √(x² + b) is missing."),
    ("squareplus", "root not differentiated", "dx = dy / 2",
     "The root is taken for a constant: x / √(x² + b) is missing."),
    ("squareplus", "factor x missing", "dx = dy * (1 + 1 / sqrt(x * x + b)) / 2",
     "The inner derivative of the root is 2 x, of which the x is missing."),
    ("squareplus", "2 not cancelled", "dx = dy * (1 + 2 * x / sqrt(x * x + b)) / 2",
     "The root's derivative is 1 / (2 root): its 2 cancels that of 2 x."),
    ("squareplus", "derivative of ReLU", "dx = dy * (x > 0)",
     "The function is a smooth ReLU, and so is its derivative: between 0 and 1."),

    # The logarithm of the sigmoid: 1 - exp(y), the sigmoid of -x.
    ("log_sigmoid", "sigmoid of x", "dx = dy * exp(y)",
     "The derivative is the sigmoid of -x, and here that of x stands."),
    ("log_sigmoid", "derivative of the sigmoid", "dx = dy * exp(y) * (1 - exp(y))",
     "The logarithm is not differentiated: its own derivative, 1 / sigmoid(x), is missing."),
    ("log_sigmoid", "output taken for the sigmoid", "dx = dy * (1 - y)",
     "The output is the logarithm of the sigmoid, and the formula needs the sigmoid exp(y)."),
    ("log_sigmoid", "taken at the output", "dx = dy * sigmoid_forward(-y)",
     "The derivative is a function of x, but evaluated at y."),

    # x - tanh(x): 1 - (1 - t²) = t².
    ("tanh_shrink", "x not differentiated", "dx = -dy * (1 - t * t)",
     "Only tanh is differentiated: the 1 of x is missing."),
    ("tanh_shrink", "square missing", "dx = dy * t",
     "The derivative is tanh(x)²; here the square is missing."),
    ("tanh_shrink", "plus for minus", "dx = dy * (2 - t * t)",
     "tanh is subtracted from x, and so is its derivative 1 - tanh²."),
    ("tanh_shrink", "taken at the output", "dx = dy * tanh(y)**2",
     "The derivative is a function of x, but evaluated at y."),
]
