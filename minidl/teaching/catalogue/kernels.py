"""The kernels that can be diagnosed, each as a program that calls the engine's own kernels.

Axes are N rows, I inputs, O outputs (units) and K classes. Inputs are drawn so that wrong formulas
differ visibly from right ones: everything is of the size of 1, constants keep away from the values
at which two formulas agree, such as a slope of 1, and some entries lie exactly at a kink.
"""

from __future__ import annotations

from minidl.teaching.kernel import Kernel

# fmt: off
ALL = (
    Kernel("dense", "dy x W", outputs={"dx": "NI", "dW": "IO", "db": "O"},
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, I)); W = normal(size=(I, O))",
           program="dW, db, dx = dense_backward(dy, x, W)"),

    # Activations.
    Kernel("relu", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O)) * (random((N, O)) > 0.15)",
           program="kink = x == 0; y = relu_forward(x); dx = relu_backward(dy, y)"),
    Kernel("leaky_relu", "dy y negative_slope", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O)) * (random((N, O)) > 0.15);"
                  "negative_slope = choice([uniform(0.1, 0.4), uniform(0.6, 0.8)])",
           program="kink = x == 0; y = leaky_relu_forward(x, negative_slope);"
                   "dx = leaky_relu_backward(dy, y, negative_slope)"),
    Kernel("elu", "dy y alpha", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O)) * (random((N, O)) > 0.15);"
                  "alpha = choice([uniform(0.3, 0.7), uniform(1.4, 2)])",
           program="kink = x == 0; y = elu_forward(x, alpha); dx = elu_backward(dy, y, alpha)"),
    Kernel("sigmoid", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O))",
           program="y = sigmoid_forward(x); dx = sigmoid_backward(dy, y)"),
    Kernel("tanh", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O))",
           program="y = tanh_forward(x); dx = tanh_backward(dy, y)"),
    Kernel("softmax", "dy y", outputs={"dx": "NK"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, K)); x = normal(size=(N, K))",
           program="y = softmax_forward(x); dx = softmax_backward(dy, y)"),
    Kernel("log_softmax", "dy y", outputs={"dx": "NK"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, K)); x = normal(size=(N, K))",
           program="y = log_softmax_forward(x); dx = log_softmax_backward(dy, y)"),
    Kernel("bounded_relu", "dy x negative_slope max_value threshold", outputs={"dx": "NO"},
           extras="y", optional="x",
           inputs="dy = normal(size=(N, O)); negative_slope = uniform(0.3, 0.7);"
                  "threshold = choice([-1, 1]) * uniform(0.4, 0.9); max_value = uniform(1.2, 1.8);"
                  "where_x = random((N, O)); x = where(where_x < 0.1, threshold,"
                  "where(where_x > 0.9, max_value, 1.5 * normal(size=(N, O))))",
           program="kink = (x == threshold) | (x == max_value);"
                   "y = bounded_relu_forward(x, negative_slope, max_value, threshold);"
                   "dx = bounded_relu_backward(dy, x, negative_slope, max_value, threshold)"),
    Kernel("selu", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O)) * (random((N, O)) > 0.15)",
           program="kink = x == 0; y = selu_forward(x); dx = selu_backward(dy, y)"),
    Kernel("softplus", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O))",
           program="y = softplus_forward(x); dx = softplus_backward(dy, y)"),
    Kernel("softsign", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O))",
           program="y = softsign_forward(x); dx = softsign_backward(dy, y)"),
    Kernel("hard_sigmoid", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); where_x = random((N, O));"
                  "x = where(where_x < 0.1, -3, where(where_x > 0.9, 3, 3 * normal(size=(N, O))))",
           program="kink = abs(x) == 3; y = hard_sigmoid_forward(x);"
                   "dx = hard_sigmoid_backward(dy, y)"),
    Kernel("exponential", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); x = uniform(-1.5, 1.5, (N, O))",
           program="y = exponential_forward(x); dx = exponential_backward(dy, y)"),

    # Gated, y = x · gate, where a gate is a chain of steps, each of which has its own mistakes.
    Kernel("silu", "dy x", outputs={"dx": "NO"}, extras="y", optional="x",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O))",
           program="y = silu_forward(x); gate = sigmoid_forward(x); slope = gate * (1 - gate);"
                   "dx = dy * (gate + x * slope)"),
    Kernel("gelu", "dy x", outputs={"dx": "NO"}, extras="y", optional="x",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O))",
           program="y = gelu_forward(x); gate = y / x;"
                   "slope = exp(-x * x / 2) / sqrt(2 * pi); dx = dy * (gate + x * slope)"),
    Kernel("gelu_tanh", "dy x", outputs={"dx": "NO"}, extras="y", optional="x",
           inputs="dy = normal(size=(N, O)); x = 1.5 * normal(size=(N, O))",
           program="y = gelu_tanh_forward(x); u = sqrt(2 / pi) * (x + 0.044715 * x**3);"
                   "inner = sqrt(2 / pi) * (1 + 3 * 0.044715 * x * x); t = tanh(u);"
                   "gate = (1 + t) / 2; slope = (1 - t * t) * inner / 2;"
                   "dx = dy * (gate + x * slope)"),
    Kernel("mish", "dy x", outputs={"dx": "NO"}, extras="y", optional="x",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O))",
           program="y = mish_forward(x); u = softplus_forward(x); inner = sigmoid_forward(x);"
                   "gate = tanh(u); slope = (1 - gate * gate) * inner;"
                   "dx = dy * (gate + x * slope)"),

    # Rare activations. Where a range has ends, some x lie exactly there.
    Kernel("relu6", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); where_x = random((N, O));"
                  "x = where(where_x < 0.1, 0, where(where_x > 0.9, 6, normal(3, 4, (N, O))))",
           program="kink = (x == 0) | (x == 6); y = relu6_forward(x); dx = relu6_backward(dy, y)"),
    Kernel("hard_tanh", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); where_x = random((N, O));"
                  "x = where(where_x < 0.1, -1, where(where_x > 0.9, 1, normal(size=(N, O))))",
           program="kink = abs(x) == 1; y = hard_tanh_forward(x); dx = hard_tanh_backward(dy, y)"),
    Kernel("hard_silu", "dy x", outputs={"dx": "NO"}, extras="y", optional="x",
           inputs="dy = normal(size=(N, O)); where_x = random((N, O));"
                  "x = where(where_x < 0.1, -3, where(where_x > 0.9, 3, 3 * normal(size=(N, O))))",
           program="kink = abs(x) == 3; y = hard_silu_forward(x); gate = hard_sigmoid_forward(x);"
                   "slope = (abs(x) < 3) / 6; dx = dy * (gate + x * slope)"),
    Kernel("hard_shrink", "dy y threshold", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); threshold = uniform(0.4, 0.9);"
                  "x = 1.5 * normal(size=(N, O))",
           program="y = hard_shrink_forward(x, threshold);"
                   "dx = hard_shrink_backward(dy, y, threshold)"),
    Kernel("soft_shrink", "dy y threshold", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); threshold = uniform(0.4, 0.9);"
                  "x = 1.5 * normal(size=(N, O))",
           program="y = soft_shrink_forward(x, threshold);"
                   "dx = soft_shrink_backward(dy, y, threshold)"),
    Kernel("sparse_sigmoid", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); where_x = random((N, O));"
                  "x = where(where_x < 0.1, -1, where(where_x > 0.9, 1, normal(size=(N, O))))",
           program="kink = abs(x) == 1; y = sparse_sigmoid_forward(x);"
                   "dx = sparse_sigmoid_backward(dy, y)"),
    Kernel("sparse_plus", "dy x", outputs={"dx": "NO"}, extras="y", optional="x",
           inputs="dy = normal(size=(N, O)); x = 1.5 * normal(size=(N, O))",
           program="y = sparse_plus_forward(x); dx = sparse_plus_backward(dy, x)"),
    Kernel("celu", "dy y alpha", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O));"
                  "alpha = choice([uniform(0.4, 0.7), uniform(1.5, 2)])",
           program="y = celu_forward(x, alpha); dx = celu_backward(dy, y, alpha)"),
    Kernel("squareplus", "dy y b", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); x = 1.5 * normal(size=(N, O));"
                  "b = choice([uniform(0.4, 0.7), uniform(1.5, 5)])",
           program="y = squareplus_forward(x, b); dx = squareplus_backward(dy, y, b)"),
    Kernel("log_sigmoid", "dy y", outputs={"dx": "NO"}, extras="x", optional="y",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O))",
           program="y = log_sigmoid_forward(x); dx = log_sigmoid_backward(dy, y)"),
    Kernel("tanh_shrink", "dy x", outputs={"dx": "NO"}, extras="y", optional="x",
           inputs="dy = normal(size=(N, O)); x = 1.5 * normal(size=(N, O))",
           program="t = tanh(x); y = tanh_shrink_forward(x); dx = tanh_shrink_backward(dy, x)"),

    # Other layers. The mask, 0 and 1, is given as bits of which 1 stays.
    Kernel("dropout", "dy mask rate", outputs={"dx": "NI"},
           inputs="dy = normal(size=(N, I)); bits = integers(0, 65536, (N, I));"
                  "rate = round(65536 * choice([uniform(0.15, 0.4), uniform(0.6, 0.85)])) / 65536",
           program="threshold, scale = dropout_threshold(rate); mask = bits >= threshold;"
                   "dx = dropout_backward(dy, mask, 1, scale)"),
    Kernel("batchnorm", "dy x gamma mean variance epsilon",
           outputs={"dx": "NO", "dgamma": "O", "dbeta": "O"},
           extras="x_hat moving_mean moving_variance", optional="x mean variance",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O)); gamma = uniform(1.5, 3, O);"
                  "epsilon = uniform(0.1, 0.5); moving_mean = normal(size=O);"
                  "moving_variance = uniform(1, 3, O)",
           program="N = len(x); mean, variance = batch_statistics(x);"
                   "inverse = inverse_deviation(variance, epsilon);"
                   "x_hat = normalized(x, mean, inverse);"
                   "dgamma = parameter_gradients(dy, x_hat)[0];"
                   "dbeta = parameter_gradients(dy, dy)[1];"  # needs no x̂
                   "dx = batchnorm_training_backward(dy, x_hat, dgamma, dbeta, inverse, gamma, N)"),
    Kernel("layernorm", "dy x gamma epsilon",
           outputs={"dx": "NO", "dgamma": "O", "dbeta": "O"},
           extras="x_hat mean variance", optional="x",
           inputs="dy = normal(size=(N, O)); x = normal(size=(N, O)); gamma = uniform(1.5, 3, O);"
                  "epsilon = uniform(0.1, 0.5)",
           program="units = x.shape[1]; mean = sum(x, axis=1, keepdims=True) / units;"
                   "variance = sum((x - mean)**2, axis=1, keepdims=True) / units;"
                   "inverse = 1 / sqrt(variance + epsilon); x_hat = (x - mean) * inverse;"
                   "g = gamma * dy; dgamma = parameter_gradients(dy, x_hat)[0];"
                   "dbeta = parameter_gradients(dy, dy)[1];"
                   "dx = layernorm_backward(dy, x_hat, inverse, gamma)"),

    # Losses, the mean over N rows; the first two at the logits.
    Kernel("softmax_crossentropy", "logits t", outputs={"dlogits": "NK"}, extras="p",
           optional="logits",
           inputs="logits = normal(size=(N, K)); t = eye(K)[integers(0, K, N)]",
           program="N = len(t); p = softmax_forward(logits);"
                   "dlogits = softmax_crossentropy_backward(p, t) / N"),
    Kernel("sigmoid_crossentropy", "logits t", outputs={"dlogits": "NO"}, extras="p",
           optional="logits",
           inputs="logits = normal(size=(N, O)); t = 1.0 * integers(0, 2, (N, O))",
           program="N, units = t.shape; p = sigmoid_forward(logits);"
                   "dlogits = sigmoid_crossentropy_backward(logits, t, units) / N"),
    # Rows of p sum to 1; of one class alone, p is any probability.
    Kernel("categorical_crossentropy", "p t", outputs={"dp": "NK"},
           inputs="t = eye(K)[integers(0, K, N)]; q = uniform(0.1, 0.9, (N, K));"
                  "p = q / where(K > 1, sum(q, axis=1, keepdims=True), 1)",
           program="N = len(t); dp = crossentropy_backward(p, t) / N"),
    Kernel("binary_crossentropy", "p t", outputs={"dp": "NO"},
           inputs="p = uniform(0.1, 0.9, (N, O)); t = 1.0 * integers(0, 2, (N, O))",
           program="N, units = t.shape; dp = binary_crossentropy_backward(p, t, units) / N"),
    Kernel("mean_squared_error", "y t", outputs={"dy": "NO"},
           inputs="y = normal(size=(N, O)); t = normal(size=(N, O))",
           program="N, units = t.shape; dy = squared_error_backward(y, t, units) / N"),

    # Penalties, whose gradient is added to that of the loss: total = dW + dP/dW.
    Kernel("l1", "dW W l1", outputs={"total": "IO"},
           inputs="dW = normal(size=(I, O)); W = normal(size=(I, O)) * (random((I, O)) > 0.15);"
                  "l1 = choice([uniform(0.2, 0.4), uniform(0.6, 0.9)])",
           program="kink = W == 0; strength = l1; total = l1_backward(dW, W, strength)"),
    Kernel("l2", "dW W l2", outputs={"total": "IO"},
           inputs="dW = normal(size=(I, O)); W = normal(size=(I, O));"
                  "l2 = choice([uniform(0.2, 0.4), uniform(0.6, 0.9)])",
           program="strength = l2; total = l2_backward(dW, W, strength)"),
)
