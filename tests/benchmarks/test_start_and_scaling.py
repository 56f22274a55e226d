"""The other two benchmarks of training: their programs, their networks, their pictures."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import scaling, start
from benchmarks.train.jobs import Job, Layer
from benchmarks.train.steady import Machine
from minidl import datasets
from tests.replays.conftest import pictures


@pytest.mark.thorough
def test_minidls_program_trains_and_tells_its_memory(monkeypatch, tmp_path):
    (images, labels), test = pictures(400)
    images = (images * 255).astype(np.uint8)
    monkeypatch.setattr(datasets.fashion_mnist, "load_data", lambda: ((images, labels), test))
    start.write_images(tmp_path, 300)
    assert np.load(tmp_path / "float32.npy").dtype == np.float32
    assert np.load(tmp_path / "float32.npy").shape == (300, 784)
    taken = start.Taken()
    cache = tmp_path / "cache"
    start.start(start.VARIANTS["minidl, uint8, first start"], tmp_path, cache, taken)
    assert any(cache.rglob("*.py"))  # the loops that were compiled, for the second start
    assert len(taken.seconds) == 1
    assert 0 < taken.accuracy < 1
    assert 30 < taken.mebibytes[0] < 2000  # that it is in this unit
    with pytest.raises(ValueError, match="expected no cache"):
        start.start(start.VARIANTS["minidl, uint8, first start"], tmp_path, cache, taken)


def test_a_program_that_fails_says_why(tmp_path):
    broken = start.Variant("raise ArithmeticError('diverged')", "minidl")
    with pytest.raises(RuntimeError, match="ArithmeticError: diverged"):
        start.start(broken, tmp_path, tmp_path / "cache", start.Taken())


@pytest.mark.parametrize("variant", start.VARIANTS)
def test_every_program_can_be_read(variant):
    compile(start.VARIANTS[variant].program + start.END, variant, "exec")


def test_networks_grow_along_each_axis():
    axes = scaling.jobs()
    assert list(axes["batch"]) == [2**k for k in range(14)]
    assert list(axes["width"])[0::8] == [16, 4096]
    assert list(axes["depth"]) == [1, 2, 4, 8, 16, 32, 64]
    for batch, job in axes["batch"].items():
        assert job.shapes == [(784, 256), (256, 128), (128, 10)]
        assert set(job.batches) == {batch}
    for width, job in axes["width"].items():
        assert job.shapes == [(784, width), (width, width), (width, 10)]
    for depth, job in axes["depth"].items():
        assert len(job.hidden) == depth
    every = [job for points in axes.values() for job in points.values()]
    assert all(scaling.FEWEST_STEPS <= len(job.batches) <= scaling.MOST_STEPS for job in every)
    assert max(job.rows for job in every) < 100_000
    assert [list(points) for points in scaling.jobs(16).values()] == [
        [1, 2, 4, 8, 16], [16], [1, 2, 4, 8, 16]
    ]  # fmt: skip


def test_a_step_and_its_floor_are_measured_and_drawn(tmp_path):
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (60, 784), dtype=np.uint8)
    y = random.integers(0, 10, 60).astype(np.int32)
    found = scaling.measure(Job("small", (Layer(4),), 20, 60), x, y, 2, Machine(lambda: 1.0))
    assert found["step"] > 0
    assert found["floor"] > 0
    table = {axis: {1: found, 2: found} for axis in ("batch", "width", "depth")}
    scaling.draw(table, tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")
