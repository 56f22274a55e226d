"""Commands of the rows of the next batch: the plan, and the compiled code."""
