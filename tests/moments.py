"""Something that happens at a chosen moment of a program: at the n-th call or return in it.

Signals are handled, and exceptions from elsewhere raised, where Python calls and returns. A profile
function is called there, too, so that each moment of a program can be tried, one after the other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def count(work: Callable[[], Any]) -> int:
    """How many moments a program has."""
    moments = 0

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal moments
        moments += 1

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return moments


def at(moment: int, action: Callable[[], Any], work: Callable[[], Any]) -> bool:
    """Do the work, and the action in its midst; whether the work had so many moments.

    Args:
        moment: how many calls and returns come before.
        action: may raise.
        work: takes nothing.
    """
    left, done = moment, False

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal left, done
        if done:
            return
        if left == 0:
            done = True
            sys.setprofile(None)
            action()
        left -= 1

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return done
