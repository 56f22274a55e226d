"""Commands of products with sparse rows: the plan, and the compiled code."""
