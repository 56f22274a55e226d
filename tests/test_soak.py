"""Some rounds of the campaign ``soak``, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaigns.rounds import ROUNDS, TURNS

ROOT = Path(__file__).parents[1]
WITHOUT: tuple[str, ...] = ()
ROUNDS_OF_SOAK = f"""
import json, warnings
warnings.simplefilter("ignore")
from tests.campaigns.soak import soak
print(json.dumps(soak(0, 2, {WITHOUT})))
"""


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc, and trims glibc's memory")
def test_the_memory_and_each_number_are_what_they_were() -> None:
    """In an hour within a hundredth; in these few rounds something is compiled until the end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", ROUNDS_OF_SOAK]
    ran = subprocess.run(
        command, env=environment, cwd=ROOT, check=True, timeout=500, capture_output=True, text=True
    )
    found = json.loads(ran.stdout)
    assert found["failures"] == []
    for kind in set(ROUNDS) - set(WITHOUT):
        assert found["done"][kind] >= TURNS
    # The models of these rounds would be a hundred MiB.
    assert found["MiB at the end"] < 1.05 * found["MiB at the beginning"], found
