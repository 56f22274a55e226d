"""Attributes that are views into a longer vector."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NoReturn


class Views:
    """An object with views as attributes: an assignment writes into the vector.

    ::

        layer.bind_view("W", theta[:6].reshape(2, 3))
        layer.W = np.ones((2, 3))  # writes into theta
    """

    def bind_view(self, name: str, view: Any) -> None:
        """Make ``view`` the attribute ``name``, for good: an assignment writes into the view."""
        self.__dict__[name] = view
        self.__dict__.setdefault("_views", {})[name] = view

    def __setattr__(self, name: str, value: Any) -> None:
        views = self.__dict__.get("_views")
        if views is None or name not in views:
            object.__setattr__(self, name, value)
        elif value is not views[name]:
            views[name][...] = value

    if not TYPE_CHECKING:  # to whom each name would be an attribute

        def __getattr__(self, name: str) -> NoReturn:
            """Raise; for a view that is still to come, say when."""
            known = vars(self)
            if not known.get("sealed"):
                asked = {*known.get("tensors", ()), *known.get("statistics", ())}
                for each in type(self).__mro__:
                    if each.__module__.startswith("minidl."):  # whose classes name their tensors
                        asked.update(inspect.get_annotations(each))
                if not asked.isdisjoint((name, name.removeprefix("d"))):
                    raise AttributeError(
                        f"{self!r} has {name} once the layer is called on rows or is in a built "
                        "network"
                    )
            object.__getattribute__(self, name)  # raises the error that led here
