"""One proof cut over workers: how its work is cut (`kernels`), and how workers are spoken to (`pool`).

Where workers run is not known here: `zkllm.cluster` has them as actors of Ray, tests in this process.
"""
