"""Commands of NumPy's own loops: the plan, and the compiled code."""
