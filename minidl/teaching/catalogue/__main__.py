"""``python -m minidl.teaching.catalogue`` prints the tables of docs/look_up/diagnosis.md."""

from __future__ import annotations

from minidl.printing import say
from minidl.teaching.catalogue import KERNELS, rows_of


def table() -> str:
    """The catalogue in Markdown: a section a kernel, a row a mistake; common mistakes first."""
    sections = [f"### Every kernel\n\n{_rows('every')}"]
    for kernel in KERNELS.values():
        outputs, extras = (
            ", ".join(f"`{n}`" for n in ns) for ns in (kernel.outputs, kernel.extras)
        )
        more = f" It may ask for {extras} by name." if extras else ""
        call = f"`{kernel.call()}` returns {outputs}.{more}"
        sections.append(f"### {kernel.name}\n\n{call}\n\n{_rows(kernel.name)}")
    return "\n\n".join(sections)


def _rows(kernel: str) -> str:
    rows = [[name, f"`{formula}`", why] for name, formula, why in rows_of(kernel)]
    # A bar within a cell would end the cell.
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    head = ["mistake", "wrong formula", "what it is and how it is recognised"], ["---"] * 3
    return "\n".join(f"| {' | '.join(row)} |" for row in (*head, *cells))


if __name__ == "__main__":
    say(table())
