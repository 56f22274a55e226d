"""Commands of the rows of the next batch: the plan, and what is compiled."""
