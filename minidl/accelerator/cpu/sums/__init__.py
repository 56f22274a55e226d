"""Commands of sums, maxima and their places: the plan, and what is compiled."""
