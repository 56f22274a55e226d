"""Docstrings as plain text with a few roles: ``|w|``, ``*options``, ``val_`` mean themselves."""

import inspect
import re
from typing import Any

NAMES = re.compile(r"    [\w*, ]+,")  # arguments whose description stands on the next line
KEPT = re.compile(r"(``.+?``|:[\w:]+:`[^`]+`|`[^`]+`_?)")
SPECIAL = re.compile(r"([|*\\]|(?<=\w)_(?!\w))")


def escaped(lines: list[str]) -> list[str]:
    """The lines, with characters escaped that reStructuredText would read as markup.

    Literal blocks, which follow ``::`` and are indented, and doctests stay.
    """
    out: list[str] = []
    block: int | None = None  # the indentation that ends a literal block
    opened, start = False, 0  # a line with :: came before, with this indentation
    example = False  # a line with >>> came before, and its output follows
    for line in lines:
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        indent = len(line) - len(line.lstrip())
        if block is not None and line.strip() and indent <= block:
            block = None
        if opened and line.strip():
            block, opened = (start if indent > start else None), False
        if block is None:
            if not example and not line.lstrip().startswith(".."):
                parts = KEPT.split(line)
                line = "".join(p if i % 2 else SPECIAL.sub(r"\\\1", p) for i, p in enumerate(parts))
            if line.rstrip().endswith("::"):
                opened, start = True, indent
        out.append(line)
    return out


def joined(lines: list[str]) -> list[str]:
    """Names of arguments that go on in the next line, as one line, which napoleon expects."""
    out: list[str] = []
    for line in lines:
        if out and NAMES.fullmatch(out[-1]) and line.startswith("    "):
            out[-1] += " " + line.strip()
        else:
            out.append(line)
    return out


def listed_alone(lines: list[str]) -> list[str]:
    """Attributes that share a description, ``x, y: ...``, as one entry each."""
    if "Attributes:" not in lines:
        return lines
    start = lines.index("Attributes:") + 1
    entries: list[list[str]] = []
    end = start
    while end < len(lines) and lines[end].startswith("    "):
        if lines[end].startswith("     "):
            entries[-1].append(lines[end])
        else:
            entries.append([lines[end]])
        end += 1
    out = lines[:start]
    for first, *rest in entries:
        names, colon, text = first.partition(":")
        for name in names.split(","):
            out += [f"    {name.strip()}{colon}{text}", *rest]
    return out + lines[end:]


def escape(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Escape characters, before napoleon adds markup."""
    lines[:] = escaped(listed_alone(joined(lines)))


def skip_others(
    app: Any, what: str, name: str, thing: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out fields of named tuples, which Python numbers, and methods of other packages."""
    alias = (getattr(thing, "__doc__", "") or "").startswith("Alias for field")
    home = getattr(thing, "__module__", None) or "minidl"
    foreign = inspect.isroutine(thing) and home.partition(".")[0] != "minidl"
    return True if alias or foreign else None


def setup(app: Any) -> dict[str, bool]:
    """Come after formulas, which read the unchanged text, and before napoleon."""
    app.connect("autodoc-process-docstring", escape, priority=300)
    app.connect("autodoc-skip-member", skip_others)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
