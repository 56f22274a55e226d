"""Mistakes in the backward of batch normalization, y = gamma · x̂ + beta."""

from __future__ import annotations

# kernels, name, wrong formula, the mistake in a sentence
# fmt: off
MISTAKES = [
    # The paths: what flows back through the batch's mean and variance.
    ("batchnorm", "mean path missing", "dx = gamma * inverse * (dy - x_hat * dgamma / N)",
     "The batch's mean depends on x as well, and what flows back through it is left out: the "
     "columns of dx do not sum to 0."),
    ("batchnorm", "variance path missing", "dx = gamma * inverse * (dy - dbeta / N)",
     "The batch's variance depends on x as well, and what flows back through it is left out: the "
     "columns of dx sum to 0, but those of dx · x̂ do not come near it."),
    ("batchnorm", "both paths missing", "dx = gamma * inverse * dy",
     "The batch's mean and variance are taken for constants, as at inference: dx is a multiple of "
     "dy."),
    ("batchnorm", "wrong sign of the paths",
     "dx = gamma * inverse * (dy + dbeta / N + x_hat * dgamma / N)",
     "What flows back through mean and variance is added in place of subtracted."),
    ("batchnorm", "x̂ missing in the variance path",
     "dx = gamma * inverse * (dy - dbeta / N - dgamma / N)",
     "The variance's gradient reaches x in proportion to its distance from the mean; here every "
     "row gets the same."),
    ("batchnorm", "variance path halved",
     "dx = gamma * inverse * (dy - dbeta / N - x_hat * dgamma / (2 * N))",
     "The 2 of the derivative of (x - mean)² is missing."),
    ("batchnorm", "variance path doubled",
     "dx = gamma * inverse * (dy - dbeta / N - 2 * x_hat * dgamma / N)",
     "The 1/2 of the derivative of the square root is missing."),

    # The number of rows.
    ("batchnorm", "missing 1/N", "N = 1",
     "Mean and variance are means over the batch, so that each row has a share of 1/N in them."),
    ("batchnorm", "1/N twice", "N = N * N",
     "Sums that were divided by N are divided again: with many rows both paths as good as vanish."),
    ("batchnorm", "N - 1 in place of N", "N = N - 1",
     "The forward divides by N, the backward by N - 1, which shows most with few rows."),
    ("batchnorm", "unbiased variance",
     "variance = sum((x - mean) ** 2, axis=0) / (len(x) - 1)",
     "That is the variance of a sample (ddof=1); the forward used the batch's own."),

    # x̂ and its scale.
    ("batchnorm", "square root missing", "inverse = 1 / (variance + epsilon)",
     "Divided by the variance in place of the standard deviation, in x̂ as well."),
    ("batchnorm", "square root missing", "dx = dx * inverse",
     "Divided by the variance in place of the standard deviation; x̂ is right."),
    ("batchnorm", "deviation forgotten", "dx = dx / inverse",
     "The gradient at x̂ is given for the one at x: 1 / √(variance + epsilon) is missing."),
    ("batchnorm", "epsilon forgotten", "inverse = 1 / sqrt(variance)",
     "The forward added epsilon to the variance; without it the gradient is too large, and not "
     "finite where the variance is 0."),
    ("batchnorm", "epsilon outside the root", "inverse = 1 / (sqrt(variance) + epsilon)",
     "The forward adds epsilon to the variance, under the root, and not to the deviation."),
    ("batchnorm", "mean not subtracted", "x_hat = x * inverse",
     "The batch's mean is not taken off before scaling; right only for columns of mean 0."),
    ("batchnorm", "x in place of x̂", "x_hat = x",
     "The input is used where the normalized input belongs."),
    ("batchnorm", "deviation missing in x̂", "x_hat = x - mean",
     "The centred input is used where the normalized input belongs."),
    ("batchnorm", "inference statistics",
     "dx, dgamma = (gamma * dy / sqrt(moving_variance + epsilon), "
     "sum(dy * (x - moving_mean) / sqrt(moving_variance + epsilon), axis=0))",
     "The backward of inference, with the running mean and variance, follows a forward pass in "
     "training that used the batch's: dx is a multiple of dy, and dgamma is off as well."),
    ("batchnorm", "running statistics in the training formula",
     "mean, variance = moving_mean, moving_variance",
     "The formula is that of training, but x̂ and the deviation come from the running statistics."),

    # gamma and beta.
    ("batchnorm", "gamma forgotten", "gamma = ones_like(gamma)",
     "The gradient at y is taken for the one at x̂: right only while gamma is 1, as at the start."),
    ("batchnorm", "gamma twice", "gamma = gamma * gamma",
     "dy was multiplied by gamma and the result is again."),
    ("batchnorm", "x̂ forgotten in dgamma", "dgamma = sum(dy, axis=0)",
     "gamma multiplies x̂, so that its gradient is dy · x̂ summed; this is the gradient of beta."),
    ("batchnorm", "gamma in dgamma", "dgamma = gamma * dgamma",
     "The gradient at x̂ is used where the one at y belongs: each entry is off by its gamma."),
    ("batchnorm", "dgamma averaged", "dgamma = dgamma / len(dy)",
     "gamma acts on every row, so that dgamma is a sum over the rows, not a mean."),
    ("batchnorm", "dgamma not summed", "dgamma = dy * x_hat",
     "One gradient a row is left standing: the shape is (N, O) in place of (O,)."),
    ("batchnorm", "gamma in dbeta", "dbeta = gamma * dbeta",
     "beta is added after gamma has been multiplied, so that gamma has no part in its gradient."),
    ("batchnorm", "dbeta averaged", "dbeta = dbeta / len(dy)",
     "beta is added to every row, so that dbeta is a sum over the rows, not a mean."),
    ("batchnorm", "dbeta not summed", "dbeta = dy",
     "One gradient a row is left standing: the shape is (N, O) in place of (O,)."),
]
