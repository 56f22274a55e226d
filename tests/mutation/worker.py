"""A process in a copy of the repository that says which test notices a change to a file.

    python -m tests.mutation.worker

reads a line of JSON, [path, source], and answers with one, [test, message], until there are no
more. What takes seconds to import, and nothing of minidl, it has imported before. For each line
it forks; the child imports the engine as changed, runs pytest and tells the first failure.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_IMPORTED = ("scipy.sparse", "sklearn", "matplotlib.pyplot", "hypothesis", "tests.oracle")

# After the tests of the file and of its folder, in stages: first what takes least. Not here are
# plots, files and data sets; the kernels' own tests, which know nothing else; and what takes
# longest, the trajectories and training beside the oracle: they could only notice more.
STAGES = (
    (
        "tests/test_ranges.py",
        "tests/test_regularizers.py",
        "tests/test_activations.py",
        "tests/test_losses.py",
        "tests/test_bad_input.py",
        "tests/test_network.py",
        "tests/test_objective.py",
        "tests/test_summary.py",
        "tests/test_saving.py",
        "tests/test_training.py",
        "tests/test_training_executors.py",
        "tests/test_recording_choice.py",
        "tests/test_recording_in_a_row.py",
        "tests/test_callbacks.py",
    ),
    (
        "tests/test_bad_data.py",
        "tests/test_network_oracle.py",
        "tests/test_network_loop.py",
        "tests/layers",
        "tests/optimizers",
        "tests/test_numerical_edges.py",
        "tests/test_sparse_rows.py",
        "tests/test_saving_refusals.py",
        "tests/backend/test_fused.py",
        "tests/test_linear_models.py",
        "tests/test_recording.py",
        "tests/test_recording_epochs.py",
    ),
    (
        "tests/test_network_random.py",
        "tests/test_training_memory.py",
        "tests/test_callbacks_oracle.py",
        "tests/gradient_check",
    ),
)
# A formula is the same on every executor, and what executors make of it is tested elsewhere.
_OPTIONS = ("-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-k", "not compiled and not cupy")
# A run that takes so many times as long as that of the unchanged engine has been caught as well.
_PATIENCE = 5


def nearest(path: str, root: Path) -> tuple[str, ...]:
    """The tests of the file alone, and last those of its folder.

    ``minidl/a/b.py`` has ``tests/a/test_b*.py`` and ``tests/a``, or ``tests/test_a.py``.
    """
    folder = Path("tests", Path(path).relative_to("minidl").parent)
    if not (root / folder).is_dir():
        folder = folder.with_name(f"test_{folder.name}.py")
    own = sorted((root / folder).glob(f"test_{Path(path).stem}*.py"))
    named = [str(found.relative_to(root)) for found in own]
    return (*named, str(folder)) if folder != Path("tests") else tuple(named)


def main() -> None:
    """Answer lines until there are no more."""
    root, seconds = Path.cwd(), dict[tuple[str, ...], float]()
    for module in _IMPORTED:
        importlib.import_module(module)
    assert not any(name.partition(".")[0] == "minidl" for name in sys.modules)
    for line in sys.stdin:
        path, source = json.loads(line)
        near = nearest(path, root)
        later = (tuple(t for t in stage if t not in near) for stage in STAGES)
        for tests in filter(None, (near[:-1], near[-1:], *later)):
            if tests not in seconds:
                start = time.monotonic()
                if any(found := first_failure(tests)):
                    sys.exit("{} fails without any change:\n{}".format(*found))
                seconds[tests] = time.monotonic() - start
            with changed(root / path, source):
                found = first_failure(tests, 10 + _PATIENCE * seconds[tests])
            if any(found):
                break
        print(json.dumps(found), flush=True)


@contextlib.contextmanager
def changed(path: Path, source: str) -> Iterator[None]:
    """The file with another text for a while."""
    before = path.read_text(encoding="utf-8")
    path.write_text(source, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


def first_failure(tests: tuple[str, ...], patience: float = 1e6) -> tuple[str, str]:
    """The first of the tests that fails, run in a fork, and its message; ("", "") if none does.

    Args:
        patience: seconds; what takes longer fails.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _in_child(tests, lambda *found: os.write(writer, "\n".join(found).encode()[:60_000]))
    os.close(writer)
    late = not select.select([reader], [], [], patience)[0]
    if late:
        os.killpg(child, signal.SIGKILL)
    with os.fdopen(reader, encoding="utf-8", errors="replace") as pipe:
        test, _, message = pipe.read().partition("\n")
    status = os.waitpid(child, 0)[1]
    if late:
        return "(no test)", f"nothing came of it in {patience:.0f} s"
    return (test, message) if test or not status else ("(no test)", f"ended with status {status}")


def _in_child(tests: tuple[str, ...], say: Callable[[str, str], Any]) -> None:
    """Run pytest and never return."""
    os.setpgid(0, 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    status = 1
    try:
        first = _First()
        status = pytest.main([*_OPTIONS, *tests], plugins=[first])
        if first.test:
            say(first.test, first.message)
        elif status:
            say("(no test)", f"pytest ended with status {status}")
    finally:
        os._exit(int(status))


class _First:
    """A pytest plugin: the first failure."""

    test = message = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._take(report)

    def pytest_collectreport(self, report: Any) -> None:
        self._take(report)

    def _take(self, report: Any) -> None:
        if report.failed and not self.test:
            self.test = report.nodeid or "(collection)"
            self.message = "\n".join([report.longreprtext, *map(": ".join, report.sections)])


if __name__ == "__main__":
    main()
