"""One version, and one list of commands, in all of the project's files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import minidl

ROOT = Path(__file__).parents[1]
COMMANDS = [
    "pytest",
    "ruff check .",
    "ruff format --check .",
    "mypy",
    "python -m docs",
    "python -m tests.built",
]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_version_stands_in_one_place() -> None:
    """Other files read or repeat the version."""
    project = text("pyproject.toml")
    assert 'dynamic = ["version"]' in project
    assert 'version = { attr = "minidl.__version__" }' in project
    assert not re.search(r'^version = "', project, flags=re.M)
    assert f"\nversion: {minidl.__version__}\n" in text("CITATION.cff")
    assert f"\n## {minidl.__version__}\n" in text("CHANGELOG.md")


@pytest.mark.parametrize("command", COMMANDS)
def test_everybody_runs_the_same_commands(command: str) -> None:
    """A change is checked alike on a clean checkout, in the workflow and by a contributor."""
    assert re.search(rf"(`|&& ){re.escape(command)}(`| &&)", text("CONTRIBUTING.md"))
    assert re.search(rf"^ +- run: {re.escape(command)}$", text(".github/workflows/test.yml"), re.M)
    # The README's line is what .ci/run takes for pytest.
    if command != "pytest":
        assert re.search(rf"^{re.escape(command)}( |$)", text(".ci/run"), re.M)
    else:
        assert "&& pytest\n" in text("README.md")
        assert "test_it" in text(".ci/run")


def test_the_workflow_has_the_oldest_python() -> None:
    (oldest,) = re.findall(r'requires-python = ">=([\d.]+)"', text("pyproject.toml"))
    (numpy,) = re.findall(r'"numpy>=([\d.]+)"', text("pyproject.toml"))
    workflow = text(".github/workflows/test.yml")
    assert f'python: "{oldest}", numpy: "numpy=={numpy}.*"' in workflow
    for system in ("ubuntu", "macos", "windows"):
        assert f"{system}-latest" in workflow


def test_links_of_the_projects_pages_lead_to_files() -> None:
    for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"):
        links = re.findall(r"\]\((?!http)([^)#]+)", text(name))
        assert [link for link in links if not (ROOT / link).exists()] == []


def test_links_of_the_documentation_lead_to_files() -> None:
    """On GitHub, too, where nobody builds the site."""
    pages = [page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts]
    assert len(pages) > 20
    for page in pages:
        if page.parent.name == "project":  # these include the files above
            continue
        words = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.S)
        links = re.findall(r"\]\((?!http)([^)#\s]+)", words)
        assert [link for link in links if not (page.parent / link).exists()] == [], page
