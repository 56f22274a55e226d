"""``python -m minidl.testing.diagnosis`` prints the tables of docs/diagnosis.md."""

from __future__ import annotations

from minidl.printing import say
from minidl.testing.diagnosis.table import table

if __name__ == "__main__":
    say(table())
