"""Commands of matrix products: the plan, and what is compiled."""
