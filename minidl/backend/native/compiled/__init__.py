"""Commands in the language that Numba compiles; imported only to be compiled.

A file holds functions that take int64, addresses mostly, and return nothing or, with ``-> int``, an
int64. ``machine_code`` compiles one, with what it calls, when it is first asked for, and keeps the
result. Whoever makes the blocks that a command reads has the same file name one floor up.
"""
