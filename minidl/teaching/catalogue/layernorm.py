"""Mistakes in the backward of layer normalization, where g = gamma · dy."""

# kernels, name, wrong formula, the mistake in a sentence
# fmt: off
MISTAKES = [
    # The paths lead back through the mean and the variance of a row.
    ("layernorm", "mean path missing",
     "dx = inverse * (g - x_hat * sum(g * x_hat, axis=1, keepdims=True) / units)",
     "What flows back through the row's mean is left out: the rows of dx do not sum to 0."),
    ("layernorm", "variance path missing",
     "dx = inverse * (g - sum(g, axis=1, keepdims=True) / units)",
     "What flows back through the row's variance is left out: the rows of dx sum to 0, but those "
     "of dx · x̂ do not come near it."),
    ("layernorm", "both paths missing", "dx = inverse * g",
     "Mean and variance of the row are taken for constants."),
    ("layernorm", "wrong sign of the paths",
     "dx = inverse * (g + sum(g, axis=1, keepdims=True) / units"
     " + x_hat * sum(g * x_hat, axis=1, keepdims=True) / units)",
     "What flows back through mean and variance is added in place of subtracted."),
    ("layernorm", "wrong sign of the variance path",
     "dx = inverse * (g - sum(g, axis=1, keepdims=True) / units"
     " + x_hat * sum(g * x_hat, axis=1, keepdims=True) / units)",
     "The term with x̂ is added in place of subtracted, as when the minus of the derivative of "
     "(variance + epsilon)^(-1/2) is lost; the mean's term is right."),
    ("layernorm", "exponent -1/2 for -3/2",
     "dx = inverse * (g - sum(g, axis=1, keepdims=True) / units)"
     " - x_hat * sum(g * x_hat, axis=1, keepdims=True) / units / inverse",
     "The derivative of (variance + epsilon)^(-1/2) has the exponent -3/2: the power is lowered "
     "by 1, and here it stayed."),
    ("layernorm", "x̂ missing in the variance path",
     "dx = inverse * (g - sum(g, axis=1, keepdims=True) / units"
     " - sum(g * x_hat, axis=1, keepdims=True) / units)",
     "The variance's gradient reaches x in proportion to x̂; here every unit gets the same."),
    ("layernorm", "variance path halved",
     "dx = inverse * (g - sum(g, axis=1, keepdims=True) / units"
     " - x_hat * sum(g * x_hat, axis=1, keepdims=True) / units / 2)",
     "The 2 of the derivative of (x - mean)² is missing."),
    ("layernorm", "variance path doubled",
     "dx = inverse * (g - sum(g, axis=1, keepdims=True) / units"
     " - 2 * x_hat * sum(g * x_hat, axis=1, keepdims=True) / units)",
     "The 1/2 of the derivative of the square root is missing."),
    ("layernorm", "missing 1/units",
     "dx = inverse * (g - sum(g, axis=1, keepdims=True)"
     " - x_hat * sum(g * x_hat, axis=1, keepdims=True))",
     "Mean and variance are means over the row's units, so that each has a share of 1 / units."),
    ("layernorm", "divided by N",
     "dx = inverse * (g - sum(g, axis=1, keepdims=True) / len(dy)"
     " - x_hat * sum(g * x_hat, axis=1, keepdims=True) / len(dy))",
     "The row's sums are divided by the number of rows, N, as for batch normalization, in place of "
     "the number of units."),

    # Batch normalization remembered.
    ("layernorm", "backward of batch normalization",
     "dx, dgamma = batch_normalized(dy, x, gamma, epsilon)",
     "Mean and variance are those of a column, over the batch (axis=0); here each row has its own "
     "(axis=1)."),
    ("layernorm", "sums over the batch in dx",
     "dx = inverse * (g - sum(g, axis=0) / len(dy) - x_hat * sum(g * x_hat, axis=0) / len(dy))",
     "x̂ is right, but the sums of both paths run over the rows (axis=0) in place of a row's units "
     "(axis=1)."),
    ("layernorm", "gamma after the sums",
     "dx = gamma * inverse * (dy - sum(dy, axis=1, keepdims=True) / units"
     " - x_hat * sum(dy * x_hat, axis=1, keepdims=True) / units)",
     "gamma differs from unit to unit, so that it has to be multiplied in before the sums over the "
     "units; for batch normalization it may stand in front."),

    # x̂ and the scale of x̂.
    ("layernorm", "unbiased variance",
     "variance = sum((x - mean)**2, axis=1, keepdims=True) / (units - 1)",
     "That is the variance of a sample (ddof=1); the forward divides by the number of units."),
    ("layernorm", "square root missing", "inverse = 1 / (variance + epsilon)",
     "Divided by the variance in place of the standard deviation, in x̂ as well."),
    ("layernorm", "square root missing", "dx = dx * inverse",
     "Divided by the variance in place of the standard deviation; x̂ is right."),
    ("layernorm", "deviation forgotten", "dx = dx / inverse",
     "The gradient at x̂ is given for the one at x: 1 / √(variance + epsilon) is missing."),
    ("layernorm", "epsilon forgotten", "inverse = 1 / sqrt(variance)",
     "Without epsilon the gradient is too large, and not finite where the variance is 0."),
    ("layernorm", "epsilon outside the root", "inverse = 1 / (sqrt(variance) + epsilon)",
     "The forward adds epsilon to the variance, under the root, and not to the deviation."),
    ("layernorm", "x in place of x̂", "x_hat = x",
     "The input is used where the normalized input belongs."),
    ("layernorm", "deviation missing in x̂", "x_hat = x - mean",
     "The centred input is used where the normalized input belongs."),

    # gamma and beta.
    ("layernorm", "gamma forgotten", "gamma = ones_like(gamma)",
     "The gradient at y is taken for the one at x̂: right only while gamma is 1, as at the start."),
    ("layernorm", "gamma twice", "gamma = gamma * gamma",
     "dy was multiplied by gamma and the result is again."),
    ("layernorm", "x̂ forgotten in dgamma", "dgamma = sum(dy, axis=0)",
     "gamma multiplies x̂, so that its gradient is dy · x̂ summed; this is the gradient of beta."),
    ("layernorm", "gamma in dgamma", "dgamma = gamma * dgamma",
     "The gradient at x̂ is used where the one at y belongs: each entry is off by its gamma."),
    ("layernorm", "dgamma averaged", "dgamma = dgamma / len(dy)",
     "gamma acts on every row, so that dgamma is a sum over the rows, not a mean."),
    ("layernorm", "dgamma not summed", "dgamma = dy * x_hat",
     "One gradient a row is left standing: the shape is (N, O) in place of (O,)."),
    ("layernorm", "dgamma summed over the units", "dgamma = sum(dy * x_hat, axis=1)",
     "gamma has one entry a unit, so that dgamma is summed over the rows (axis=0): the axis of the "
     "statistics is another."),
    ("layernorm", "gamma in dbeta", "dbeta = gamma * dbeta",
     "beta is added after gamma has been multiplied, so that gamma has no part in its gradient."),
    ("layernorm", "dbeta averaged", "dbeta = dbeta / len(dy)",
     "beta is added to every row, so that dbeta is a sum over the rows, not a mean."),
    ("layernorm", "dbeta not summed", "dbeta = dy",
     "One gradient a row is left standing: the shape is (N, O) in place of (O,)."),
    ("layernorm", "dbeta summed over the units", "dbeta = sum(dy, axis=1)",
     "beta has one entry a unit, so that dbeta is summed over the rows (axis=0): the axis of the "
     "statistics is another."),
]
