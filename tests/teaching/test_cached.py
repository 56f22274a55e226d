"""Backwards that take (dout, cache): with the cache of a forward, or with the course's own."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.testing import diagnose


def affine_forward(x, w, b):
    return x @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    return dout @ w.T, x.T @ dout, np.sum(dout, axis=0)


def batchnorm_forward(x, gamma, beta, bn_param):
    assert bn_param["mode"] == "train"
    eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    mu, var = x.mean(axis=0), x.var(axis=0)
    bn_param["running_mean"] = (1 - momentum) * mu
    ivar = 1 / np.sqrt(var + eps)
    xhat = (x - mu) * ivar
    return gamma * xhat + beta, (xhat, gamma, ivar, x - mu)


def batchnorm_backward(dout, cache):
    """By stages, as the course has it."""
    xhat, gamma, ivar, xmu = cache
    rows = len(dout)
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    dvar = -0.5 * ivar**3 * np.sum(dxhat * xmu, axis=0)
    dxmu = dxhat * ivar + 2 / rows * xmu * dvar
    return dxmu - np.mean(dxmu, axis=0), dgamma, dbeta


def layernorm_forward(x, gamma, beta, ln_param):
    out, cache = batchnorm_forward(x.T, 1.0, 0.0, {**ln_param, "mode": "train"})
    return gamma * out.T + beta, (cache, gamma)


def layernorm_backward(dout, cache):
    inner, gamma = cache
    dx = batchnorm_backward((dout * gamma).T, inner)[0].T
    return dx, np.sum(dout * inner[0].T, axis=0), np.sum(dout, axis=0)


def relu_backward(dout, cache):
    return dout * (cache > 0)


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    return dout * mask if dropout_param["mode"] == "train" else dout


@pytest.mark.parametrize(
    ("kernel", "backward", "forward"),
    [
        ("dense", affine_backward, affine_forward),
        ("dense", affine_backward, None),
        ("relu", relu_backward, lambda x: (np.maximum(x, 0), x)),
        ("relu", relu_backward, None),
        ("sigmoid", lambda dout, cache: dout * cache * (1 - cache),
         lambda x: (1 / (1 + np.exp(-x)), 1 / (1 + np.exp(-x)))),
        ("leaky_relu", lambda dout, cache: np.where(cache[0] > 0, dout, cache[1] * dout),
         lambda x, slope: (np.where(x > 0, x, slope * x), (x, slope))),
        ("dropout", dropout_backward, None),
        ("batchnorm", batchnorm_backward, batchnorm_forward),
        ("layernorm", layernorm_backward, layernorm_forward),
    ],
)  # fmt: skip
def test_a_right_one_is_correct(kernel, backward, forward):
    found = diagnose(backward, kernel, forward=forward)
    assert found.correct, found


def test_a_mistake_is_told():
    def unsummed(dout, cache):
        dx, dw, db = affine_backward(dout, cache)
        return dx, dw.T, db / len(dout)

    found = diagnose(unsummed, "dense", forward=affine_forward)
    assert found.outputs == {"dx": (), "dW": ("transposed product",), "db": ("db averaged",)}

    def no_axis(dout, cache):
        xhat, gamma, ivar, xmu = cache
        dxhat = dout * gamma
        dvar = -0.5 * ivar**3 * np.sum(dxhat * xmu, axis=0)
        dmu = np.sum(-dxhat * ivar)
        dx = dxhat * ivar + 2 / len(dout) * xmu * dvar + dmu / len(dout)
        return dx, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)

    found = diagnose(no_axis, "batchnorm", forward=batchnorm_forward)
    assert found.outputs["dx"] == ("mean's gradient summed over everything",)


def spoilt(dout, cache):
    cache[0][...] = 0
    return affine_backward(dout, cache)


@pytest.mark.parametrize(
    ("backward", "kernel", "forward", "problem", "words"),
    [
        (affine_backward, "dense", lambda x, w, b: (x @ w, (x, w, b)), "forward", "wrong by up to"),
        (affine_backward, "dense", lambda x, w, b: x @ w + b, "forward", "expected (out, cache)"),
        (affine_backward, "dense", lambda x, w, b: ((x @ w).T, x), "forward", "shape"),
        (affine_backward, "dense", lambda x: (x, x), "forward", "TypeError"),
        (batchnorm_backward, "batchnorm", None, "signature", "forward=..."),
        (lambda dout, cache: dout, "l2", None, "signature", "forward=..."),
        (lambda dout, cache: dout, "l2", affine_forward, "signature", "not called with a cache"),
        (lambda dout, cache: cache[7], "dense", affine_forward, "exception", "IndexError"),
        (spoilt, "dense", affine_forward, "in place", "argument x"),
    ],
)
def test_what_cannot_be_compared_is_told(backward, kernel, forward, problem, words):
    found = diagnose(backward, kernel, forward=forward)
    assert found.problem == problem
    assert words in str(found)


def test_the_line_of_an_exception_is_the_student_s():
    def backward(dout, cache):
        return dout.no_such_thing

    found = str(diagnose(backward, "dense", forward=affine_forward))
    assert "of backward (return dout.no_such_thing)" in found


def test_a_forward_is_a_function():
    with pytest.raises(TypeError, match="forward: expected a function, received int"):
        diagnose(affine_backward, "dense", forward=3)
