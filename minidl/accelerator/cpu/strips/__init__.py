"""Commands of products and the loops over their results, strip by strip: plan and compiled code."""
