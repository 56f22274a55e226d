"""Students' stages, optimizers and programs: for each known mistake one that makes it."""

from __future__ import annotations

import functools

import numpy as np

# Right ones ---------------------------------------------------------------------------------------


def scale(dy, x_hat, gamma):
    return gamma * dy, sum(dy * x_hat), sum(dy)


def product(dx_hat, centred, inverse):
    return inverse * dx_hat, np.einsum("no,no->o", dx_hat, centred)


def inverse(dinverse, variance, epsilon):
    return -0.5 * dinverse / np.sqrt(variance + epsilon) ** 3


def variance(dvariance, centred):
    return centred * (2 / len(centred)) * dvariance


def centre(dcentred):
    return dcentred.copy(), -np.ones(len(dcentred)) @ dcentred


def mean(dmean, rows):
    return np.tile(dmean, (rows, 1)) / rows


def sgd(theta, grad, learning_rate):
    return theta + -learning_rate * grad


def momentum(theta, grad, velocity, learning_rate, beta):
    velocity = beta * velocity - learning_rate * grad
    return theta + velocity, velocity


def nesterov(theta, grad, velocity, learning_rate, beta):
    new = beta * velocity - learning_rate * grad
    return theta - beta * velocity + (1 + beta) * new, new


def rmsprop(theta, grad, v, learning_rate, rho, epsilon):
    v = v + (1 - rho) * (grad**2 - v)
    return theta - grad * (learning_rate / np.sqrt(v + epsilon)), v


def adam(theta, grad, m, v, step, learning_rate, beta_1, beta_2, epsilon):
    m, v = beta_1 * m + (1 - beta_1) * grad, beta_2 * v + (1 - beta_2) * grad**2
    m_hat, v_hat = m / (1 - beta_1**step), v / (1 - beta_2**step)
    return theta - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


def folded_adam(theta, grad, m, v, step, learning_rate, beta_1, beta_2, epsilon):
    """In the order of the paper's section 2, whose epsilon is another."""
    m, v = beta_1 * m + (1 - beta_1) * grad, beta_2 * v + (1 - beta_2) * grad**2
    rate = learning_rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    return theta - rate * m / (np.sqrt(v) + epsilon), m, v


def two_layer(
    *,
    rows=len,
    sign=1,
    forward=lambda x, W1, b1: x @ W1 + b1,
    relu=lambda z: np.where(z > 0, z, 0),
    last=lambda hidden, W2, b2: hidden @ W2 + b2,
    softmax=lambda a: np.exp(a) / np.exp(a).sum(axis=1)[:, None],
    mask=lambda dhidden, z, hidden: np.where(z > 0, dhidden, 0),
    kept=lambda z, hidden: hidden,
    db1=sum,
    db2=sum,
):
    """The gradients of a network of two layers, with one of the steps replaced."""

    def gradients(x, t, W1, b1, W2, b2):
        z = forward(x, W1, b1)
        hidden = relu(z)
        dlogits = sign * (softmax(last(hidden, W2, b2)) - t) / rows(t)
        dz = mask(dlogits @ W2.T, z, hidden)
        return x.T @ dz, db1(dz), kept(z, hidden).T @ dlogits, db2(dlogits)

    return gradients


def train(*, epochs=lambda n: n, used=lambda n, size: n, size=lambda size, n: size, sign=1):
    """A training loop with one of its steps replaced."""

    def loop(gradient, theta, x, t, learning_rate, epochs_, batch_size):
        x, t = x[: used(len(x), batch_size)], t[: used(len(x), batch_size)]
        rows = size(batch_size, len(x))
        for _ in range(epochs(epochs_)):
            for start in range(0, len(x), rows):
                grad = gradient(theta, x[start : start + rows], t[start : start + rows])
                theta = theta - sign * learning_rate * grad
        return theta

    return loop


def at_one_place(gradient, theta, x, t, learning_rate, epochs, batch_size):
    for _ in range(epochs):
        new = theta.copy()
        for k in range(0, len(x), batch_size):
            new -= learning_rate * gradient(theta, x[k : k + batch_size], t[k : k + batch_size])
        theta = new
    return theta


def differences(f, x, h=1e-5):
    found = np.zeros(x.size)
    for k in range(x.size):
        moved = np.zeros(x.size)
        moved[k] = h
        moved = moved.reshape(x.shape)
        found[k] = (f(x + moved) - f(x - moved)) / (2 * h)
    return found.reshape(x.shape)


def all_at_once(f, x):
    return np.full_like(x, (f(x + 1e-5) - f(x - 1e-5)) / 2e-5)


RIGHT = {
    "batchnorm_scale": scale,
    "batchnorm_product": product,
    "batchnorm_inverse": inverse,
    "batchnorm_variance": variance,
    "batchnorm_centre": centre,
    "batchnorm_mean": mean,
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rmsprop": rmsprop,
    "adam": adam,
    "two_layer_network": two_layer(),
    "training_loop": train(),
    "gradient_check": differences,
}

# Wrong ones ---------------------------------------------------------------------------------------


def changed(right, **parts):
    """A function of which some outputs, by their number in the name, are computed otherwise."""

    @functools.wraps(right)
    def wrong(*given, **named):
        arguments = given or tuple(named.values())
        found = list(right(*arguments)) if isinstance(right(*arguments), tuple) else [
            right(*arguments)
        ]  # fmt: skip
        for name, part in parts.items():
            found[int(name[1:])] = part(*arguments)
        return tuple(found)

    return wrong


def common(right, outputs):
    """The mistakes that every backward can have, for outputs and whether each has one axis."""
    made = {}
    for k, (output, vector) in enumerate(outputs.items()):

        def take(*arguments, k=k):
            found = right(*arguments)
            return found[k] if isinstance(found, tuple) else found

        wrongs = {"wrong sign": np.negative, "left out": np.zeros_like}
        if vector:
            wrongs["axis kept"] = np.atleast_2d
        for name, wrong in wrongs.items():
            part = lambda *a, take=take, wrong=wrong: wrong(take(*a))  # noqa: E731
            made[name, output] = changed(right, **{f"_{k}": part})
    return made


STAGES = {
    "batchnorm_scale": {
        **common(scale, {"dx_hat": False, "dgamma": True, "dbeta": True}),
        ("gamma forgotten", "dx_hat"): changed(scale, _0=lambda dy, hat, gamma: dy.copy()),
        ("x̂ forgotten in dgamma", "dgamma"): changed(scale, _1=lambda dy, hat, gamma: sum(dy)),
        ("gamma in dgamma", "dgamma"): changed(
            scale, _1=lambda dy, hat, gamma: gamma * sum(dy * hat)
        ),
        ("dgamma averaged", "dgamma"): changed(
            scale, _1=lambda dy, hat, gamma: np.mean(dy * hat, 0)
        ),
        ("dgamma not summed", "dgamma"): changed(scale, _1=lambda dy, hat, gamma: dy * hat),
        ("gamma in dbeta", "dbeta"): changed(scale, _2=lambda dy, hat, gamma: sum(dy * gamma)),
        ("dbeta averaged", "dbeta"): changed(scale, _2=lambda dy, hat, gamma: dy.mean(0)),
        ("dbeta not summed", "dbeta"): changed(scale, _2=lambda dy, hat, gamma: dy),
    },
    "batchnorm_product": {
        **common(product, {"dcentred": False, "dinverse": True}),
        ("factors exchanged", "dcentred"): changed(product, _0=lambda g, c, i: g * c),
        ("factors exchanged", "dinverse"): changed(product, _1=lambda g, c, i: sum(g * i)),
        ("divided by inverse", "dcentred"): changed(product, _0=lambda g, c, i: g / i),
        ("dinverse not summed", "dinverse"): changed(product, _1=lambda g, c, i: c * g),
        ("dinverse averaged", "dinverse"): changed(product, _1=lambda g, c, i: (c * g).mean(0)),
        ("dinverse summed over everything", "dinverse"): changed(
            product, _1=lambda g, c, i: np.sum(c * g)
        ),
    },
    "batchnorm_inverse": {
        **common(inverse, {"dvariance": True}),
        ("exponent -1/2 for -3/2", "dvariance"): lambda g, v, e: -g / 2 / np.sqrt(v + e),
        ("exponent 1/2 for -3/2", "dvariance"): lambda g, v, e: -g / 2 * np.sqrt(v + e),
        ("derivative of the root", "dvariance"): lambda g, v, e: g / 2 / np.sqrt(v + e),
        ("derivative of the reciprocal", "dvariance"): lambda g, v, e: -g * (v + e) ** -2,
        ("1/2 forgotten", "dvariance"): lambda g, v, e: -g * (v + e) ** -1.5,
        ("epsilon forgotten", "dvariance"): lambda g, v, e: -g / 2 * v**-1.5,
    },
    "batchnorm_variance": {
        **common(variance, {"dcentred": False}),
        ("2 forgotten", "dcentred"): lambda g, c: c * g / len(c),
        ("missing 1/N", "dcentred"): lambda g, c: 2 * c * g,
        ("N - 1 in place of N", "dcentred"): lambda g, c: 2 * c * g / np.float64(len(c) - 1),
        ("centred forgotten", "dcentred"): lambda g, c: np.tile(2 * g / len(c), (len(c), 1)),
        ("square not differentiated", "dcentred"): lambda g, c: c * c * g / len(c),
    },
    "batchnorm_centre": {
        **common(centre, {"dx": False, "dmean": True}),
        ("dmean not summed", "dmean"): lambda g: (g.copy(), -g),
        ("dmean averaged", "dmean"): lambda g: (g.copy(), -g.mean(0)),
        ("dmean summed over everything", "dmean"): lambda g: (g.copy(), -g.sum()),
    },
    "batchnorm_mean": {
        **common(mean, {"dx": False}),
        ("missing 1/N", "dx"): lambda g, rows: np.tile(g, (rows, 1)),
        ("one row", "dx"): lambda g, rows: g / rows,
    },
}

UPDATES = {
    "sgd": {
        ("gradient added", "theta_new"): lambda w, g, rate: w + rate * g,
        ("learning rate forgotten", "theta_new"): lambda w, g, rate: w - g,
        ("step in place of theta", "theta_new"): lambda w, g, rate: -rate * g,
        ("step in place of theta", "theta_new "): lambda w, g, rate: rate * g,
        ("divided by the rows", "theta_new"): lambda w, g, rate: w - rate * g / len(w),
    },
    "momentum": {
        ("gradient added", "theta_new velocity_new"): lambda w, g, v, rate, b: (
            w + (b * v + rate * g),
            b * v + rate * g,
        ),
        ("learning rate forgotten", "theta_new velocity_new"): lambda w, g, v, rate, b: (
            w + (b * v - g),
            b * v - g,
        ),
        ("averaged", "theta_new velocity_new"): lambda w, g, v, rate, b: (
            w + (b * v - (1 - b) * rate * g),
            b * v - (1 - b) * rate * g,
        ),
        ("velocity not kept", "theta_new velocity_new"): lambda w, g, v, rate, b: (
            w - rate * g,
            -rate * g,
        ),
        ("velocity subtracted", "theta_new"): lambda w, g, v, rate, b: (
            w - (b * v - rate * g),
            b * v - rate * g,
        ),
        ("old velocity", "theta_new"): lambda w, g, v, rate, b: (w + v, b * v - rate * g),
        ("learning rate outside of the velocity", "theta_new velocity_new"): (
            lambda w, g, v, rate, b: (w - rate * (b * v + g), g + b * v)
        ),
    },
    "nesterov": {
        ("gradient added", "theta_new velocity_new"): lambda w, g, v, rate, b: (
            w + b * (b * v + rate * g) - rate * g,
            b * v + rate * g,
        ),
        ("learning rate forgotten", "theta_new velocity_new"): lambda w, g, v, rate, b: (
            w + b * (b * v - g) - rate * g,
            b * v - g,
        ),
        ("averaged", "theta_new velocity_new"): lambda w, g, v, rate, b: (
            w + b * (b * v - (1 - b) * rate * g) - rate * g,
            b * v - (1 - b) * rate * g,
        ),
        ("velocity not kept", "theta_new velocity_new"): lambda w, g, v, rate, b: (
            w - b * rate * g - rate * g,
            -rate * g,
        ),
        ("old velocity", "theta_new"): lambda w, g, v, rate, b: (w + v, b * v - rate * g),
        ("no look ahead", "theta_new"): lambda w, g, v, rate, b: (
            w + b * v - rate * g,
            b * v - rate * g,
        ),
        ("gradient's step forgotten", "theta_new"): lambda w, g, v, rate, b: (
            w + b * (b * v - rate * g),
            b * v - rate * g,
        ),
    },
}


def scaled(average=lambda v, g, rho: rho * v + (1 - rho) * g * g, step=None):
    """RMSprop with another average, or another step."""
    step = step or (lambda g, v, old, e: g / np.sqrt(v + e))

    def update(theta, grad, v, learning_rate, rho, epsilon):
        new = average(v, grad, rho)
        return theta - learning_rate * step(grad, new, v, epsilon), new

    return update


UPDATES["rmsprop"] = {
    ("square forgotten", "theta_new v_new"): scaled(lambda v, g, rho: rho * v + (1 - rho) * g),
    ("rho and 1 - rho exchanged", "theta_new v_new"): scaled(
        lambda v, g, rho: rho * g * g + (1 - rho) * v
    ),
    ("not averaged", "theta_new v_new"): scaled(lambda v, g, rho: rho * v + g * g),
    ("summed", "theta_new v_new"): scaled(lambda v, g, rho: v + g * g),
    ("root forgotten", "theta_new"): scaled(step=lambda g, v, old, e: g / (v + e)),
    ("old v", "theta_new"): scaled(step=lambda g, v, old, e: g / np.sqrt(old + e)),
    ("epsilon forgotten", "theta_new"): scaled(step=lambda g, v, old, e: g / np.sqrt(v)),
    ("step added", "theta_new"): scaled(step=lambda g, v, old, e: -g / np.sqrt(v + e)),
}


def moments(
    *,
    m=lambda m, g, b: b * m + (1 - b) * g,
    v=lambda v, g, b, m: b * v + (1 - b) * g * g,
    hats=lambda m, v, b1, b2, t: (m / (1 - b1**t), v / (1 - b2**t)),
    step=lambda m, v, e, g: m / (np.sqrt(v) + e),
    exchanged=False,
    kept=(False, False),
):
    """Adam with one of its steps replaced."""

    def update(theta, grad, m_old, v_old, step_, rate, beta_1, beta_2, epsilon):
        if exchanged:
            new_m, new_v = m(m_old, grad, beta_2), v(v_old, grad, beta_1, None)
        else:
            new_m = m(m_old, grad, beta_1)
            new_v = v(v_old, grad, beta_2, new_m)
        m_hat, v_hat = hats(new_m, new_v, beta_1, beta_2, np.float64(step_))
        new_m, new_v = m_hat if kept[0] else new_m, v_hat if kept[1] else new_v
        return theta - rate * step(m_hat, v_hat, epsilon, grad), new_m, new_v

    return update


UPDATES["adam"] = {
    ("step added", "theta_new"): moments(step=lambda m, v, e, g: -m / (np.sqrt(v) + e)),
    ("correction of m forgotten", "theta_new"): moments(
        hats=lambda m, v, b1, b2, t: (m, v / (1 - b2**t))
    ),
    ("correction of v forgotten", "theta_new"): moments(
        hats=lambda m, v, b1, b2, t: (m / (1 - b1**t), v)
    ),
    ("corrections forgotten", "theta_new"): moments(hats=lambda m, v, b1, b2, t: (m, v)),
    ("power forgotten in the corrections", "theta_new"): moments(
        hats=lambda m, v, b1, b2, t: (m / (1 - b1), v / (1 - b2))
    ),
    ("step counted from 0", "theta_new"): moments(
        hats=lambda m, v, b1, b2, t: (m / (1 - b1 ** (t - 1)), v / (1 - b2 ** (t - 1)))
    ),
    ("product for the power", "theta_new"): moments(
        hats=lambda m, v, b1, b2, t: (m / (1 - b1 * t), v / (1 - b2 * t))
    ),
    ("step counted twice", "theta_new"): moments(
        hats=lambda m, v, b1, b2, t: (m / (1 - b1 ** (t + 1)), v / (1 - b2 ** (t + 1)))
    ),
    ("corrected m kept", "m_new"): moments(kept=(True, False)),
    ("corrected v kept", "v_new"): moments(kept=(False, True)),
    ("square forgotten", "theta_new v_new"): moments(v=lambda v, g, b, m: b * v + (1 - b) * g),
    ("square of m", "theta_new v_new"): moments(v=lambda v, g, b, m: b * v + (1 - b) * m * m),
    ("betas exchanged", "theta_new m_new v_new"): moments(exchanged=True),
    ("beta and 1 - beta exchanged", "theta_new m_new"): moments(
        m=lambda m, g, b: (1 - b) * m + b * g
    ),
    ("beta and 1 - beta exchanged", "theta_new v_new"): moments(
        v=lambda v, g, b, m: (1 - b) * v + b * g * g
    ),
    ("not averaged", "theta_new m_new"): moments(m=lambda m, g, b: b * m + g),
    ("not averaged", "theta_new v_new"): moments(v=lambda v, g, b, m: b * v + g * g),
    ("root forgotten", "theta_new"): moments(step=lambda m, v, e, g: m / (v + e)),
    ("grad in place of m", "theta_new"): moments(step=lambda m, v, e, g: g / (np.sqrt(v) + e)),
    ("epsilon forgotten", "theta_new"): moments(step=lambda m, v, e, g: m / np.sqrt(v)),
}

ALL = "dW1 db1 dW2 db2"
PROGRAMS = {
    "two_layer_network": {
        ("missing 1/N", ALL): two_layer(rows=lambda t: 1),
        ("mean over the classes", ALL): two_layer(rows=np.size),
        ("wrong sign", ALL): two_layer(sign=-1),
        ("softmax forgotten", ALL): two_layer(softmax=lambda a: a),
        ("softmax along the wrong axis", ALL): two_layer(
            softmax=lambda a: np.exp(a) / np.exp(a).sum(axis=0)
        ),
        ("ReLU forgotten in the forward", ALL): two_layer(relu=lambda z: z),
        ("ReLU left out of the backward", "dW1 db1"): two_layer(mask=lambda g, z, h: g),
        ("mask from the gradient", "dW1 db1"): two_layer(mask=lambda g, z, h: np.maximum(g, 0)),
        ("mask inverted", "dW1 db1"): two_layer(mask=lambda g, z, h: g * (z < 0)),
        ("multiplied by the activation", "dW1 db1"): two_layer(mask=lambda g, z, h: g * h),
        ("z in place of the activation", "dW2"): two_layer(kept=lambda z, h: z),
        ("bias forgotten", ALL): two_layer(forward=lambda x, W1, b1: x @ W1),
        ("bias forgotten", f"{ALL} "): two_layer(last=lambda h, W2, b2: h @ W2),
        ("bias averaged", "db1"): two_layer(db1=lambda a: a.mean(0)),
        ("bias averaged", "db2"): two_layer(db2=lambda a: a.mean(0)),
        ("keepdims forgotten", ALL): two_layer(softmax=lambda a: np.exp(a) / np.exp(a).sum(axis=1)),
        ("softmax over the whole batch", ALL): two_layer(
            softmax=lambda a: np.exp(a) / np.exp(a).sum()
        ),
    },
    "training_loop": {
        (name, "theta_new"): function
        for name, function in {
            "one epoch": train(epochs=lambda n: 1),
            "one epoch too many": train(epochs=lambda n: n + 1),
            "last batch left out": train(used=lambda n, size: n - n % size),
            "all rows at once": train(size=lambda size, n: n),
            "first batch only": train(used=lambda n, size: size),
            "one row at a time": train(size=lambda size, n: 1),
            "gradient added": train(sign=-1),
            "gradients of an epoch at one place": at_one_place,
            "no step": train(sign=0),
        }.items()
    },
    "gradient_check": {
        (name, "gradient"): function
        for name, function in {
            "2 forgotten": lambda f, x: 2 * differences(f, x),
            "one side divided by 2 h": lambda f, x: 0.5 * differences(f, x, 1e-6),
            "wrong sign": lambda f, x: differences(f, x, -1e-5) * -1,
            "all entries moved": all_at_once,
            "not divided by h": lambda f, x: differences(f, x) * 2e-9,
        }.items()
    },
}

MISTAKES = {**STAGES, **UPDATES, **PROGRAMS}
