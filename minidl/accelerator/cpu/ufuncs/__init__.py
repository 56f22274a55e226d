"""Commands of NumPy's own loops: the plan, and what is compiled."""
