"""What goes wrong on a device, and what is handed to it from elsewhere: an error that says so."""

from __future__ import annotations

import multiprocessing
import os
import warnings

import numpy as np
import pytest

import minidl
from minidl.backend import BackendUnavailableError, cuda, to_device, use
from minidl.layers import Dense
from minidl.network import conversion
from tests.doubles.cupy_double import STATE, installed


@pytest.fixture(autouse=True)
def double():
    with installed(), use("cupy"):
        yield


def model(rows=3):
    minidl.utils.set_random_seed(1)
    return minidl.Sequential([Dense(4, "relu", input_shape=(rows,)), Dense(2)], dtype="float64")


def test_data_that_do_not_fit_are_measured(monkeypatch):
    monkeypatch.setattr(STATE, "free", 5 << 20)
    with pytest.raises(MemoryError) as error:
        to_device(np.zeros((1000, 1000)))
    text = str(error.value)
    assert "an array of 7.6 MiB does not fit on the device" in text
    assert "of whose 81,920 MiB 5 are free" in text
    assert "Out of memory allocating 8,000,000 bytes" in text


def test_batches_that_do_not_fit_are_named(monkeypatch):
    made = model()
    made.build()
    monkeypatch.setattr(STATE, "free", 1 << 20)
    with pytest.raises(MemoryError, match="computes with batches of 100000 rows does not fit"):
        made.bind(100_000)


def test_memory_of_the_host_is_not_taken_for_that_of_the_device():
    with pytest.raises(MemoryError, match=r"^no more here$"), cuda.allocating("it"):
        raise MemoryError("no more here")


def test_an_array_of_numpy_is_moved_with_one_note():
    made, x = model(), np.random.default_rng(0).normal(size=(5, 3))
    conversion.note_of_moving.cache_clear()
    with pytest.warns(UserWarning, match="is copied there, as it will be at each call") as caught:
        first = made.forward(x).get()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(made.forward(x).get(), first)
        made.compile("sgd", "mse")
        made.fit(x, x[:, :2], verbose=0)  # which copies the data once
        made.predict(x)
    conversion.note_of_moving.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made.forward(to_device(x))


def test_weights_of_either_backend_are_taken():
    made = model()
    with use("numpy"):
        other = model()
        other.build()
    there = [to_device(2 * w) for w in other.get_weights()]
    made.set_weights(there)
    for weight, expected in zip(made.get_weights(), there, strict=True):
        np.testing.assert_array_equal(weight, expected.get())
    other.set_weights(there)
    other.set_weights([w / 2 for w in other.get_weights()])
    made.set_weights(other.get_weights())
    np.testing.assert_array_equal(made.get_weights()[0], other.get_weights()[0])


def _in_a_fork(connection, made):
    said = []
    for call in (lambda: use("cupy"), lambda: made.forward(np.ones((2, 3)))):
        try:
            call()
        except BackendUnavailableError as error:
            said.append(str(error))
    with use("numpy"):
        said.append(float(model().forward(np.zeros((1, 3))).sum()))
    connection.send(said)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_forked_from_one_that_used_it_is_told():
    made = model()
    made.forward(to_device(np.ones((2, 3))))
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_in_a_fork, args=(there, made))
    process.start()
    assert here.poll(60)
    first, second, on_the_cpu = here.recv()
    process.join()
    for text in (first, second):
        assert "before this process was forked" in text
        assert "get_context('spawn')" in text
    assert on_the_cpu == 0  # which goes on
    made.forward(to_device(np.ones((2, 3))))  # and so does this process
