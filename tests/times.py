"""Seconds of each file of tests, the largest first, from what ``pytest --junitxml=FILE`` wrote.

python -m tests.times FILE [FILE]     a column for each
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable


def seconds(report: str) -> Counter[str]:
    """The time of each test file in a report of JUnit's form; setting up counts."""
    found: Counter[str] = Counter()
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        # A class name is module.class, and a test outside of classes has the module alone.
        words = case.get("classname", "").split(".")
        module = next((k for k, word in enumerate(words) if word.startswith("test_")), len(words))
        found["/".join(words[: module + 1])] += float(case.get("time", 0))
    return found


def table(reports: Iterable[str]) -> str:
    """A line for each file, and one for all of them."""
    columns = [seconds(report) for report in reports]
    total = sum(columns, Counter())
    lines = [(f"{name}.py", [c[name] for c in columns]) for name, _ in total.most_common()]
    lines.append(("all", [sum(c.values()) for c in columns]))
    return "\n".join("".join(f"{s:9.1f} s" for s in each) + f"  {name}" for name, each in lines)


if __name__ == "__main__":
    print(table(sys.argv[1:]))
