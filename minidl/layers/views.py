"""Attributes that are views into a longer vector."""

from __future__ import annotations

from typing import Any


class Views:
    """An object some of whose attributes are views: an assignment writes into the vector.

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
