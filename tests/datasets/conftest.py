"""Data sets are tested on small files, without a network and without the machine's own data."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from minidl.datasets import _files
from minidl.datasets._idx import IdxDataset, IdxFile


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, no MINIDL_DATA, no Debian data, no names resolved but this machine's."""
    monkeypatch.delenv("MINIDL_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.setattr(_files, "DEBIAN_FOLDER", tmp_path / "debian")
    stay_offline(monkeypatch)


def stay_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def only_here(host, *args, **kwargs):  # type: ignore[no-untyped-def]
        if host != "127.0.0.1":
            raise socket.gaierror(socket.EAI_NONAME, "tests have no network")
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", only_here)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def offline() -> Callable[[pytest.MonkeyPatch], None]:
    """To stay offline also after the isolation was undone."""
    return stay_offline


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@dataclass
class Small:
    """A data set in the likeness of MNIST, of 40 + 10 images of 6 x 5."""

    arrays: tuple[np.ndarray, ...]
    dataset: IdxDataset

    def content(self, number: int) -> bytes:
        return idx_bytes(self.arrays[number])

    def write(self, folder: Path, compressed: bool = False) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for number, expected in enumerate(self.dataset.files):
            content = self.content(number)
            if compressed:
                (folder / f"{expected.name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / expected.name).write_bytes(content)
        return folder


@pytest.fixture
def make_small() -> Callable[..., Small]:
    """Makes a `Small` with the given mirrors and, with `seed`, other pixels."""

    def make(mirrors: tuple[str, ...] = (), seed: int = 0) -> Small:
        random = np.random.default_rng(seed)
        arrays = (
            random.integers(0, 256, (40, 6, 5), np.uint8),
            random.integers(0, 10, 40, np.uint8),
            random.integers(0, 256, (10, 6, 5), np.uint8),
            random.integers(0, 10, 10, np.uint8),
        )
        names = ("train-images", "train-labels", "t10k-images", "t10k-labels")
        files = tuple(
            IdxFile(name, array.shape, hashlib.sha256(idx_bytes(array)).hexdigest())
            for name, array in zip(names, arrays, strict=True)
        )
        source = _files.Source("Small", "small", names, mirrors, "dataset-small")
        return Small(arrays, IdxDataset(source, files))  # type: ignore[arg-type]

    return make


@dataclass
class Mirror:
    """A web server on this machine: `content` by path, and the requests it received."""

    url: str = ""
    content: dict[str, bytes] = field(default_factory=dict)
    cut: int | None = None  # bytes after which a reply breaks off
    silent: threading.Event | None = None  # replies wait for it, 5 s at most
    requests: list[tuple[str, str]] = field(default_factory=list)  # path, Accept-Encoding


@pytest.fixture
def make_mirror() -> Iterator[Callable[[], Mirror]]:
    servers = []

    def make() -> Mirror:
        mirror = Mirror()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.requests.append((self.path[1:], self.headers["Accept-Encoding"]))
                if mirror.silent is not None:
                    mirror.silent.wait(5)
                content = mirror.content.get(self.path[1:])
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: mirror.cut])

            def log_message(self, *args: object) -> None:
                """Keep the tests' output clean."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread, mirror))
        mirror.url = f"http://127.0.0.1:{server.server_port}/"
        return mirror

    yield make
    for server, thread, mirror in servers:
        if mirror.silent is not None:
            mirror.silent.set()
        server.shutdown()
        server.server_close()
        thread.join()
