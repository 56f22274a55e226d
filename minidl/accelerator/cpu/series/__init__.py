"""Commands of several steps in a row: the plan, and the compiled code."""
