"""Products outside recorded steps."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

from minidl.accelerator.cpu.shares import SMALL
from minidl.accelerator.cpu.team.team import end_team
from minidl.accelerator.record import products as blas
from minidl.backend import use

ROOT = Path(__file__).parents[3]


def operands(rows, inner, columns, dtype):
    random = np.random.default_rng(0)
    a = random.standard_normal((rows, inner)).astype(dtype)
    return a, random.standard_normal((inner, columns)).astype(dtype)


@pytest.mark.parametrize("executor", ["blocks", "compiled"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("size", [10, 70, 110])
def test_it_is_the_product(size, dtype, executor):
    """What commands do not take stays with NumPy."""
    assert 10**3 < SMALL < 70**3
    a, b = operands(size, size, size, dtype)
    out = np.full((size, size), np.nan, dtype)
    with use("numpy", executor=executor):
        for _ in range(2):  # the second finds how the first was shared out
            out[...] = np.nan
            assert blas.multiply(a, b, out) is out
            wanted = a.astype("float64") @ b.astype("float64")
            # a sum of `size` products, whatever its order
            bound = size * np.finfo(dtype).eps * (abs(a).astype("f8") @ abs(b).astype("f8"))
            assert np.all(abs(out - wanted) <= bound)
            a *= -1


def test_arrays_that_are_gone_are_not_kept():
    with use("numpy", executor="compiled"):
        a, b = operands(120, 120, 120, "float32")
        out = np.empty((120, 120), "float32")
        blas.multiply(a, b, out)
        gone = [weakref.ref(array) for array in (a, b, out)]
        del a, b, out
    assert [reference() for reference in gone] == [None] * 3


@pytest.fixture
def products(monkeypatch):
    """What this thread knows of products: nothing yet. Every size is shared out in terms."""
    use("numpy", executor="compiled")
    end_team()
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(blas._here, "products", blas._Products())
    yield blas._here.products
    end_team()


def test_what_is_known_of_places_is_bounded(monkeypatch, products):
    monkeypatch.setattr(blas, "MOST", 3)
    kept = []
    for _ in range(7):
        a, b = operands(70, 70, 70, "float32")
        kept.append((a, b, np.empty((70, 70), "float32")))
        blas.multiply(*kept[-1])
        assert 0 < len(products.made) <= 3
    for a, b, out in kept:
        np.testing.assert_allclose(out, a @ b, rtol=1e-4, atol=1e-4)


INNER = 64, 400, 96  # shared out as terms of the whole result: little of it, of much


@pytest.mark.parametrize("which", range(3))
def test_a_product_ends_with_any_of_its_arrays(which, products):
    """Also where these are views: with what they are views of."""
    a, b = operands(*INNER, "float32")
    arrays = [a.repeat(2, axis=0), b, np.empty((64, 96), "float32")]
    blas.multiply(arrays[0][::2], arrays[1], arrays[2])
    assert len(products.made) == len(products._rooms) == 1
    del a, b
    arrays[which] = None
    assert len(products.made) == len(products._rooms) == 0


def test_products_of_a_thread_share_the_memory_of_their_terms(products):
    a, b = operands(*INNER, "float32")
    outs = [np.empty((64, 96), "float32") for _ in range(5)]
    for out in outs:
        blas.multiply(a, b, out)
    assert (len(products.made), len(products._rooms)) == (5, 1)
    for out in outs:
        np.testing.assert_array_equal(out, outs[0])
    blas.multiply(b.T, a.T, large := np.empty((96, 64), "float32"))
    np.testing.assert_allclose(large.T, outs[0], rtol=1e-4, atol=1e-4)


def test_other_threads_know_nothing_of_them(products):
    a, b = operands(*INNER, "float32")
    out = np.empty((64, 96), "float32")
    blas.multiply(a, b, out)
    known = []

    def there():
        known.append(len(blas._here.products.made))
        blas.multiply(a, b, np.empty_like(out))
        known.append(blas._here.products is products)

    thread = threading.Thread(target=there)
    thread.start()
    thread.join()
    assert known == [0, False]
    assert len(products.made) == 1


FORKING = """
import os
import numpy as np
from minidl.accelerator.record import products as blas
from minidl.backend import use
use("numpy", executor="compiled")
a, out = np.ones((200, 200), "float32"), np.zeros((200, 200), "float32")
blas.multiply(a, a, out)
child = os.fork()
out[...] = 0
blas.multiply(a, a, out)
right = bool((out == 200).all())
if child == 0:
    os._exit(0 if right else 3)
assert right and os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_multiplies_with_threads_of_its_own():
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", FORKING], env=environment, check=True, timeout=120)
