"""The pytest plugin of minidl: the fixture ``gradcheck``.

pytest imports the plugins of all installed packages at each start: nothing is loaded here but
the package around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from minidl.gradient_check import Result


@pytest.fixture(scope="session")
def gradcheck(pytestconfig: pytest.Config) -> Callable[..., Result]:
    """Check gradients against differences: ``gradcheck(layer, shape=(4,))``.

    :func:`minidl.gradient_check.gradcheck`. ``pytest -rP``, which shows what passing tests print,
    has the results printed, too; otherwise a check that passes prints nothing.

    The fixture's scope is the session, so that a test can have Hypothesis's ``given``, too.
    """
    from minidl.gradient_check import GradientCheckError
    from minidl.gradient_check import gradcheck as check
    from minidl.printing import say

    asked = not {"P", "A"}.isdisjoint(pytestconfig.getoption("reportchars"))

    def gradcheck(subject: Any, *arguments: Any, **options: Any) -> Result:
        __tracebackhide__ = True
        try:
            result = check(subject, *arguments, **options)
        except GradientCheckError as error:
            # The message says it all; the way through the check says nothing.
            raise error.with_traceback(None) from None
        if asked:
            say(result)
        return result

    return gradcheck
