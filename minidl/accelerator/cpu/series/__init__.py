"""Commands of several steps in a row: the plan, and what is compiled."""
