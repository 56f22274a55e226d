"""Two GPUs in one process: each model computes on its own, whichever is the current one."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from scipy.sparse import csr_array

import minidl
from minidl import train_step
from minidl.backend import backend_of, current, to_device, use
from minidl.layers import Dense, Dropout
from tests.doubles.cupy_double import cupy as cp
from tests.doubles.cupy_double import installed

X = np.random.default_rng(0).normal(size=(96, 5))
Y = np.random.default_rng(1).integers(0, 3, 96)


@pytest.fixture(autouse=True)
def two():
    with installed(devices=2), use("cupy"):
        yield


def made(seed=1):
    minidl.utils.set_random_seed(seed)
    layers = [Dense(8, "relu"), Dropout(0.2), Dense(3, "softmax")]
    model = minidl.Sequential([minidl.Input((5,)), *layers], dtype="float64")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def trained(model):
    history = model.fit(X, Y, 8, verbose=0, validation_split=0.2)
    return history.history["loss"], model.predict(X), model.evaluate(X, Y, verbose=0)


def devices_of(model):
    arrays = (model.theta, model.grad, *model.optimizer.state.values())
    return {int(array.device) for array in arrays}


@pytest.mark.filterwarnings("ignore:fit continues from step")
def test_models_on_two_gpus_train_as_each_would_alone():
    alone = made(), made(2)
    for model in alone:
        for _ in range(2):
            model.fit(X, Y, 8, verbose=0)
    on_0 = made()
    with use("cupy", device=1) as backend:
        assert (backend.device, cp.cuda.runtime.getDevice()) == (1, 1)
        on_1 = made(2)
    assert (current().device, cp.cuda.runtime.getDevice()) == (0, 0)
    # In turns, and each where the other one's GPU is the current one.
    for _ in range(2):
        on_1.fit(X, Y, 8, verbose=0)
        with use("cupy", device=1):
            on_0.fit(X, Y, 8, verbose=0)
    assert (devices_of(on_0), devices_of(on_1)) == ({0}, {1})
    for model, other in zip((on_0, on_1), alone, strict=True):
        for a, b in zip(trained(model), trained(other), strict=True):
            np.testing.assert_array_equal(a, b)
    assert cp.cuda.runtime.getDevice() == 0


def test_a_network_computes_on_its_gpu_for_a_loop_of_ones_own():
    with use("cupy", device=1):
        network = minidl.models.Network([Dense(3)], dtype="float64")
        loss = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
        optimizer = minidl.optimizers.Adam()
        for _ in range(4):
            value, _, _ = train_step(network, loss, optimizer, to_device(X), to_device(Y[:, None]))
        assert int(value.device) == 1
    found = network.forward(to_device(X))  # an array of GPU 0
    assert int(found.device) == 1
    weights = network.get_weights()
    network.set_weights(weights)
    network.bind(200)
    np.testing.assert_allclose(found.get(), X @ weights[0] + weights[1], rtol=1e-12)
    assert cp.cuda.runtime.getDevice() == 0


def test_arrays_go_where_the_backend_is():
    there = to_device(X)
    sparse = current().to_device(csr_array(X))
    with use("cupy", device=1):
        moved = to_device(there)
        assert (int(moved.device), backend_of(moved).device) == (1, 1)
        assert to_device(moved) is moved
        assert (
            to_device(
                there,
            ).dtype
            == np.float64
        )
        assert int(current().to_device(sparse).data.device) == 1
        assert current().to_device(there, "float32").dtype == np.float32
    assert backend_of(there).device == 0
    np.testing.assert_array_equal(moved.get(), X)


def test_a_thread_begins_on_the_first_gpu_and_its_models_stay_there():
    found = []
    with use("cupy", device=1):
        model = made()

        def work():
            found.append(cp.cuda.runtime.getDevice())
            found.append(trained(model)[0])
            found.append(cp.cuda.runtime.getDevice())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert (found[0], found[2]) == (0, 0)
    assert devices_of(model) == {1}


@pytest.mark.parametrize("device", [2, -1, True, "1", 0.0])
def test_another_gpu_is_refused(device):
    with pytest.raises(ValueError, match=r"device: expected the number of one of 2 GPUs, from 0"):
        use("cupy", device=device)
    assert current().device == 0


def test_a_gpu_is_for_cupy():
    with pytest.raises(ValueError, match="device: expected the backend 'cupy', received 'numpy'"):
        use("numpy", device=0)
