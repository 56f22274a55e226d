"""``python -m minidl.teaching`` is ``minidl exercises``."""

from __future__ import annotations

import sys

from minidl.teaching.exercises.command import main

if __name__ == "__main__":
    sys.exit(main())
