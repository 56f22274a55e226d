"""Looks at Python's objects: the plan, and the compiled code."""
