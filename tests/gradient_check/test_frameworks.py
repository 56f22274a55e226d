"""Gradients of PyTorch and JAX, with planted mistakes: both are in the extra ``thorough``."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from minidl.gradient_check import (
    GradientDtypeError,
    GradientError,
    GradientShapeError,
    InPlaceError,
    KinkError,
    NondeterministicError,
    check_foreign,
    gradcheck,
)

pytestmark = pytest.mark.thorough

RANDOM = np.random.default_rng(0)
X, W = RANDOM.normal(size=(5, 4)), RANDOM.normal(size=(4, 3))


@pytest.fixture(scope="module")
def torch():
    found = importlib.import_module("torch")
    found.set_num_threads(1)  # tiny products, beside other tests
    return found


@pytest.fixture(scope="module")
def jax():
    return importlib.import_module("jax")


def names(result):
    return [check.label for check in result.checks]


# PyTorch ------------------------------------------------------------------------------------------


def product(torch, dW=lambda dy, x, W: x.T @ dy, forward=lambda x, W: x @ W):
    """A torch.autograd.Function of two matrices."""

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, W):
            ctx.save_for_backward(x, W)
            return forward(x, W)

        @staticmethod
        def backward(ctx, dy):
            x, W = ctx.saved_tensors
            return dy @ W.T, dW(dy, x, W)

    return Product


def test_a_function_of_torch_is_right(torch):
    found = gradcheck(product(torch), X, torch.from_numpy(W))
    assert names(found) == ["input 0", "input 1", "all together"]
    assert found.max_error < 1e-10


@pytest.mark.parametrize(
    ("dW", "words"),
    [
        (lambda dy, x, W: x.T @ dy / len(x), "every entry is 0.2 times the numeric one"),
        (lambda dy, x, W: -(x.T @ dy), "every entry"),
        (lambda dy, x, W: x.T @ dy * (1 + 1e-6), "wrong"),
        (lambda dy, x, W: None, "analytic 0, numeric"),
    ],
)
def test_a_wrong_function_of_torch_is_found(torch, dW, words):
    with pytest.raises(GradientError, match=words) as error:
        gradcheck(product(torch, dW), X, W)
    assert [failure.check.name for failure in error.value.failures] == ["input 1"]


def test_other_faults_of_a_function_of_torch_are_told(torch):
    with pytest.raises(GradientShapeError, match=r"Product: backward: .*expected shape compatible"):
        gradcheck(product(torch, lambda dy, x, W: dy.T @ x), X, W)
    with pytest.raises(GradientDtypeError, match="Product: input 0: expected float64, received f"):
        gradcheck(product(torch), X.astype(np.float32), W)
    with pytest.raises(GradientDtypeError, match="forward: expected float64, received float32"):
        gradcheck(product(torch, forward=lambda x, W: x.float() @ W.float()), X, W)
    with pytest.raises(InPlaceError, match="its input input 0"):
        gradcheck(product(torch, forward=lambda x, W: x.data.mul_(2) @ W), X.copy(), W)
    draws = np.random.default_rng()
    with pytest.raises(NondeterministicError):
        gradcheck(product(torch, forward=lambda x, W: x @ W * draws.random()), X, W)
    with pytest.raises(TypeError, match="expected the forward's arguments after the subject"):
        gradcheck(product(torch))
    with pytest.raises(TypeError, match="training: expected None"):
        gradcheck(product(torch), X, W, training=True)


def test_random_numbers_of_torch_are_the_same_in_each_call_and_the_caller_s_go_on(torch):
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    found = gradcheck(torch.nn.Dropout(0.5), X, training=True)
    assert torch.equal(torch.rand(2), wanted)
    # Drawn from the check's seed, whatever the caller's state.
    assert gradcheck(torch.nn.Dropout(0.5), X, training=True) == found
    assert gradcheck(torch.nn.Dropout(0.5), X, training=True, seed=1) != found


def module(torch):
    nn = torch.nn
    layers = nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(0.3), nn.Linear(6, 2)
    return nn.Sequential(*layers).double()


def test_a_module_is_checked_in_both_modes_and_left_as_it_was(torch):
    subject = module(torch)
    before = {key: value.clone() for key, value in subject.state_dict().items()}
    subject.eval()
    subject[0].bias.requires_grad_(False)
    found = gradcheck(subject, X)
    assert "training: 0.weight" in names(found)
    assert "inference: input 0" in names(found)
    assert "training: 0.bias" not in names(found)
    assert not any(part.training for part in subject.modules())
    assert all(torch.equal(before[key], value) for key, value in subject.state_dict().items())
    assert all(parameter.grad is None for parameter in subject.parameters())


def test_a_wrong_module_is_found(torch):
    class Scale(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))

        def forward(self, x, power):
            kept = x.detach() if self.training else x  # a path that is cut
            return x * self.scale, (kept**power).sum()

    with pytest.raises(GradientError, match="training: input 0") as error:
        gradcheck(Scale(), RANDOM.normal(size=(2, 3)), 2)
    assert len(error.value.failures) >= 1
    assert names(gradcheck(Scale(), RANDOM.normal(size=(2, 3)), 2, training=False))


def test_a_kink_of_a_module_is_named(torch):
    x = np.array([[1.0, 0.0], [-1.0, 2.0]])
    with pytest.raises(KinkError, match=r"training: input 0\[0, 1\] = 0, slope 0 to the left, "):
        gradcheck(torch.nn.ReLU(), x)
    with pytest.raises(GradientDtypeError, match=r"Linear: weight \(module.double\(\) helps\)"):
        gradcheck(torch.nn.Linear(2, 3), x)


# JAX ----------------------------------------------------------------------------------------------


def sine(jax, backward):
    @jax.custom_vjp
    def sine(x):
        return jax.numpy.sin(x)

    sine.defvjp(lambda x: (jax.numpy.sin(x), x), backward)
    return sine


def test_a_function_with_custom_vjp(jax):
    cosine = jax.numpy.cos
    found = gradcheck(sine(jax, lambda x, dy: (dy * cosine(x),)), X)
    assert names(found) == ["input 0"]
    assert found.max_error < 1e-10
    with pytest.raises(GradientError, match="sine: 1 of 1 are wrong"):
        gradcheck(sine(jax, lambda x, dy: (-dy * cosine(x),)), X)
    with pytest.raises(GradientShapeError, match="sine: backward: "):
        gradcheck(sine(jax, lambda x, dy: ((dy * cosine(x)).T,)), X)


def test_a_function_with_custom_jvp(jax):
    def softplus(rule):
        @jax.custom_jvp
        def softplus(x):
            return jax.numpy.log1p(jax.numpy.exp(x))

        softplus.defjvp(lambda at, move: (softplus(at[0]), move[0] * rule(at[0])))
        return softplus

    sigmoid = jax.nn.sigmoid
    assert gradcheck(softplus(sigmoid), X).max_error < 1e-10
    with pytest.raises(GradientError):
        gradcheck(softplus(lambda x: sigmoid(x) * (1 - sigmoid(x))), X)


def test_containers_and_several_outputs_of_jax(jax):
    @jax.jit
    def network(parameters, x, rows):
        y = jax.numpy.tanh(x @ parameters["W"] + parameters["b"])
        return y, y.sum() / rows

    found = gradcheck(network, {"W": W, "b": np.ones(3)}, X, 5)
    assert names(found) == ["input 0['W']", "input 0['b']", "input 1", "all together"]
    assert jax.numpy.zeros(1).dtype == np.float32  # the caller's precision is as it was


def test_a_kink_of_jax_is_named(jax):
    with pytest.raises(KinkError, match=r"input 0\[1\] = 0, slope 0 to the left"):
        gradcheck(jax.jit(jax.nn.relu), np.array([1.0, 0.0, -1.0]), dy=np.ones(3))


def test_float32_is_no_point_for_jax(jax):
    with pytest.raises(GradientDtypeError, match="input 0: expected float64, received float32"):
        gradcheck(jax.jit(jax.numpy.sin), X.astype(np.float32))
    with pytest.raises(TypeError, match="expected an input of float64, received none"):
        gradcheck(jax.jit(jax.numpy.sin), np.arange(3))


def test_what_is_of_no_framework_is_refused():
    with pytest.raises(TypeError, match=r"expected a torch\.autograd\.Function"):
        check_foreign(np.sin, X)
