"""What a file of each format gives, for ever; and where a file may be saved."""

from __future__ import annotations

import hashlib
import io
import math
import os
import pickle
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import saving
from minidl.saving import models
from tests.fitting import HIDDEN, compiled, same_weights, theta
from tests.saving.packing import EXAMPLES, config, packed, summed, unpacked, with_config


@pytest.mark.parametrize("number", EXAMPLES)
def test_a_file_of_each_format(number: int) -> None:
    """The model that was saved then: its numbers, and how it trains on."""
    model = minidl.load_model(EXAMPLES[number])
    assert (model.name, model.dtype.name) == (f"of format {number}", "float32")
    assert (model.seed, model.step, model.input_shape) == (6635463128224577688, 4, (None, 3))
    assert [layer.name for layer in model] == ["first", "norm", "drop", "last"]
    first, norm, drop, last = model.layers
    assert first.get_config()["activation"] == "relu"
    assert first.kernel_regularizer.l2 == 0.01
    assert (norm.momentum, drop.rate) == (0.5, 0.25)
    assert last.get_config()["activation"] == "softmax"
    assert type(model.optimizer).__name__ == "Adam"
    assert model.optimizer.learning_rate.schedule.get_config()["decay_steps"] == 100
    assert (model.optimizer.iterations, model.metrics_names) == (4, ["loss", "accuracy"])
    sums = [0.09103674, 0.00519744, 3.976089, -0.00396809, 0.47716302, 0.34228158, -2.565805, 0]
    # The order is layer by layer: kernel, bias; gamma, beta, mean, variance; kernel, bias.
    np.testing.assert_allclose([w.sum() for w in model.get_weights()], sums, rtol=1e-5, atol=1e-7)
    x = np.linspace(-1, 1, 24).reshape(8, 3)
    expected = [[0.41734663, 0.58265334], [0.46670935, 0.5332907]]
    np.testing.assert_allclose(model.predict(x[:2]), expected, rtol=1e-5)
    moments = model.optimizer.state
    assert {name: vector.shape for name, vector in moments.items()} == {"m": (34,), "v": (34,)}
    assert (moments["v"] > 0).any()
    model.fit(x, np.arange(8) % 2, batch_size=4, epochs=3, initial_epoch=2, verbose=0)
    assert model.step == 6


def test_both_examples_are_one_model() -> None:
    a, b = (minidl.load_model(path) for path in EXAMPLES.values())
    same_weights(a, b)
    for name, vector in a.optimizer.state.items():
        np.testing.assert_array_equal(vector, b.optimizer.state[name])


def test_the_accumulated_learning_rate_has_another_name_in_older_files(tmp_path: Path) -> None:
    members = unpacked(EXAMPLES[2].read_bytes())
    assert "gathered_rate" in config(members)
    (tmp_path / "old").write_bytes(
        packed(with_config(members, {**config(members), "gathered_rate": 0.25}))
    )
    model = minidl.load_model(tmp_path / "old")
    assert model.optimizer.accumulated_learning_rate == 0.25
    model.save(tmp_path / "new")
    written = config(unpacked((tmp_path / "new").read_bytes()))
    assert written["accumulated_learning_rate"] == 0.25
    assert "gathered_rate" not in written


def test_a_file_of_format_1_is_saved_as_the_newest(tmp_path: Path) -> None:
    model = minidl.load_model(EXAMPLES[1])
    model.save(tmp_path / "a")
    assert config(unpacked((tmp_path / "a").read_bytes()))["format"] == saving.reading.FORMAT == 2
    same_weights(minidl.load_model(tmp_path / "a"), model)


def test_the_file_is_what_its_description_says(tmp_path: Path) -> None:
    """NumPy and unzip read it, sha256sum checks it, and the same model makes the same bytes."""
    model, task = compiled("integers")
    model.fit(task.x, task.y, verbose=0)
    path = tmp_path / "model.npz"
    model.save(path)
    with np.load(path) as archive:
        np.testing.assert_array_equal(archive["theta"], theta(model))
        names = {"config.json", "theta", "statistics", "optimizer/m", "optimizer/v"}
        assert set(archive.files) == names
    content = path.read_bytes()
    assert content[-78:-64] == b"minidl sha256 "
    assert hashlib.sha256(content[:-64]).hexdigest().encode() == content[-64:]
    command = ["sh", "-c", f"head -c -64 {path} | sha256sum"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.split()[0] == content[-64:]
    model.save(path)
    assert path.read_bytes() == content


def test_file_objects(tmp_path: Path) -> None:
    """Buffers, open files, pipes: anything with write and read."""
    model, _ = compiled("integers")
    buffer = io.BytesIO()
    model.save(buffer)
    buffer.seek(0)
    same_weights(minidl.load_model(buffer), model)
    with (tmp_path / "a").open("wb") as file:
        file.write(b"before")
        model.save(file)
    with (tmp_path / "a").open("rb", buffering=0) as raw:
        assert raw.read(6) == b"before"
        same_weights(minidl.load_model(raw), model)
    reading, writing = os.pipe()

    def write() -> None:
        with open(writing, "wb", buffering=0) as pipe:
            model.save(pipe)

    thread = threading.Thread(target=write)
    thread.start()
    with open(reading, "rb") as pipe:
        same_weights(minidl.load_model(pipe), model)
    thread.join()


def test_a_file_object_that_takes_a_part_at_a_time() -> None:
    class Slow(io.BytesIO):
        def write(self, data: Any) -> int:
            return super().write(bytes(data)[:1000])

    model, _ = compiled("integers")
    slow = Slow()
    model.save(slow)
    same_weights(minidl.load_model(io.BytesIO(slow.getvalue())), model)


def test_a_path_that_can_read_and_write(tmp_path: Path) -> None:
    """As those of some packages can: it is a path. And nothing else than both is taken."""

    class OpenPath(type(tmp_path)):  # type: ignore[misc]
        read = write = None

    model, _ = compiled("integers")
    path = OpenPath(tmp_path / "a")
    model.save(path)
    same_weights(minidl.load_model(path), model)
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]
    same_weights(minidl.load_model(bytes(tmp_path / "a")), model)
    for other in (3, None, model):
        with pytest.raises(TypeError, match="expected a path or a file"):
            model.save(other)
        with pytest.raises(TypeError, match="expected a path or a file"):
            minidl.load_model(other)


def test_the_error_travels_between_processes() -> None:
    error = minidl.FileFormatError("a", "expected b, received c")
    assert str(pickle.loads(pickle.dumps(error))) == str(error) == "a: expected b, received c"


def test_initial_values_beyond_all_numbers() -> None:
    """They were drawn before the weights came out of the file."""
    members = unpacked(EXAMPLES[2].read_bytes())
    entries = config(members)
    kernel = entries["layers"][0]["config"]
    kernel["kernel_initializer"] = {"class": "RandomNormal", "config": {"stddev": 1e300}}
    model = minidl.load_model(io.BytesIO(packed(with_config(members, entries))))
    same_weights(model, minidl.load_model(EXAMPLES[2]))
    wide = {"class": "RandomUniform", "config": {"minval": -1.7e308, "maxval": 1.7e308}}
    kernel["kernel_initializer"] = wide
    with pytest.raises(minidl.FileFormatError, match="OverflowError"):
        minidl.load_model(io.BytesIO(packed(with_config(members, entries))))


def test_what_is_wrong_with_a_file_object() -> None:
    with pytest.raises(minidl.FileFormatError, match=r"^a file object: expected"):
        minidl.load_model(io.BytesIO(b"not a model"))
    with pytest.raises(TypeError, match="open for reading bytes, received str"):
        minidl.load_model(io.StringIO("text"))
    with EXAMPLES[1].open("rb") as file:
        file.seek(5)
        with pytest.raises(minidl.FileFormatError, match=r"format-1\.npz: expected"):
            minidl.load_model(file)


def test_places(tmp_path: Path) -> None:
    """Through a link; with the mode that was there; not over a FIFO or a device; and back."""
    model, _ = compiled("integers")
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "target").chmod(0o600)
    (tmp_path / "link").symlink_to("target")
    model.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o600
    same_weights(minidl.load_model(tmp_path / "link"), model)
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/null")):
        with pytest.raises(OSError, match="expected the name of a file"):
            model.save(path)
        with pytest.raises(minidl.FileFormatError, match="device or a FIFO"):
            minidl.load_model(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fifo", "link", "target"]


def test_threads_save_to_one_path(tmp_path: Path) -> None:
    """Every load meets a whole file: that of one of them."""
    models = [compiled("integers", seed=seed)[0] for seed in range(3)]
    path, ended, errors = tmp_path / "model.npz", threading.Event(), []
    models[0].save(path)
    sums = {float(theta(model).sum()) for model in models}
    assert len(sums) == 3

    def save(model: minidl.Sequential) -> None:
        try:
            for _ in range(25):
                model.save(path)
        except Exception as error:
            errors.append(error)

    def load() -> None:
        try:
            while not ended.is_set():
                assert float(theta(minidl.load_model(path)).sum()) in sums
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=save, args=(model,)) for model in models]
    reader = threading.Thread(target=load)
    for thread in (reader, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    ended.set()
    reader.join()
    assert not errors
    assert list(tmp_path.iterdir()) == [path]


def test_what_could_not_be_loaded_is_not_saved(tmp_path: Path) -> None:
    """The old file stays, and the reason is that of loading."""
    path = tmp_path / "model.npz"
    model, _ = compiled("integers", optimizer=minidl.optimizers.Adam(clipnorm=1.0))
    model.save(path)
    before = path.read_bytes()
    model.optimizer.__dict__["global_clipnorm"] = 0.5
    with pytest.raises(ValueError, match=r"cannot save: .*loaded again: .*one way of clipping"):
        model.save(path)
    with pytest.raises(ValueError, match="cannot save"):
        model.save(io.BytesIO())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_loses_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers are read again before the file takes the place."""

    def lossy(file: Any, *content: Any) -> None:
        write(file, *content)
        file.seek(0)
        written = bytearray(file.read())
        written[written.index(b"theta.npy") + 9 + 128 + 40] ^= 1
        file.seek(0)
        file.write(summed(bytes(written)))

    write = models.write
    monkeypatch.setattr(models, "write", lossy)
    model, _ = compiled("integers")
    with pytest.raises(ValueError, match=r"cannot save: .*theta\.npy: expected the CRC-32"):
        model.save(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("attribute", ["step", "seed"])
@pytest.mark.parametrize("value", [-1, "x", 2**70, math.nan, None])
def test_numbers_that_no_file_may_hold_are_not_saved(attribute: str, value: Any) -> None:
    model, _ = compiled("integers")
    vars(model)[f"_{attribute}"] = value
    with pytest.raises(ValueError, match=r"cannot save|JSON"):
        model.save(io.BytesIO())


def test_saving_and_proving_draws_no_random_numbers() -> None:
    """Models that are made after it are the same as without it."""
    made = []
    for saves in (False, True):
        minidl.utils.set_random_seed(3)
        model, _ = compiled("integers", hidden=HIDDEN)
        if saves:
            model.save(io.BytesIO())
        made.append(minidl.Sequential([minidl.layers.Dense(3, input_shape=(4,))]))
    assert made[0].seed == made[1].seed
    same_weights(*made)


SAVER = """
import sys
import minidl
models = [minidl.load_model(sys.argv[1]) for _ in range(2)]
models[1].set_weights([w + 1 for w in models[1].get_weights()])
print("ready", flush=True)
while True:
    for model in models:
        model.save(sys.argv[2])
"""


def test_a_process_that_is_killed_while_it_saves(tmp_path: Path) -> None:
    """At any moment the file is one of two; what is left beside it goes with the next save."""
    path = tmp_path / "model.npz"
    model = minidl.load_model(EXAMPLES[2])
    sums = [
        sum(float(w.sum()) for w in model.get_weights()) + k * model.count_params() for k in (0, 1)
    ]
    for attempt in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVER, EXAMPLES[2], path],
            cwd=Path(minidl.__file__).parents[1],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        while not path.exists():
            assert process.poll() is None
        for _ in range(20):
            found = sum(float(w.sum()) for w in minidl.load_model(path).get_weights())
            assert min(abs(found - each) for each in sums) < 1e-3
        time.sleep(0.002 * attempt)
        process.kill()
        process.communicate()
        minidl.load_model(path)
        model.save(tmp_path / "another")
        assert sorted(p.name for p in tmp_path.iterdir()) == ["another", "model.npz"]
