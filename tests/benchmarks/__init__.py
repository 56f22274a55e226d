"""The benchmarks: what can be tested of them without a clock."""
