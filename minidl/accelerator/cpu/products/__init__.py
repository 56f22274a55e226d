"""Commands of matrix products: the plan, and the compiled code."""
