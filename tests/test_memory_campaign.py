"""The campaign on memory, for seconds; and that it would see what it looks for."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.campaigns.memory.guarded import build
from tests.campaigns.memory.running import ROOT, run

PROGRAM = """
import ctypes, os, sys
from pathlib import Path
import numpy as np
from tests.campaigns.memory.guarded import Memory
memory = Memory(Path(sys.argv[1]), sys.argv[2])
array = np.ones(100, np.float32)
start = array.__array_interface__["data"][0]
where = {"below": start - 1, "above": start + 400, "inside": start + 200}[sys.argv[3]]
if sys.argv[3] == "inside":
    memory.protect(array, sys.argv[4] == "protected")
if sys.argv[4] == "freed":
    kept = [np.ones(100, np.float32) for _ in range(8)]
    places = [each.__array_interface__["data"][0] for each in kept]
    del kept
    for where in places:
        ctypes.memset(where, 1, 1)
ctypes.memset(where, 1, 1)
del array
print(memory.damage(), flush=True)
os._exit(0)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Memory between pages that nobody may touch."""
    return build(tmp_path_factory.mktemp("guarded"))


@pytest.mark.parametrize(
    ("side", "where", "how", "wanted"),
    [
        ("after", "above", "alive", "died"),
        ("after", "below", "alive", "1"),
        ("before", "below", "alive", "died"),
        ("before", "above", "alive", "1"),
        ("after", "inside", "alive", "0"),
        ("after", "inside", "protected", "died"),
        ("after", "inside", "freed", "died"),
    ],
)
def test_a_byte_too_far_is_seen(library, side, where, how, wanted):
    command = [sys.executable, "-c", PROGRAM, str(library), side, where, how]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ("died" if ended.returncode < 0 else ended.stdout.strip()) == wanted, ended.stderr


@pytest.mark.parametrize(
    ("executor", "side", "count"), [("compiled", "after", 250), ("blocks", "before", 1000)]
)
def test_calls_with_wrong_arrays(library, executor, side, count):
    outcome = run(1, 0, count, executor, side, library, time.monotonic() + 3600)
    assert outcome.findings == []
    assert outcome.calls == count
    answered = sum(n for end, n in outcome.ends.items() if end.endswith(("answered", "recorded")))
    refused = sum(n for end, n in outcome.ends.items() if "refused" in end)
    assert answered + refused == count
    assert min(answered, refused) > count / 10
