"""Commands of sums, maxima and their places: the plan, and the compiled code."""
