"""Commands of products with sparse rows: the plan, and what is compiled."""
