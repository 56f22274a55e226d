"""A course's programs around the kernels: optimizers, a network, a loop, a gradient check.

The formulas of the optimizers come from :mod:`minidl.kernels.updates`; velocity_t, m_t and v_t
are the values after the step, which the step goes on with and returns.
"""

from minidl.teaching.kernel import Kernel

VECTORS = "theta = normal(size=(I, O)); grad = normal(size=(I, O))"

# fmt: off
KERNELS = (
    Kernel("sgd", "theta grad learning_rate", outputs={"theta_new": "IO"}, function="sgd",
           inputs=f"{VECTORS}; learning_rate = uniform(0.2, 0.4)",
           program="theta_new = sgd(theta, grad, learning_rate)"),
    Kernel("momentum", "theta grad velocity learning_rate beta", function="momentum",
           outputs={"theta_new": "IO", "velocity_new": "IO"},
           inputs=f"{VECTORS}; velocity = normal(size=(I, O)); learning_rate = uniform(0.2, 0.4);"
                  "beta = uniform(0.5, 0.8)",
           program="velocity_t = momentum(theta, grad, velocity, learning_rate, beta)[1];"
                   "velocity_new = +velocity_t; theta_new = theta + velocity_t"),
    Kernel("nesterov", "theta grad velocity learning_rate beta", function="nesterov",
           outputs={"theta_new": "IO", "velocity_new": "IO"},
           inputs=f"{VECTORS}; velocity = normal(size=(I, O)); learning_rate = uniform(0.2, 0.4);"
                  "beta = uniform(0.5, 0.8)",
           program="velocity_t = nesterov(theta, grad, velocity, learning_rate, beta)[1];"
                   "velocity_new = +velocity_t;"
                   "theta_new = theta + beta * velocity_t - learning_rate * grad"),
    # Some coordinates have had no gradient yet: without epsilon their step is 0 / 0.
    Kernel("rmsprop", "theta grad v learning_rate rho epsilon", function="rmsprop",
           outputs={"theta_new": "IO", "v_new": "IO"},
           inputs="theta = normal(size=(I, O)); seen = random((I, O)) > 0.15;"
                  "grad = normal(size=(I, O)) * seen; v = uniform(0.5, 2, (I, O)) * seen;"
                  "learning_rate = uniform(0.2, 0.4); rho = uniform(0.5, 0.8); epsilon = 1e-7",
           program="v_t = rmsprop(theta, grad, v, learning_rate, rho, epsilon)[1]; v_new = +v_t;"
                   "theta_new = theta - learning_rate * grad / sqrt(v_t + epsilon)"),
    Kernel("adam", "theta grad m v step learning_rate beta_1 beta_2 epsilon", function="adam",
           outputs={"theta_new": "IO", "m_new": "IO", "v_new": "IO"},
           inputs="theta = normal(size=(I, O)); seen = random((I, O)) > 0.15;"
                  "grad = normal(size=(I, O)) * seen; m = normal(size=(I, O)) * seen;"
                  "v = uniform(0.5, 2, (I, O)) * seen; step = choice([1, 2, 3, 5]);"
                  "learning_rate = uniform(0.2, 0.4); beta_1 = uniform(0.5, 0.7);"
                  "beta_2 = uniform(0.75, 0.9); epsilon = 1e-7",
           program="t = step; m_t = adam(theta, grad, m, v, 1, beta_1, beta_2, epsilon)[1];"
                   "v_t = adam(theta, grad, m, v, 1, beta_1, beta_2, epsilon)[2];"
                   "m_new = +m_t; v_new = +v_t;"
                   "m_hat = m_t / (1 - beta_1**t); v_hat = v_t / (1 - beta_2**t);"
                   "theta_new = theta - learning_rate * m_hat / (sqrt(v_hat) + epsilon)"),

    # Dense, ReLU, dense, and the mean over the rows of softmax's cross-entropy.
    Kernel("two_layer_network", "x t W1 b1 W2 b2", function="two_layer_gradients",
           outputs={"dW1": "IO", "db1": "O", "dW2": "OK", "db2": "K"},
           inputs="x = normal(size=(N, I)); t = eye(K)[integers(0, K, N)];"
                  "W1 = normal(size=(I, O)); b1 = normal(size=O) / 2; W2 = normal(size=(O, K));"
                  "b2 = normal(size=K) / 2",
           program="N = len(x); z = x @ W1 + b1; hidden = relu_forward(z);"
                   "logits = hidden @ W2 + b2; p = softmax_forward(logits);"
                   "dlogits = softmax_crossentropy_backward(p, t) / N;"
                   "dW2, db2, dhidden = dense_backward(dlogits, hidden, W2);"
                   "dz = relu_backward(dhidden, hidden); dW1, db1, dx = dense_backward(dz, x, W1)"),
    Kernel("training_loop", "gradient theta x t learning_rate epochs batch_size", function="train",
           outputs={"theta_new": "I"},
           inputs="gradient = squared_error_gradient; theta = normal(size=I);"
                  "x = normal(size=(N, I)); t = normal(size=N);"
                  "learning_rate = uniform(0.05, 0.1); epochs = 3; batch_size = 2",
           program="used = len(x); theta_new = steps(gradient, theta, x[:used], t[:used],"
                   "learning_rate, epochs, batch_size)"),
    Kernel("gradient_check", "f x", function="numeric_gradient", outputs={"gradient": "NO"},
           inputs="f = wave; x = normal(size=(N, O))", program="gradient = wave_gradient(x)"),
)

BETA = "momentum nesterov"

# kernels, name, wrong formula, the mistake in a sentence
MISTAKES = [
    ("sgd", "gradient added", "theta_new = theta + learning_rate * grad",
     "The step goes up the slope: descent subtracts the gradient."),
    ("sgd", "learning rate forgotten", "theta_new = theta - grad",
     "The gradient is not multiplied by the learning rate."),
    ("sgd", "step in place of theta", "theta_new = -learning_rate * grad",
     "The step itself is returned: it has to be added to theta."),
    ("sgd", "step in place of theta", "theta_new = learning_rate * grad",
     "The step itself is returned: it has to be subtracted from theta."),
    ("sgd", "divided by the rows", "theta_new = theta - learning_rate * grad / theta.shape[0]",
     "A mean's 1/N is in grad already, and theta's rows are inputs and no examples."),

    (BETA, "gradient added", "velocity_t = beta * velocity + learning_rate * grad",
     "The velocity goes up the slope: the gradient is subtracted."),
    ("momentum", "velocity subtracted", "theta_new = theta - velocity_t",
     "The velocity points downhill already: it is added to theta."),
    (BETA, "learning rate forgotten", "velocity_t = beta * velocity - grad",
     "The gradient is not multiplied by the learning rate."),
    (BETA, "averaged",
     "velocity_t = beta * velocity - (1 - beta) * learning_rate * grad",
     "The gradient is averaged in with 1 - beta, as in Adam; here it is added as it is."),
    (BETA, "velocity not kept", "velocity_t = -learning_rate * grad",
     "The velocity of the steps before is lost: that is plain gradient descent."),
    (BETA, "old velocity", "theta_new = theta + velocity",
     "theta moves by the velocity before the step in place of the new one."),
    ("nesterov", "no look ahead", "theta_new = theta + velocity_t",
     "That is plain momentum: theta goes on by beta times the new velocity, not by beta times the "
     "old one, and by the gradient's step."),
    ("nesterov", "gradient's step forgotten", "theta_new = theta + beta * velocity_t",
     "The look ahead is there, but not the step of the gradient, -learning_rate · grad."),

    ("rmsprop", "square forgotten", "v_t = rho * v + (1 - rho) * grad",
     "v is a mean of the gradient's square, and here of the gradient itself."),
    ("rmsprop", "rho and 1 - rho exchanged", "v_t = (1 - rho) * v + rho * grad**2",
     "rho is the share of v that is kept."),
    ("rmsprop", "not averaged", "v_t = rho * v + grad**2",
     "The square is weighted with 1 - rho, so that v stays a mean."),
    ("rmsprop", "summed", "v_t = v + grad**2",
     "That is Adagrad: v never forgets, and steps become ever smaller."),
    ("rmsprop", "root forgotten", "theta_new = theta - learning_rate * grad / (v_t + epsilon)",
     "The gradient is divided by the mean square in place of its root."),
    ("rmsprop", "old v", "theta_new = theta - learning_rate * grad / sqrt(v + epsilon)",
     "The step divides by the average before the step in place of the new one."),
    ("rmsprop", "epsilon forgotten", "theta_new = theta - learning_rate * grad / sqrt(v_t)",
     "0 / 0 where a coordinate has had no gradient yet."),
    ("rmsprop adam", "step added", "theta_new = 2 * theta - theta_new",
     "The step goes up the slope: descent subtracts it."),

    ("adam", "correction of m forgotten", "m_hat = m_t",
     "m starts at 0 and is too small in the first steps: m̂ = m / (1 - beta_1ᵗ)."),
    ("adam", "correction of v forgotten", "v_hat = v_t",
     "v starts at 0 and is too small in the first steps: v̂ = v / (1 - beta_2ᵗ)."),
    ("adam", "corrections forgotten", "m_hat, v_hat = m_t, v_t",
     "m and v start at 0 and are too small in the first steps; both are divided by 1 - betaᵗ."),
    ("adam", "power forgotten in the corrections",
     "m_hat, v_hat = m_t / (1 - beta_1), v_t / (1 - beta_2)",
     "The corrections are 1 - betaᵗ with the number of the step, and vanish with time."),
    ("adam", "step counted from 0", "t = step - 1",
     "At the first step t is 1; with t = 0 the correction is a division by 0."),
    ("adam", "step counted twice", "t = step + 1",
     "step is the number of this step already, and is counted once more."),
    ("adam", "corrected m kept", "m_new = m_new / (1 - beta_1**step)",
     "The corrected average is for this step only; kept, it is corrected again in the next one."),
    ("adam", "corrected v kept", "v_new = v_new / (1 - beta_2**step)",
     "The corrected average is for this step only; kept, it is corrected again in the next one."),
    ("adam", "square forgotten", "v_t = beta_2 * v + (1 - beta_2) * grad",
     "v is a mean of the gradient's square, and here of the gradient itself."),
    ("adam", "square of m", "v_t = beta_2 * v + (1 - beta_2) * m_t**2",
     "v is a mean of the gradient's square, and here of that of m."),
    ("adam", "betas exchanged",
     "m_t, v_t = beta_2 * m + (1 - beta_2) * grad, beta_1 * v + (1 - beta_1) * grad**2",
     "m is averaged with beta_1 and v with beta_2."),
    ("adam", "beta and 1 - beta exchanged", "m_t = (1 - beta_1) * m + beta_1 * grad",
     "beta_1 is the share of m that is kept."),
    ("adam", "beta and 1 - beta exchanged", "v_t = (1 - beta_2) * v + beta_2 * grad**2",
     "beta_2 is the share of v that is kept."),
    ("adam", "not averaged", "m_t = beta_1 * m + grad",
     "The gradient is weighted with 1 - beta_1, so that m is a mean."),
    ("adam", "not averaged", "v_t = beta_2 * v + grad**2",
     "The square is weighted with 1 - beta_2, so that v is a mean."),
    ("adam", "root forgotten", "theta_new = theta - learning_rate * m_hat / (v_hat + epsilon)",
     "The step is divided by the mean square in place of its root."),
    ("adam", "grad in place of m",
     "theta_new = theta - learning_rate * grad / (sqrt(v_hat) + epsilon)",
     "That is RMSprop with a correction: the step goes along the average m̂."),
    ("adam", "epsilon forgotten", "theta_new = theta - learning_rate * m_hat / sqrt(v_hat)",
     "0 / 0 where a coordinate has had no gradient yet."),

    ("two_layer_network", "missing 1/N", "N = 1",
     "The loss is the mean over the batch; without 1/N its gradient grows with the batch."),
    ("two_layer_network", "mean over the classes", "N = N * t.shape[1]",
     "A row's loss is the sum over its classes; np.mean without an axis divides by N · K."),
    ("two_layer_network", "wrong sign", "dlogits = -dlogits",
     "t - p stands in place of p - t: all gradients have the other sign."),
    ("two_layer_network", "softmax forgotten", "p = logits",
     "The logits are taken for probabilities."),
    ("two_layer_network", "softmax along the wrong axis",
     "p = exp(logits) / sum(exp(logits), axis=0)",
     "Columns of p sum to 1 in place of rows."),
    ("two_layer_network", "ReLU forgotten in the forward", "hidden = z",
     "The second layer is given z in place of max(z, 0), though the backward has the mask."),
    ("two_layer_network", "ReLU left out of the backward", "dz = dhidden",
     "The gradient passes units that are off: it has to be multiplied by z > 0."),
    ("two_layer_network", "mask from the gradient", "dz = relu_forward(dhidden)",
     "ReLU is applied to the gradient: its sign decides in place of that of z."),
    ("two_layer_network", "mask inverted", "dz = dhidden * (z <= 0)",
     "The gradient passes where the unit is off and stops where it is on."),
    ("two_layer_network", "multiplied by the activation", "dz = dhidden * hidden",
     "The gradient is multiplied by the activation in place of its derivative, 0 or 1."),
    ("two_layer_network", "z in place of the activation", "dW2 = z.T @ dlogits",
     "The second layer's input is max(z, 0), and its gradient needs that."),
    ("two_layer_network", "bias forgotten", "z = x @ W1", "b1 is not added in the forward."),
    ("two_layer_network", "bias forgotten", "logits = hidden @ W2",
     "b2 is not added in the forward."),
    ("two_layer_network", "bias averaged", "db1 = db1 / len(x)",
     "dlogits has been divided by N already: db1 is a sum over the rows."),
    ("two_layer_network", "bias averaged", "db2 = db2 / len(x)",
     "dlogits has been divided by N already: db2 is a sum over the rows."),

    ("training_loop", "one epoch", "epochs = 1",
     "The loop over the epochs ends after the first, as with the return in it."),
    ("training_loop", "one epoch too many", "epochs = epochs + 1",
     "The loop over the epochs runs once more than asked."),
    ("training_loop", "last batch left out", "used = len(x) // batch_size * batch_size",
     "The rows that do not fill a batch are never used: len(x) // batch_size rounds down."),
    ("training_loop", "all rows at once", "batch_size = len(x)",
     "The gradient is that of all rows, one step an epoch: the batches are not used."),
    ("training_loop", "first batch only", "used = batch_size",
     "Every epoch ends after its first batch, or all batches are the first."),
    ("training_loop", "one row at a time", "batch_size = 1",
     "Each row is a batch of its own: a step of the loop is to be batch_size."),
    ("training_loop", "gradient added", "learning_rate = -learning_rate",
     "The step goes up the slope: descent subtracts the gradient."),
    ("training_loop", "gradients of an epoch at one place",
     "theta_new = one_place(gradient, theta, x, t, learning_rate, epochs, batch_size)",
     "theta stays through the epoch and moves at its end: each batch has a step of its own."),
    ("training_loop", "no step", "theta_new = theta",
     "theta comes back as it was: the result of the update is not kept."),

    ("gradient_check", "2 forgotten", "gradient = 2 * gradient",
     "(f(x + h) - f(x - h)) is divided by h: the points are 2 h apart."),
    ("gradient_check", "one side divided by 2 h", "gradient = gradient / 2",
     "(f(x + h) - f(x)) is divided by 2 h: the points are h apart."),
    ("gradient_check", "wrong sign", "gradient = -gradient",
     "f(x - h) - f(x + h) stands in place of f(x + h) - f(x - h)."),
    ("gradient_check", "all entries moved", "gradient = full(x.shape, sum(gradient))",
     "All entries of x move at once: each has to move alone, with the others at their place."),
    ("gradient_check", "all entries moved", "gradient = sum(gradient)",
     "All entries of x move at once, which gives one number: each has to move alone."),
    ("gradient_check", "not divided by h", "gradient = zeros_like(gradient)",
     "The differences are not divided by 2 h; or h is so small that f does not see it."),
]
