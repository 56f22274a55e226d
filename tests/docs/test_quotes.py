"""The pages quote what stands in the sources: a renamed function is noticed here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUOTE = re.compile(r"^```\{literalinclude\} (\S+)\n((?::.*\n)*)```", re.M)
QUOTES = [
    pytest.param(page, match[1], dict(re.findall(r"^:([\w-]+): (.*)$", match[2], re.M)),
                 id=f"{page.stem}-{number}")
    for page in sorted((ROOT / "docs").rglob("*.md"))
    for number, match in enumerate(QUOTE.finditer(page.read_text(encoding="utf-8")))
]  # fmt: skip


def names(body: list[ast.stmt], before: str = "") -> Iterator[str]:
    """Functions and classes, and those within classes as "Class.name"."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield before + node.name
        if isinstance(node, ast.ClassDef):
            yield from names(node.body, f"{before}{node.name}.")


def test_there_are_quotes() -> None:
    assert len(QUOTES) > 30


@pytest.mark.parametrize(("page", "path", "options"), QUOTES)
def test_the_source_has_what_the_page_quotes(
    page: Path, path: str, options: dict[str, str]
) -> None:
    text = (page.parent / path).read_text(encoding="utf-8")
    if "pyobject" in options:
        assert options["pyobject"] in names(ast.parse(text).body)
    for edge in ("start-at", "end-at", "start-after", "end-before"):
        assert options.get(edge, "").strip('"') in text  # quotes keep spaces
