"""What no known mistake explains: factors, places, imprecision, and the honestly unknown."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.testing import diagnose
from tests.teaching.students import dense


@pytest.mark.parametrize(
    ("factor", "name"),
    [
        (lambda x, W: 3, "factor 3"),
        (lambda x, W: -0.25, "factor -0.25"),
        (lambda x, W: len(x), "factor N"),
        (lambda x, W: 2 / W.shape[1] ** 2, "factor 2 / O²"),
        (lambda x, W: 0.5 * len(x) / W.shape[0], "factor 0.5 · N / I"),
        (lambda x, W: 1 / W.size, "factor 1 / I / O"),
        (lambda x, W: 1.0001 * len(x) ** 3, "factor 1.0001 · N³"),
        (lambda x, W: W.shape[0] ** -3, "factor 1 / I³"),
    ],
)
def test_a_factor_is_told(factor, name):
    found = diagnose(dense(dx=lambda dy, x, W: factor(x, W) * dy @ W.T), "dense")
    assert found.outputs == {"dx": (name,), "dW": (), "db": ()}
    assert f"dx is wrong by a factor: {name[7:]} times the right one." in str(found)


def test_a_factor_upon_a_known_mistake():
    found = diagnose(lambda dy, y: 3 * dy * y * (1 - y), "softmax")
    assert found.outputs == {"dx": ("diagonal Jacobian and factor 3",)}
    assert "wrong by two mistakes at once, diagonal Jacobian" in str(found)
    assert "and a factor of 3." in str(found)


def spoiled(index, value=0.0):
    """A tanh backward that puts something else in one place."""

    def backward(dy, y):
        dx = dy * (1 - y**2)
        dx[index(dx)] = value
        return dx

    return backward


@pytest.mark.parametrize(
    ("index", "place"),
    [
        (lambda dx: np.s_[-1], "the last row"),
        (lambda dx: np.s_[0], "the first row"),
        (lambda dx: np.s_[:, 0], "the first column"),
        (lambda dx: np.s_[:, -1], "the last column"),
        (lambda dx: np.s_[1:2], "the second row"),
        (lambda dx: np.s_[2:3], "the third row"),
        (lambda dx: np.s_[:, -2:-1], "the last but one column"),
        (lambda dx: np.s_[0, -1], "one entry, in the first row and the last column"),
        (lambda dx: np.diag_indices(min(dx.shape)), "the diagonal"),
        (lambda dx: np.pad(np.zeros(np.maximum(0, np.array(dx.shape) - 2), bool), 1,
                           constant_values=True)[tuple(map(slice, dx.shape))],
         "the border: the first and last rows and columns"),
    ],
)  # fmt: skip
def test_a_place_is_told(index, place):
    found = diagnose(spoiled(index), "tanh")
    assert found.outputs == {"dx": ("wrong in one place",)}
    assert str(found) == f"tanh: dx is right but for {place}, where it is 0."
    assert str(diagnose(spoiled(index, 7.0), "tanh")) == f"tanh: dx is right but for {place}."
    text = f"tanh: dx is right but for {place}, where it is not finite."
    assert str(diagnose(spoiled(index, np.nan), "tanh")) == text


def test_more_than_the_border_is_no_place():
    """Nor is anything that leaves nothing right."""

    def rows(dx):
        return np.isin(np.arange(len(dx)), [0, 1, len(dx) - 1])

    for index in (rows, lambda dx: rows(dx)[::-1], lambda dx: np.s_[:]):
        assert diagnose(spoiled(index, 7.0), "tanh").outputs == {"dx": ("unknown",)}


def test_a_factor_upon_a_mistake_that_is_not_finite_everywhere():
    """Divided by N - 1, which is 0 for one row."""

    def backward(dy, x, gamma, mean, variance, epsilon):
        rows = len(x) - 1
        inverse = (variance + epsilon) ** -0.5
        x_hat = (x - mean) * inverse
        dgamma, dbeta = np.sum(dy * x_hat, axis=0), np.sum(dy, axis=0)
        return 5 * gamma * inverse * (dy - (dbeta + x_hat * dgamma) / rows), dgamma, dbeta

    found = diagnose(backward, "batchnorm")
    assert found.outputs["dx"] == ("N - 1 in place of N and factor 5",)


@pytest.mark.parametrize(("index", "place"), [(0, "first"), (-1, "last"), (slice(1, 2), "second")])
def test_a_place_in_a_vector_is_told(index, place):
    def db(dy, x, W):
        total = dy.sum(0)
        total[index] = 5
        return total

    found = diagnose(dense(db=db), "dense")
    assert str(found).startswith(f"dense: db is right but for the {place} entry.")


def test_another_value_at_a_kink_is_told():
    found = diagnose(lambda dy, x: dy * np.where(x == 0, 0.5, x > 0), "relu")
    assert str(found) == "relu: dx is right but for the kink, at exactly 0."


@pytest.mark.parametrize(
    ("backward", "pattern"),
    [
        (lambda dy, y: dy * (1 - y * y) * (1 + dy[:, :1] ** 2), "each row by a factor of its own"),
        (lambda dy, y: dy * (1 - y * y) * (1 + dy[:1] ** 2), "each column by a factor of its own"),
        (lambda dy, y: dy * (1 - y * y) * (1 + dy[0, 0] ** 2),
         "in each input by a factor of its own"),
        (lambda dy, y: dy * (1 - y * y) * np.where(dy > 0.5, 1, -1),
         "the sizes are right and only signs are wrong"),
        (lambda dy, y: np.cos(dy + y), "the ratios to the right values follow no pattern"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_said_to_be_so(backward, pattern):
    found = diagnose(backward, "tanh")
    assert found.outputs == {"dx": ("unknown",)}
    text = str(found)
    assert text.startswith("tanh: dx is wrong in a way that is not known, on ")
    assert f"; {pattern}." in text


def test_the_first_wrong_entries_are_shown():
    seen = []

    def backward(dy, y):
        seen.append((dy, y))
        return dy * (1 - y * y) + np.cos(dy)

    text = str(diagnose(backward, "tanh"))
    dy, y = seen[0]
    right = dy * (1 - y * y)
    assert f"first for N = {dy.shape[0]} and O = {dy.shape[1]}: " in text
    for k in range(3):
        assert (
            f"dx[0, {k}] is {right[0, k] + np.cos(dy[0, k]):.6g}, expected {right[0, k]:.6g}"
            in text
        )


def test_how_many_inputs_are_wrong_is_told():
    def backward(dy, y):
        return dy * (1 - y * y) + (len(dy) == 1) * np.cos(dy)

    assert "not known, on 2 of 10 inputs; first for N = 1 and O = " in str(
        diagnose(backward, "tanh")
    )


def test_an_imprecise_one_is_called_so():
    def numeric(dy, x):
        return dy * (np.tanh(x + 1e-3) - np.tanh(x)) / 1e-3

    found = diagnose(numeric, "tanh")
    assert found.outputs == {"dx": ("imprecise",)}
    assert not found.correct
    assert "right to a relative error of" in str(found)


def test_a_small_constant_is_no_mistake():
    found = diagnose(lambda p, t: -t / (p + 1e-8) / len(p), "categorical_crossentropy")
    assert found.correct
    assert 1e-9 < found.error < 1e-6
    assert "a small constant in the formula" in str(found)
