"""Batch normalization's backward in six stages, each with its known mistakes.

Forward: mean = Σ_N x / N; centred = x - mean; variance = Σ_N centred² / N;
inverse = (variance + epsilon)^(-1/2); x̂ = centred · inverse; y = gamma · x̂ + beta. Backwards the
stages come in the other order. Stanford's CS231n has the same stages, with more names.
"""

from minidl.teaching.kernel import Kernel

# fmt: off
KERNELS = (
    Kernel("batchnorm_scale", "dy x_hat gamma",
           outputs={"dx_hat": "NO", "dgamma": "O", "dbeta": "O"}, function="scale_backward",
           inputs="dy = normal(size=(N, O)); x_hat = normal(size=(N, O));"
                  "gamma = uniform(1.5, 3, O)",
           program="dx_hat = dy * gamma; dgamma = parameter_gradients(dy, x_hat)[0];"
                   "dbeta = parameter_gradients(dy, dy)[1]"),
    Kernel("batchnorm_product", "dx_hat centred inverse",
           outputs={"dcentred": "NO", "dinverse": "O"}, function="product_backward",
           inputs="dx_hat = normal(size=(N, O)); centred = normal(size=(N, O));"
                  "inverse = uniform(1.5, 3, O)",
           program="dcentred = dx_hat * inverse; dinverse = sum(dx_hat * centred, axis=0)"),
    Kernel("batchnorm_inverse", "dinverse variance epsilon",
           outputs={"dvariance": "O"}, function="inverse_backward",
           inputs="dinverse = normal(size=O); variance = uniform(0.5, 2, O);"
                  "epsilon = uniform(0.1, 0.5)",
           program="dvariance = -dinverse * (variance + epsilon)**-1.5 / 2"),
    Kernel("batchnorm_variance", "dvariance centred",
           outputs={"dcentred": "NO"}, function="variance_backward",
           inputs="dvariance = normal(size=O); centred = normal(size=(N, O))",
           program="N = len(centred); dcentred = 2 * centred * dvariance / N"),
    Kernel("batchnorm_centre", "dcentred",
           outputs={"dx": "NO", "dmean": "O"}, function="centre_backward",
           inputs="dcentred = normal(size=(N, O))",
           program="dx = +dcentred; dmean = -sum(dcentred, axis=0)"),
    Kernel("batchnorm_mean", "dmean rows",
           outputs={"dx": "NO"}, function="mean_backward",
           inputs="dmean = normal(size=O); rows = N",
           program="N = rows; dx = broadcast_to(dmean / N, (rows, len(dmean)))"),
)

# kernels, name, wrong formula, the mistake in a sentence
MISTAKES = [
    ("batchnorm_scale", "gamma forgotten", "dx_hat = dy",
     "y is gamma times x̂: dy has to be multiplied by gamma."),
    ("batchnorm_scale", "x̂ forgotten in dgamma", "dgamma = sum(dy, axis=0)",
     "gamma multiplies x̂, so that its gradient is dy · x̂ summed; this is the gradient of beta."),
    ("batchnorm_scale", "gamma in dgamma", "dgamma = gamma * dgamma",
     "The gradient at x̂ is used where the one at y belongs: each entry is off by its gamma."),
    ("batchnorm_scale", "dgamma averaged", "dgamma = dgamma / len(dy)",
     "gamma acts on every row, so that dgamma is a sum over the rows, not a mean."),
    ("batchnorm_scale", "dgamma not summed", "dgamma = dy * x_hat",
     "One gradient a row is left standing: the shape is (N, O) in place of (O,)."),
    ("batchnorm_scale", "gamma in dbeta", "dbeta = gamma * dbeta",
     "beta is added after gamma has been multiplied, so that gamma has no part in its gradient."),
    ("batchnorm_scale", "dbeta averaged", "dbeta = dbeta / len(dy)",
     "beta is added to every row, so that dbeta is a sum over the rows, not a mean."),
    ("batchnorm_scale", "dbeta not summed", "dbeta = dy",
     "One gradient a row is left standing: the shape is (N, O) in place of (O,)."),

    ("batchnorm_product", "factors exchanged", "dcentred = dx_hat * centred",
     "The derivative of a product by one factor is the other one: dcentred takes inverse."),
    ("batchnorm_product", "factors exchanged", "dinverse = sum(dx_hat * inverse, axis=0)",
     "The derivative of a product by one factor is the other one: dinverse takes centred."),
    ("batchnorm_product", "divided by inverse", "dcentred = dx_hat / inverse",
     "inverse is the inverse already: x̂ is centred times inverse."),
    ("batchnorm_product", "dinverse not summed", "dinverse = dx_hat * centred",
     "inverse is one number a unit, used in every row: its gradient is the sum over the rows."),
    ("batchnorm_product", "dinverse averaged", "dinverse = dinverse / len(dx_hat)",
     "inverse is used in every row: its gradient is a sum over the rows, not a mean."),
    ("batchnorm_product", "dinverse summed over everything", "dinverse = sum(dx_hat * centred)",
     "A sum without axis=0 is a single number for all units."),

    ("batchnorm_inverse", "exponent -1/2 for -3/2",
     "dvariance = -dinverse * (variance + epsilon)**-0.5 / 2",
     "The derivative of v^(-1/2) has the exponent -3/2: the power is lowered by 1."),
    ("batchnorm_inverse", "exponent 1/2 for -3/2",
     "dvariance = -dinverse * (variance + epsilon)**0.5 / 2",
     "The power is lowered by 1, from -1/2 to -3/2; here it was raised."),
    ("batchnorm_inverse", "derivative of the root",
     "dvariance = dinverse * (variance + epsilon)**-0.5 / 2",
     "That is the derivative of √(variance + epsilon), not of 1 divided by it."),
    ("batchnorm_inverse", "derivative of the reciprocal",
     "dvariance = -dinverse / (variance + epsilon)**2",
     "That is the derivative of 1 / (variance + epsilon): the root is forgotten."),
    ("batchnorm_inverse", "1/2 forgotten", "dvariance = 2 * dvariance",
     "The exponent -1/2 comes down as a factor: its half is missing."),
    ("batchnorm_inverse", "epsilon forgotten", "dvariance = -dinverse * variance**-1.5 / 2",
     "The power is that of variance + epsilon."),

    ("batchnorm_variance", "2 forgotten", "dcentred = dcentred / 2",
     "The derivative of a square is twice the number."),
    ("batchnorm_variance", "missing 1/N", "N = 1",
     "The variance is a mean over the batch, so that each row has a share of 1/N in it."),
    ("batchnorm_variance", "N - 1 in place of N", "N = N - 1",
     "The forward divides by N, the backward by N - 1."),
    ("batchnorm_variance", "centred forgotten", "dcentred = ones_like(centred) * 2 * dvariance / N",
     "The derivative of centred² is 2 · centred: each row has its own."),
    ("batchnorm_variance", "square not differentiated", "dcentred = centred**2 * dvariance / N",
     "The square itself stands in place of its derivative."),

    ("batchnorm_centre", "dmean not summed", "dmean = -dcentred",
     "The mean is one number a unit, subtracted from every row: its gradient is a sum."),
    ("batchnorm_centre", "dmean averaged", "dmean = dmean / len(dcentred)",
     "The mean is subtracted from every row: its gradient is a sum over the rows, not a mean."),
    ("batchnorm_centre", "dmean summed over everything", "dmean = -sum(dcentred)",
     "A sum without axis=0 is a single number for all units."),

    ("batchnorm_mean", "missing 1/N", "N = 1",
     "The mean is Σ x / N, so that each row has a share of 1/N in it."),
    ("batchnorm_mean", "one row", "dx = dmean / N",
     "Every row of x goes into the mean, so that dx has the shape (N, O), each row the same."),
    ("batchnorm_mean", "one row", "dx = (dmean / N)[None, :]",
     "Every row of x goes into the mean, so that dx has the shape (N, O), each row the same."),
]
