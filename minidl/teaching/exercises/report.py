"""A teacher's table: students' folders against exercises, as JSON and as a page."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from minidl.teaching.exercises.course import EXERCISES
from minidl.teaching.exercises.grading import BROKEN, EMPTY, RIGHT, WRONG, Grade
from minidl.teaching.exercises.running import run_all

# Grades by student and exercise.
Table = Mapping[str, Mapping[str, Grade]]

SIGNS = {RIGHT: "✓", WRONG: "✗", EMPTY: "", BROKEN: "!"}

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid #8884; padding: .15rem .3rem; text-align: left; }
thead th { vertical-align: bottom; height: 9.5rem; }
thead th span { writing-mode: vertical-rl; transform: rotate(180deg); font-weight: normal; }
td.sign { text-align: center; } td.sign, thead span { font-size: 85%; }
.right { background: #2a92; } .wrong { background: #d333; } .broken { background: #f902; }
details { margin: .4rem 0; } summary { cursor: pointer; }
"""


def grade_all(folders: Sequence[Path]) -> dict[str, dict[str, Grade]]:
    """The grades of all exercises in each folder, by the folder's name."""
    jobs = [(folder / f"{e.name}.py", e) for folder in folders for e in EXERCISES.values()]
    runs = run_all(jobs)
    return {
        student: {e.name: next(runs).grade for e in EXERCISES.values()}
        for student in _students(folders)
    }


def write(table: Table, file: Path) -> tuple[Path, Path]:
    """Write a table as JSON and as a page; their paths, which differ in the suffix.

    Raises:
        OSError: the files cannot be written.
    """
    as_json, page = file.with_suffix(".json"), file.with_suffix(".html")
    content = {
        student: {name: grade._asdict() for name, grade in grades.items()}
        for student, grades in table.items()
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    as_json.write_text(text + "\n", encoding="utf-8")
    page.write_text(html(table), encoding="utf-8")
    return as_json, page


def html(table: Table) -> str:
    """The page: the table, the commonest mistakes, and each student's sentences."""
    students = "".join(_student(student, grades) for student, grades in table.items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Exercises</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<h1>Exercises</h1>{_signs(table)}<h2>Commonest mistakes</h2>{_commonest(table)}"
        f"<h2>Students</h2>{students}</html>\n"
    )


def _students(folders: Sequence[Path]) -> list[str]:
    """The folders' names, or their whole paths where two have one name."""
    names = [folder.resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [str(folder) for folder in folders]


def _signs(table: Table) -> str:
    head = "".join(f"<th><span>{escape(name)}</span></th>" for name in EXERCISES)
    rows = []
    for student, grades in table.items():
        cells = "".join(_cell(grades[name]) for name in EXERCISES)
        rows.append(f"<tr><th>{escape(student)}</th><td>{_count(grades)}</td>{cells}</tr>")
    return (
        f'<div class="wide"><table><thead><tr><th>student</th><th>right</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div><p>✓ right, ✗ wrong, ! not graded; an empty "
        "field is still to be written.</p>"
    )


def _cell(grade: Grade) -> str:
    kind = {RIGHT: "right", WRONG: "wrong", BROKEN: "broken"}.get(grade.state, "")
    return f'<td class="sign {kind}" title="{escape(grade.text)}">{SIGNS[grade.state]}</td>'


def _commonest(table: Table) -> str:
    counts = Counter(
        (name, mistake)
        for grades in table.values()
        for name, grade in grades.items()
        for mistake in grade.mistakes
    )
    rows = itertools.islice(counts.most_common(), 20)
    cells = (
        f"<tr><td>{escape(name)}</td><td>{escape(mistake)}</td><td>{count}</td></tr>"
        for (name, mistake), count in rows
    )
    return (
        "<table><tr><th>exercise</th><th>mistake</th><th>students</th></tr>"
        f"{''.join(cells)}</table>"
    )


def _student(student: str, grades: Mapping[str, Grade]) -> str:
    lines = "".join(
        f"<li><b>{escape(name)}</b>: {escape(grade.text)}</li>"
        for name, grade in grades.items()
        if grade.state != EMPTY
    )
    return (
        f"<details><summary>{escape(student)}, {_count(grades)} right</summary><ul>{lines}</ul>"
        "</details>"
    )


def _count(grades: Mapping[str, Grade]) -> int:
    return sum(grade.state == RIGHT for grade in grades.values())
