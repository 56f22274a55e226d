"""The table of jobs, and the network that minidl makes of each."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.train import jobs, peers
from benchmarks.train.data import Rows, prepare
from benchmarks.train.peers import floor, on_minidl
from minidl import datasets
from tests.replays.conftest import pictures

# Inputs · units + units of each dense layer, and gamma and beta of each normalized unit.
PARAMETERS = {
    "001": 784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10,
    "001-deep": 200_960 + 65_792 + 32_896 + 16_512 + 1290,
    "001-dropout": 317_450,
    "001-l2": 317_450,
    "001-bn": 317_450 + 2 * (256 + 256 + 128 + 128),
    "000-dropout": 203_530,
    "000-bn": 101_770 + 256,
    "002-sgd": 79_510,
    "002-rmsprop": 79_510,
    "002-dropout": 79_510,
    "004-develop": 200_960 + 32_896 + 33_024 + 16_448 + 128 + 650,
    "004-overfit": 103_424 + 524_800 + 65_664 + 8256 + 4160 + 65,
    "003": 160_016 + 272 + 17,
}


@pytest.mark.parametrize("job", jobs.JOBS.values(), ids=str)
def test_minidl_builds_each_network_with_the_parameters_of_the_table(job):
    model = on_minidl.build(job)
    assert model.theta.size == job.parameters == PARAMETERS.get(job.name, job.parameters)
    assert model.output_row == (job.outputs,)
    penalised = sum(bool(layer.l1 or layer.l2) for layer in job.hidden) + bool(job.output_l2)
    assert len(model.penalties) == penalised
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Dropout") == sum(bool(layer.dropout) for layer in job.hidden)
    assert kinds.count("BatchNormalization") == sum(bool(x.normalized) for x in job.hidden)
    for layer in model.layers:
        if getattr(layer, "rate", 0):
            assert layer.rate in {hidden.dropout for hidden in job.hidden}
    assert type(model.optimizer).__name__.lower() == job.optimizer.name
    assert model.optimizer.learning_rate == job.optimizer.learning_rate


def test_all_of_the_tutorials_rows_are_there_and_no_other_has_their_shape():
    assert [job.name for job in jobs.TABLE] == list(PARAMETERS)
    shapes = {(tuple(layer.units for layer in job.hidden), job.batch) for job in jobs.TABLE}
    others = {(tuple(layer.units for layer in job.hidden), job.batch) for job in jobs.OTHERS}
    assert not shapes & others
    assert {a for job in jobs.OTHERS for a in (x.activation for x in job.hidden)} >= {
        *("tanh", "elu", "sigmoid")
    }


def test_normalization_stands_where_the_table_says():
    def kinds(name):
        return [type(layer).__name__ for layer in on_minidl.build(jobs.JOBS[name]).layers]

    assert kinds("000-bn")[-3:] == ["Dense", "BatchNormalization", "Dense"]
    dense, norm, activation = kinds("001-bn")[-4:-1]
    assert (dense, norm, activation) == ("Dense", "BatchNormalization", "Activation")


def test_the_last_batch_takes_what_is_left():
    (job,) = jobs.find(["odd-sizes"], 200)
    assert job.batches == [77, 77, 46]
    (job,) = jobs.find(["001"], 300)
    assert job.batches == [100, 100, 100]
    assert sum(jobs.JOBS["odd-sizes"].batches) == 30_000
    assert len(set(jobs.JOBS["odd-sizes"].batches)) == 2  # that a smaller one is measured at all


def test_groups_and_names_give_each_job_once():
    found = [job.name for job in jobs.find(["tanh", "others", "001", "all", "drawn", "large"])]
    assert sorted(found) == sorted(jobs.JOBS)
    assert found[0] == "tanh"


def test_rows_come_from_one_file_in_every_form(monkeypatch, tmp_path):
    (images, labels), test = pictures(50)
    images = (images * 255).astype(np.uint8)
    monkeypatch.setattr(datasets.fashion_mnist, "load_data", lambda: ((images, labels), test))
    (job,) = jobs.find(["001"], 30)
    prepare(job, tmp_path)
    rows = Rows(job, tmp_path)
    np.testing.assert_array_equal(rows.pixels, images.reshape(50, 784)[:30])
    assert (rows.dense.dtype, rows.dense.max() <= 1) == (np.float32, True)
    # Rounding once, where both divide.
    np.testing.assert_allclose(rows.dense * 255, rows.pixels, rtol=1e-6)
    np.testing.assert_array_equal(rows.targets, labels[:30])


def test_reviews_are_the_same_as_csr_and_dense(monkeypatch, tmp_path):
    from scipy.sparse import csr_array

    x = (np.random.default_rng(0).random((40, 2000)) < 0.05).astype(np.float32)
    y = np.arange(40) % 2
    monkeypatch.setattr(datasets.imdb, "load_csr", lambda words: ((csr_array(x), y), None))
    (job,) = jobs.find(["few-words"], 25)
    prepare(job, tmp_path)
    rows = Rows(job, tmp_path)
    np.testing.assert_array_equal(rows.dense, x[:25])
    np.testing.assert_array_equal(rows.csr.toarray(), x[:25])
    assert rows.targets.shape == (25, 1)
    assert rows.targets.dtype == rows.csr.dtype == rows.dense.dtype == np.float32


def test_the_floor_multiplies_what_a_step_does():
    calls = []

    def matmul(a, b, out):
        assert out.shape == (a.shape[0], b.shape[1])
        np.matmul(a, b, out=out)  # raises where shapes do not fit
        calls.append((*a.shape, b.shape[1]))

    for multiply in floor.products([(5, 4), (4, 3)], 7, matmul):
        multiply()
    forward = [(7, 5, 4), (7, 4, 3)]
    backward = [(4, 7, 3), (7, 3, 4), (5, 7, 4)]  # dW, dx, and dW of the first
    assert calls == forward + backward
    calls.clear()
    for multiply in floor.products([(5, 4), (4, 3)], 7, matmul, without_first=True):
        multiply()
    assert calls == [(7, 4, 3), (4, 7, 3), (7, 3, 4)]


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("001", None), ("001-l2", None), ("002-sgd", None), ("tanh", None), ("few-words", None),
        ("002-rmsprop", "no RMSprop"), ("001-dropout", "no dropout"),
        ("001-bn", "no batch normalization"), ("004-develop", "no an L1 penalty"),
        ("elu-dropout", "no RMSprop and no dropout and no elu"),
    ],
)  # fmt: skip
def test_what_scikit_learn_cannot_express_is_said(job, reason):
    found = peers.PEERS["sklearn"].cannot(jobs.JOBS[job])
    assert (found is None) == (reason is None)
    assert reason is None or reason in found
    assert peers.PEERS["torch"].cannot(jobs.JOBS[job]) is None


def test_mkl_is_called_as_cblas_wants_it(monkeypatch):
    def sgemm(order, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
        def stored(address, rows, columns, leading):
            pointer = ctypes.cast(address, ctypes.POINTER(ctypes.c_float))
            flat = np.ctypeslib.as_array(pointer, ((rows - 1) * leading + columns,))
            strides = (4 * leading, 4)
            return np.lib.stride_tricks.as_strided(flat, (rows, columns), strides)

        assert (order, alpha, beta) == (101, 1, 0)
        left = stored(a, m, k, lda) if trans_a == 111 else stored(a, k, m, lda).T
        right = stored(b, k, n, ldb) if trans_b == 111 else stored(b, n, k, ldb).T
        stored(c, m, n, ldc)[:] = left @ right

    monkeypatch.setattr(floor, "mkl_library", lambda: "libmkl_rt.so")
    monkeypatch.setattr(floor.ctypes, "CDLL", lambda name: SimpleNamespace(cblas_sgemm=sgemm))
    # The double takes Python's numbers; the prototype is for the library.
    matmul = floor.mkl_matmul()
    random = np.random.default_rng(0)
    x, W, dy = (random.normal(size=s).astype(np.float32) for s in ((7, 5), (5, 3), (7, 3)))
    for a, b in ((x, W), (x.T, dy), (dy, W.T)):
        out = np.full((a.shape[0], b.shape[1]), np.nan, np.float32)
        matmul(a, b, out=out)
        # The same sums of at most seven terms, in another order perhaps.
        np.testing.assert_allclose(out, a @ b, rtol=1e-5, atol=1e-6)


def test_without_mkl_its_floor_is_left_out(monkeypatch):
    monkeypatch.setattr(peers, "mkl_library", lambda: None)
    assert peers.PEERS["floor-mkl"].missing() == "mkl not installed: pip install mkl"
    monkeypatch.setattr(peers, "mkl_library", lambda: "libmkl_rt.so")
    assert peers.PEERS["floor-mkl"].missing() is None
