"""Makes the checkpoints that demo, tests and benchmarks take."""
