"""The order of places, what is said when nothing is found, and downloads."""

from __future__ import annotations

import gzip
import os
import pickle
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import minidl.datasets
from minidl.datasets import DataFileError, DataNotFoundError, _files, fashion_mnist, imdb, mnist
from minidl.datasets._files import Source, load_file
from minidl.datasets._idx import load_idx

SOURCE = Source("Things", "things", ("thing.txt",), (), "dataset-things")


def read_text(file: Path) -> str:
    text = file.read_text()
    if text.startswith("bad"):
        raise DataFileError(file, f"expected good text, received {text}")
    return text


def load(path: str | os.PathLike[str] | None = None, source: Source = SOURCE) -> str:
    return load_file(source, "thing", read_text, path, suffixes=("", ".txt"))


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every place that is looked at without a path, first to last."""
    named = tmp_path / "named"
    monkeypatch.setenv("MINIDL_DATA", str(named))
    folders = [
        named / "things",
        named,
        tmp_path / "cache/minidl/things",
        tmp_path / "debian/things",
    ]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return folders


def cached(tmp_path: Path) -> list[Path]:
    """Everything in the cache but folders."""
    return [file for file in (tmp_path / "cache").rglob("*") if not file.is_dir()]


class TestLookup:
    def test_first_place_wins_then_the_next(self, places: list[Path]):
        for number, folder in enumerate(places):
            (folder / "thing.txt").write_text(f"place {number}")
        for number, folder in enumerate(places):
            assert load() == f"place {number}"
            (folder / "thing.txt").unlink()
        with pytest.raises(DataNotFoundError):
            load()

    def test_a_path_is_the_only_place(self, places: list[Path], tmp_path: Path):
        for folder in places:
            (folder / "thing.txt").write_text("elsewhere")
        given = tmp_path / "given"
        with pytest.raises(DataNotFoundError, match=r"given \(no such folder\)") as caught:
            load(given)
        assert "because a path was given" in str(caught.value)
        assert "named" not in str(caught.value)
        (given / "things").mkdir(parents=True)
        for file in (given / "thing.txt", given / "things/thing.txt"):
            file.write_text(str(file))
            assert load(given) == load(str(given)) == load(file) == str(file)

    def test_the_home_folder_is_expanded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        (tmp_path / "thing.txt").write_text("at home")
        assert load("~") == load("~/thing.txt") == "at home"
        monkeypatch.setenv("MINIDL_DATA", "~")
        assert load() == "at home"

    def test_the_first_suffix_wins(self, places: list[Path]):
        (places[0] / "thing.txt").write_text("with suffix")
        (places[0] / "thing").write_text("without")
        assert load() == "without"

    def test_debian_is_asked_only_for_what_it_has(self, places: list[Path]):
        (places[-1] / "thing.txt").write_text("Debian's")
        assert load() == "Debian's"
        with pytest.raises(DataNotFoundError):
            load(source=Source("Things", "things", ("thing.txt",), ()))

    def test_a_damaged_file_is_not_passed_over(self, places: list[Path]):
        (places[1] / "thing.txt").write_text("bad")
        (places[2] / "thing.txt").write_text("good")
        with pytest.raises(
            DataFileError, match=r"thing.txt: expected good text, received bad"
        ) as e:
            load()
        assert str(places[1]) in str(e.value)

    def test_an_empty_variable_names_no_folder(
        self, places: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ):
        monkeypatch.setenv("MINIDL_DATA", "")
        monkeypatch.chdir(tmp_path)
        (tmp_path / "thing.txt").write_text("current folder")
        with pytest.raises(DataNotFoundError, match="MINIDL_DATA, which is not set"):
            load()

    def test_errors_travel_between_processes(self, tmp_path: Path):
        error = DataFileError(tmp_path, "expected a, received b")
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


class TestNotFound:
    def test_fashion_mnist_names_places_reasons_and_ways(self, tmp_path: Path, monkeypatch):
        monkeypatch.setenv("MINIDL_DATA", str(tmp_path / "named"))
        with pytest.raises(FileNotFoundError) as caught:
            fashion_mnist.load_data()
        assert isinstance(caught.value, DataNotFoundError)
        lines = str(caught.value).splitlines()
        assert lines[0].startswith("Fashion-MNIST was not found: no train-images-idx3-ubyte")
        looked = [line for line in lines if "(no such folder)" in line]
        places = ["named/fashion-mnist", "named", "minidl/fashion-mnist", "debian/fashion-mnist"]
        assert looked == lines[1:5]
        for line, place in zip(looked, places, strict=True):
            assert Path(line.removesuffix(" (no such folder)")).as_posix().endswith(place)
        reasons = [line for line in lines if "http" in line]
        assert [line.split("train-images")[0] for line in reasons] == [
            f"  - {mirror}" for mirror in fashion_mnist._DATASET.source.mirrors
        ]
        assert all("no network" in line for line in reasons)
        ways = lines[-3:]
        assert ways[0].startswith("  1. on Debian: apt-get install dataset-fashion-mnist")
        assert "MINIDL_DATA=<folder>" in ways[1]
        assert "t10k-labels-idx1-ubyte" in ways[1]
        assert "network" in ways[2]

    @pytest.mark.parametrize(
        ("load", "title"),
        [
            (mnist.load_data, "MNIST"),
            (imdb.load_data, "IMDB"),
            (imdb.get_word_index, "IMDB"),
            (lambda: imdb.load_csr(100), "IMDB"),
        ],
    )
    def test_others_do_not_name_debian(self, load, title: str, tmp_path: Path):
        with pytest.raises(DataNotFoundError, match=f"^{title} was not found") as caught:
            load()
        assert "apt-get" not in str(caught.value)
        assert str(caught.value).count("no network") == 2
        assert cached(tmp_path) == []


class TestDownload:
    """Against web servers on this machine."""

    def test_goes_to_the_cache_and_is_not_repeated(
        self, make_small, make_mirror, tmp_path: Path, capsys
    ):
        mirror = make_mirror()
        small = make_small((mirror.url,))
        names = [f"{file.name}.gz" for file in small.dataset.files]
        for number, name in enumerate(names):
            mirror.content[name] = gzip.compress(small.content(number))
        (x_train, _), (_, y_test) = load_idx(small.dataset, None)
        assert np.array_equal(x_train, small.arrays[0])
        assert np.array_equal(y_test, small.arrays[3])
        # "identity": else a server may compress once more, and requests would unpack twice.
        assert mirror.requests == [(name, "identity") for name in names]
        folder = tmp_path / "cache/minidl/small"
        assert sorted(cached(tmp_path)) == sorted(folder / name for name in names)
        assert list(folder.glob(".part*")) == []
        shown = capsys.readouterr().err
        assert f"downloading {mirror.url}{names[0]}" in shown
        assert "100%" in shown

        load_idx(small.dataset, None)
        assert len(mirror.requests) == 4
        (folder / names[1]).unlink()
        load_idx(small.dataset, None)
        assert mirror.requests[4:] == [(names[1], "identity")]

    def good(self, mirror) -> None:
        mirror.content["thing.txt"] = b"good text"

    def missing(self, mirror) -> None:
        mirror.content.clear()

    def wrong(self, mirror) -> None:
        mirror.content["thing.txt"] = b"bad text"

    def truncated(self, mirror) -> None:
        mirror.content["thing.txt"] = b"good text" * 100_000
        mirror.cut = 500_000

    def silent(self, mirror) -> None:
        self.good(mirror)
        mirror.silent = threading.Event()

    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            ("missing", "the server answered 404 Client Error: Not Found$"),
            ("wrong", "expected good text, received bad text$"),
            ("truncated", "IncompleteRead"),
            ("silent", "no answer in time$"),
        ],
    )
    def test_a_broken_mirror(
        self, make_mirror, tmp_path: Path, monkeypatch, broken: str, reason: str
    ):
        monkeypatch.setattr(_files, "_TIMEOUT", (5.0, 0.2))
        first, second = make_mirror(), make_mirror()
        getattr(self, broken)(first)
        source = Source("Things", "things", ("thing.txt",), (first.url, second.url))

        # Alone it ends in an error that says why, and leaves nothing in the cache.
        alone = Source("Things", "things", ("thing.txt",), (first.url,))
        with pytest.raises(DataNotFoundError) as caught:
            load(source=alone)
        lines = str(caught.value).splitlines()
        (line,) = (line for line in lines if first.url in line)
        assert line.startswith(f"  - {first.url}thing.txt: ")
        assert re.search(reason, line), line
        assert list((tmp_path / "cache/minidl/things").iterdir()) == []

        # With a second one behind it, that one serves.
        self.good(second)
        assert load(source=source) == "good text"
        assert len(second.requests) == 1
        assert [file.name for file in cached(tmp_path)] == ["thing.txt"]

    def test_nobody_listens(self, make_mirror, tmp_path: Path):
        mirror = make_mirror()
        mirror.content["thing.txt"] = b"good text"
        urls = ("http://127.0.0.1:1/", mirror.url)
        assert load(source=Source("Things", "things", ("thing.txt",), urls)) == "good text"
        (tmp_path / "cache/minidl/things/thing.txt").unlink()
        with pytest.raises(DataNotFoundError, match=r"127.0.0.1:1/thing.txt: .*refused"):
            load(source=Source("Things", "things", ("thing.txt",), urls[:1]))

    def test_the_published_sum_is_checked(self, make_mirror, tmp_path: Path):
        mirror = make_mirror()
        mirror.content["thing.txt"] = b"good text"
        source = Source("Things", "things", ("thing.txt",), (mirror.url,))
        digest = "67b18ed1c2bd5ec21f9ef3bb9d6a3b5c"
        with pytest.raises(
            DataNotFoundError, match=f"expected MD5 {digest}, received [0-9a-f]{{32}}"
        ):
            load_file(source, "thing", read_text, suffixes=(".txt",), download_sum=f"md5:{digest}")
        assert cached(tmp_path) == []

    def test_interrupted(self, make_mirror, tmp_path: Path):
        mirror = make_mirror()
        mirror.content["thing.txt"] = b"good text"
        source = Source("Things", "things", ("thing.txt",), (mirror.url,))

        def stop(file: Path) -> str:
            assert file.read_bytes() == b"good text"
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            load_file(source, "thing", stop, suffixes=(".txt",))
        assert list((tmp_path / "cache/minidl/things").iterdir()) == []

    def test_a_cache_that_cannot_be_written(self, make_mirror, tmp_path: Path):
        mirror = make_mirror()
        mirror.content["thing.txt"] = b"good text"
        (tmp_path / "cache").write_text("a file where the folder should be")
        with pytest.raises(DataNotFoundError, match=r"thing.txt: \w+Error: .*cache"):
            load(source=Source("Things", "things", ("thing.txt",), (mirror.url,)))


def test_import_is_light():
    """Neither scikit-learn nor what downloads is loaded before it is needed."""
    code = (
        "import sys, minidl.datasets;"
        "print(*[m for m in ('sklearn', 'pooch', 'requests') if m in sys.modules])"
    )
    # The package's folder, because a test may run without an installation.
    root = Path(minidl.datasets.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
