"""Campaigns: long runs of tests that take seconds; their figures are committed.

``python -m tests.campaigns.<name>`` runs one campaign and writes ``results/<name>.json``.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def write(name: str, command: str, seed: int, figures: dict[str, Any]) -> Path:
    """Write the figures of a campaign, with the command, the seed, the machine and the versions."""
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    machine = {"system": platform.system(), "processor": _processor()}
    packages = {"python": platform.python_version(), **_versions("numpy", "scipy", "llvmlite")}
    found = {"command": command, "seed": seed, **machine, **packages, "figures": figures}
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return path


def _versions(*names: str) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        return platform.processor()
    return f"{len(names)} x {names[0]}" if names else platform.processor()
