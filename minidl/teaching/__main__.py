"""``python -m minidl.teaching`` prints the tables of docs/diagnosis.md."""

from __future__ import annotations

from collections.abc import Iterable

from minidl.printing import say
from minidl.teaching.catalogue import KERNELS, rows_of

HEAD = "| mistake | wrong formula | what it is and how it is recognised |\n|---|---|---|"


def table() -> str:
    """The catalogue in Markdown: a section a kernel, a row a mistake; first the common ones."""
    sections = [f"### Every kernel\n\n{HEAD}\n{_rows('every')}"]
    for kernel in KERNELS.values():
        extras = f" It may ask for {_code(kernel.extras)} by name." if kernel.extras else ""
        sections.append(
            f"### {kernel.name}\n\n`{kernel.call()}` returns {_code(kernel.outputs)}.{extras}\n\n"
            f"{HEAD}\n{_rows(kernel.name)}"
        )
    return "\n\n".join(sections)


def _rows(kernel: str) -> str:
    cells = ([name, f"`{formula}`", why] for name, formula, why in rows_of(kernel))
    # A bar within a cell would end it.
    lines = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in cells)
    return "\n".join(f"| {line} |" for line in lines)


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    say(table())
