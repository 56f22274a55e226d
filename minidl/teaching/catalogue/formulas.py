"""Right formulas, as derived in a course: the search for a single slip begins with these.

Names are as in the kernels' programs. A formula gives an output or an intermediate result, and may
stand here in several forms.
"""

# fmt: off
FORMULAS: dict[str, tuple[str, ...]] = {
    "dense": ("dx = dy @ W.T", "dW = x.T @ dy", "db = sum(dy, axis=0)"),
    "relu": ("dx = dy * (x > 0)",),
    "leaky_relu": ("dx = dy * ((x > 0) + negative_slope * (x <= 0))",
                   "dx = where(x > 0, dy, negative_slope * dy)"),
    "elu": ("dx = where(x > 0, dy, dy * (y + alpha))",
            "dx = where(x > 0, dy, dy * alpha * exp(x))"),
    "sigmoid": ("dx = dy * y * (1 - y)", "dx = dy * exp(-x) / (1 + exp(-x))**2"),
    "tanh": ("dx = dy * (1 - y**2)", "dx = dy * (1 - y) * (1 + y)"),
    "softplus": ("dx = dy * (1 - exp(-y))", "dx = dy / (1 + exp(-x))",
                 "dx = dy * exp(x) / (1 + exp(x))"),
    "softsign": ("dx = dy * (1 - abs(y))**2", "dx = dy / (1 + abs(x))**2"),
    "exponential": ("dx = dy * y",),
    "softmax": ("dx = y * (dy - sum(dy * y, axis=1, keepdims=True))",),
    "log_softmax": ("dx = dy - exp(y) * sum(dy, axis=1, keepdims=True)",),
    "silu": ("dx = dy * (gate + x * gate * (1 - gate))", "dx = dy * gate * (1 + x * (1 - gate))",
             "dx = dy * (y + gate * (1 - y))", "gate = 1 / (1 + exp(-x))"),
    "gelu": ("dx = dy * (gate + x * exp(-x**2 / 2) / sqrt(2 * pi))",
             "dx = dy * (gate + x * slope)"),
    "gelu_tanh": ("dx = dy * ((1 + t) / 2 + x * (1 - t**2) / 2 * inner)",
                  "u = sqrt(2 / pi) * (x + 0.044715 * x**3)",
                  "inner = sqrt(2 / pi) * (1 + 3 * 0.044715 * x**2)"),
    "mish": ("dx = dy * (gate + x * (1 - gate**2) * inner)", "u = log(1 + exp(x))",
             "inner = 1 / (1 + exp(-x))"),
    "dropout": ("dx = dy * mask / (1 - rate)",),
    "batchnorm": (
        "dx = gamma * inverse * (dy - sum(dy, axis=0) / N - x_hat * sum(dy * x_hat, axis=0) / N)",
        "dx = inverse * (gamma * dy - sum(gamma * dy, axis=0) / N"
        " - x_hat * sum(gamma * dy * x_hat, axis=0) / N)",
        "dx = gamma * inverse / N * (N * dy - sum(dy, axis=0) - x_hat * sum(dy * x_hat, axis=0))",
        "dx = gamma * dy * inverse - sum(gamma * dy * inverse, axis=0) / N"
        " - (x - mean) / N * sum(gamma * dy * (x - mean), axis=0) * inverse**3",
        "dgamma = sum(dy * x_hat, axis=0)", "dbeta = sum(dy, axis=0)",
        "x_hat = (x - mean) * inverse", "inverse = (variance + epsilon)**-0.5",
    ),
    "layernorm": (
        "dx = inverse * (gamma * dy - sum(gamma * dy, axis=1, keepdims=True) / units"
        " - x_hat * sum(gamma * dy * x_hat, axis=1, keepdims=True) / units)",
        "dx = gamma * dy * inverse - sum(gamma * dy * inverse, axis=1, keepdims=True) / units"
        " - (x - mean) / units * sum(gamma * dy * (x - mean), axis=1, keepdims=True) * inverse**3",
        "dgamma = sum(dy * x_hat, axis=0)", "dbeta = sum(dy, axis=0)",
        "x_hat = (x - mean) * inverse", "inverse = (variance + epsilon)**-0.5",
    ),
    "softmax_crossentropy": (
        "dlogits = (p - t) / N", "p = exp(logits) / sum(exp(logits), axis=1, keepdims=True)",
    ),
    "sigmoid_crossentropy": ("dlogits = (p - t) / units / N",
                             "dlogits = (1 / (1 + exp(-logits)) - t) / units / N"),
    "categorical_crossentropy": ("dp = -t / p / N",),
    "binary_crossentropy": ("dp = (p - t) / (p * (1 - p)) / units / N",
                            "dp = ((1 - t) / (1 - p) - t / p) / units / N"),
    "mean_squared_error": ("dy = 2 * (y - t) / units / N",),
    "l1": ("total = dW + l1 * sign(W)",),
    "two_layer_network": (
        "z = x @ W1 + b1", "logits = hidden @ W2 + b2", "dlogits = (p - t) / N",
        "p = exp(logits) / sum(exp(logits), axis=1, keepdims=True)",
        "dhidden = dlogits @ W2.T", "dz = dhidden * (z > 0)",
        "dW1 = x.T @ dz", "db1 = sum(dz, axis=0)",
        "dW2 = hidden.T @ dlogits", "db2 = sum(dlogits, axis=0)",
    ),
    "l2": ("total = dW + 2 * l2 * W",),
    "batchnorm_inverse": ("dvariance = -dinverse * (variance + epsilon)**-1.5 / 2",),
    "sgd": ("theta_new = theta - learning_rate * grad",),
    "momentum": ("velocity_new = beta * velocity - learning_rate * grad",
                 "theta_new = theta + velocity_t"),
    "nesterov": ("velocity_new = beta * velocity - learning_rate * grad",
                 "theta_new = theta + beta * velocity_t - learning_rate * grad"),
    "rmsprop": ("v_new = rho * v + (1 - rho) * grad**2",
                "theta_new = theta - learning_rate * grad / sqrt(v_t + epsilon)"),
    "adam": ("m_new = beta_1 * m + (1 - beta_1) * grad",
             "v_new = beta_2 * v + (1 - beta_2) * grad**2",
             "theta_new = theta - learning_rate * (m_t / (1 - beta_1**t))"
             " / (sqrt(v_t / (1 - beta_2**t)) + epsilon)"),
}
