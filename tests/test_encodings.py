"""Text files have an encoding of their own, whatever the locale: EUC-JP, GBK or ASCII."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Names of what opens text, and how many arguments come before the encoding.
OPENERS = {"open": 3, "read_text": 0, "write_text": 1, "fdopen": 3, "TextIOWrapper": 1}

# Modules and objects whose ``open`` has no encoding.
BINARY = ("os", "tarfile", "zipfile", "gzip", "Image", "archive")


def without_encoding(text: str) -> Iterator[int]:
    """Lines that open text in the encoding of the locale."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name not in OPENERS or _of(function) in (
            "os",
            "tarfile",
            "zipfile",
            "gzip",
            "Image",
            "archive",
        ):
            continue
        named = {each.arg for each in node.keywords}
        literals = [a.value for a in [*node.args, *(k.value for k in node.keywords)]
                    if isinstance(a, ast.Constant) and isinstance(a.value, str)]  # fmt: skip
        binary = name in ("open", "fdopen") and any(
            set(a) <= set("rwxab+") and "b" in a for a in literals
        )
        if not binary and "encoding" not in named and len(node.args) <= OPENERS[name]:
            yield node.lineno


def _of(function: ast.expr) -> str:
    owner = getattr(function, "value", None)
    return owner.id if isinstance(owner, ast.Name) and function.attr != "fdopen" else ""


def test_no_file_is_opened_in_the_encoding_of_the_locale():
    files = [*(ROOT / "minidl").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in files
        for line in without_encoding(file.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("open(x)", True),
        ("open(x, 'w', newline='')", True),
        ("x.open()", True),
        ("x.read_text()", True),
        ("x.write_text('b')", True),
        ("os.fdopen(x)", True),
        ("open(x, encoding='utf-8')", False),
        ("open(x, 'rb')", False),
        ("x.open('wb')", False),
        ("os.fdopen(x, 'rb', closefd=False)", False),
        ("x.read_text('utf-8')", False),
        ("os.open(x, flags)", False),
        ("gzip.open(x)", False),
    ],
)
def test_the_check_knows_one_from_the_other(text, wrong):
    assert bool(list(without_encoding(text))) == wrong
