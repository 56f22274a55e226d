"""The difference between Keras's public names and arguments and minidl's, found in both packages.

    python -m tests.from_keras [file]

prints the tables, or writes them between the two marks of a page, ``docs/look_up/keras_names.md``.
A name of Keras's is looked up in minidl; an answer in place of a class is the sentence that minidl
raises.
:mod:`tests.keras_arguments` compares arguments.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import minidl
from tests.keras_arguments import ABSENT, HERE, IN_KERAS, compared, parameters, raises, warned
from tests.oracle import keras

VERSION: str = keras.__version__
PAGE = Path(__file__).parents[1] / "docs" / "look_up" / "keras_names.md"
BEGIN = "<!-- tables: python -m tests.from_keras docs/look_up/keras_names.md -->"
END = "<!-- end of tables -->"

MODULES = [
    *("layers", "models", "losses", "metrics", "optimizers", "initializers", "regularizers"),
    *("constraints", "activations", "callbacks", "utils", "datasets", "saving"),
]

#: What is made in both packages, to look at its attributes and methods.
OBJECTS: dict[str, Callable[[Any], Any]] = {
    "Sequential": lambda package: _network(package),
    "layers.Dense": lambda package: _network(package).layers[0],
    "losses.MeanSquaredError": lambda package: package.losses.MeanSquaredError(),
    "metrics.Mean": lambda package: package.metrics.Mean(),
    "optimizers.Adam": lambda package: _network(package).optimizer,
    "callbacks.Callback": lambda package: package.callbacks.Callback(),
}


@functools.cache  # a layer knows its network only as long as there is one
def _network(package: Any) -> Any:
    model = package.Sequential([package.Input(shape=(3,)), package.layers.Dense(1)])
    model.compile("adam", "mse")
    model.get_weights()  # both are built now
    return model


def public(thing: Any) -> list[str]:
    """Names without an underscore that Keras itself gives a module or an object."""
    if isinstance(thing, ModuleType):
        return [name for name in dir(thing) if not name.startswith("_")]
    kinds = [kind for kind in type(thing).__mro__ if kind.__module__.startswith("keras.")]
    names = {name for each in (thing, *kinds) for name in vars(each)}
    return [n for n in sorted(names) if n[0] != "_" and not raises(getattr, thing, n)]


def found(theirs: Any, ours: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any, str]]:
    """Each name with what Keras and minidl have there, and the answer: here, absent, a sentence."""
    for name in public(theirs):
        their = getattr(theirs, name)
        try:
            our = getattr(ours, name)
        except AttributeError as error:
            usual = f"has no attribute {name!r}" in str(error)
            yield prefix + name, their, None, ABSENT if usual else _sentence(name, error)
            continue
        if isinstance(their, ModuleType) and isinstance(our, ModuleType):
            if not prefix:
                yield from found(their, our, f"{name}.")
            continue
        yield prefix + name, their, our, _refusal(name, our)


def _refusal(name: str, thing: Any) -> str:
    """What a class says that stands in the place of one that is not here."""
    if inspect.isclass(thing):
        try:
            warned(thing)
        except NotImplementedError as error:
            return _sentence(name, error)
        except Exception:
            return HERE
    return HERE


def _sentence(name: str, error: Exception) -> str:
    """What an error says after "NAME is none of ours: "."""
    return re.sub(rf"^[^:]*\b{name}\b[^:]*: ", "", str(error))


def arguments(things: Iterable[tuple[str, Any, Any, str]]) -> dict[tuple[str, str], list[str]]:
    """What is otherwise with the arguments of what is here.

    Returns:
        For the names of classes, functions or methods, and an answer, the arguments.
    """
    having: dict[str, list[str]] = {}
    rows: dict[tuple[str, str], dict[str, list[str]]] = {}
    for name, theirs, ours, answer in things:
        if answer != HERE or not (callable(theirs) and callable(ours)):
            continue
        for argument in parameters(theirs) if inspect.isclass(theirs) else ():
            having.setdefault(argument, []).append(name)
        for argument, said in compared(name, theirs, ours):
            if said != HERE:
                text, _, other = said.partition(IN_KERAS)
                rows.setdefault((argument, text), {}).setdefault(other, []).append(name)
    grouped: dict[tuple[str, str], list[str]] = {}
    for (argument, text), others in rows.items():
        names = [name for each in others.values() for name in each]
        if any(others):
            text += IN_KERAS + (next(iter(others)) if len(others) == 1 else "another for each")
        shown = _some(names, having.get(argument, names))
        grouped.setdefault((shown, text), []).append(argument)
    return grouped


def _some(names: Sequence[str], of: Sequence[str]) -> str:
    """Names, or the few that are left of all that have an argument."""
    left = [name for name in of if name not in names]
    if len(names) < 9 or len(left) > 3:
        return _names(names)
    return f"all but {_names(left)}" if left else "all"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def tables() -> Iterator[str]:
    """The tables, line by line."""
    top = [each for each in found(keras, minidl) if each[0].partition(".")[0] not in MODULES]
    top = [each for each in top if "." not in each[0] and each[0] != "src"]
    everything = {"`keras`": top}
    for name in MODULES:
        everything[f"`{name}`"] = [*found(getattr(keras, name), getattr(minidl, name))]
    for name, make in OBJECTS.items():
        everything[f"object of `{name}`"] = [*found(make(keras), make(minidl))]
    yield f"Public names of Keras {VERSION}, looked up in minidl:"
    yield ""
    yield "| names of | in Keras | here | answered with a sentence | absent |"
    yield "|---|---:|---:|---:|---:|"
    for of, things in everything.items():
        answers = [answer for *_, answer in things]
        here, absent = answers.count(HERE), answers.count(ABSENT)
        yield f"| {of} | {len(answers)} | {here} | {len(answers) - here - absent} | {absent} |"
    yield from _heading("Names answered with a sentence", "of", "names", "the sentence")
    for of, things in everything.items():
        said: dict[str, list[str]] = {}
        for name, *_, answer in things:
            if answer not in (HERE, ABSENT):
                said.setdefault(answer, []).append(name)
        for answer, names in said.items():
            yield f"| {of} | {_names(names)} | {_cell(answer)} |"
    yield from _heading("Absent names", "of", "names")
    for of, things in everything.items():
        names = [name for name, *_, answer in things if answer == ABSENT]
        if names:
            yield f"| {of} | {_names(names)} |"
    yield from _heading("Arguments that differ", "of", "where", "arguments", "here")
    for of, things in everything.items():
        for (where, answer), names in arguments(things if things is not top else ()).items():
            yield f"| {of} | {where} | {_names(names)} | {_cell(answer)} |"


def _heading(title: str, *columns: str) -> list[str]:
    return ["", f"## {title}", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]


def main(given: Sequence[str]) -> int:
    """Print the tables, or write them into a page."""
    text = "\n".join(tables())
    if not given:
        print(text)
        return 0
    path = Path(given[0])
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
