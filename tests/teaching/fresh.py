"""Wrong backwards from what students do, and the count of those that are named.

``python -m tests.teaching.fresh`` prints it. Each backward was written from a habit (a loop, a
forgotten parenthesis, a line from another layer), with the words that a right answer has to
contain. An answer is *right* if it has these words for each wrong output, and calls the others
right. It is *none* if it names no mistake but a shape, a place, an exception or the first wrong
entries; else it is *wrong*.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl.printing import say
from minidl.testing import diagnose
from tests.teaching import fresh_last, fresh_more, fresh_stranger, fresh_unlearned


class Habit(NamedTuple):
    """A wrong backward: what was done, the words expected for its wrong outputs."""

    kernel: str
    done: str
    words: dict[str, str]
    function: Callable[..., Any]


#: Names that tell where a result is wrong, and not why.
NO_NAME = re.compile(r"unknown|shape|wrong in one place|imprecise|not finite|factor 0\.5")

HABITS: list[Habit] = []


def habit(kernel: str, done: str, **words: str) -> Callable[[Callable[..., Any]], None]:
    """Add a function to the habits; words are regular expressions by output, or ``problem``."""

    def add(function: Callable[..., Any]) -> None:
        HABITS.append(Habit(kernel, done, words, function))

    return add


# Dense --------------------------------------------------------------------------------------------


@habit("dense", "sums the bias's gradient over everything", db="everything")
def _(dy, x, W):
    return dy @ W.T, x.T @ dy, dy.sum()


@habit("dense", "takes the first row for the batch", dW="first row")
def _(dy, x, W):
    return dy @ W.T, np.outer(x[0], dy[0]), dy.sum(axis=0)


@habit("dense", "reshapes until the product fits", dx="reshape")
def _(dy, x, W):
    return dy @ W.reshape(W.shape[1], W.shape[0]), x.T @ dy, dy.sum(axis=0)


@habit("dense", "reshapes the wrong product to the right shape", dW="reshape")
def _(dy, x, W):
    return dy @ W.T, (dy.T @ x).reshape(W.shape), dy.sum(axis=0)


@habit("dense", "averages over the batch once more", dW="averaged", db="averaged")
def _(dy, x, W):
    rows = x.shape[0]
    return dy @ W.T, 1 / rows * (x.T @ dy), 1 / rows * np.sum(dy, axis=0)


@habit("dense", "returns the weights' gradient first", problem="order")
def _(dy, x, W):
    return x.T @ dy, dy.sum(axis=0), dy @ W.T


# Activations --------------------------------------------------------------------------------------


@habit("relu", "writes into dy", problem="in place")
def _(dy, y):
    dx = dy
    dx[y <= 0] = 0
    return dx


@habit("relu", "asks dy where the unit is off", dx="mask from dy")
def _(dy, y):
    dx = np.array(dy)
    dx[dx < 0] = 0
    return dx


@habit("relu", "asks y >= 0, which always holds", dx="mask lost")
def _(dy, y):
    return dy * (y >= 0)


@habit("relu", "returns the mask", dx="upstream gradient lost")
def _(dy, y):
    return np.where(y > 0, 1.0, 0.0)


@habit("sigmoid", "squashes the output once more", dx="output")
def _(dy, y):
    s = 1 / (1 + np.exp(-y))
    return s * (1 - s) * dy


@habit("sigmoid", "forgets parentheses around y - y²", dx="parenthes")
def _(dy, y):
    return dy * y - y**2


@habit("tanh", "squares the difference", dx="square")
def _(dy, y):
    return dy * (1 - y) ** 2


@habit("tanh", "forgets parentheses around 1 - y²", dx="parenthes")
def _(dy, y):
    return dy * 1 - y**2


@habit("tanh", "divides by the derivative", dx="divided")
def _(dy, y):
    return dy / (1 - y**2)


@habit("leaky_relu", "puts the slope itself on the negative side", dx="upstream|slope .*lost|dy")
def _(dy, y, negative_slope):
    return np.where(y > 0, dy, negative_slope)


@habit("leaky_relu", "fills a mask of zeros with the slope only", dx="positive")
def _(dy, y, negative_slope):
    mask = np.zeros_like(y)
    mask[y < 0] = negative_slope
    return dy * mask


@habit("elu", "multiplies alpha with the output", dx="alpha")
def _(dy, y, alpha):
    return np.where(y > 0, dy, dy * alpha * y)


@habit("softplus", "takes the sigmoid of the output", dx="output")
def _(dy, y):
    return dy * (1 / (1 + np.exp(-y)))


@habit("silu", "differentiates the sigmoid only", dx="product of the derivatives")
def _(dy, x):
    s = 1 / (1 + np.exp(-x))
    return dy * s * (1 - s)


@habit("gelu", "forgets that the distribution function depends on x", dx="gate not differentiated")
def _(dy, x, y):
    return dy * (y / x)


# Softmax and losses -------------------------------------------------------------------------------


@habit("softmax", "subtracts p² from each row of the Jacobian", dx="outer|Jacobian")
def _(dy, y):
    dx = np.empty_like(y)
    for n, p in enumerate(y):
        dx[n] = (np.diag(p) - p * p) @ dy[n]
    return dx


@habit("softmax", "adds the outer product", dx="sign|added")
def _(dy, y):
    return np.stack([(np.diag(p) + np.outer(p, p)) @ g for p, g in zip(y, dy, strict=True)])


@habit("softmax", "forgets keepdims", dx="keepdims|axis")
def _(dy, y):
    return y * (dy - np.sum(dy * y, axis=1))


@habit("softmax_crossentropy", "subtracts 1 at the labels, and no mean", dlogits="1/N")
def _(p, t):
    dlogits = p.copy()
    dlogits[np.arange(len(p)), t.argmax(axis=1)] -= 1
    return dlogits


@habit("softmax_crossentropy", "divides by the number of classes", dlogits="classes|K")
def _(p, t):
    return (p - t) / t.shape[1]


@habit("softmax_crossentropy", "normalizes along the batch", dlogits="axis")
def _(logits, t):
    e = np.exp(logits)
    return (e / np.sum(e, axis=0, keepdims=True) - t) / len(t)


@habit("softmax_crossentropy", "shifts the numerator only", dlogits="normali|shift")
def _(logits, t):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= np.exp(logits).sum(axis=1, keepdims=True)
    return (p - t) / len(t)


@habit("mean_squared_error", "forgets the units", dy="units")
def _(y, t):
    return 2 / len(y) * (y - t)


@habit("mean_squared_error", "takes the size of the error", dy="sign|absolute")
def _(y, t):
    return 2 * np.abs(y - t) / y.size


@habit("binary_crossentropy", "loses the minus of 1 - p", dp="sign")
def _(p, t):
    return -(t / p + (1 - t) / (1 - p)) / t.size


@habit("l2", "keeps the half of the textbook", total="halved")
def _(dW, W, l2):
    return dW + l2 * W


# Normalization and dropout ------------------------------------------------------------------------


@habit("dropout", "divides by the rate", dx="dropped share")
def _(dy, mask, rate):
    return dy * mask / rate


@habit(
    "batchnorm",
    "averages where it has to sum in the variance's gradient",
    dx="twice|averag|mean for the sum",
)
def _(dy, x, gamma, mean, variance, epsilon):
    rows, centred, inverse = len(x), x - mean, 1 / np.sqrt(variance + epsilon)
    dx_hat = dy * gamma
    dvariance = np.mean(dx_hat * centred, axis=0) * -0.5 * inverse**3
    dmean = -np.sum(dx_hat, axis=0) * inverse
    dx = dx_hat * inverse + dvariance * 2 * centred / rows + dmean / rows
    return dx, np.sum(dy * centred * inverse, axis=0), np.sum(dy, axis=0)


@habit("batchnorm", "adds the mean's gradient undivided", dx="1/N")
def _(dy, x, gamma, mean, variance, epsilon):
    rows, centred, inverse = len(x), x - mean, 1 / np.sqrt(variance + epsilon)
    dx_hat = dy * gamma
    dvariance = np.sum(dx_hat * centred, axis=0) * -0.5 * inverse**3
    dmean = -np.sum(dx_hat, axis=0) * inverse
    dx = dx_hat * inverse + dvariance * 2 * centred / rows + dmean
    return dx, np.sum(dy * centred * inverse, axis=0), np.sum(dy, axis=0)


@habit("batchnorm", "forgets the mean's gradient at the end", dx="mean path missing")
def _(dy, x, gamma, mean, variance, epsilon):
    rows, centred, inverse = len(x), x - mean, 1 / np.sqrt(variance + epsilon)
    dx_hat = dy * gamma
    dvariance = np.sum(dx_hat * centred, axis=0) * -0.5 * inverse**3
    dx = dx_hat * inverse + dvariance * 2 * centred / rows
    return dx, np.sum(dy * centred * inverse, axis=0), np.sum(dy, axis=0)


@habit("batchnorm", "multiplies dy by the input for gamma's gradient", dgamma="x in place of x̂")
def _(dy, x, gamma, mean, variance, epsilon):
    rows, inverse = len(x), 1 / np.sqrt(variance + epsilon)
    x_hat = (x - mean) * inverse
    dx = rows * dy - dy.sum(axis=0) - x_hat * (dy * x_hat).sum(axis=0)
    return gamma * inverse / rows * dx, np.sum(dy * x, axis=0), dy.sum(axis=0)


@habit("batchnorm", "takes dbeta for dgamma in dx", dx="dbeta|x̂")
def _(dy, x, gamma, mean, variance, epsilon):
    rows, inverse = len(x), 1 / np.sqrt(variance + epsilon)
    x_hat = (x - mean) * inverse
    dx = rows * dy - dy.sum(axis=0) - x_hat * dy.sum(axis=0)
    return gamma * inverse / rows * dx, np.sum(dy * x_hat, axis=0), dy.sum(axis=0)


@habit("layernorm", "copies the lines of batch normalization after x̂", dx="batch")
def _(dy, x, gamma, epsilon):
    inverse = 1 / np.sqrt(x.var(axis=1, keepdims=True) + epsilon)
    x_hat = (x - x.mean(axis=1, keepdims=True)) * inverse
    dgamma, dbeta = np.sum(dy * x_hat, axis=0), np.sum(dy, axis=0)
    return gamma * inverse * (dy - (dbeta + x_hat * dgamma) / len(x)), dgamma, dbeta


@habit("layernorm", "divides by the rows", dx="divided by N")
def _(dy, x, gamma, epsilon):
    inverse = 1 / np.sqrt(x.var(axis=1, keepdims=True) + epsilon)
    x_hat = (x - x.mean(axis=1, keepdims=True)) * inverse
    g, rows = dy * gamma, x.shape[0]
    sums = np.sum(g, axis=1, keepdims=True) + x_hat * np.sum(g * x_hat, axis=1, keepdims=True)
    return inverse * (g - sums / rows), np.sum(dy * x_hat, axis=0), np.sum(dy, axis=0)


MORE = [Habit(*row) for row in fresh_more.ROWS]
LAST = [Habit(*row) for row in fresh_last.ROWS]
UNLEARNED = [Habit(*row) for row in fresh_unlearned.ROWS]
STRANGER = [Habit(*row) for row in fresh_stranger.ROWS]


def verdict(habit: Habit) -> str:
    """The diagnosis of a habit: "right", "wrong" or "none"."""
    found = diagnose(habit.function, habit.kernel)
    if found.problem:
        expected = habit.words.get("problem")
        # What a backward does as a whole is named, or its exception is told.
        return "right" if found.problem == expected else "none"
    states = {_state(habit, output, names) for output, names in found.outputs.items()}
    return next(state for state in ("wrong", "none", "right") if state in states)


def _state(habit: Habit, output: str, names: tuple[str, ...]) -> str:
    if output not in habit.words:
        return "wrong" if names else "right"
    if not names:
        return "wrong"
    named = [name for name in names if not NO_NAME.fullmatch(name)]
    if not named:
        return "none"
    return "right" if all(re.search(habit.words[output], name) for name in named) else "wrong"


def count(habits: list[Habit], details: bool = True) -> Counter[str]:
    """The number of each verdict; ``details`` prints what was told."""
    counts: Counter[str] = Counter()
    for habit in habits:
        state = verdict(habit)
        counts[state] += 1
        if details:
            found = diagnose(habit.function, habit.kernel)
            wrong = (f"{o}: {', '.join(names)}" for o, names in found.outputs.items() if names)
            told = found.problem or "; ".join(wrong) or "correct"
            say(f"{state:<6}{habit.kernel}: {habit.done}: {told}")
    return counts


if __name__ == "__main__":
    for habits in (HABITS, MORE, LAST, UNLEARNED, STRANGER):
        counts = count(habits)
        say(
            f"{len(habits)} wrong backwards: {counts['right']} named rightly, "
            f"{counts['wrong']} wrongly, {counts['none']} not named\n"
        )
