"""Questions to objects of Python, in a row."""

from minidl.accelerator.cpu.looks.words import ANSWER, EACH, FUNCTION, OBJECT, PLACE
from minidl.accelerator.cpu.machine.lowlevel import ask, at
from minidl.accelerator.cpu.machine.values import int64


def answered(questions, count) -> int64:
    """1 if each question has its answer, else 0; called with the GIL."""
    w = at(questions, int64)
    for k in range(0, EACH * count, EACH):
        if ask(w[k + FUNCTION], (w[k + OBJECT], w[k + PLACE]), int64) != w[k + ANSWER]:
            return 0
    return 1
