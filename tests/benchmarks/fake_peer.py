"""A worker without an engine: ``python -m tests.benchmarks.fake_peer BEHAVIOUR``."""

from __future__ import annotations

import itertools
import sys

from benchmarks.train.gate import Gate, serve


def train(gate: Gate) -> None:
    """Answer 1, 1/2, 1/3 … as losses; fail, or chatter, where that is asked for."""
    behaviour = sys.argv[1]
    if behaviour == "dies":
        print("no memory left", file=sys.stderr)
        sys.stderr.flush()
        sys.exit(3)
    gate.ready(7, colour="green")
    for epoch in itertools.count(1):
        gate.wait()
        if behaviour == "chatters":
            print("a line on standard output")
        if behaviour == "fails" and epoch == 2:
            raise ArithmeticError("diverged")
        gate.done(1 / epoch, 1 - 1 / epoch)


if __name__ == "__main__":
    sys.exit(serve(train))
