"""The tests that run by default, and those that ``pytest --thorough`` adds.

A test is left out by default if it is marked ``thorough``. Of a test with several parameters as few
cases run by default as it takes for each value of each parameter to occur; the other combinations
become ``thorough``.

``pytest -m gpu`` runs on machines that have CuPy and what minidl needs, but not all that the other
tests need: it leaves out files that import what is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence, Set
from pathlib import Path
from typing import Any

import pytest

from tests.needed import missing


class Selection:
    """A pytest plugin: what the default leaves out is deselected, and counted.

    So is what needs a GPU where there is none, for which ``no_gpu`` has the reason.
    """

    def __init__(self, thorough: bool, no_gpu: Callable[[], str | None]) -> None:
        self.thorough = thorough
        self.no_gpu = no_gpu
        self.left_out: dict[str, int] = {}

    def pytest_report_header(self) -> str:
        """One line on which tests run."""
        if self.thorough:
            return "tests: all"
        return "tests: a selection that runs every part; pytest --thorough runs all"

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        """Leave out files that cannot be loaded, where tests on a GPU are all that is asked for."""
        if config.getoption("markexpr") != "gpu" or not collection_path.match("test_*.py"):
            return None
        package = missing(collection_path)
        if package is None:
            return None
        said = f"files of tests were left out: they need {package}, which is not installed"
        self.left_out[said] = self.left_out.get(said, 0) + 1
        return True

    @pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Mark cases that nothing needs for covering; leave out what shall not or cannot run."""
        if reason := self.no_gpu():
            self._leave_out("gpu", f"tests need a GPU, but {reason}", config, items)
        for cases in _functions(items):
            needed = covering([_values(item) for item in cases], [*map(_price, cases)])
            for k in set(range(len(cases))) - needed:
                cases[k].add_marker("thorough")
        if not self.thorough:
            said = "tests were left out; pytest --thorough runs them, too"
            self._leave_out("thorough", said, config, items)

    def _leave_out(
        self, mark: str, said: str, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        left_out = [item for item in items if item.get_closest_marker(mark)]
        if left_out:
            items[:] = [item for item in items if not item.get_closest_marker(mark)]
            config.hook.pytest_deselected(items=left_out)
            self.left_out[said] = len(left_out)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A worker of xdist tells the count to the process that started it."""
        if (output := getattr(session.config, "workeroutput", None)) is not None:
            output["left_out"] = self.left_out

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Each worker leaves out the same."""
        self.left_out = getattr(node, "workeroutput", {}).get("left_out", self.left_out)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The number of tests or files left out, and the reason or the way to run them."""
        for said, count in self.left_out.items():
            terminalreporter.write_line(f"{count} {said}")


def _functions(items: Iterable[pytest.Item]) -> Iterable[list[pytest.Item]]:
    """The cases of each function that has parameters, but for those that have a say themselves."""
    found: dict[str, list[pytest.Item]] = {}
    for item in items:
        marked = any(map(item.get_closest_marker, ("gpu", "thorough")))
        if hasattr(item, "callspec") and not marked:
            found.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return found.values()


def _values(item: Any) -> set[Hashable]:
    """Which value each parameter of a case has; what one ``parametrize`` lists together is one."""
    given = item.callspec.params
    lists = [mark.args[0] for mark in item.iter_markers("parametrize")]
    axes = [tuple(n.replace(",", " ").split() if isinstance(n, str) else n) for n in lists]
    named = {name for axis in axes for name in axis}
    axes += [(fixture,) for fixture in given if fixture not in named]
    return {(axis, tuple(id(given[name]) for name in axis)) for axis in axes}


def _price(item: Any) -> int:
    """How much longer a case takes than others: the double of CuPy compiles CUDA with g++."""
    return 4 if item.callspec.params.get("executor") == "cupy-double" else 1


def few(cases: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Parameters of a test: by default each value of each column, thorough all of the cases."""
    needed = covering([set(enumerate(case)) for case in cases])
    marks = [() if k in needed else (pytest.mark.thorough,) for k in range(len(cases))]
    return [pytest.param(*case, marks=m) for case, m in zip(cases, marks, strict=True)]


def covering(cases: Sequence[Set[Hashable]], prices: Sequence[int] = ()) -> set[int]:
    """Few of the cases, by number, in which all values occur that occur in any.

    Always one of those that add most, which needs a few more than the fewest; among these, a cheap
    one with values that were seldom chosen.
    """
    prices = prices or [1] * len(cases)
    missing: set[Hashable] = set().union(*cases)
    occurs = Counter(value for case in cases for value in case)
    # A value of one case alone decides for that case, whatever else is chosen.
    chosen = {k for k, case in enumerate(cases) if any(occurs[value] == 1 for value in case)}
    uses = Counter(value for k in chosen for value in cases[k])
    missing -= set(uses)
    while missing:
        gains = [len(case & missing) for case in cases]
        most = max(gains)
        equal = [k for k, gain in enumerate(gains) if gain == most]
        best = min(equal, key=lambda k: prices[k] * (1 + sum(uses[value] for value in cases[k])))
        missing -= cases[best]
        uses.update(cases[best])
        chosen.add(best)
    return chosen
