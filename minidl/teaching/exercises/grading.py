"""From a student's functions to a grade: a state, and a sentence."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from minidl.teaching.catalogue import KERNELS
from minidl.teaching.diagnosis import diagnose
from minidl.teaching.exercises.course import Exercise
from minidl.teaching.exercises.initial import glorot_uniform
from minidl.teaching.verdict import Diagnosis

RIGHT, WRONG, EMPTY, BROKEN = "right", "wrong", "to write", "not graded"


class Grade(NamedTuple):
    """A grade of one file.

    Attributes:
        state: "right", "wrong", "to write", or "not graded" where the file cannot be run.
        text: a sentence.
        mistakes: the names of the mistakes found, or of the problem.
    """

    state: str
    text: str
    mistakes: tuple[str, ...] = ()


def grade(exercise: Exercise, names: Mapping[str, Any]) -> Grade:
    """The grade of an exercise.

    Args:
        exercise: the exercise.
        names: the definitions of the student's file.
    """
    missing = [name for name in exercise.functions if not callable(names.get(name))]
    if missing:
        return Grade(BROKEN, f"the file defines no function {missing[0]}.", ("no function",))
    if not exercise.kernels:
        return _written(exercise, functools.partial(_initial, names[exercise.name]))
    grades: list[Grade] = []
    for kernel in exercise.kernels:
        found = _written(exercise, functools.partial(_diagnosed, kernel, names))
        if found.state != RIGHT and len(exercise.kernels) > 1:
            text = f"{len(grades)} of {len(exercise.kernels)} functions are right; "
            if found.state == EMPTY:
                return found._replace(text=f"{text}{KERNELS[kernel].function} is to be written.")
            return found._replace(text=f"{text}{KERNELS[kernel].function}: {found.text}")
        grades.append(found)
    return grades[-1]


class _Hole(BaseException):
    """A hole that is still there; passes through the diagnosis as no exception does."""


def _written(exercise: Exercise, graded: Callable[[], Grade]) -> Grade:
    try:
        return graded()
    except _Hole:
        return Grade(EMPTY, f"to be written: {', '.join(exercise.functions)}.")


def _diagnosed(kernel: str, names: Mapping[str, Any]) -> Grade:
    function = KERNELS[kernel].function
    forward = names.get(f"{function.removesuffix('_backward')}_forward")
    found = diagnose(_holed(names[function]), kernel, forward=forward)
    state = RIGHT if found.correct else WRONG
    return Grade(state, found.text, _mistakes(found))


def _holed(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function; a NotImplementedError of the function ends the diagnosis."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except NotImplementedError:
            raise _Hole from None

    return call


def _mistakes(found: Diagnosis) -> tuple[str, ...]:
    if found.problem:
        return (found.problem,)
    names = [name for output in found.outputs.values() for name in output[:1]]
    return tuple(dict.fromkeys(names))


def _initial(function: Callable[..., Any]) -> Grade:
    problem, text = glorot_uniform(_holed(function))
    return Grade(WRONG if problem else RIGHT, text, (problem,) if problem else ())
