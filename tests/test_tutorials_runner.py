"""The tool that runs the tutorials' texts, on small texts."""

from __future__ import annotations

import ast
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt

import minidl
from minidl import seeds
from minidl.datasets import DataNotFoundError, fashion_mnist, imdb, mnist
from minidl.layers import names
from tests.tutorials import runner, supplies
from tests.tutorials.__main__ import main
from tests.tutorials.calls import calls
from tests.tutorials.cells import cut_markdown, cut_percent, output_reason
from tests.tutorials.plan import make_plan
from tests.tutorials.porting import port, shorten

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a text of cells, fenced as Python, and gives its file."""

    def text(*cells: str, name: str = "a.txt") -> Path:
        file = tmp_path / name
        file.write_text("\n".join(f"Prose.\n```python\n{cell}\n```" for cell in cells))
        return file

    return text


def left_out(*cells: str, folder: Path = Path("/nonexistent")) -> list[tuple[int, int, str]]:
    """Cell, line and reason of each statement left out of cells fenced as Python."""
    text = "\n".join(f"```python\n{cell}\n```" for cell in cells)
    plan = make_plan(cut_markdown(text), folder)
    return [(item.cell, item.line, item.reason) for step in plan.steps for item in step.left_out]


# Cutting


def test_cells_of_markdown() -> None:
    """Fences of Python, and those without a language that hold code; with their lines."""
    text = "a\n```python\nx = 1\n\ny = 2\n```\nb\n```\nz = 3\n```\n```html\n<b>\n```\n"
    cells = cut_markdown(f"{text}   ``` py\nw\n   ```").cells
    assert [(cell.number, cell.line, cell.source) for cell in cells] == [
        (1, 3, "x = 1\n\ny = 2"),
        (2, 9, "z = 3"),
        (3, 15, "w"),
    ]


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("Epoch 1/20\n49/49 [=====] - 6s 98ms/step - loss: 0.5801", "no Python"),
        ("val_loss: 0.7456 - val_acc: 0.8524", "no Python"),
        ("ELU > ReLU > tanh 순서", "no Python"),
        ("[0.36477,\n 0.29290]", "values only"),
        ("(25000, 10000) (25000,)", "values only"),
        ("scores_basic:  0.748\nscores_overfit:  -3.8", "values only"),
        ("3.5", "values only"),
        ("", "values only"),
        ("x", None),
        ("x: int = 3", None),
        ("x: 'int' = 3", None),
        ("x: int", None),
        ("model.fit(x, y)", None),
        ("[x for x in range(3)]", None),
        ("# only\nimport os", None),
    ],
)
def test_output_and_code_look_alike(block: str, reason: str | None) -> None:
    """A block without a language is what a cell printed if it does nothing."""
    assert output_reason(block) == reason
    document = cut_markdown(f"```\n{block}\n```")
    assert (len(document.cells), document.outputs) == (
        (1, {}) if reason is None else (0, {reason: [2]})
    )


def test_the_source_line_of_a_warning() -> None:
    """Is output, though it is code; the next block is not."""
    block = "```\nx = np.array(xs)\n```\n"
    warned = f"c:\\lib\\imdb.py:159: VisibleDeprecationWarning: ragged\n\n{block}"
    document = cut_markdown(f"{block}{warned}{block}")
    assert [cell.line for cell in document.cells] == [2, 10]
    assert document.outputs == {"source line of a warning": [7]}


def test_a_block_fenced_as_python_is_code() -> None:
    """Whatever it holds."""
    assert len(cut_markdown("```python\n3.5\n```\n```python\nEpoch 1/20\n```").cells) == 2


def test_an_open_fence_is_refused() -> None:
    """Else everything below would be lost."""
    with pytest.raises(ValueError, match="closing fence, received none for the one in line 3"):
        cut_markdown("a\n\n```python\nx = 1\n")


def test_cells_of_a_program() -> None:
    """From one ``# %%`` to the next."""
    cells = cut_percent('"""Doc."""\n\n# %%\nx = 1\n\n# %% Title\ny = 2\n').cells
    assert [(cell.line, cell.source.strip()) for cell in cells] == [(4, "x = 1"), (7, "y = 2")]


# What changes


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from tensorflow import keras", "import minidl as keras"),
        ("from tensorflow import keras as K", "import minidl as K"),
        ("import tensorflow as tf", "import minidl, minidl as tf"),
        ("import tensorflow", "import minidl, minidl as tensorflow"),
        ("import keras", "import minidl as keras"),
        ("import numpy as np, keras", "import numpy as np, minidl as keras"),
        (
            "from tensorflow.keras.utils import to_categorical",
            "from minidl.utils import to_categorical",
        ),
        ("from keras.datasets import imdb", "from minidl.datasets import imdb"),
        ("from keras import models, layers", "from minidl import models, layers"),
        ("x = tf.keras.layers.Dense(2)", "x = minidl.layers.Dense(2)"),
        ("def f():\n    import keras", "def f():\n    import minidl as keras"),
        ("import kerastuner", "import kerastuner"),
        ("from kerastuner import x", "from kerastuner import x"),
        ("from os import path", "from os import path"),
        ("from . import keras", "from . import keras"),
        ("model.keras.fit('tf.keras')", "model.keras.fit('tf.keras')"),
    ],
)
def test_imports(before: str, after: str) -> None:
    """Keras's become minidl's; all else stays."""
    assert ast.unparse(port(ast.parse(before))) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model.fit(x, epochs=200, batch_size=512)", "model.fit(x, epochs=3, batch_size=512)"),
        ("model.fit(x, epochs=2)", "model.fit(x, epochs=2)"),
        ("model.fit(x, epochs=count)", "model.fit(x, epochs=count)"),
        ("epochs = range(1, 21)", "epochs = range(1, 4)"),
        ("epochs = np.arange(1, 6)", "epochs = np.arange(1, 4)"),
        ("epochs = range(20)", "epochs = range(3)"),
        ("epochs = range(1, 3)", "epochs = range(1, 3)"),
        ("epochs = range(1, n)", "epochs = range(1, n)"),
        ("words = range(1, 21)", "words = range(1, 21)"),
        ("epochs = list(20)", "epochs = list(20)"),
    ],
)
def test_epochs(before: str, after: str) -> None:
    """At most three, and the axis of the curves as long."""
    assert ast.unparse(shorten(ast.parse(before), 3)) == after


# What is left out


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("with tf.GradientTape() as tape:\n    pass", "uses tf.GradientTape"),
        ("@tf.function\ndef f():\n    pass", "uses tf.function"),
        ("d = tf.data.Dataset.from_tensor_slices(x)", "uses tf.data"),
        (
            "if tf.__version__ < '2.0.0':\n    tf.enable_eager_execution()",
            "asks for TensorFlow's version",
        ),
        ("!pip install tensorflow\n!pip list", "for the shell, not for Python"),
        ("\n", "empty"),
    ],
)
def test_reasons(cell: str, reason: str) -> None:
    """Each by its content."""
    assert left_out(cell) == [(1, 2, reason)]


@pytest.mark.parametrize(
    "cell",
    [
        "print(tf.__version__)",
        "x = df.data",
        "tf.keras.Sequential()",
        "tf.reduce_mean(x)",
        "# !pip",
    ],
)
def test_what_only_looks_like_it_runs(cell: str) -> None:
    """And fails, if minidl has it not, instead of being passed over."""
    assert [reason for _, _, reason in left_out(f"import os\n{cell}")] == []


def test_other_statements_of_the_cell_run() -> None:
    """Only the one that uses tf.data is left out."""
    assert left_out("n = 3\nd = tf.data.Dataset()\nm = n") == [(1, 3, "uses tf.data")]


def test_what_needs_something_left_out_is_left_out_too() -> None:
    """Through functions and loops, until the name is made anew."""
    needed = left_out(
        "d = tf.data.Dataset()",
        "def count():\n    return len(d)",
        "for x in d:\n    n = x\nprint(1)",
        "for x in range(3):\n    print(x)",
        "print(n)",
        "n = 4\nprint(n)",
        "print(count(), other)",
        "def other(d):\n    return d",
    )
    assert needed == [
        (1, 2, "uses tf.data"),
        (2, 5, "needs d: uses tf.data"),
        (3, 9, "needs d: uses tf.data"),
        (5, 18, "needs n: uses tf.data"),
        (7, 25, "needs count: uses tf.data"),
    ]


def test_pictures_that_are_not_there(tmp_path: Path) -> None:
    """Through IPython; a picture that is there is shown, and so is what is no file."""
    shown = "from IPython.display import display, Image\ndisplay(Image(filename='a.png'))"
    reason = "shows a.png, which is not there"
    assert left_out(shown, folder=tmp_path) == [(1, 2, reason), (1, 3, reason)]
    assert left_out(f"{shown}\nx = 1", folder=tmp_path) == []
    assert left_out("from IPython.display import display\ndisplay(x)", folder=tmp_path) == []
    (tmp_path / "a.png").touch()
    assert left_out(shown, folder=tmp_path) == []


def test_undefined_names() -> None:
    """Read somewhere, bound nowhere."""
    text = "```python\nimport os\ndef f(x):\n    y = x\n    return y + a + later\n```\n"
    text += "```python\nlater = [b for c in range(3)]\nprint(f, __name__)\n```"
    assert make_plan(cut_markdown(text), Path()).undefined == {"a", "b"}


# Running


def test_cells_share_one_namespace(write: Write) -> None:
    """Of their own, as a program's."""
    report = runner.run_file(write("x = 1", "y = x + 1", "z = y + x\nname = __name__"))
    assert report.passed
    assert (report.run, report.names["z"], report.names["name"]) == (3, 3, "__main__")


def test_a_network_trains_for_as_many_epochs_as_asked(write: Write) -> None:
    """With its imports changed; what it prints is kept."""
    file = write(
        "import tensorflow as tf\nfrom tensorflow import keras\nimport numpy as np",
        "model = keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))])\nmodel.summary()",
        "model.compile('sgd', 'mse')\n"
        "history = model.fit(np.ones((4, 2)), np.ones(4), epochs=20)\n"
        "epochs = range(1, 21)",
    )
    minidl.layers.Dense(1)
    losses = set()
    for _ in range(2):
        report = runner.run_file(file, epochs=3)
        losses.add(tuple(report.names["history"].history["loss"]))
        assert report.failure is None
        assert report.names["history"].epoch == [0, 1, 2]
        assert report.names["epochs"] == range(1, 4)
        # Numbered from 0 in every document.
        assert 'Model: "sequential"\n' in report.printed
        assert "dense (Dense)" in report.printed
        assert report.plan.changes == [
            "import tensorflow as tf -> import minidl, minidl as tf",
            "from tensorflow import keras -> import minidl as keras",
            "tf.keras -> minidl",
        ]
    # Random numbers are the same each time.
    assert len(losses) == 1


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("x = 1\nx = undefined", "NameError: name 'undefined' is not defined"),
        ("x = 1\nraise SystemExit(0)", "SystemExit: 0"),
        ("x = 1\nimport tests.nothing", "No module named 'tests.nothing'"),
    ],
)
def test_a_cell_that_fails(cell: str, error: str, write: Write, capsys: Any) -> None:
    """Its text, the traceback with the document's line, and exit status 1; the rest is left."""
    file = write("before = 0", cell, "after = 2")
    report = runner.run_file(file)
    assert not report.passed
    assert report.run == 1
    assert report.names["x"] == 1
    assert "after" not in report.names
    assert "cell 2, line 7\n" in report.failure
    assert cell in report.failure
    assert f'a.txt", line 8, in <module>\n    {cell.splitlines()[1]}\n' in report.failure
    assert error in report.failure
    assert "runner.py" not in report.failure
    assert main([str(file.parent)]) == 1
    assert error in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Prose only.", "expected cells of Python code, received none"),
        ("```python\nx = 1", "expected a closing fence"),
        ("a\n```python\nx = 1\nx = = 2\n```", "line 4"),
    ],
)
def test_a_document_that_cannot_be_read(text: str, message: str, tmp_path: Path) -> None:
    """Is a failure, not a document with nothing to do."""
    file = tmp_path / "a.md"
    file.write_text(text)
    assert message in str(runner.run_file(file).failure)


def test_figures_are_drawn_and_closed(write: Write) -> None:
    """One for each show, and one that a cell leaves open."""
    plot = "plt.plot([1, 2])\nplt.show()\n"
    file = write("import matplotlib.pyplot as plt", plot + plot, "plt.plot([3])", "plt.show()")
    report = runner.run_file(file)
    assert report.failure is None
    assert report.figures == 3
    assert plt.get_fignums() == []


def test_a_figure_that_cannot_be_drawn_fails(write: Write) -> None:
    """In the cell that made it."""
    file = write("import matplotlib.pyplot as plt", "plt.title('$\\\\frac{$')", "x = 1")
    report = runner.run_file(file)
    assert "cell 2" in str(report.failure)
    assert plt.get_fignums() == []


def images() -> Any:
    """The first split has labels 1, the second 2."""
    return tuple(
        (np.full((rows, 28, 28), 255, np.uint8), np.full(rows, rows, np.uint8)) for rows in (10, 5)
    )


def test_the_prelude(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Supplies what no cell defines: modules, and Fashion-MNIST split 4 : 1."""
    monkeypatch.setattr(fashion_mnist, "load_data", images)
    file = write("model = keras.Sequential()", "shapes = train_data_scaled.shape, val_target.shape")
    report = runner.run_file(file)
    assert report.failure is None
    assert report.names["shapes"] == ((8, 28, 28), (2,))
    assert report.names["train_data_scaled"].max() == 1
    assert report.notes == [
        "supplied, because no cell defines them: keras, train_data_scaled, val_target"
    ]
    assert "np" not in report.names


def test_a_prelude_that_cannot_be_had(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails the document with the message that says how to get the data."""

    def load() -> Any:
        raise DataNotFoundError("Ways to get Fashion-MNIST")

    monkeypatch.setattr(fashion_mnist, "load_data", load)
    report = runner.run_file(write("x = train_target"))
    assert (report.failure, report.run) == ("Ways to get Fashion-MNIST", 0)


def test_nothing_is_supplied_that_a_cell_defines(write: Write) -> None:
    """Not even if it does so later."""
    report = runner.run_file(write("x = np", "import numpy as np"))
    assert "NameError: name 'np' is not defined" in str(report.failure)


def test_helpers_that_are_not_shown(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """visual draws loss curves; dataloader has Fashion-MNIST; plotter is there."""
    monkeypatch.setattr(fashion_mnist, "load_data", images)
    report = runner.run_file(
        write(
            "from visual import *\nfrom plotter import *\nfrom dataloader import load_data",
            "import numpy as np, keras",
            "model = keras.Sequential([keras.layers.Dense(1, input_shape=(2,))])\n"
            "model.compile('sgd', 'mse')\n"
            "history = model.fit(np.ones((4, 2)), np.ones(4))\n"
            "Visulaize([('one', history), ('other', history)])",
            "(x, y), _ = load_data()",
        )
    )
    assert report.failure is None
    assert report.figures == 1
    assert len(report.names["x"]) == 10
    assert report.notes == [
        f"stand-in for the module {name}, which is not shown"
        for name in ("visual", "plotter", "dataloader")
    ]
    assert not {"visual", "plotter", "dataloader"} & sys.modules.keys()


@pytest.mark.parametrize("there", [True, False])
def test_mnist(there: bool, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fashion-MNIST where it cannot be had, and the report says so."""

    def load() -> Any:
        if not there:
            raise DataNotFoundError("nowhere")
        return ((np.zeros((2, 28, 28)), np.zeros(2)),) * 2

    monkeypatch.setattr(mnist, "load_data", load)
    monkeypatch.setattr(fashion_mnist, "load_data", images)
    load_twice = "mnist.load_data()\n(x, y), _ = mnist.load_data()"
    file = write("from keras.datasets import mnist", load_twice)
    report = runner.run_file(file)
    assert report.failure is None
    assert len(report.names["x"]) == (2 if there else 10)
    assert report.notes == ([] if there else ["MNIST cannot be had here: runs on Fashion-MNIST"])


def test_reviews_are_cut_to_the_memory(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of dense float64 rows of both splits, and the report says so."""

    def load(num_words: int) -> Any:
        return ((np.array([[1]] * 50, object), np.ones(50)),) * 2

    monkeypatch.setattr(imdb, "load_data", load)
    monkeypatch.setattr(supplies, "DENSE_BYTES", 2 * 8 * 400 * 20)
    file = write(
        "from keras.datasets import imdb",
        "sizes = [tuple(len(part) for split in imdb.load_data(num_words=words) for part in split)\n"
        "         for words in (160, 400)]",
    )
    report = runner.run_file(file)
    assert report.failure is None
    assert report.names["sizes"] == [(50,) * 4, (20,) * 4]
    assert report.notes == ["IMDB with 400 words cut to the first 20 of 50 reviews"]


def test_coefficients_format_as_numbers(write: Write) -> None:
    """Where NumPy refuses an array of one number; the fit is scikit-learn's."""
    report = runner.run_file(
        write(
            "from sklearn.linear_model import LinearRegression, Lasso, Ridge\nimport numpy as np",
            "x, y = np.array([[0.], [1.]]), np.array([1., 3.])\n"
            "for kind in (LinearRegression, Lasso, Ridge):\n"
            "    print('%0.2f' % kind().fit(x, y).coef_, round(kind().fit(x, y).predict(x)[0], 2))",
        )
    )
    assert report.failure is None
    assert report.notes == [
        "a lone coefficient of scikit-learn formats as a number, as before NumPy 2.4"
    ]
    # By hand: slope 2; soft-thresholded by 1 / var x = 4; 2 · 0.5 / (0.5 + 1).
    assert report.printed.splitlines() == ["2.00 1.0", "0.00 2.0", "0.67 1.67"]


def test_the_process_is_as_it_was(write: Write) -> None:
    """Numbering, environment, logging, random numbers, modules, show."""

    def process() -> tuple[Any, ...]:
        seed = seeds._seed, seeds._models
        counts, disabled = dict(names._counts), logging.root.manager.disable
        return seed, counts, disabled, dict(os.environ), plt.show

    minidl.utils.set_random_seed(5)
    minidl.layers.Dense(1)
    before = process()
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    runner.run_file(
        write(
            "import logging, os, numpy as np, keras, visual",
            "logging.disable(logging.WARNING)\nos.environ['NEW'] = '3'\nnp.random.seed(100)\n"
            "keras.layers.Dense(3)\n1 / 0",
        )
    )
    assert process() == before
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002
    assert "visual" not in sys.modules
    assert minidl.datasets.mnist.load_data.__module__ == "minidl.datasets.mnist"


# Calls


def test_calls() -> None:
    """Names of their modules; literals, names of one literal and calls as arguments."""
    source = """
import minidl as keras, numpy as np
from minidl import layers
from sklearn.linear_model import Lasso
rate = 0.5
many = 1
many = 2
mnist = keras.datasets.mnist
x = mnist.load_data(path=-1)
def build(units):
    model = keras.Sequential([layers.Dense(units, 'relu'), layers.Dropout(rate)])
    model.add(layers.Dense(many, activation=keras.activations.relu))
    return model
build(3).fit(np.asarray(np.linalg.norm(x, ord=np.inf)), (x, 1), epochs=rate)
Lasso(alpha=rate).fit(x, [])
print(len(x), many)
"""
    assert calls(ast.parse(source).body) == [
        "datasets.mnist.load_data(path=-1)",
        "Sequential([layers.Dense(_, 'relu'), layers.Dropout(0.5)])",
        "_.add(layers.Dense(_, activation=activations.relu))",
        "_.fit(_, (_, 1), epochs=0.5)",
        "numpy.linalg.norm(_, ord=numpy.inf)",
        "_.fit(_, [])",
        "sklearn.linear_model.Lasso(alpha=0.5)",
    ]


def test_a_call_that_our_program_lacks(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Fails the document of its number; those left out do not count."""
    monkeypatch.setattr(runner, "PROGRAMS", tmp_path)
    (tmp_path / "t007.py").write_text("import minidl\nminidl.layers.Dense(2)\n")
    cells = ("import keras", "keras.layers.Dense(2)", "keras.layers.Dense(tf.data.size)")
    assert runner.run_file(write(*cells, name="007_x.txt")).passed
    report = runner.run_file(write(*cells, "keras.layers.Dense(3)", name="007_x.txt"))
    assert report.failure is None
    assert report.missing == ["layers.Dense(3)"]
    assert not report.passed
    assert runner.run_file(write(*cells, "keras.layers.Dense(3)", name="008_x.txt")).passed


# The command


def test_the_report(write: Write, capsys: Any) -> None:
    """Counts, what is left out and why, what was output, and a sum."""
    file = write("!pip install keras", "import keras", "x = 1\ny = tf.data.x", "print(x)")
    with file.open("a") as text:
        text.write("\n```\n1\n```\n")
    assert main([str(file.parent)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("a.txt: 4 cells found, 3 run (1 of them in part), 1 left out; 0 fig")
    assert lines[1:] == [
        "  output     lines 19: values only",
        "  changed    import keras -> import minidl as keras",
        "  left out   cell 1, line 3 (for the shell, not for Python): !pip install keras",
        "  left out   part of cell 3, line 12 (uses tf.data): y = tf.data.x",
        "1 of 1 documents passed",
    ]


def test_the_folder_may_stand_in_the_environment(
    write: Write, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Texts in the order of their names; other files are none."""
    write("x = 1", name="b.txt")
    folder = write("x = 1", name="a.md").parent
    write("1 / 0", name="c.py")
    monkeypatch.setenv("MINIDL_SEEDS", str(folder))
    assert main([]) == 0
    found = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert found == ["a.md", "b.txt", "2 of 2 documents passed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{folder}"], "expected documents (*.txt, *.md) in {folder}, received none\n"),
        (["{folder}/no"], "in {folder}/no, received none (no such folder)\n"),
        ([], "expected a folder of documents, or MINIDL_SEEDS set to one; received neither\n"),
        (["--epochs", "0"], "--epochs: expected an integer of at least 1, received 0\n"),
    ],
)
def test_bad_arguments(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    """One line, exit status 2."""
    monkeypatch.delenv("MINIDL_SEEDS", raising=False)
    with pytest.raises(SystemExit) as stop:
        main([argument.format(folder=tmp_path) for argument in arguments])
    assert stop.value.code == 2
    assert capsys.readouterr().err.endswith(message.format(folder=tmp_path))
