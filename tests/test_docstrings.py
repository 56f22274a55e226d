"""Examples in docstrings print what stands there."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import minidl

NAMES = {"np": np, "minidl": minidl, "Input": minidl.Input, "Sequential": minidl.Sequential}
LEAST = 10  # modules with examples; fewer mean that the search finds none


def found() -> list[doctest.DocTest]:
    """The examples of every module, by the functions and classes that have them."""
    finder, tests = doctest.DocTestFinder(exclude_empty=True), []
    for module in pkgutil.walk_packages(minidl.__path__, "minidl."):
        if ".accelerator." not in module.name and not module.name.endswith("__main__"):
            there = importlib.import_module(module.name)
            tests += finder.find(there, extraglobs=NAMES)
    return [test for test in tests if test.examples]


TESTS = found()


@pytest.mark.parametrize("test", TESTS, ids=[test.name for test in TESTS])
def test_an_example_prints_what_stands_there(test: doctest.DocTest) -> None:
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    assert not said, "".join(said)


def test_there_are_examples() -> None:
    assert len({test.name.rpartition(".")[0] for test in TESTS}) >= LEAST
