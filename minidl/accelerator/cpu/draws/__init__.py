"""Commands of the random bits of dropout: the plan, and the compiled code."""
