"""Commands of the random bits of dropout: the plan, and what is compiled."""
