"""Trainings that are killed, ended, interrupted twice, and short of disk: the short campaign."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json
from tests.campaigns import kills
print(json.dumps(kills.campaign(5, 11, lambda *words, **named: None)))
"""


@pytest.mark.thorough
def test_disturbed_trainings_come_to_the_same_bits() -> None:
    """In a process of its own, which has no threads when it forks."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["SIGKILL"]["processes disturbed"] >= 5
    for name in ("SIGKILL", "SIGTERM", "Ctrl-C twice"):
        assert figures[name]["trainings that came to the bits of the undisturbed one"] >= 1
    assert figures["two processes on one folder"] == 1
    assert figures["folders that became read-only"] == 1
