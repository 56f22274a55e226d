"""Exercises: their files, their grades, and the command around them."""

from __future__ import annotations

import ast
import inspect
import json
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from minidl.__main__ import main as minidl
from minidl.teaching.catalogue import KERNELS
from minidl.teaching.exercises import EXERCISES, files, report, running, watching
from minidl.teaching.exercises.apart import graded
from minidl.teaching.exercises.command import main
from minidl.teaching.exercises.grading import BROKEN, EMPTY, RIGHT, WRONG, Grade, grade
from tests.teaching.rights import RIGHT as SOLUTIONS

SIGMOID = "import numpy as np\ndef sigmoid_backward(dy, y):\n    return dy * y * (1 - y)\n"


def names_of(exercise):
    """A right solution."""
    solved = {KERNELS[kernel].function: SOLUTIONS[kernel] for kernel in exercise.kernels}
    return solved or {"glorot_uniform": glorot}


def glorot(inputs, outputs, rng):
    limit = np.sqrt(6 / (inputs + outputs))
    return rng.uniform(-limit, limit, (inputs, outputs))


def test_the_order_is_that_of_the_chapters():
    chapters = sorted((Path(__file__).parents[2] / "docs" / "learn").glob("*.md"))
    commands = (
        command
        for chapter in chapters
        for command in re.findall(r"`minidl exercises check ([\w ]+)`", chapter.read_text("utf-8"))
    )
    asked = [name for command in commands for name in command.split()]
    assert len(asked) > 15
    assert asked == sorted(asked, key=list(EXERCISES).index)


# The files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_a_file_has_the_engine_s_words_and_a_hole(exercise, tmp_path):
    text = files.text_of(exercise)
    tree = ast.parse(text)
    assert max(map(len, text.splitlines())) <= 100
    # The formulas, as the engine has them, and nothing of the engine's arguments.
    for forward in exercise.forwards:
        first = inspect.getdoc(forward).splitlines()[0]
        assert first in text
    assert "overwritten" not in text
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert tuple(function.name for function in functions) == exercise.functions
    for kernel, function in zip(exercise.kernels, functions, strict=False):
        assert tuple(a.arg for a in function.args.args) == KERNELS[kernel].signature
        for argument in KERNELS[kernel].signature:
            assert f"\n        {argument}: " in text
    (tmp_path / "file.py").write_text(text, encoding="utf-8")
    found = graded(tmp_path / "file.py", exercise)
    assert found.state == EMPTY
    assert exercise.functions[0] in found.text


def test_every_kernel_is_an_exercise():
    assert {kernel for e in EXERCISES.values() for kernel in e.kernels} == set(KERNELS)


def test_shapes_are_those_of_the_kernels():
    text = files.text_of(EXERCISES["dense"])
    assert "Return dx, (N, I), dW, (I, O) and db, (O,)." in text
    assert "dy: (N, O), the gradient of the loss at y." in text
    assert "negative_slope: a number." in files.text_of(EXERCISES["leaky_relu"])


# Grades -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_a_right_solution_is_right(exercise):
    found = grade(exercise, names_of(exercise))
    assert found.state == RIGHT, found
    assert found.text.startswith("correct.")
    assert found.mistakes == ()


def test_the_first_wrong_function_of_several_is_named():
    exercise = EXERCISES["batchnorm_staged"]
    wrong = {**names_of(exercise), "inverse_backward": lambda g, v, e: -g / 2 / np.sqrt(v + e)}
    found = grade(exercise, wrong)
    assert found.state == WRONG
    assert found.text.startswith("2 of 7 functions are right; inverse_backward: dvariance is wrong")
    assert found.mistakes == ("exponent -1/2 for -3/2",)

    def hole(*arguments):
        raise NotImplementedError

    found = grade(exercise, {**names_of(exercise), "mean_backward": hole})
    assert found == (EMPTY, "5 of 7 functions are right; mean_backward is to be written.", ())


def test_a_backward_with_a_cache_is_graded_with_its_forward():
    def forward(x):
        y = 1 / (1 + np.exp(-x))
        return y, y

    names = {
        "sigmoid_forward": forward,
        "sigmoid_backward": lambda dout, cache: dout * cache * (1 - cache),
    }
    assert grade(EXERCISES["sigmoid"], names).state == RIGHT
    names["sigmoid_forward"] = lambda x: (forward(2 * x)[0], forward(x)[0])
    assert grade(EXERCISES["sigmoid"], names).mistakes == ("forward",)


@pytest.mark.parametrize(
    ("mistake", "function"),
    [
        ("limit taken for the deviation", lambda i, o, rng: (
            rng.normal(0, np.sqrt(6 / (i + o)), (i, o)))),
        ("He's", lambda i, o, rng: rng.uniform(-1, 1, (i, o)) * np.sqrt(6 / i)),
        ("LeCun's", lambda i, o, rng: rng.uniform(-1, 1, (i, o)) * np.sqrt(3 / i)),
        ("outputs only", lambda i, o, rng: rng.uniform(-1, 1, (i, o)) * np.sqrt(6 / o)),
        ("deviation for the limit", lambda i, o, rng: (
            rng.uniform(-1, 1, (i, o)) * np.sqrt(2 / (i + o)))),
        ("root forgotten", lambda i, o, rng: rng.uniform(-1, 1, (i, o)) * 6 / (i + o)),
        ("half the range", lambda i, o, rng: (
            rng.uniform(-0.5, 0.5, (i, o)) * np.sqrt(6 / (i + o)))),
        ("neither scaled", lambda i, o, rng: rng.normal(size=(i, o))),
        ("uniform in ±1", lambda i, o, rng: rng.uniform(-1, 1, (i, o))),
        ("uniform in 0 … 1", lambda i, o, rng: rng.random((i, o)) - 0.5),
        ("mean", lambda i, o, rng: rng.random((i, o))),
        ("not uniform", lambda i, o, rng: rng.normal(0, np.sqrt(2 / (i + o)), (i, o))),
        ("deviation", lambda i, o, rng: rng.normal(0, 0.011, (i, o))),
        ("shape", lambda i, o, rng: glorot(o, i, rng)),
        ("not deterministic", lambda i, o, rng: glorot(i, o, np.random.default_rng())),
        ("exception", lambda i, o, rng: rng.no_such_thing()),
    ],
)  # fmt: skip
def test_a_mistake_in_initial_weights_is_told(mistake, function):
    found = grade(EXERCISES["glorot_uniform"], {"glorot_uniform": function})
    assert (found.state, found.mistakes) == (WRONG, (mistake,))


# Bad files ----------------------------------------------------------------------------------------

BODY = "import numpy as np\ndef {}_backward(dy, y):\n    {}\n    return dy\n"


@pytest.mark.parametrize(
    ("state", "words", "body"),
    [
        (BROKEN, "the file imports torch; an exercise needs numpy, scipy or math, and no more, in "
         "line 3.", "import torch"),
        (BROKEN, "the file imports a file beside it", "from . import tanh"),
        (BROKEN, "the file imports minidl.kernels", "from minidl.kernels import activations"),
        (BROKEN, "the file ends Python, in line 3.", "exit(0)"),
        (BROKEN, "the file raised KeyboardInterrupt, in line 3.", "raise KeyboardInterrupt"),
        (WRONG, "it raised UnboundLocalError", "del dy, y"),
        (WRONG, "it raised RecursionError", "sigmoid_backward(dy, y)"),
        (WRONG, "the function changes its argument dy in place", "dy *= y * (1 - y)"),
        (WRONG, "None: is the return statement missing?", "return"),
    ],
)  # fmt: skip
def test_a_function_that_misbehaves_has_one_line(state, words, body, tmp_path):
    (tmp_path / "sigmoid.py").write_text(BODY.format("sigmoid", body), encoding="utf-8")
    found = graded(tmp_path / "sigmoid.py", EXERCISES["sigmoid"])
    assert found.state == state
    assert words in found.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"def sigmoid_backward(dy, y:\n", "the file is no Python, line 1: "),
        (b"\xff\x00", "the file is no Python: "),
        (b"(" * 10**5, "the file is no Python, line 1: too many nested parentheses."),
        (b" " * 2**21, "the file is no Python: larger than 1,048,576 bytes."),
        (b"x = 1\n", "the file defines no function sigmoid_backward."),
        (b"sigmoid_backward = 3\n", "the file defines no function sigmoid_backward."),
        (b"x = 1 / 0\n", "the file raised ZeroDivisionError: division by zero, in line 1."),
        (b"import os\n", "the file imports os; "),
    ],
)
def test_a_file_that_cannot_be_graded_has_one_line(content, words, tmp_path):
    (tmp_path / "sigmoid.py").write_bytes(content)
    found = graded(tmp_path / "sigmoid.py", EXERCISES["sigmoid"])
    assert found.state == BROKEN
    assert found.text.startswith(words)


def test_a_file_that_is_not_there_is_to_be_written(tmp_path):
    assert running.run(tmp_path / "sigmoid.py", EXERCISES["sigmoid"]).grade.state == EMPTY
    assert graded(tmp_path / "sigmoid.py", EXERCISES["sigmoid"]).text.startswith(
        "the file cannot be read: "
    )


# What a process of its own is for: the words of the line, and what the file does.
BAD = {
    "sigmoid": ("printed more than 1,048,576 bytes", "while True: print('x' * 10**5)"),
    "tanh": ("ended Python before it was graded: SIGSEGV", "np.ctypeslib.ctypes.string_at(0)"),
    "relu": ("MemoryError", "[0] * 10**10"),
    "selu": (
        "reaches for the network", "np.lib.npyio.DataSource().open('http://localhost:9/x')"
    ),
    "softplus": ("opens a file for writing", "open('x', 'w')"),
}  # fmt: skip


def test_a_bad_file_has_one_line_and_the_others_are_graded(tmp_path):
    for name, (_, body) in BAD.items():
        (tmp_path / f"{name}.py").write_text(BODY.format(name, body), encoding="utf-8")
    right = SIGMOID.replace("sigmoid", "exponential").replace(" * (1 - y)", "")
    (tmp_path / "exponential.py").write_text(right, encoding="utf-8")
    table = report.grade_all([tmp_path])[tmp_path.name]
    for name, (words, _) in BAD.items():
        assert words in table[name].text
        assert "\n" not in table[name].text
    assert table["exponential"].state == RIGHT
    assert table["adam"].state == EMPTY


def test_a_file_that_never_returns_is_stopped(tmp_path):
    (tmp_path / "sigmoid.py").write_text("while True: pass", encoding="utf-8")
    found = running.run(tmp_path / "sigmoid.py", EXERCISES["sigmoid"], seconds=1.5)
    assert found.grade.text == "the file did not come to an end within 1.5 seconds."


def test_what_a_file_prints_is_shown_and_cut(tmp_path, capsys):
    text = SIGMOID.replace("    return", "    print('shape', dy.shape)\n    return")
    (tmp_path / "sigmoid.py").write_text(text, encoding="utf-8")
    assert main(["check", "sigmoid", "--folder", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("sigmoid: correct.")
    assert lines[1] == "  it printed:"
    assert lines[2].startswith("    shape (")
    assert lines[-1] == "    …"
    assert len(lines) == 13


# The command --------------------------------------------------------------------------------------


def test_a_student_s_way(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert minidl(["exercises"]) == 0
    assert f"{len(EXERCISES)} exercises are in exercises" in capsys.readouterr().out
    assert (tmp_path / "exercises" / "README.md").read_text(encoding="utf-8").count("`") > 70

    assert minidl(["exercises", "check"]) == 0
    assert (
        "0 of 49 right, 0 wrong, 49 to write; next: mean_squared_error" in capsys.readouterr().out
    )

    (tmp_path / "exercises" / "sigmoid.py").write_text(SIGMOID, encoding="utf-8")
    (tmp_path / "exercises" / "tanh.py").write_text(
        SIGMOID.replace("sigmoid", "tanh"), encoding="utf-8"
    )
    assert minidl(["exercises", "check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("sigmoid: correct.")
    assert lines[1].startswith("tanh: dx is wrong by a known mistake, derivative of the sigmoid")
    assert lines[2].startswith(
        "[#.............................] 1 of 49 right, 1 wrong, 47 to write"
    )
    assert lines[2].endswith("; next: mean_squared_error")

    # What is written stays.
    assert minidl(["exercises", "copy", "exercises"]) == 0
    assert "0 exercises are in exercises; 49 were there already" in capsys.readouterr().out
    assert (tmp_path / "exercises" / "sigmoid.py").read_text(encoding="utf-8") == SIGMOID

    # From within the folder, and by the name of a file.
    monkeypatch.chdir(tmp_path / "exercises")
    assert minidl(["exercises", "check", "sigmoid.py"]) == 0
    assert minidl(["exercises", "check", "exercises/tanh.py"]) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "sigmiod", "--folder", "."], "did you mean 'sigmoid'?"),
        (["check", "--folder", "nowhere"], "expected a folder, received nowhere"),
        (["check"], "minidl exercises makes one"),
        (["check", "folder", "--folder", "."], "folder is a folder, expected names of exercises"),
        (["check", "--folder", ".", "."], "expected one folder, or --report FILE for several"),
        (["copy", "file"], "file"),
        (["check", "--folder", ".", "--report", "no/such/table.html"], "No such file"),
    ],
)
def test_what_cannot_be_carried_out_is_told(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("minidl exercises: ")
    assert words in told


def test_the_command_knows_no_other_arguments(capsys):
    with pytest.raises(SystemExit):
        minidl(["doctor", "--no-such-thing"])
    assert "unrecognized arguments: --no-such-thing" in capsys.readouterr().err


# The watch and the report -------------------------------------------------------------------------


def test_each_save_is_graded(tmp_path):
    stop, seen = threading.Event(), []

    def save():
        # Again and again: the watch begins when it does.
        while not stop.wait(0.3):
            (tmp_path / "notes.py").write_text(f"{time.time()}", encoding="utf-8")
            (tmp_path / "sigmoid.py").write_text(f"# {time.time()}", encoding="utf-8")

    saver = threading.Thread(target=save)
    saver.start()
    try:
        for name in watching.saved(tmp_path, stop):
            seen.append(name)
            stop.set()
    finally:
        stop.set()
        saver.join()
    assert set(seen) == {"sigmoid"}


def test_a_watch_grades_what_was_saved(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(watching, "saved", lambda folder, stop: iter(["sigmoid"]))
    (tmp_path / "sigmoid.py").write_text(SIGMOID, encoding="utf-8")
    watching.watch(tmp_path)
    assert capsys.readouterr().out.startswith("sigmoid: correct.")


def test_without_watchfiles_the_command_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "watchfiles", None)
    assert main(["check", "--folder", str(tmp_path), "--watch"]) == 2
    assert "pip install 'minidl[exercises]'" in capsys.readouterr().err


def test_a_teacher_s_table(tmp_path, capsys):
    for student, text in (("anna", SIGMOID), ("b<e>rt", SIGMOID.replace("1 - y", "1 + y"))):
        (tmp_path / student).mkdir()
        (tmp_path / student / "sigmoid.py").write_text(text, encoding="utf-8")
    folders = [str(tmp_path / "anna"), str(tmp_path / "b<e>rt")]
    assert main(["check", "--folder", *folders, "--report", str(tmp_path / "class.html")]) == 0
    table = json.loads((tmp_path / "class.json").read_text(encoding="utf-8"))
    assert list(table) == ["anna", "b<e>rt"]
    assert list(table["anna"]) == list(EXERCISES)
    assert table["anna"]["sigmoid"]["state"] == RIGHT
    assert table["b<e>rt"]["sigmoid"]["mistakes"] == ["plus for minus"]
    page = (tmp_path / "class.html").read_text(encoding="utf-8")
    assert "b&lt;e&gt;rt" in page
    assert "<e>" not in page
    assert "<td>sigmoid</td><td>plus for minus</td><td>1</td>" in page
    assert page.count('<td class="sign right"') == page.count('<td class="sign wrong"') == 1
    assert not re.search(r"(src|href)=|https?:", page)  # a page that needs nothing else


def test_students_of_one_name_are_told_apart(tmp_path):
    folders = [tmp_path / "1" / "exercises", tmp_path / "2" / "exercises"]
    assert list(report.grade_all(folders)) == [str(folder) for folder in folders]


def test_a_grade_that_is_not_read_is_an_end(tmp_path):
    (tmp_path / "grade.json").write_text("{", encoding="utf-8")
    found = running._answered(tmp_path / "grade.json", 3)
    assert isinstance(found, Grade)
    assert found.text == "the file ended Python before it was graded: exit status 3."
