"""Engines of one process race without variables that limit one of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

PROGRAM = """
import json, os, sys
from benchmarks.machine import lift_limits
lift_limits()
print(json.dumps([sys.argv[1:], os.environ.get("OPENBLAS_CORETYPE"), os.environ.get("KEPT")]))
"""


def test_a_program_begins_anew_without_limits_and_with_its_arguments() -> None:
    variables = {**os.environ, "OPENBLAS_CORETYPE": "Haswell", "KEPT": "yes"}
    command = [sys.executable, "-c", PROGRAM, "--rounds", "3"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [["--rounds", "3"], None, "yes"]
