"""Threads, forks, exits and interrupts at bad moments: no hang, no crash, right numbers."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# These take long.
pytestmark = pytest.mark.thorough

# The programs themselves give up sooner where they can.
PATIENCE = 240

PROGRAMS = {
    "one_model_in_four_threads": "done",
    "training_beside_predictions": "done",
    "many_models_in_four_threads": "done",
    "blas_keeps_its_threads": "done",
    "forks_while_a_thread_trains": "done",
    "a_callback_forks 1": "done",
    "a_callback_forks 3": "done",
    "a_daemon_thread_trains": "done at exit",
    "an_exit_handler_makes_the_first_product": "done 4",
    "an_explicit_loop_under_signals": "done",
    "interrupted 150": "done",
}


@pytest.mark.parametrize("executor", ["compiled", "blocks"], ids=str)
@pytest.mark.parametrize("program", PROGRAMS)
def test_it_ends_with_right_numbers(program: str, executor: str) -> None:
    if not hasattr(os, "fork") and "fork" in program:
        pytest.skip("no os.fork")
    made = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "tests.disturbing", *program.split()],
        env={**os.environ, "MINIDL_EXECUTOR": executor},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert made.returncode == 0, made.stderr[-3000:]
    assert made.stdout.split() == PROGRAMS[program].split(), made.stderr[-3000:]
